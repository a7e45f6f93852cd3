"""Telephone numbers that must never be dialled, by table, and what an E.164 number looks like.

Deny wins: whoever wants to reach one of these ranges does it by hand. Sources: ITU-T E.164 assigned country codes and
E.164.1 (global services), RTR numbering ordinance KEM-V (AT), BNetzA numbering plan (DE), BAKOM (CH), Ofcom (GB),
NANPA (US/CA and the islands behind +1), and what toll-fraud reports name year after year.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
"""`+`, country code, subscriber: 7 to 15 ASCII digits. Digits of other alphabets do not count."""

COUNTRY_CODES: Mapping[str, str] = {
    "AT": "43", "BE": "32", "BG": "359", "CA": "1", "CH": "41", "CY": "357", "CZ": "420", "DE": "49", "DK": "45",
    "EE": "372", "ES": "34", "FI": "358", "FR": "33", "GB": "44", "GR": "30", "HR": "385", "HU": "36", "IE": "353",
    "IS": "354", "IT": "39", "LI": "423", "LT": "370", "LU": "352", "LV": "371", "MT": "356", "NL": "31", "NO": "47",
    "PL": "48", "PT": "351", "RO": "40", "SE": "46", "SI": "386", "SK": "421", "US": "1",
}  # fmt: skip
"""The countries an agent file may allow."""

DENIED: Mapping[str, str] = {
    **dict.fromkeys(("979",), "international premium rate"),
    **dict.fromkeys(("881", "882", "883", "870"), "satellite and global networks"),
    **dict.fromkeys(("878", "888", "991"), "global services"),
    **dict.fromkeys(("800", "808"), "international freephone and shared cost"),
    # Austria
    **dict.fromkeys(("43900", "43901", "43930", "43931", "43939"), "premium rate (AT 09xx)"),
    **dict.fromkeys(("43810", "43820", "43821", "43828"), "shared cost and services (AT 08x0)"),
    **dict.fromkeys(("43111", "43112", "43118"), "short code (AT)"),
    # Germany
    **dict.fromkeys(("49900", "49190", "49137", "49138", "49180", "49118", "49188", "4912"), "premium or service (DE)"),
    **dict.fromkeys(("49110", "49112", "49115"), "short code (DE)"),
    # Switzerland
    **dict.fromkeys(("41900", "41901", "41906", "41840", "41842", "41844", "41848", "41878"), "premium (CH)"),
    **dict.fromkeys(("41112", "41117", "41118", "41144", "411818"), "short code (CH)"),
    # Great Britain
    **dict.fromkeys(("449", "4487", "4484", "4470", "44112"), "premium, personal or short (GB)"),
    **dict.fromkeys(("447624", "447924"), "Isle of Man mobile behind +44"),
    # +1: premium, and islands that share the code and are dialled for fraud
    **dict.fromkeys(("1900", "1976", "1911", "1411", "1500", "1700"), "premium or service (+1)"),
    **dict.fromkeys(
        ("1242", "1246", "1264", "1268", "1284", "1340", "1345", "1441", "1473", "1649", "1658", "1664", "1721", "1758",
         "1767", "1784", "1809", "1829", "1849", "1868", "1869", "1876"), "Caribbean number behind +1"),
    # the rest of Europe
    **dict.fromkeys(("3389",), "premium rate (FR)"),
    **dict.fromkeys(("39892", "39894", "39895", "39899", "39112"), "premium or short (IT)"),
    **dict.fromkeys(("34803", "34806", "34807", "34905", "34907", "34112"), "premium or short (ES)"),
    **dict.fromkeys(("31900", "31906", "31909", "31112", "3290"), "premium or short (NL, BE)"),
    **dict.fromkeys(("420900", "420906", "420908", "420909", "421900", "3690", "38690", "38560", "48700",
                     "40900", "35990", "30901", "30909", "46900", "46939", "46944", "4590", "47820", "47829",
                     "358600", "358700", "351760", "352900", "352905"),
                    "premium rate"),
}  # fmt: skip
"""Denied prefixes, without the plus, and why."""

EMERGENCY = frozenset(
    {"110", "112", "117", "118", "122", "128", "133", "140", "141", "144", "147", "911", "999", "000"}
)
"""Numbers of rescue and police where STELLA is used. Never dialled by us; the caller is told to dial them."""

_LONGEST = max(map(len, DENIED))


def why_not(number: str, countries: Iterable[str]) -> str:
    """Why a number may not be dialled, or empty when the table has nothing against it.

    The number must be exact E.164; its country code must belong to one of `countries` (ISO 3166, two letters).
    """
    if number.lstrip("+") in EMERGENCY:
        return "is an emergency number; callers are told to dial it themselves"
    if not E164.fullmatch(number):
        return "is not an international number such as +4315550100 (a plus, then 7 to 15 digits, no spaces)"
    digits = number[1:]
    for length in range(_LONGEST, 0, -1):
        if reason := DENIED.get(digits[:length]):
            return f"is never dialled: {reason}"
    allowed = sorted(set(countries))
    if not any(digits.startswith(COUNTRY_CODES[code]) for code in allowed if code in COUNTRY_CODES):
        return f"is outside the allowed countries ({', '.join(allowed)}); add the country to `countries` if it is meant"
    return ""
