"""Numbers that are never dialled (FAULTS D14, A20)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.domain.numbers import COUNTRY_CODES, DENIED, EMERGENCY, why_not

EVERYWHERE = tuple(COUNTRY_CODES)

FINE = ["+4315550101", "+436641234567", "+4930123456", "+4915112345678", "+41443210000", "+12025550123", "+442071234567",
        "+441182345678", "+447911123456", "+3214123456", "+35315550100", "+390612345678", "+43140400"]  # fmt: skip
COSTLY = [
    "+979123456789", "+881612345678", "+882101234567", "+883510001234", "+870772001234", "+8781012345678", "+8881234567",
    "+9911234567", "+80012345678", "+80812345678", "+43900123456", "+43901123456", "+43930123456", "+43931123456",
    "+43939123456", "+43810123456", "+43820123456", "+43821123456", "+43828123456", "+43118877", "+499001234567",
    "+49190123456", "+49137123456", "+491801234567", "+4911833", "+49138123456", "+49188123456", "+41900123456",
    "+41901123456", "+41906123456", "+41840123456", "+41842123456", "+41848123456", "+41878123456", "+449011234567",
    "+448712345678", "+448431234567", "+447012345678", "+19005550123", "+19765550123", "+18095550123", "+18765550123",
    "+12425550123", "+12465550123", "+12685550123", "+12845550123", "+13455550123", "+14735550123", "+16495550123",
    "+16645550123", "+17675550123", "+18685550123", "+33891234567", "+39892123456", "+39899123456", "+34803123456",
    "+34806123456", "+34905123456", "+31900123456", "+31906123456", "+31909123456", "+3290312345", "+420906123456",
    "+421900123456", "+3690123456", "+48700123456", "+40900123456", "+46900123456", "+4590123456", "+358600123456",
]  # fmt: skip
NOT_E164 = ["", "anonymous", "+", "43155501", "00431555010", "+0431555010", "+43 1 5550101", "+43155501a1", "+4315550101;x",
            "+٤٣١٥٥٥٠١٠١", "+431555010112345678", "+4312", "tel:+4315550101", "+4315550101\n", "１１２"]  # fmt: skip


@pytest.mark.parametrize("number", FINE)
def test_ordinary_numbers_are_let_through(number):
    """Deny rules must not swallow a city that begins like a service."""
    assert why_not(number, EVERYWHERE) == ""


@pytest.mark.parametrize("number", COSTLY)
def test_costly_numbers_are_never_dialled(number):
    """Premium, shared-cost, satellite and fraud ranges, even where their country is allowed."""
    assert "never dialled" in why_not(number, EVERYWHERE)


@pytest.mark.parametrize("number", [*sorted(EMERGENCY), *(f"+{number}" for number in sorted(EMERGENCY))])
def test_emergency_numbers_are_for_the_caller(number):
    """STELLA tells callers to dial them; it never does."""
    assert "emergency" in why_not(number, EVERYWHERE)


@pytest.mark.parametrize("number", NOT_E164)
def test_only_exact_e164_counts(number):
    """Blanks, letters, other alphabets' digits and short numbers are refused."""
    assert "international number" in why_not(number, EVERYWHERE)


def test_a_country_must_be_allowed():
    """The error says what to do when it is meant."""
    assert "add the country" in why_not("+4930123456", ["AT"])
    assert why_not("+4930123456", ["AT", "DE"]) == ""


@given(st.sampled_from(sorted(DENIED)), st.text("0123456789", min_size=5, max_size=8))
def test_every_denied_prefix_denies(prefix, rest):
    """The table is complete in itself: no longer or shorter prefix lets a denied one pass."""
    assert why_not(f"+{prefix}{rest}"[:16], EVERYWHERE)


@given(st.text(max_size=20))
def test_any_text_gets_an_answer(text):
    """Callers' words end here too."""
    if not why_not(text, ["AT"]):
        assert text.startswith("+43")
        assert text[1:].isdecimal()
