"""Appointments by voice: what is free, the question with day and time as understood, one entry, and its end."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from stella.app.company import AgentDiary
from stella.calls.booking_tools import Desk, booking_tools
from stella.calls.tools import Outcome, Toolbox
from stella.domain.acts import UsedTool
from stella.domain.agent import Agent, BookingSetup, Hours, LanguageSetup, Service
from stella.domain.phrases import PHRASES_DE, PHRASES_EN
from stella.domain.transcript import Turn
from stella.ports.calendar import Booking, Busy
from stella.ports.failure import Unavailable
from stella.ports.language import ToolCall
from stella.ports.tool import ToolFacts

VIENNA = ZoneInfo("Europe/Vienna")
AGENT = Agent(
    "office",
    "Vintaro",
    (LanguageSetup("de", "de-AT", "", "", PHRASES_DE), LanguageSetup("en", "en-GB", "", "", PHRASES_EN)),
)
MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)  # nine o'clock in Vienna
SETUP = BookingSetup((Service("Haarschnitt", 30), Service("Farbe", 90)), "https://cal.example/x/")
OPEN = tuple((number, ((time(9), time(12)), (time(13), time(17)))) for number in range(5))
HOURS = Hours(weekly=dict(OPEN), holidays="AT")


@dataclass
class Paper:
    """A calendar in memory, whose owner may be slow, away, or faster than we are."""

    zone: tzinfo = VIENNA
    taken: list[Busy] = field(default_factory=list)
    ours: dict[str, Booking] = field(default_factory=dict)
    fails: list[Exception] = field(default_factory=list)
    applied: bool = False
    slow_s: float = 0.0

    async def busy(self, begin: datetime, end: datetime) -> Sequence[Busy]:
        """As the port."""
        await asyncio.sleep(self.slow_s)
        whole = [*self.taken, *((each.begin, each.end) for each in self.ours.values())]
        return sorted(each for each in whole if each[0] < end and begin < each[1])

    async def add(self, booking: Booking) -> bool:
        """As the port."""
        await asyncio.sleep(self.slow_s)
        if booking.uid in self.ours:
            return True
        if await self.busy(booking.begin, booking.end):
            return False
        if self.fails and not self.applied:
            raise self.fails.pop()
        self.ours[booking.uid] = booking
        if self.fails:
            raise self.fails.pop()
        return True

    async def remove(self, booking: Booking) -> None:
        """As the port."""
        self.ours.pop(booking.uid, None)

    def take(self, day: int, begin: str, end: str, month: int = 12) -> None:
        """Somebody's appointment in 2026, as on the wall."""
        moments = [datetime.combine(date(2026, month, day), time.fromisoformat(at), VIENNA) for at in (begin, end)]
        self.taken.append((moments[0].astimezone(UTC), moments[1].astimezone(UTC)))

    def shown(self) -> list[str]:
        """What we entered, as on the wall."""
        return [f"{each.begin.astimezone(VIENNA):%d.%m. %H:%M} {each.title}" for each in self.ours.values()]


def facts(language: str = "de", now: datetime = MONDAY, call_sid: str = "CA1") -> ToolFacts:
    """A call."""
    return ToolFacts(call_sid, "+436601234567", language, AGENT, now)


def desk(paper: Paper, setup: BookingSetup = SETUP, hours: Hours = HOURS) -> Desk:
    """The office's."""
    return Desk(setup, paper, AgentDiary(hours))


def box_of(at: Desk) -> Toolbox:
    """One call's tools."""
    return Toolbox(booking_tools(at), lambda: 0.0)


async def used(box: Toolbox, name: str, at: ToolFacts | None = None, /, **given: Any) -> Outcome:
    """One use."""
    return await box.use(ToolCall("c", name, json.dumps(given)), at or facts())


def error(outcome: Outcome) -> str | None:
    """How it failed."""
    act = outcome.acts[-1]
    assert isinstance(act, UsedTool)
    return act.use.error


async def agreed(box: Toolbox, name: str, at: ToolFacts | None = None, /, **given: Any) -> Outcome:
    """Asked, agreed to, carried out."""
    outcome = await used(box, name, at, **given)
    if not outcome.ask:
        return outcome
    box.new_turn("Ja, bitte.", [Turn(2, "agent", outcome.ask, 1, 2, heard_text=outcome.ask)])
    return await used(box, name, at, **given)


WANTED = {"service": "Haarschnitt", "day": "morgen", "time": "halb elf", "name": "Karl Huber"}


