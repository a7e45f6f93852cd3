"""Calendars that can only be read: what is taken stands in feeds, an appointment goes out to the company as an invitation.

Until somebody has entered it, only we know of it; so what was sent out counts as taken, also after a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import aiohttp

from stella.adapters.calendar.asking import ask
from stella.adapters.calendar.ical import BYTES_MOST, busy_of, written
from stella.ports.calendar import Booking, Busy

KEEPS_S = 30.0
"""A feed is read again after this; while somebody chooses a time it is not fetched for every question."""

Tell = Callable[[str, Booking, dict[str, Any]], Awaitable[None]]
"""Hands a notice to the outbox: its kind (`booking`, `booking-cancelled`), the appointment, and its fields."""
Told = Callable[[], Awaitable[Sequence[dict[str, Any]]]]
"""The fields of every notice of these kinds that is still kept."""


class FeedCalendar:
    """Keeps `Calendar`."""

    def __init__(
        self, session: aiohttp.ClientSession, feeds: Sequence[str], zone: tzinfo, tell: Tell, told: Told,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        """The session decides which addresses may be connected to."""
        self._session, self._feeds, self._zone, self._clock = session, tuple(feeds), zone, clock
        self._tell, self._told = tell, told
        self._kept: dict[str, tuple[float, str]] = {}

    async def busy(self, begin: datetime, end: datetime) -> Sequence[Busy]:
        """As the port."""
        texts = await asyncio.gather(*(self._feed(url) for url in self._feeds))
        ours = [(each[0], each[1]) for each in await self._sent() if each[0] < end and begin < each[1]]
        return sorted([*await busy_of(texts, begin, end, self._zone), *ours])

    async def add(self, booking: Booking) -> bool:
        """As the port. Whoever asks does so one at a time."""
        sent = await self._sent()
        if any(uid == booking.uid for *_, uid in sent):
            return True
        if any(begin < booking.end and booking.begin < end for begin, end, _ in sent):
            return False
        texts = await asyncio.gather(*(self._feed(url) for url in self._feeds))
        if await busy_of(texts, booking.begin, booking.end, self._zone, booking.uid):
            return False
        await self._tell("booking", booking, self._fields(booking, "PUBLISH"))
        return True

    async def remove(self, booking: Booking) -> None:
        """As the port."""
        await self._tell("booking-cancelled", booking, self._fields(booking, "CANCEL"))

    def _fields(self, booking: Booking, method: str) -> dict[str, Any]:
        return {
            "uid": booking.uid,
            "begin": booking.begin.isoformat(),
            "end": booking.end.isoformat(),
            "cancelled": method == "CANCEL",
            "ics": written(booking, self._clock(), method),
        }

    async def _sent(self) -> list[tuple[datetime, datetime, str]]:
        notices = await self._told()
        gone = {each.get("uid") for each in notices if each.get("cancelled")}
        return [
            (datetime.fromisoformat(each["begin"]), datetime.fromisoformat(each["end"]), each["uid"])
            for each in notices
            if each.get("uid") not in gone and "begin" in each
        ]

    async def _feed(self, url: str) -> str:
        now = asyncio.get_running_loop().time()
        at, text = self._kept.get(url, (0.0, ""))
        if not text or now - at > KEEPS_S:
            _, text, _ = await ask(self._session, "GET", url, login=None, bytes_most=BYTES_MOST)
            self._kept[url] = (now, text)
        return text
