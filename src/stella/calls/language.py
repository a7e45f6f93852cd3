"""Which language a call begins in: the number's agent, the caller's country, else the agent's first language."""

from __future__ import annotations

from stella.calls.last_words import KEY_FOR_LANGUAGE
from stella.domain.agent import Agent, LanguageSetup

COUNTRY_LANGUAGES = {
    "AT": "de", "DE": "de", "CH": "de", "LI": "de", "LU": "de",
    "GB": "en", "IE": "en", "US": "en", "CA": "en", "AU": "en", "NZ": "en", "ZA": "en", "SG": "en", "IN": "en",
}  # fmt: skip
"""Language most callers from a country are served best in, by ISO 3166 code."""

PREFIX_COUNTRIES = {
    "+43": "AT", "+49": "DE", "+41": "CH", "+423": "LI", "+352": "LU", "+44": "GB", "+353": "IE", "+1": "US",
    "+61": "AU", "+64": "NZ", "+27": "ZA", "+65": "SG", "+91": "IN",
}  # fmt: skip
"""Country calling codes (ITU E.164) of the countries above; used where the carrier names no country."""


def caller_country(from_: str, country: str) -> str:
    """The caller's country as the carrier says, else by the number's prefix, else empty (withheld numbers too)."""
    if country:
        return country.upper()
    if not from_.startswith("+"):
        return ""
    return next((PREFIX_COUNTRIES[from_[:n]] for n in (4, 3, 2) if from_[:n] in PREFIX_COUNTRIES), "")


def first_language(agent: Agent, from_: str, country: str) -> tuple[LanguageSetup, bool]:
    """The language to begin in, and whether it is certain. Where it is not, a key may change it."""
    if len(agent.languages) == 1:
        return agent.languages[0], True
    wanted = COUNTRY_LANGUAGES.get(caller_country(from_, country), "")
    spoken = next((setup for setup in agent.languages if setup.code == wanted), None)
    return (spoken, True) if spoken else (agent.languages[0], False)


def key_hints(agent: Agent, spoken: LanguageSetup) -> list[str]:
    """Which key leads to each of the agent's other languages, said in that language."""
    return [
        KEY_FOR_LANGUAGE[other.code].format(key=index + 1)
        for index, other in enumerate(agent.languages)
        if other.code != spoken.code and other.code in KEY_FOR_LANGUAGE
    ]


def language_by_key(agent: Agent, digit: str) -> str:
    """The language a key stands for: 1 is the agent's first, 2 its second; empty for other keys."""
    index = int(digit) - 1 if digit.isdecimal() and digit != "0" else -1
    return agent.languages[index].code if 0 <= index < len(agent.languages) else ""
