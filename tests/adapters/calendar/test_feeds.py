"""Calendars that can only be read: feeds over real HTTP, and bookings that go out and count as taken from then on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from aiohttp import web
from inside_addresses import inside
from tests.adapters.calendar.dav import Dav

from stella.adapters.calendar import FeedCalendar
from stella.adapters.http_tool import ToolSessions
from stella.ports.calendar import Booking
from stella.ports.failure import Malformed, ProviderError, Rejected

VIENNA = ZoneInfo("Europe/Vienna")
NOON = datetime(2026, 12, 1, 11, 0, tzinfo=UTC)


def booking(begin: datetime = NOON, uid: str = "stella-a") -> Booking:
    """An appointment."""
    return Booking(uid, "CA1", begin, begin + timedelta(minutes=30), "Schnitt: Huber", "Huber, +436601234567")


@dataclass
class Feeds:
    """Two feeds on a port of this machine, and an outbox that remembers."""

    urls: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    status: int = 200
    hits: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)

    async def tell(self, kind: str, made: Booking, fields: dict[str, Any]) -> None:
        """As the outbox does."""
        self.told.append({**fields, "kind": kind})

    async def kept(self) -> list[dict[str, Any]]:
        """As the outbox does."""
        return self.told


@pytest.fixture
async def feeds() -> AsyncIterator[Feeds]:
    """The office's and the workshop's."""
    made, paper = Feeds(), Dav()
    paper.enter("office", ":20261201T090000Z", ":20261201T093000Z")
    paper.enter(
        "workshop", ";TZID=Europe/Vienna:20261130T140000", ";TZID=Europe/Vienna:20261130T150000", RRULE="FREQ=DAILY"
    )
    made.texts = list(paper.resources.values())

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        made.hits += 1
        return web.Response(status=made.status, text=made.texts[int(request.path[1])], content_type="text/calendar")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.urls = [f"http://127.0.0.1:{runner.addresses[0][1]}/{number}.ics" for number in range(2)]
    yield made
    await runner.cleanup()


@pytest.fixture
async def sessions() -> AsyncIterator[ToolSessions]:
    """Public and private."""
    both = ToolSessions()
    yield both
    await both.close()


def calendar(feeds: Feeds, sessions: ToolSessions) -> FeedCalendar:
    """As a process has it; another one is a restart."""
    return FeedCalendar(sessions.private, feeds.urls, VIENNA, feeds.tell, feeds.kept)


async def test_what_is_taken_in_any_feed_is_taken(feeds: Feeds, sessions: ToolSessions) -> None:
    """And a feed is not fetched for every question of one talk."""
    at = calendar(feeds, sessions)
    for _ in range(3):
        taken = list(await at.busy(NOON - timedelta(hours=3), NOON + timedelta(hours=3)))
        assert [begin.hour for begin, _ in taken] == [9, 13]
    assert feeds.hits == 2


async def test_a_booking_goes_out_as_an_invitation_and_counts_from_then_on(
    feeds: Feeds, sessions: ToolSessions
) -> None:
    """Also after a restart, until somebody has entered it, and not twice when they have."""
    assert await calendar(feeds, sessions).add(booking())
    (told,) = feeds.told
    event = icalendar.Calendar.from_ical(told["ics"]).walk("VEVENT")[0]
    assert str(event["SUMMARY"]) == "Schnitt: Huber" and event["DTSTART"].dt == NOON
    again = calendar(feeds, sessions)
    assert (NOON, NOON + timedelta(minutes=30)) in await again.busy(NOON, NOON + timedelta(hours=1))
    assert not await again.add(booking(NOON + timedelta(minutes=15), "stella-b"))
    assert await again.add(booking()) and len(feeds.told) == 1
    feeds.texts[0] = told["ics"]
    assert await calendar(feeds, sessions).add(booking()) and len(feeds.told) == 1


async def test_what_stands_in_a_feed_is_not_booked(feeds: Feeds, sessions: ToolSessions) -> None:
    """Somebody entered it a moment ago."""
    taken = booking(datetime(2026, 12, 1, 9, 15, tzinfo=UTC))
    assert not await calendar(feeds, sessions).add(taken) and feeds.told == []


async def test_what_was_taken_back_is_free_again(feeds: Feeds, sessions: ToolSessions) -> None:
    """The company is told, too."""
    at = calendar(feeds, sessions)
    await at.add(booking())
    await at.remove(booking())
    assert [each["kind"] for each in feeds.told] == ["booking", "booking-cancelled"]
    assert "STATUS:CANCELLED" in feeds.told[1]["ics"]
    assert await at.add(booking(uid="stella-c"))


async def test_a_feed_that_fails_is_not_taken_for_an_empty_one(feeds: Feeds, sessions: ToolSessions) -> None:
    """Otherwise everything would be free."""
    feeds.status = 404
    with pytest.raises(Rejected):
        await calendar(feeds, sessions).busy(NOON, NOON + timedelta(hours=1))
    feeds.status, feeds.texts[1] = 200, "<html>sign in</html>"
    with pytest.raises(Malformed):
        await calendar(feeds, sessions).busy(NOON, NOON + timedelta(hours=1))
    with pytest.raises(ProviderError):
        await calendar(feeds, sessions).add(booking())
    assert feeds.told == []


async def test_a_public_feed_never_leads_inside(feeds: Feeds, sessions: ToolSessions) -> None:
    """FAULTS D01: canary hits 0 of all addresses."""
    urls = inside(int(feeds.urls[0].split(":")[2].split("/")[0]))
    assert len(urls) >= 150
    at = [FeedCalendar(sessions.public, [url], VIENNA, feeds.tell, feeds.kept) for url in urls]
    told = await asyncio.gather(*(each.busy(NOON, NOON + timedelta(hours=1)) for each in at), return_exceptions=True)
    assert all(isinstance(each, ProviderError) for each in told)
    assert feeds.hits == 0
