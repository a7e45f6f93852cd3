"""Telephone numbers as people write them, made into the one spelling that is compared: E.164."""

from __future__ import annotations

import phonenumbers

from stella.domain.errors import ConfigError


def read_number(text: str, like: str = "") -> str:
    """`+43 1 555-01 00`, `0043…` and, with `like` (a number in E.164), its country's own spelling. Raises ConfigError."""
    written = text.strip()
    if len(written) > 40:
        raise ConfigError(f"{written[:40]}… is too long for a telephone number")
    if written.startswith("00"):
        written = "+" + written[2:]
    try:
        number = phonenumbers.parse(written, _country(like))
    except phonenumbers.NumberParseException:
        raise ConfigError(
            f"{text!r} is no telephone number that can be told apart from others; write it with its country, as in +4315550100"
        ) from None
    if number.extension or not phonenumbers.is_possible_number(number):
        raise ConfigError(f"{text!r} cannot be a telephone number: too short, too long, or with an extension")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def takes_texts(number: str) -> bool:
    """Whether a number in E.164 may belong to a mobile telephone; where nobody can tell, it may."""
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False
    return kind != phonenumbers.PhoneNumberType.FIXED_LINE


def _country(like: str) -> str | None:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(like, None)) if like else None
    except phonenumbers.NumberParseException:
        return None
