"""Appointments: which times are free, one entered after the caller's yes, and taken out again in the same call.

The question names the day and the time as we understood them, so that a misheard "halb" is heard before it is entered.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from stella.domain.agent import BookingSetup, Service
from stella.domain.clock_words import day_aloud, time_aloud, times_meant
from stella.domain.slots import Rules, Span, fits, free, moments, opening
from stella.ports.calendar import Booking, Calendar, Diary
from stella.ports.tool import CAREFREE, Care, Tool, ToolAnswer, ToolFacts

DEADLINE_S = 12.0
SHOWN_MOST = 12
"""Times told at once: more nobody keeps in mind."""
LOOK_AHEAD_DAYS = 14
"""Days looked through for a next free time where the day wanted has none."""
_SPACE = uuid.UUID("5b7f6d0a-7f0e-4b63-9a53-3c1b4a6d1f55")

_DAY = "The day: 2026-12-01, or in the caller's words such as morgen or next Tuesday."
_TIME = "The time: 14:30, or in the caller's words such as halb drei or half past two."
_ASKS = {
    "de": "Ich trage ein: {service} am {day}, um {time}, für {name}.",
    "en": "I will book {service} on {day} at {time} for {name}.",
}
_CANCELS = {
    "de": "Ich nehme den Termin am {day} um {time} wieder heraus.",
    "en": "I will cancel the appointment on {day} at {time}.",
}
_Words = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


@dataclass(frozen=True, slots=True)
class Desk:
    """One agent's appointments, shared by its calls. One entry at a time: between the look and the entry nobody comes."""

    setup: BookingSetup
    calendar: Calendar
    diary: Diary
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def service(self, name: str) -> Service:
        """What is booked, by its name."""
        return next((one for one in self.setup.services if one.name == name), self.setup.services[0])

    def today(self, facts: ToolFacts) -> date:
        """The company's date."""
        return facts.now.astimezone(self.diary.zone).date()

    def day(self, words: str, facts: ToolFacts) -> date | None:
        """The day meant, within what may be booked."""
        today = self.today(facts)
        try:
            found: date | None = date.fromisoformat(words.strip())
        except ValueError:
            found = self.diary.day_meant(words, facts.language, today)
        if found is None or not today <= found <= today + timedelta(days=self.setup.ahead_days):
            return None
        return found

    def rules(self, service: Service, facts: ToolFacts) -> Rules:
        """How appointments of this kind are laid."""
        setup, now = self.setup, facts.now.astimezone(UTC)
        return Rules(
            timedelta(minutes=service.minutes), timedelta(minutes=setup.step_minutes),
            timedelta(minutes=setup.buffer_minutes), now + timedelta(hours=setup.lead_hours),
            now + timedelta(days=setup.ahead_days + 1),
        )  # fmt: skip

    def spans(self, day: date) -> list[Span]:
        """When a day is open, as moments."""
        return opening(day, self.diary.spans(day), self.diary.zone)

    def wanted(self, day: date, words: str) -> list[datetime]:
        """The moments a time of day may mean: those within the hours, the likeliest first."""
        spans = self.spans(day)
        found = [moment for at in times_meant(words) for moment in moments(day, at, self.diary.zone)]
        inside = [moment for moment in found if any(begin <= moment < end for begin, end in spans)]
        return inside or found[:1]

    async def free(self, day: date, days: int, rules: Rules) -> list[datetime]:
        """What is free on some days, beginning with one."""
        spans = [span for ahead in range(days) for span in self.spans(day + timedelta(days=ahead))]
        if not spans:
            return []
        around = rules.buffer + rules.length
        busy = await self.calendar.busy(spans[0][0] - around, spans[-1][1] + around)
        return free(spans, busy, rules)

    async def still_free(self, begin: datetime, day: date, rules: Rules) -> bool:
        """Whether one time is free now."""
        around = rules.buffer + rules.length
        busy = await self.calendar.busy(begin - around, begin + around + rules.length)
        return fits(begin, self.spans(day), busy, rules)

    def aloud(self, begin: datetime, language: str) -> tuple[str, str]:
        """Day and time as they are said."""
        here = begin.astimezone(self.diary.zone)
        return day_aloud(here.date(), language), time_aloud(here, language)

    async def offer(self, day: date, rules: Rules, language: str) -> str:
        """The free times of a day, or the next ones after it, in words for the model."""
        found = await self.free(day, 1, rules)
        if not found:
            found = (await self.free(day + timedelta(days=1), LOOK_AHEAD_DAYS, rules))[:SHOWN_MOST]
            if not found:
                return "Nothing is free in the two weeks from that day on. Say so and offer to take a message."
            return f"Nothing is free on {day_aloud(day, language)}. Next: {self._list(found, language)}."
        return f"Free: {self._list(_spread(found), language)}. Offer two or three of them, not all."

    def _list(self, found: Sequence[datetime], language: str) -> str:
        days: dict[str, list[str]] = {}
        for begin in found:
            day, at = self.aloud(begin, language)
            days.setdefault(f"{day} ({begin.astimezone(self.diary.zone).date()})", []).append(at)
        return "; ".join(f"{day}: {', '.join(times)}" for day, times in days.items())


