"""What an agent file's tools need is asked for when it names them, and is missing in words."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from stella.adapters.calendar import FeedCalendar
from stella.adapters.http_tool import ToolSessions
from stella.adapters.sql import open_store
from stella.adapters.sql.outbox import SqlOutbox
from stella.app.booking import booking_desk
from stella.app.settings import load_settings
from stella.app.texts import why_no_texts
from stella.app.toolkit import TextDesk, Toolkit
from stella.domain.agent import Agent, BookingSetup, Hours, LanguageSetup, McpSetup, NotifyTarget, Service, SmsSetup
from stella.domain.errors import ConfigError
from stella.domain.phrases import PHRASES_EN
from stella.ports.calendar import Booking
from stella.ports.company import Page
from stella.ports.store import Notice

AGENT = Agent("office", "Vintaro", (LanguageSetup("en", "en-GB", "", "", PHRASES_EN),))
GONE = replace(AGENT, mcp=(McpSetup("gone", ("find",), "http://127.0.0.1:9/mcp", network="private"),))


class House:
    """A company and an outbox that keep nothing."""

    async def understand(self, question: str) -> None:
        """As the port."""

    def search(self, question: str, language: str) -> list[Page]:
        """As the port."""
        return []

    def week(self) -> str:
        """As the port."""
        return ""

    def clock(self, now: datetime) -> str:
        """As the port."""
        return ""

    def is_open(self, now: datetime) -> bool:
        """As the port."""
        return True

    async def put(self, notice: Notice, agent: str) -> None:
        """As the port."""

    async def pending(self) -> int:
        """As the port."""
        return 0


def names(toolkit: Toolkit, agent: Agent) -> list[str]:
    """The tools a call gets."""
    return [spec.name for spec in toolkit.toolboxes(agent, House()).of("CA1").specs]


async def test_a_server_that_is_away_costs_its_tools_and_not_the_start() -> None:
    """A warning, and the others are there."""
    sessions = ToolSessions()
    toolkit = Toolkit(House(), sessions)
    assert names(toolkit, GONE) == ["take_message", "end_call", "knowledge_search"]
    await toolkit.settled()
    assert names(toolkit, GONE) == ["take_message", "end_call", "knowledge_search"]
    await toolkit.close()
    await sessions.close()


async def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, with the command that mends it; nobody else needs it."""
    for name in [name for name in sys.modules if name.startswith("stella.adapters.mcp_tool")]:
        monkeypatch.delitem(sys.modules, name)
    hidden: Any = None
    monkeypatch.setitem(sys.modules, "mcp", hidden)
    sessions = ToolSessions()
    toolkit = Toolkit(House(), sessions)
    with pytest.raises(ConfigError, match=r"stella-voice\[mcp\]"):
        toolkit.toolboxes(GONE, House())
    assert names(toolkit, AGENT)
    await sessions.close()
    with pytest.raises(ConfigError, match="network"):
        Toolkit(House()).toolboxes(GONE, House())


async def test_texts_without_an_account_are_refused_at_the_start() -> None:
    """Not in the middle of a call, and with what is missing."""
    texting = replace(AGENT, sms=SmsSetup())
    for environ, why in (
        ({}, "TWILIO_ACCOUNT_SID"),
        ({"TWILIO_ACCOUNT_SID": "AC" + "a" * 32}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_ACCOUNT_SID": "AC" + "a" * 32, "TWILIO_AUTH_TOKEN": "b" * 32}, "TWILIO_NUMBER"),
    ):
        desk = TextDesk(Texts(), partial(why_no_texts, load_settings(environ)))
        with pytest.raises(ConfigError, match=why):
            Toolkit(House(), None, desk).toolboxes(texting, House())
    ready = load_settings(
        {"TWILIO_ACCOUNT_SID": "AC" + "a" * 32, "TWILIO_AUTH_TOKEN": "b" * 32, "TWILIO_NUMBER": "+4366412345678"}
    )
    desk = TextDesk(Texts(), partial(why_no_texts, ready))
    assert "send_sms" in names(Toolkit(House(), None, desk), texting)
    with pytest.raises(ConfigError, match="sms"):
        Toolkit(House()).toolboxes(texting, House())


class Texts:
    """Takes texts for callers."""

    async def put_to(self, notice: Notice, agent: str, target: NotifyTarget) -> None:
        """As the port."""


async def test_appointments_are_offered_where_a_calendar_is_named() -> None:
    """Three tools, each call its own; a calendar that does not answer is a warning at the start."""
    services = (Service("Haarschnitt", 30),)
    hours = Hours(weekly={0: ((time(9), time(17)),)})
    url = "http://127.0.0.1:9/dav/"
    booking = replace(AGENT, hours=hours, booking=BookingSetup(services, url, network="private"))
    feeds = replace(AGENT, hours=hours, booking=BookingSetup(services, feeds=(url,), network="private"))
    sessions = ToolSessions()
    toolkit = Toolkit(House(), sessions)
    assert [name for name in names(toolkit, booking) if name not in names(toolkit, AGENT)] == [
        "free_times", "book", "cancel_booking",
    ]  # fmt: skip
    with capture_logs() as told:
        await toolkit.settled()
    assert [line["event"] for line in told] == ["calendar-away"]
    with pytest.raises(ConfigError, match="outbox"):
        toolkit.toolboxes(feeds, House())
    with pytest.raises(ConfigError, match="network"):
        Toolkit(House()).toolboxes(booking, House())
    await sessions.close()


async def test_a_booking_that_goes_out_is_for_the_company_and_is_remembered(tmp_path: Path) -> None:
    """Feeds: through the outbox of the calls, with the appointment attached, and taken from then on."""
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", tmp_path)
    outbox = SqlOutbox(store, lambda _: (NotifyTarget("email", "office@example.com"),), {})
    setup = BookingSetup((Service("Haarschnitt", 30),), feeds=("http://127.0.0.1:9/a.ics",))
    office = replace(AGENT, hours=Hours(weekly={0: ((time(9), time(17)),)}), booking=setup)
    sessions = ToolSessions()
    desk = booking_desk(office, sessions, outbox, asyncio.Lock())
    begin = datetime(2026, 12, 1, 9, tzinfo=UTC)
    booking = Booking("stella-a", "CA1", begin, begin + timedelta(minutes=30), "Haarschnitt: Bo", "Bo, +436601234567")
    assert isinstance(desk.calendar, FeedCalendar)
    await desk.calendar._tell("booking", booking, {"uid": "stella-a", "ics": "BEGIN:VCALENDAR"})
    (fields,) = await outbox.kept(office.name, ("booking",))
    assert fields["uid"] == "stella-a" and await outbox.kept("other", ("booking",)) == []
    await outbox.close()
    await store.close()
    await sessions.close()
