"""The appointments of an agent: its calendar, its hours, and where bookings go when the calendar can only be read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from stella.adapters.calendar import CalDavCalendar, FeedCalendar
from stella.adapters.http_tool import ToolSessions
from stella.app.company import AgentDiary
from stella.calls.booking_tools import Desk
from stella.domain.agent import Agent
from stella.domain.clock_words import day_aloud, time_aloud
from stella.domain.errors import ConfigError
from stella.ports.calendar import Booking, Calendar
from stella.ports.failure import ProviderError
from stella.ports.store import KeptOutbox, Notice

_log = structlog.get_logger("stella.booking")

KINDS = ("booking", "booking-cancelled")
_WORDS = {
    "de": {"booking": "Termin", "booking-cancelled": "Termin abgesagt"},
    "en": {"booking": "Appointment", "booking-cancelled": "Appointment cancelled"},
}


def booking_desk(agent: Agent, sessions: ToolSessions, outbox: KeptOutbox | None, lock: asyncio.Lock) -> Desk:
    """Made once for an agent's version; all versions share the agent's `lock`. Raises ConfigError."""
    setup = agent.booking
    if setup is None:
        raise ConfigError("booking: the agent file has none")
    diary = AgentDiary(agent.hours)
    session = sessions.private if setup.network == "private" else sessions.public
    login = (setup.user, setup.password) if setup.user else None
    if setup.url:
        return Desk(setup, CalDavCalendar(session, setup.url, login, diary.zone), diary, lock)

    if outbox is None:
        raise ConfigError("booking: `feeds` need an outbox that keeps what was booked")

    async def tell(kind: str, booking: Booking, fields: dict[str, Any]) -> None:
        await outbox.put(_notice(agent, diary, kind, booking, fields), agent.name)

    async def told() -> Sequence[dict[str, Any]]:
        return await outbox.kept(agent.name, KINDS)

    return Desk(setup, FeedCalendar(session, setup.feeds, diary.zone, tell, told), diary, lock)


def _notice(agent: Agent, diary: AgentDiary, kind: str, booking: Booking, fields: dict[str, Any]) -> Notice:
    language = agent.languages[0].code
    here = booking.begin.astimezone(diary.zone)
    when = f"{day_aloud(here.date(), language)}, {time_aloud(here, language)}"
    words = _WORDS.get(language, _WORDS["en"])[kind]
    text = f"{booking.title}\n{when}\n{booking.notes}"
    return Notice(f"{booking.uid}-{kind}", booking.call_sid, kind, f"{words}: {booking.title}, {when}", text, fields)


async def ask_once(name: str, calendar: Calendar) -> None:
    """Whether the calendar answers us, said in the log at the start and not in a caller's ear."""
    now = datetime.now(UTC)
    try:
        await calendar.busy(now, now + timedelta(days=1))
    except ProviderError as failure:
        _log.warning(
            "calendar-away", agent=name, code=failure.code,
            mend="callers cannot book until it answers; check its address, `user` and `password` in [booking]",
        )  # fmt: skip