async def test_free_times_are_those_within_the_hours_that_nobody_has() -> None:
    """On the grid, with the pause for lunch, around what is taken; the model is told to offer a few."""
    paper = Paper()
    paper.take(1, "09:00", "11:30")
    paper.take(1, "13:10", "16:00")
    text = (await used(box_of(desk(paper)), "free_times", service="Haarschnitt", day="morgen")).text
    assert text.startswith("Free: Dienstag, 1. Dezember (2026-12-01): 11 Uhr 30, 16 Uhr, 16 Uhr 30.")
    text = (await used(box_of(desk(paper)), "free_times", facts("en"), service="Farbe", day="tomorrow")).text
    assert text.startswith(
        "Nothing is free on Tuesday, 1 December. Next: Wednesday, 2 December (2026-12-02): 9:00, 9:30"
    )


async def test_the_question_names_day_and_time_as_understood_and_then_it_stands() -> None:
    """Once, with the caller's number for whoever reads the calendar."""
    paper = Paper()
    box = box_of(desk(paper))
    outcome = await used(box, "book", **WANTED)
    assert outcome.ask == (
        "Ich trage ein: Haarschnitt am Dienstag, 1. Dezember, um 10 Uhr 30, für Karl Huber. Ist das so recht?"
    )
    assert paper.ours == {}
    for _ in range(2):
        outcome = await agreed(box, "book", **WANTED)
        assert error(outcome) is None
    assert paper.shown() == ["01.12. 10:30 Haarschnitt: Karl Huber"]
    (made,) = paper.ours.values()
    assert "+436601234567" in made.notes and "CA1" in made.notes


@pytest.mark.parametrize(
    ("day", "at", "language", "expected"),
    [
        ("2026-12-01", "14:30", "de", "01.12. 14:30"),
        ("Dienstag", "drei Uhr", "de", "01.12. 15:00"),
        ("nächsten Montag", "viertel nach neun", "de", "07.12. 09:15"),
        ("am 24. Dezember", "zehn Uhr", "de", "24.12. 10:00"),
        ("on Wednesday", "half past two", "en", "02.12. 14:30"),
        ("December 3rd", "quarter to ten", "en", "03.12. 09:45"),
        ("tomorrow", "4 pm", "en", "01.12. 16:00"),
        ("heute", "16 Uhr", "de", "30.11. 16:00"),
    ],
)
async def test_days_and_times_are_understood_in_words(day: str, at: str, language: str, expected: str) -> None:
    """German and English; a bare three o'clock is the one within the hours."""
    paper = Paper()
    await agreed(box_of(desk(paper)), "book", facts(language), service="Haarschnitt", day=day, time=at, name="Bo")
    assert paper.shown() == [f"{expected} Haarschnitt: Bo"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"day": "irgendwann"}, "day"), ({"day": "2027-12-01"}, "day"), ({"day": "2026-11-29"}, "day"),
        ({"time": "bald"}, "time"), ({"time": "25:00"}, "time"), ({"name": "\u200b"}, "name"),
        ({"day": "2026-12-08"}, "taken"), ({"day": "Sonntag"}, "taken"), ({"time": "12:15"}, "taken"),
        ({"time": "16:45"}, "taken"), ({"day": "heute", "time": "10:30"}, "taken"), ({"time": "07:00"}, "taken"),
        ({"service": "Auto"}, "arguments"), ({"number": "+43900123456"}, None),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_not_asked_for(given: dict[str, str], code: str | None) -> None:
    """Holidays (8 December), Sundays, lunch, too late to be done by five, too soon, the past: said before any question."""
    paper = Paper()
    outcome = await used(box_of(desk(paper)), "book", **{**WANTED, **given})
    assert error(outcome) == (code or "unconfirmed") and bool(outcome.ask) == (code is None)
    assert paper.ours == {}


async def test_somebody_who_was_faster_is_told_of_with_other_times() -> None:
    """Between the question and the yes."""
    paper = Paper()
    box = box_of(desk(paper))
    outcome = await used(box, "book", **WANTED)
    paper.take(1, "10:30", "11:00")
    box.new_turn("ja", [Turn(2, "agent", outcome.ask, 1, 2, heard_text=outcome.ask)])
    outcome = await used(box, "book", **WANTED)
    assert error(outcome) == "taken" and "11 Uhr" in outcome.text and paper.ours == {}


async def test_two_calls_at_once_do_not_get_the_same_time() -> None:
    """Both callers say yes to the same half hour: one has it, the other hears what is left."""
    paper = Paper(slow_s=0.01)
    shared = desk(paper)
    calls = [facts(call_sid=f"CA{number}") for number in range(8)]
    told = await asyncio.gather(
        *(
            agreed(box_of(shared), "book", at, **{**WANTED, "time": f"10:{30 + 5 * (n % 3)}"})
            for n, at in enumerate(calls)
        )
    )
    assert sorted(map(str, map(error, told))) == ["None"] + ["taken"] * 7
    assert len(paper.ours) == 1


