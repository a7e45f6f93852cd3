"""A company's appointments: what is taken, and one more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Booking:
    """An appointment. `uid` is the same for the same call and time, so that twice is once; times are in UTC."""

    uid: str
    call_sid: str
    begin: datetime
    end: datetime
    title: str
    notes: str


Busy = tuple[datetime, datetime]
"""Begin and end of something that is in the way, in UTC."""


class Calendar(Protocol):
    """Where appointments stand. Every method raises ProviderError."""

    async def busy(self, begin: datetime, end: datetime) -> Sequence[Busy]:
        """What is taken between two times."""

    async def add(self, booking: Booking) -> bool:
        """Enter it, unless its time is taken by then; whether it stands there. Twice the same is once."""

    async def remove(self, booking: Booking) -> None:
        """Take it out again; it may be gone already."""


class Diary(Protocol):
    """When a company receives people, and which day somebody means. Answers at once, never raises."""

    @property
    def zone(self) -> tzinfo:
        """The company's time zone."""

    def spans(self, day: date) -> Sequence[tuple[time, time]]:
        """When it is open on a day; none on holidays."""

    def day_meant(self, text: str, language: str, today: date) -> date | None:
        """The day of "next Tuesday", "morgen", "am 24. Dezember"; None where no day is named."""