def _spread(found: Sequence[datetime]) -> list[datetime]:
    """As many as one may hear, from all over the day."""
    if len(found) <= SHOWN_MOST:
        return list(found)
    step = (len(found) - 1) / (SHOWN_MOST - 1)
    return [found[round(place * step)] for place in range(SHOWN_MOST)]


_NO_DAY = ToolAnswer("Which day is meant is not clear, or it is too far away. Ask for it.", error="day")
_NO_TIME = ToolAnswer("Which time is meant is not clear. Ask for it.", error="time")


@dataclass(frozen=True, slots=True)
class FreeTimes:
    """Keeps `Tool`: looks, and enters nothing."""

    desk: Desk
    arguments: type[msgspec.Struct]
    name: str = "free_times"
    description: str = "Look up which times are free for an appointment on a day."
    deadline_s: float = DEADLINE_S
    outside: bool = False
    care: Care = CAREFREE

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        given: dict[str, Any] = msgspec.to_builtins(arguments)
        day = self.desk.day(given["day"], facts)
        if day is None:
            return _NO_DAY
        rules = self.desk.rules(self.desk.service(given["service"]), facts)
        return ToolAnswer(await self.desk.offer(day, rules, facts.language))


@dataclass(slots=True)
class Book:
    """Keeps `Tool`, for one call: enters an appointment after the caller's yes."""

    desk: Desk
    arguments: type[msgspec.Struct]
    made: dict[datetime, tuple[Booking, str]] = field(default_factory=dict)
    cancelled: dict[datetime, list[str]] = field(default_factory=dict)
    name: str = "book"
    description: str = (
        "Book an appointment at a time that is free, for the caller. STELLA reads it back and asks; you need not."
    )
    deadline_s: float = DEADLINE_S
    outside: bool = True
    care: Care = field(init=False)

    def __post_init__(self) -> None:
        """The yes is asked for whatever the file says."""
        self.care = Care(True, self.desk.setup.per_call, True, self._asks, self._first)

    def _begin(self, given: dict[str, Any], facts: ToolFacts) -> tuple[date, datetime] | ToolAnswer:
        day = self.desk.day(given["day"], facts)
        if day is None:
            return _NO_DAY
        wanted = self.desk.wanted(day, given["time"])
        return (day, wanted[0]) if wanted else _NO_TIME

    def _asks(self, arguments: msgspec.Struct, facts: ToolFacts) -> str:
        given: dict[str, Any] = msgspec.to_builtins(arguments)
        meant = self._begin(given, facts)
        day, at = (
            self.desk.aloud(meant[1], facts.language) if isinstance(meant, tuple) else (given["day"], given["time"])
        )
        told = _ASKS.get(facts.language, _ASKS["en"])
        return told.format(service=given["service"], day=day, time=at, name=_one_line(given["name"]))

    async def _first(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer | None:
        """A time that is not free is not asked for."""
        given: dict[str, Any] = msgspec.to_builtins(arguments)
        if not _one_line(given["name"]):
            return ToolAnswer("Ask for the caller's name first.", error="name")
        meant = self._begin(given, facts)
        if isinstance(meant, ToolAnswer):
            return meant
        day, begin = meant
        rules = self.desk.rules(self.desk.service(given["service"]), facts)
        if begin in self.made or await self.desk.still_free(begin, day, rules):
            return None
        return ToolAnswer(f"That time is not free. {await self.desk.offer(day, rules, facts.language)}", error="taken")

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port. Looks once more, with nobody of ours in between, then enters it."""
        given: dict[str, Any] = msgspec.to_builtins(arguments)
        meant = self._begin(given, facts)
        if isinstance(meant, ToolAnswer):
            return meant
        day, begin = meant
        desk, service = self.desk, self.desk.service(given["service"])
        rules = desk.rules(service, facts)
        undone = self.cancelled.get(begin, [])
        booking = _booking(facts, service, begin, _one_line(given["name"]), len(undone))
        async with desk.lock:
            there = booking.begin in self.made or (
                await desk.still_free(begin, day, rules) and await desk.calendar.add(booking)
            )
            if not there and not await self._ours_already(booking):
                offer = await desk.offer(day, rules, facts.language)
                return ToolAnswer(f"Somebody else has just taken it. {offer}", error="taken")
        self.made[begin] = (booking, facts.key)
        said, at = desk.aloud(begin, facts.language)
        record = {"service": service.name, "begin": begin.isoformat(), "name": given["name"], "uid": booking.uid}
        return ToolAnswer(f"booked: {service.name}, {said}, {at}", record=record, undoes=tuple(undone[-1:]))

    async def _ours_already(self, booking: Booking) -> bool:
        """Whether an earlier attempt, whose answer was lost, entered it: then adding it again finds it there."""
        taken = await self.desk.calendar.busy(booking.begin, booking.end)
        return list(taken) == [(booking.begin, booking.end)] and await self.desk.calendar.add(booking)


@dataclass(slots=True)
class Cancel:
    """Keeps `Tool`, for one call: takes out what was booked in this very call, and nothing else."""

    book: Book
    arguments: type[msgspec.Struct]
    name: str = "cancel_booking"
    description: str = "Cancel an appointment that was booked in this call. Older ones you cannot: take a message."
    deadline_s: float = DEADLINE_S
    outside: bool = True
    care: Care = field(init=False)

    def __post_init__(self) -> None:
        """It cannot be undone, so it is asked for."""
        self.care = Care(True, self.book.desk.setup.per_call, True, self._asks, self._first)

    def _booking(self, arguments: msgspec.Struct, facts: ToolFacts) -> Booking | None:
        given: dict[str, Any] = msgspec.to_builtins(arguments)
        day = self.book.desk.day(given["day"], facts)
        wanted = self.book.desk.wanted(day, given["time"]) if day is not None else []
        return next((self.book.made[begin][0] for begin in wanted if begin in self.book.made), None)

    def _asks(self, arguments: msgspec.Struct, facts: ToolFacts) -> str:
        booking = self._booking(arguments, facts)
        given: dict[str, Any] = msgspec.to_builtins(arguments)
        said, at = self.book.desk.aloud(booking.begin, facts.language) if booking else (given["day"], given["time"])
        return _CANCELS.get(facts.language, _CANCELS["en"]).format(day=said, time=at)

    async def _first(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer | None:
        if self._booking(arguments, facts) is None:
            return ToolAnswer(
                "Nothing was booked for that time in this call. Offer to take a message.", error="unknown"
            )
        return None

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        booking = self._booking(arguments, facts)
        if booking is None:
            return ToolAnswer("Nothing was booked for that time in this call.", error="unknown")
        async with self.book.desk.lock:
            await self.book.desk.calendar.remove(booking)
        _, key = self.book.made.pop(booking.begin)
        self.book.cancelled.setdefault(booking.begin, []).append(facts.key)
        record = {"begin": booking.begin.isoformat(), "uid": booking.uid}
        return ToolAnswer("cancelled", record=record, undoes=(key,))


def _booking(facts: ToolFacts, service: Service, begin: datetime, name: str, again: int) -> Booking:
    number = facts.caller or "-"
    uid = f"stella-{uuid.uuid5(_SPACE, f'{facts.call_sid} {begin.isoformat()} {again}')}"
    notes = f"{name}, {number}\nSTELLA {facts.call_sid}"
    return Booking(
        uid, facts.call_sid, begin, begin + timedelta(minutes=service.minutes), f"{service.name}: {name}", notes
    )


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def booking_tools(desk: Desk) -> list[Tool]:
    """A call's own three."""
    services: Any = Literal[tuple(service.name for service in desk.setup.services)]
    day = Annotated[_Words, msgspec.Meta(description=_DAY)]
    at = Annotated[_Words, msgspec.Meta(description=_TIME)]
    name = Annotated[_Words, msgspec.Meta(description="The caller's name, as they said it.")]
    look = msgspec.defstruct("FreeTimes", [("service", services), ("day", day)])
    enter = msgspec.defstruct("Book", [("service", services), ("day", day), ("time", at), ("name", name)])
    book = Book(desk, enter)
    return [FreeTimes(desk, look), book, Cancel(book, msgspec.defstruct("CancelBooking", [("day", day), ("time", at)]))]
