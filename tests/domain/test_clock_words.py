"""Times of day in words, as callers say them and as they are said back."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.domain.clock_words import day_aloud, time_aloud, times_meant


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("halb elf", "10:30"), ("um halb eins", "12:30"), ("zehn Uhr dreißig", "10:30"), ("zehn Uhr dreissig", "10:30"),
        ("viertel nach drei", "03:15"), ("viertel vor drei", "02:45"), ("dreiviertel vier", "03:45"), ("fünfzehn Uhr", "15:00"),
        ("siebzehn Uhr fünfundvierzig", "17:45"), ("zehn nach acht", "08:10"), ("neun Uhr morgens", "09:00"),
        ("um drei am Nachmittag", "15:00"), ("mittags", "12:00"), ("acht Uhr fünf", "08:05"),
        ("10.30 Uhr", "10:30"), ("17h30", "17:30"), ("24 Uhr", "00:00"),
        ("half past ten", "10:30"), ("quarter to five", "04:45"), ("twenty past four", "04:20"), ("ten thirty", "10:30"),
        ("3 p.m.", "15:00"), ("3 pm", "15:00"), ("12 am", "00:00"), ("noon", "12:00"), ("at four in the afternoon", "16:00"),
        ("09:05", "09:05"), ("21:00", "21:00"),
    ],
)  # fmt: skip
def test_a_time_is_understood_as_it_is_meant(said: str, first: str) -> None:
    """The likeliest first; what may be twelve hours later comes second."""
    assert times_meant(said)[0].isoformat("minutes") == first


@pytest.mark.parametrize("said", ["", "morgen", "bald", "25 Uhr", "10:75", "irgendwann", "as soon as possible"])
def test_no_time_is_not_guessed(said: str) -> None:
    """The caller is asked."""
    assert times_meant(said) == []


def test_an_exact_time_is_that_time_alone() -> None:
    """Nine in the morning is never nine at night."""
    assert times_meant("09:00") == [time(9)]
    assert times_meant("drei Uhr") == [time(3), time(15)]


@given(st.text(max_size=60))
def test_nothing_anybody_says_breaks_it(said: str) -> None:
    """Whatever ears make of a mumble."""
    assert all(isinstance(at, time) for at in times_meant(said))


@given(st.times().map(lambda at: at.replace(second=0, microsecond=0)))
def test_what_is_said_back_is_understood_again(at: time) -> None:
    """In both languages."""
    for language in ("de", "en"):
        assert at in times_meant(time_aloud(at, language))


def test_days_are_said_in_the_callers_language() -> None:
    """With the weekday, which is what people check."""
    assert day_aloud(date(2027, 1, 5), "de") == "Dienstag, 5. Jänner"
    assert day_aloud(date(2027, 1, 5), "en") == "Tuesday, 5 January"
