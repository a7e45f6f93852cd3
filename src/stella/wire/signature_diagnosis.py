"""Why a signature does not match, in words. It tries what people get wrong, never lets anybody in, and names no secret.

The mistakes are those of the field: a proxy that ends TLS, a host or path that differs from the configured one, fields
that a framework trimmed, a query that was rebuilt, a token of another account.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urlencode

from stella.wire.public_url import PublicUrl
from stella.wire.signature import Fields, Pairs, Signatures

_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_MOST_FIELDS: Final = 100

# Fields Twilio leaves blank so often that frameworks drop them.
_OFTEN_BLANK: Final = tuple(
    f"{party}{part}" for party in ("From", "To", "Caller", "Called") for part in ("City", "State", "Zip", "Country")
)

_PLAIN: Final = {
    "no-signature": "there is no X-Twilio-Signature: the request is not from Twilio, or a proxy takes the header away; "
    "let it pass",
    "several-signatures": "there are several X-Twilio-Signature values: a proxy doubles the header or somebody forges; "
    "pass the original one only",
    "unreadable-signature": "X-Twilio-Signature is not 28 characters of base64: the request is not from Twilio, or a "
    "proxy changes the header",
    "bad-target": "the request target is not a plain path with a query as Twilio sends it: the request is not from "
    "Twilio, or a proxy rewrites it",
    "bad-fields": "the form holds characters that do not exist: the request is not from Twilio",
    "no-body-hash": "a JSON body without exactly one bodySHA256 in the query: the request is not from Twilio, or a proxy "
    "drops or doubles the query",
    "wrong-body-hash": "the body is not the one that was signed: a proxy changes it, or somebody forges",
}

_NOTHING_FITS: Final = (
    "no spelling of the URL and no change of the fields gives this signature, so the token is another one: set "
    "TWILIO_AUTH_TOKEN to the primary auth token of the account (or sub-account) that owns the number; API keys never "
    "sign. Otherwise the request is not from Twilio"
)


def diagnose(
    signatures: Signatures, cause: str, target: str, pairs: Pairs, header: str, *, host: str = "", upgrade: bool = False
) -> str:
    """A sentence for the operator: which mistake explains the signature, and the mend. Never raises.

    `cause` is that of the verdict; `host` the Host header (tried and quoted only where it is a plain host name).
    Costs up to a few hundred HMACs (about a millisecond), so ask it at a bounded rate.
    """
    if cause != "wrong-signature":
        return _PLAIN.get(cause, "the request is not signed as Twilio signs")
    pairs = tuple(pairs)[:_MOST_FIELDS]
    fields = Fields(() if upgrade else pairs)
    for words, urls in _other_urls(signatures.url, target, host, upgrade=upgrade):
        if signatures.matches(urls, fields, header).ok:
            return words
    if not upgrade:
        spellings = tuple(signatures.url.spellings(target))
        for words, changed in _other_fields(pairs):
            if signatures.matches(spellings, Fields(changed), header).ok:
                return words
    return _NOTHING_FITS


def _other_urls(url: PublicUrl, target: str, host: str, *, upgrade: bool) -> Iterator[tuple[str, Iterator[str]]]:
    """Ways in which the URL Twilio signed may differ from the one it is checked against."""

    def spell(other: PublicUrl, line: str = target) -> Iterator[str]:
        return other.upgrade_spellings(line) if upgrade else other.spellings(line)

    flipped = replace(url, scheme="http" if url.scheme == "https" else "https")
    yield (
        f"Twilio called {flipped.scheme}://, STELLA_PUBLIC_URL says {url.scheme}://: make both the same, https",
        spell(flipped),
    )
    for other in _other_hosts(url, host):
        shown = f"{other.scheme}://{other.host}" + (f":{other.port}" if other.port else "")
        yield (
            f"Twilio called {shown}: if that is yours, set STELLA_PUBLIC_URL to it, else correct the number's settings",
            spell(other),
        )
    path, mark, query = target.partition("?")
    slashed = (path[:-1] if path.endswith("/") and path != "/" else path + "/") + mark + query
    yield (
        "Twilio called the path with a different slash at its end: a proxy adds or removes it; switch that off",
        spell(url, slashed),
    )
    if url.prefix:
        yield (
            f"Twilio called it without {url.prefix}: take that out of STELLA_PUBLIC_URL or put it into the number's settings",
            spell(replace(url, prefix="")),
        )
    first, slash, rest = path[1:].partition("/")
    if slash and re.fullmatch(r"[\w.-]{1,64}", first):
        yield (
            f"Twilio called it without /{first}: a proxy adds it; switch that off or put it into the number's settings",
            spell(url, f"/{rest}{mark}{query}"),
        )
    if mark:
        yield "Twilio called it without the query: a proxy adds one; switch that off", spell(url, path)
        for rebuilt in _rebuilt(query):
            yield (
                "the query was rebuilt on its way (order, + or %20): let the proxy pass it on as it came",
                spell(url, f"{path}?{rebuilt}"),
            )


def _other_hosts(url: PublicUrl, host: str) -> Iterator[PublicUrl]:
    if url.host != url.host.lower():
        yield replace(url, host=url.host.lower())
    if url.host.startswith("www."):
        yield replace(url, host=url.host[4:])
    else:
        yield replace(url, host=f"www.{url.host}")
    if _HOST.fullmatch(host):
        name, _, digits = host.rpartition(":") if re.search(r":\d+$", host) else (host, "", "")
        for scheme in (url.scheme, "http" if url.scheme == "https" else "https"):
            if (name, scheme) != (url.host, url.scheme) or digits:
                yield replace(url, scheme=scheme, host=name, port=int(digits) if digits else None)
    if url.port is not None:
        yield replace(url, port=None)
    for port in (443, 3001, 8080, 8443):
        if port != url.port:
            yield replace(url, port=port)


def _rebuilt(query: str) -> Iterator[str]:
    yield query.replace("+", "%20")
    yield query.replace("%20", "+")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return
    yield urlencode(pairs)
    yield urlencode(sorted(pairs))
    yield "&".join(f"{name}={value}" for name, value in pairs)


def _other_fields(pairs: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, Pairs]]:
    """Ways in which the fields Twilio signed may differ from those that arrived."""
    yield (
        "Twilio signed it without any field: the number's method is GET but it arrives as POST; set it to POST",
        (),
    )
    given = {name for name, _ in pairs}
    blank = [(name, "") for name in _OFTEN_BLANK if name not in given]
    yield "blank fields were dropped on the way: let the proxy pass the body on as it came", (*pairs, *blank)
    # A name with a blank value adds its name alone, so each that is missing can be tried for itself.
    for name, value in blank:
        yield (
            f"the blank field {name} was dropped on the way: let the proxy pass the body on as it came",
            (
                *pairs,
                (name, value),
            ),
        )
    for index in range(len(pairs)):
        # Names of fields may be the caller's or an attacker's words: only the position is told.
        yield (
            f"field number {index + 1} was added on the way: let the proxy pass the body on as it came",
            pairs[:index] + pairs[index + 1 :],
        )
    yield (
        "a + in the body was taken for a blank or the reverse: decode it once, as a form",
        [(name, value.replace(" ", "+")) for name, value in pairs],
    )
    for number in ("From", "To", "Caller", "Called"):
        yield (
            f"the + of {number} was lost or made a blank on the way: decode the form once",
            [(name, f"+{value.strip()}" if name == number else value) for name, value in pairs],
        )
