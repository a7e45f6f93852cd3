"""A CalDAV calendar over real HTTP: what is taken, one entry a time, and never two people at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from inside_addresses import inside
from tests.adapters.calendar.dav import Dav, dav_server

from stella.adapters.calendar import CalDavCalendar
from stella.adapters.http_tool import ToolSessions
from stella.ports.calendar import Booking
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable

VIENNA = ZoneInfo("Europe/Vienna")
NOON = datetime(2026, 12, 1, 11, 0, tzinfo=UTC)


def booking(begin: datetime = NOON, minutes: int = 30, uid: str = "stella-a", title: str = "Schnitt: Huber") -> Booking:
    """An appointment."""
    return Booking(uid, "CA1", begin, begin + timedelta(minutes=minutes), title, "Huber, +436601234567\nSTELLA CA1")


@pytest.fixture
async def dav() -> AsyncIterator[Dav]:
    """A fresh server."""
    async with dav_server() as running:
        yield running


@pytest.fixture
async def sessions() -> AsyncIterator[ToolSessions]:
    """Public and private."""
    both = ToolSessions()
    yield both
    await both.close()


@pytest.fixture
def calendar(dav: Dav, sessions: ToolSessions) -> CalDavCalendar:
    """The office's."""
    return CalDavCalendar(sessions.private, dav.url, (dav.user, dav.password), VIENNA)


def hours(taken: list[tuple[datetime, datetime]]) -> list[str]:
    """As on the wall in Vienna."""
    return [f"{begin.astimezone(VIENNA):%d %H:%M}-{end.astimezone(VIENNA):%H:%M}" for begin, end in taken]


async def test_what_is_taken_is_found_in_every_dress(dav: Dav, calendar: CalDavCalendar) -> None:
    """UTC, with a zone, floating, a whole day, recurring, with exceptions; what is free or cancelled is not in the way."""
    dav.enter("utc", ":20261201T090000Z", ":20261201T093000Z")
    dav.enter("zone", ";TZID=Europe/Vienna:20261201T120000", ";TZID=Europe/Vienna:20261201T123000")
    dav.enter("floating", ":20261201T140000", ":20261201T143000")
    dav.enter("daily", ";TZID=Europe/Vienna:20261001T080000", ";TZID=Europe/Vienna:20261001T083000",
              RRULE="FREQ=DAILY", EXDATE="20261202T080000")  # fmt: skip
    dav.enter("free", ":20261201T150000Z", ":20261201T160000Z", TRANSP="TRANSPARENT")
    dav.enter("gone", ":20261201T150000Z", ":20261201T160000Z", STATUS="CANCELLED")
    dav.enter("other-day", ":20261205T150000Z", ":20261205T160000Z")
    dav.enter("holiday", ";VALUE=DATE:20261203", ";VALUE=DATE:20261204")
    day = datetime(2026, 11, 30, 23, tzinfo=UTC)
    taken = list(await calendar.busy(day, day + timedelta(days=1)))
    assert hours(taken) == ["01 08:00-08:30", "01 10:00-10:30", "01 12:00-12:30", "01 14:00-14:30"]
    third = list(await calendar.busy(day + timedelta(days=2), day + timedelta(days=3)))
    assert (day + timedelta(days=2), day + timedelta(days=3)) in third


async def test_a_weekly_hour_stays_on_the_wall_when_clocks_are_changed(dav: Dav, calendar: CalDavCalendar) -> None:
    """Ten o'clock is eight in UTC in summer and nine in winter."""
    dav.enter(
        "weekly", ";TZID=Europe/Vienna:20261020T100000", ";TZID=Europe/Vienna:20261020T110000", RRULE="FREQ=WEEKLY"
    )
    begin = datetime(2026, 10, 19, tzinfo=UTC)
    taken = list(await calendar.busy(begin, begin + timedelta(days=14)))
    assert [each[0].hour for each in taken] == [8, 9] and hours(taken) == ["20 10:00-11:00", "27 10:00-11:00"]


async def test_an_appointment_is_entered_once(dav: Dav, calendar: CalDavCalendar) -> None:
    """Twice the same is once; the caller's words cannot end a line of the file."""
    evil = booking(title="Schnitt: Huber\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nATTENDEE:mailto:x@evil.example")
    assert await calendar.add(evil) and await calendar.add(evil)
    ((name, text),) = dav.resources.items()
    assert name == "stella-20261201T110000Z.ics"
    assert text.count("\r\nBEGIN:VEVENT") == 1 and "\r\nATTENDEE" not in text
    assert hours(list(await calendar.busy(NOON, NOON + timedelta(hours=1)))) == ["01 12:00-12:30"]


