"""A CalDAV calendar (RFC 4791): what is taken by a REPORT, an appointment by a conditional PUT, and a second look.

The name of an appointment's resource is its time, so two of us who enter the same time meet at `If-None-Match: *` (RFC 9110
§13.1.2) and only one gets it. Times that merely overlap, and entries people make meanwhile, are found by the second look: an
entry of ours that lost is taken out again before anybody is told of it.
"""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

import aiohttp

from stella.adapters.calendar.asking import ask
from stella.adapters.calendar.ical import BYTES_MOST, busy_of, occurrences, written
from stella.ports.calendar import Booking, Busy
from stella.ports.failure import Malformed, Unavailable

_C = "{urn:ietf:params:xml:ns:caldav}"
_QUERY = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop>\
<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="{begin}" end="{end}"/>\
</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"""
_CALENDAR = {"content-type": "text/calendar; charset=utf-8"}
OURS = "stella-"


class CalDavCalendar:
    """Keeps `Calendar` for one collection."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, login: tuple[str, str] | None, zone: tzinfo,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        """The session decides which addresses may be connected to. `url` is the collection's."""
        self._session, self._url, self._login, self._zone = session, url.rstrip("/") + "/", login, zone
        self._clock = clock

    async def busy(self, begin: datetime, end: datetime) -> Sequence[Busy]:
        """As the port."""
        return await busy_of(await self._events(begin, end), begin, end, self._zone)

    async def add(self, booking: Booking) -> bool:
        """As the port."""
        body = written(booking, self._clock()).encode()
        headers = {**_CALENDAR, "if-none-match": "*"}
        status, _, _ = await ask(
            self._session, "PUT", self._place(booking), login=self._login, bytes_most=BYTES_MOST, body=body,
            headers=headers, fine=frozenset({412}),
        )  # fmt: skip
        if status == 412 and not await self._is_ours(booking):
            return False
        if await self._lost(booking):
            await self.remove(booking)
            return False
        return True

    async def remove(self, booking: Booking) -> None:
        """As the port. Only what is ours: somebody may have taken the time since."""
        if await self._is_ours(booking):
            gone = frozenset({404, 410})
            await ask(
                self._session, "DELETE", self._place(booking), login=self._login, bytes_most=BYTES_MOST, fine=gone
            )

    async def _lost(self, booking: Booking) -> bool:
        """Whether somebody else stands there too: people go first, and of two of us the smaller name."""
        for text in await self._events(booking.begin, booking.end):
            for event in await asyncio.to_thread(occurrences, text, booking.begin, booking.end):
                uid = str(event.get("UID", ""))
                if uid == booking.uid or (uid.startswith(OURS) and uid > booking.uid):
                    continue
                if await busy_of([text], booking.begin, booking.end, self._zone, booking.uid):
                    return True
        return False

    async def _is_ours(self, booking: Booking) -> bool:
        status, text, _ = await ask(
            self._session, "GET", self._place(booking), login=self._login, bytes_most=BYTES_MOST,
            fine=frozenset({404, 410}),
        )  # fmt: skip
        return status == 200 and f"UID:{booking.uid}" in text.replace("\r\n ", "").replace("\n ", "")

    async def _events(self, begin: datetime, end: datetime) -> list[str]:
        query = _QUERY.format(begin=_stamp(begin), end=_stamp(end)).encode()
        headers = {"content-type": "application/xml; charset=utf-8", "depth": "1"}
        status, text, _ = await ask(
            self._session, "REPORT", self._url, login=self._login, bytes_most=BYTES_MOST, body=query, headers=headers
        )
        if status != 207:
            raise Malformed("calendar", "not-caldav")
        # Megabytes, or rules without end, may come: they are read beside the calls.
        return await asyncio.to_thread(_calendar_data, text)

    def _place(self, booking: Booking) -> str:
        return f"{self._url}{OURS}{_stamp(booking.begin)}.ics"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _calendar_data(text: str) -> list[str]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        # Nothing in a multistatus needs them, and what they can do to a parser is known.
        raise Malformed("calendar", "not-caldav")
    try:
        tree = ET.fromstring(text)  # noqa: S314 declarations are refused above, its size is bounded
    except ET.ParseError:
        raise Malformed("calendar", "not-caldav") from None
    found = [each.text for each in tree.iter(f"{_C}calendar-data") if each.text]
    if not found and tree.tag != "{DAV:}multistatus":
        raise Unavailable("calendar", "not-caldav")
    return found
