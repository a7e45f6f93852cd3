"""The two guards of transfer numbers together: our table, and the world's numbering plans (FAULTS D14)."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from stella.app.agents.load import dialable
from stella.domain.numbers import COUNTRY_CODES, EMERGENCY, why_not

ORDINARY = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
COSTLY = (
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.PERSONAL_NUMBER,
    PhoneNumberType.PAGER,
)


def example(country: str, kind: int) -> str:
    """A typical number of a kind in a country, or nothing where there is none."""
    number = phonenumbers.example_number_for_type(country, kind)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if number else ""


def allowed(number: str, countries: tuple[str, ...] = tuple(COUNTRY_CODES)) -> bool:
    """Whether an agent file may name a number."""
    return not why_not(number, countries) and dialable(number, countries)


@pytest.mark.parametrize("country", COUNTRY_CODES)
@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_numbers_of_every_allowed_country_may_be_dialled(country, kind):
    """A guard that refuses offices and mobiles would be switched off."""
    assert allowed(example(country, kind))


@pytest.mark.parametrize("country", COUNTRY_CODES)
@pytest.mark.parametrize("kind", COSTLY)
def test_costly_numbers_of_every_allowed_country_may_not(country, kind):
    """Where the plans know a premium number, nobody can be tricked into it."""
    number = example(country, kind)
    assert not number or not allowed(number)


SAME_PLAN = {"AX", "SJ", "VA"}
"""Åland, Svalbard and the Vatican have numbers of Finland, Norway and Italy, at the same price."""


@pytest.mark.parametrize("country", sorted(set(phonenumbers.SUPPORTED_REGIONS) - set(COUNTRY_CODES) - SAME_PLAN))
def test_no_number_of_another_country_may_be_dialled(country):
    """Some 200 countries, fixed lines and mobiles, islands behind +1 and +44 among them."""
    for kind in ORDINARY:
        number = example(country, kind)
        assert not number or not allowed(number), number


@pytest.mark.parametrize("number", sorted(EMERGENCY))
def test_emergency_numbers_may_not_be_dialled_in_any_country(number):
    """Neither bare nor with a country's code."""
    assert not allowed(number)
    assert not any(allowed(f"+{code}{number}") for code in COUNTRY_CODES.values())
