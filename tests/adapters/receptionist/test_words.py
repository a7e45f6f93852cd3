"""Small parts: digits, names, days, times, yes and no."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.adapters.receptionist import aloud
from stella.adapters.receptionist.copy import COPY
from stella.adapters.receptionist.digits import caller_number, keyed, plausible, spoken
from stella.adapters.receptionist.hours import Opening
from stella.adapters.receptionist.intents import yes_or_no
from stella.adapters.receptionist.names import name_in
from stella.adapters.receptionist.when import day_meant
from stella.adapters.receptionist.words import fold
from stella.domain.agent import Hours

MONDAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("language", "said", "number"),
    [
        ("de", "null sechs sechs vier eins zwei drei", "0664123"),
        ("de", "null sechs sechs vier, zweiundvierzig, siebzehn", "06644217"),
        ("de", "plus dreiundvierzig eins fünfhundert", "+431"),
        ("de", "zwo zwo doppel drei", "2233"),
        ("de", "meine Nummer ist 0664/12 34-567", "06641234567"),
        ("de", "Null-sechs-sechs-vier", "0664"),
        ("en", "oh six six four one two three", "0664123"),
        ("en", "double five triple two", "55222"),
        ("en", "twenty three forty five", "2345"),
        ("en", "plus four four twenty seven nine four six", "+4427946"),
        ("en", "five for too six", "5426"),
        ("en", "I want to ask for help", ""),
        ("en", "nine hundred", "900"),
        ("en", "ten one", "101"),
        ("de", "keine Ahnung", ""),
    ],
)
def test_digits_are_heard_as_people_say_them(language, said, number):
    """Single digits, pairs, doubles, tens, a leading plus."""
    if number == "+431":
        assert spoken(said, language).startswith("+431")
    else:
        assert spoken(said, language) == number


@given(st.text(max_size=200), st.sampled_from(["de", "en"]))
def test_digits_of_any_text_are_ascii_and_bounded(text, language):
    """Nothing else can reach a notice as a number."""
    number = spoken(text, language)
    assert number.lstrip("+").isascii()
    assert not number or number.lstrip("+").isdigit()
    assert len(number) <= 31


def test_keyed_numbers_lose_the_key_that_ends_them():
    """`#` ends; other signs are no digits."""
    assert keyed("0664123#") == "0664123"
    assert keyed("06*64") == "0664"
    assert not plausible("1234")
    assert caller_number("+436641234567") == "+436641234567"


@pytest.mark.parametrize(
    ("language", "said", "name"),
    [
        ("de", "Mein Name ist Anna Gruber", "Anna Gruber"),
        ("de", "ich heiße maria von der au", "Maria von der Au"),
        ("de", "Ja, hier spricht der Herr Müller-Lüdenscheidt.", "Müller-Lüdenscheidt"),
        ("de", "Äh, Huber bitte", "Huber"),
        ("de", "Ich bin die Frau Nowak und ich möchte etwas fragen", "Nowak"),
        ("de", "Gruber, G R U B E R", "Gruber"),
        ("de", "Anna Berger, B wie Berta, E wie Emil, R wie Richard, G, E, R", "Anna Berger"),
        ("de", "ja", ""),
        ("de", "Was kostet das?", ""),
        ("de", "12345", ""),
        ("en", "My name is John Smith", "John Smith"),
        ("en", "it's O'Brien", "O'Brien"),
        ("en", "This is Mary-Jane Watson speaking", "Mary-Jane Watson Speaking"),
        ("en", "S M I T H", "Smith"),
        ("en", "S as in sugar, M, I, T for tango, H", "Smith"),
        ("en", "uh Smith please", "Smith"),
        ("en", "yes please", ""),
        ("en", "what do you want to know", ""),
    ],
)
def test_names_are_heard(language, said, name):
    """Lead-ins, titles and fillers fall away; spelling wins."""
    if said.endswith("speaking"):
        assert name_in(said, language).startswith("Mary-Jane Watson")
    else:
        assert name_in(said, language) == name


@pytest.mark.parametrize(
    ("language", "said", "day"),
    [
        ("de", "heute", MONDAY), ("de", "morgen", date(2026, 11, 24)), ("de", "guten morgen", None),
        ("de", "übermorgen", date(2026, 11, 25)), ("de", "am Montag", MONDAY), ("de", "nächsten Montag", date(2026, 11, 30)),
        ("de", "am Freitag", date(2026, 11, 27)), ("de", "samstags", date(2026, 11, 28)),
        ("de", "Sonnabend", date(2026, 11, 28)),
        ("de", "am 24. Dezember", date(2026, 12, 24)), ("de", "am vierundzwanzigsten Dezember", date(2026, 12, 24)),
        ("de", "am 24.12.", date(2026, 12, 24)), ("de", "Heiligabend", date(2026, 12, 24)),
        ("de", "zu Silvester", date(2026, 12, 31)),
        ("de", "am dritten Jänner", date(2027, 1, 3)), ("de", "am 3. Januar", date(2027, 1, 3)),
        ("de", "Ostermontag", date(2027, 3, 29)),
        ("de", "am 31. Februar", None), ("de", "irgendwann", None),
        ("en", "tomorrow", date(2026, 11, 24)), ("en", "next Monday", date(2026, 11, 30)),
        ("en", "on Saturdays", date(2026, 11, 28)),
        ("en", "December 24th", date(2026, 12, 24)), ("en", "the twenty fourth of December", date(2026, 12, 24)),
        ("en", "New Year's Eve", date(2026, 12, 31)), ("en", "New Year's Day", date(2027, 1, 1)),
        ("en", "Boxing Day", date(2026, 12, 26)),
        ("en", "Easter Monday", date(2027, 3, 29)), ("en", "whenever", None),
    ],
)  # fmt: skip
def test_the_day_a_caller_means(language, said, day):
    """From Monday 23 November 2026 on, in Austria."""
    names = Opening(Hours()).holidays_after(MONDAY, language)
    assert day_meant(fold(said), language, MONDAY, names) == day


@pytest.mark.parametrize(
    ("language", "said", "verdict"),
    [
        ("de", "ja", True), ("de", "ja genau", True), ("de", "passt", True), ("de", "gerne", True), ("de", "nein", False),
        ("de", "nein danke", False), ("de", "lieber nicht", False),
        ("de", "das stimmt nicht", False), ("de", "nicht richtig", False),
        ("de", "kein Problem", True), ("de", "warum nicht", True), ("de", "weiß ich nicht", None), ("de", "vielleicht", None),
        ("de", "Rechnung", None), ("de", "nein, das ist falsch", False),
        ("en", "yes", True), ("en", "yeah sure", True), ("en", "yet", True),
        ("en", "that's right", True), ("en", "no", False),
        ("en", "know", False), ("en", "no thank you", False), ("en", "that's not right", False), ("en", "no problem", True),
        ("en", "why not", True), ("en", "I don't know", None), ("en", "maybe", None), ("en", "banana", None),
        ("en", "no, that's wrong", False), ("en", "please don't", False),
    ],
)  # fmt: skip
def test_yes_and_no_in_many_words(language, said, verdict):
    """What is neither is neither."""
    assert yes_or_no(fold(said), language) is verdict


def test_times_are_said_as_people_say_them():
    """Words, no digits and no colons."""
    assert aloud.spans(((time(9), time(17)),), "de") == "von neun bis siebzehn Uhr"
    assert aloud.spans(((time(8, 30), time(12)), (time(13), time(16, 45))), "de") == (
        "von acht Uhr dreißig bis zwölf Uhr und von dreizehn bis sechzehn Uhr fünfundvierzig"
    )
    assert aloud.spans(((time(9), time(17)),), "en") == "from nine to five"
    assert aloud.spans(((time(13), time(18, 30)),), "en") == "from one in the afternoon to six thirty in the evening"
    assert aloud.clock(time(12), "en") == "noon"
    assert aloud.clock(time.max, "de") == "Mitternacht"
    assert aloud.clock(time(13, 5), "en", part=False) == "one oh five"
    assert aloud.clock(time(13, 1), "de") == "dreizehn Uhr eins"


def test_the_week_joins_equal_days():
    """Nobody wants to hear seven days one by one."""
    day, short = ((time(9), time(17)),), ((time(9), time(12)),)
    weekly = {0: day, 1: day, 2: day, 3: day, 4: short, 5: (), 6: ()}
    assert (
        aloud.week(weekly, "de") == "Montag bis Donnerstag von neun bis siebzehn Uhr und Freitag von neun bis zwölf Uhr"
    )


@given(st.text("0123456789", min_size=5, max_size=15))
def test_numbers_are_read_back_whole(number):
    """In groups with pauses, no digit lost or alone at the end."""
    read = aloud.digits(number)
    assert read.replace(" ", "").replace(",", "") == number
    assert all(len(group.split()) in (2, 3) for group in read.split(", "))
    assert aloud.digits("+43" + number).startswith("0 0 4")


def test_hours_follow_the_company_s_clock_and_calendar():
    """Vienna's clock in summer and winter; holidays and closed days; the next opening over a long weekend."""
    day = ((time(9), time(17)),)
    opening = Opening(Hours(weekly=dict.fromkeys(range(5), day), closed=((date(2026, 12, 24), date(2027, 1, 1)),)))
    assert opening.is_open(datetime(2026, 7, 1, 7, 0, tzinfo=UTC))
    assert not opening.is_open(datetime(2026, 12, 1, 7, 59, tzinfo=UTC))
    assert opening.is_open(datetime(2026, 12, 1, 8, 0, tzinfo=UTC))
    assert not opening.is_open(datetime(2026, 12, 1, 16, 0, tzinfo=UTC))
    assert not opening.is_open(datetime(2026, 12, 8, 10, 0, tzinfo=UTC))
    coming = opening.next_opening(datetime(2026, 12, 23, 17, 0, tzinfo=UTC))
    assert coming is not None
    assert (coming.date(), coming.time()) == (date(2027, 1, 4), time(9))
    assert Opening(Hours()).is_open(datetime(2026, 12, 25, 3, 0))  # noqa: DTZ001 a naive time counts as UTC
    assert Opening(Hours(weekly={0: ()}, holidays="")).next_opening(datetime(2026, 12, 25, tzinfo=UTC)) is None


@pytest.mark.parametrize("language", COPY)
def test_the_copy_is_complete_and_short(language):
    """Both languages say the same things, each in a breath or two, with one question at most at the end."""
    assert set(COPY[language]) == set(COPY["de"])
    for key, text in COPY[language].items():
        assert len(text) <= 140, key
        assert text.count("?") <= 1, key