async def test_two_callers_at_once_get_one_time_between_them(dav: Dav, calendar: CalDavCalendar) -> None:
    """The same time, and times that overlap, from two of our processes: exactly one stands, the other is told."""
    for other_begin, minutes in ((NOON, 30), (NOON + timedelta(minutes=15), 30), (NOON - timedelta(minutes=15), 60)):
        dav.resources.clear()
        first, second = booking(uid="stella-a"), booking(other_begin, minutes, "stella-b")
        told = await asyncio.gather(calendar.add(first), calendar.add(second))
        assert sorted(told) == [False, True]
        assert len(dav.resources) == 1


async def test_a_person_who_enters_something_meanwhile_goes_first(dav: Dav, calendar: CalDavCalendar) -> None:
    """Between our look and our entry; ours is taken out again."""
    dav.enter("person", ":20261201T111500Z", ":20261201T114500Z")
    dav.before_put = [("person.ics", dav.resources.pop("person.ics"))]
    assert not await calendar.add(booking())
    assert list(dav.resources) == ["person.ics"]


@pytest.mark.parametrize("status", [500, 502])
async def test_an_answer_that_is_lost_is_found_again(dav: Dav, calendar: CalDavCalendar, status: int) -> None:
    """The entry was made: asking again says so and makes no second."""
    dav.faults.append(("PUT", status, True))
    with pytest.raises(Unavailable) as failed:
        await calendar.add(booking())
    assert failed.value.code == "no-answer"
    assert await calendar.add(booking()) and len(dav.resources) == 1


async def test_a_line_that_drops_behind_the_entry_costs_nothing(dav: Dav, calendar: CalDavCalendar) -> None:
    """A PUT may be sent again by whoever carries it: the second one finds the first."""
    dav.faults.append(("PUT", 0, True))
    with contextlib.suppress(Unavailable):
        assert await calendar.add(booking())
    assert await calendar.add(booking()) and len(dav.resources) == 1


async def test_only_ours_is_taken_out(dav: Dav, calendar: CalDavCalendar) -> None:
    """Somebody may have taken the time since, under the same name."""
    ours = booking()
    await calendar.add(ours)
    await calendar.remove(replace(ours, uid="stella-other"))
    assert len(dav.resources) == 1
    await calendar.remove(ours)
    await calendar.remove(ours)
    assert dav.resources == {}


async def test_failures_are_told_and_nothing_is_followed(dav: Dav, sessions: ToolSessions) -> None:
    """A wrong password, a wrong place, a server in trouble, something that is no calendar."""
    span = (NOON, NOON + timedelta(hours=1))
    wrong = CalDavCalendar(sessions.private, dav.url, ("office", "wrong"), VIENNA)
    with pytest.raises(Rejected, match="http-401"):
        await wrong.busy(*span)
    good = CalDavCalendar(sessions.private, dav.url, (dav.user, dav.password), VIENNA)
    for status in (301, 302, 307, 403, 404):
        dav.faults.append(("REPORT", status, False))
        with pytest.raises(Rejected):
            await good.busy(*span)
    dav.faults.append(("REPORT", 503, False))
    with pytest.raises(Unavailable):
        await good.busy(*span)
    bombs = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><D:multistatus xmlns:D="DAV:">&b;</D:multistatus>'
    for answer in ("<html>", "not xml", bombs, "<x/>", "x" * 6_000_000):
        dav.answer = answer
        with pytest.raises((Malformed, Unavailable)):
            await good.busy(*span)


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY;INTERVAL=1"])
async def test_a_rule_without_end_costs_nothing(dav: Dav, calendar: CalDavCalendar, rule: str) -> None:
    """A calendar that anybody can write into must not hold up the calls."""
    dav.enter("mad", ":20200101T000000Z", ":20200101T000001Z", RRULE=rule)
    dav.answer = (
        '<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:response><D:propstat><D:prop>'
        f"<C:calendar-data>{dav.resources['mad.ics']}</C:calendar-data></D:prop></D:propstat></D:response></D:multistatus>"
    )
    assert list(await calendar.busy(NOON, NOON + timedelta(days=60))) == []


async def test_a_public_calendar_never_leads_inside(dav: Dav, sessions: ToolSessions) -> None:
    """FAULTS D01: canary hits 0 of all addresses."""
    port = int(dav.url.split(":")[2].split("/")[0])
    urls = inside(port)
    assert len(urls) >= 150
    for url in urls:
        calendar = CalDavCalendar(sessions.public, url, (dav.user, dav.password), VIENNA)
        with pytest.raises(ProviderError):
            await calendar.busy(NOON, NOON + timedelta(hours=1))
    assert dav.seen == []
