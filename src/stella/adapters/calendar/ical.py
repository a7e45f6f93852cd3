"""iCalendar (RFC 5545): what is taken, with everything that recurs, and an appointment of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import icalendar
import recurring_ical_events  # type: ignore[import-untyped]

from stella.ports.calendar import Booking, Busy
from stella.ports.failure import Malformed

BYTES_MOST = 5_000_000
EVENTS_MOST = 5_000
"""Occurrences in one look; a calendar with more of them in two months is a mistake, or an attack."""
_FAST = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
"""Rules that make thousands of occurrences and no appointments."""


async def busy_of(texts: Iterable[str], begin: datetime, end: datetime, zone: tzinfo, ours: str = "") -> list[Busy]:
    """What is taken in some calendars between two times; the event with the uid `ours` is not. Raises Malformed."""
    return await asyncio.to_thread(_busy_of, list(texts), begin, end, zone, ours)


def _busy_of(texts: list[str], begin: datetime, end: datetime, zone: tzinfo, ours: str) -> list[Busy]:
    found: list[Busy] = []
    for text in texts:
        for event in occurrences(text, begin, end):
            taken = _taken(event, zone)
            if taken is not None and str(event.get("UID", "")) != ours and taken[0] < end and begin < taken[1]:
                found.append(taken)
    return sorted(found)


def occurrences(text: str, begin: datetime, end: datetime) -> list[icalendar.Event]:
    """Every event that happens between two times. Raises Malformed."""
    try:
        calendar = icalendar.Calendar.from_ical(text)
        slow = [part for part in calendar.subcomponents if not (part.name == "VEVENT" and _too_fast(part))]
        calendar.subcomponents = slow
        around = (begin - timedelta(days=1), end + timedelta(days=1))
        events = recurring_ical_events.of(calendar, skip_bad_series=True).between(*around)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as fault:
        raise Malformed("calendar", "not-icalendar", type(fault).__name__) from None
    if len(events) > EVENTS_MOST:
        raise Malformed("calendar", "too-many-events")
    return [event for event in events if isinstance(event, icalendar.Event)]


def _too_fast(event: Any) -> bool:
    rules = event.get("RRULE", [])
    return any(
        str(freq).upper() in _FAST
        for rule in (rules if isinstance(rules, list) else [rules])
        for freq in rule.get("FREQ", [])
    )


def _taken(event: Any, zone: tzinfo) -> Busy | None:
    """When an event is in the way; None where it is not: marked as free, cancelled, or without a time."""
    if str(event.get("TRANSP", "")).upper() == "TRANSPARENT" or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return None
    start = event.get("DTSTART")
    if start is None:
        return None
    begin = start.dt
    end = event["DTEND"].dt if "DTEND" in event else None
    if end is None:
        whole = timedelta(days=1) if not isinstance(begin, datetime) else timedelta()
        end = begin + (event["DURATION"].dt if "DURATION" in event else whole)
    return _moment(begin, zone), _moment(end, zone)


def _moment(at: date | datetime, zone: tzinfo) -> datetime:
    """A whole day begins at midnight and a time without zone is meant as on the company's wall."""
    if not isinstance(at, datetime):
        at = datetime.combine(at, time.min)
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def written(booking: Booking, stamp: datetime, method: str = "") -> str:
    """An appointment as a calendar of its own, by the library, so that no caller's words can end a line of it."""
    event = icalendar.Event()
    event.add("uid", booking.uid)
    event.add("dtstamp", stamp)
    event.add("dtstart", booking.begin)
    event.add("dtend", booking.end)
    event.add("summary", booking.title)
    event.add("description", booking.notes)
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("sequence", 1 if method == "CANCEL" else 0)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//STELLA//booking//EN")
    calendar.add("version", "2.0")
    if method:
        calendar.add("method", method)
    calendar.add_component(event)
    text: str = calendar.to_ical().decode()
    return text