@pytest.mark.parametrize("applied", [True, False])
async def test_an_answer_that_was_lost_is_asked_for_again_and_books_once(applied: bool) -> None:
    """The calendar took it and the line broke, or it did not: the second try finds out."""
    paper = Paper(fails=[Unavailable("calendar", "no-answer")], applied=applied)
    box = box_of(desk(paper))
    assert error(await agreed(box, "book", **WANTED)) == "no-answer"
    assert error(await agreed(box, "book", **WANTED)) is None
    assert len(paper.ours) == 1


async def test_what_was_booked_in_this_call_can_be_taken_back_and_booked_again() -> None:
    """Each with a yes of its own; what others booked cannot be touched."""
    paper = Paper()
    at = desk(paper)
    box = box_of(at)
    await agreed(box, "book", **WANTED)
    when = {"day": "2026-12-01", "time": "10:30"}
    assert error(await agreed(box_of(at), "cancel_booking", facts(call_sid="CA2"), **when)) == "unknown"
    outcome = await used(box, "cancel_booking", **when)
    assert outcome.ask.startswith("Ich nehme den Termin am Dienstag, 1. Dezember um 10 Uhr 30 wieder heraus.")
    assert len(paper.ours) == 1
    assert error(await agreed(box, "cancel_booking", **when)) is None and paper.ours == {}
    assert (await agreed(box, "cancel_booking", **when)).text == "cancelled", "twice is once"
    assert error(await agreed(box, "book", **WANTED)) is None
    assert paper.shown() == ["01.12. 10:30 Haarschnitt: Karl Huber"]
    assert error(await agreed(box, "cancel_booking", **when)) is None and paper.ours == {}


async def test_bookings_are_capped() -> None:
    """Nobody fills a week by telephone."""
    paper = Paper()
    box = box_of(desk(paper))
    errors = [error(await agreed(box, "book", **{**WANTED, "time": f"{hour}:00"})) for hour in ("09", "10", "11")]
    assert errors == [None, None, "enough"] and len(paper.ours) == 2


async def test_the_pause_around_appointments_is_kept() -> None:
    """Fifteen minutes to air the room."""
    paper = Paper()
    paper.take(1, "10:00", "10:30")
    box = box_of(desk(paper, replace(SETUP, buffer_minutes=15)))
    assert error(await used(box, "book", **WANTED)) == "taken"
    assert error(await used(box, "book", **{**WANTED, "time": "10:45"})) == "unconfirmed"


async def test_clocks_that_are_changed_move_nothing() -> None:
    """The hour that comes twice is two hours, the one that is left out cannot be booked (28 March 2027, 25 October 2026)."""
    night = Hours(weekly={6: ((time(1), time(4)),)}, holidays="")
    setup = replace(SETUP, lead_hours=0, ahead_days=365)
    spring = datetime(2027, 3, 27, 12, tzinfo=UTC)
    text = (
        await used(
            box_of(desk(Paper(), setup, night)), "free_times", facts(now=spring), service="Farbe", day="2027-03-28"
        )
    ).text
    assert "1 Uhr, 1 Uhr 30, 3 Uhr" not in text and "1 Uhr" in text
    box = box_of(desk(Paper(), setup, night))
    when = {"service": "Haarschnitt", "day": "2027-03-28", "time": "02:30", "name": "Bo"}
    assert error(await used(box, "book", facts(now=spring), **when)) == "time"
    autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)
    found = await desk(Paper(), setup, night).free(
        date(2026, 10, 25), 1, desk(Paper(), setup, night).rules(Service("x", 60), facts(now=autumn))
    )
    assert found[-1] - found[0] == timedelta(hours=3)


async def test_an_obedient_model_books_nothing_without_a_yes() -> None:
    """FAULTS D11: whatever it fills in, out-of-policy entries 0 of all attacks."""
    paper = Paper()
    names = ["Bo", "ja", "yes", "END:VEVENT", "x" * 60, "\r\nATTENDEE:mailto:x", "<b>", "+43900123456"]
    days = ["morgen", "2026-12-01", "2026-12-08", "1999-01-01", "9999-12-31", "tomorrow", ""]
    times = ["10:30", "halb elf", "99:99", "00:00", "10:30Z", ""]
    attacks = [dict(zip(("name", "day", "time"), one, strict=True)) for one in itertools.product(names, days, times)]
    for place, attack in enumerate(attacks):
        box = box_of(desk(paper))
        at = facts(call_sid=f"CA{place}")
        given = {"service": "Haarschnitt", "confirmed": True, "caller_said": "ja", **attack}
        for said in ("hallo", "nein", "was?", "ja, aber später"):
            outcome = await used(box, "book", at, **given)
            box.new_turn(said, [Turn(2, "agent", outcome.ask, 1, 2, heard_text=outcome.ask)])
        await used(box, "cancel_booking", at, day=attack["day"], time=attack["time"])
    assert len(attacks) >= 300
    assert paper.ours == {}
