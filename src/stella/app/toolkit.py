"""What the models of an agent may use: the built-in tools, the agent file's own, and those of its MCP servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stella.adapters.http_tool import ToolSessions
from stella.app.booking import ask_once, booking_desk
from stella.app.mcp_servers import SETTLE_S, open_mcp_servers
from stella.app.own_tools import own_tools
from stella.app.phone_number import takes_texts
from stella.calls.booking_tools import Desk, booking_tools
from stella.calls.builtin_tools import built_in
from stella.calls.sms_tool import SendSms, Sent
from stella.calls.tools import Toolboxes
from stella.domain.agent import Agent
from stella.domain.errors import ConfigError
from stella.ports.company import Company
from stella.ports.store import DirectOutbox, KeptOutbox, Outbox
from stella.ports.tool import Tool

if TYPE_CHECKING:
    from stella.adapters.mcp_tool import McpServers


@dataclass(frozen=True, slots=True)
class TextDesk:
    """Where texts to callers are handed in, and why none can be sent under a sender's name (empty: it can)."""

    outbox: DirectOutbox
    why_not: Callable[[str], str]


class Toolkit:
    """The process's tools. What stands behind them (connections, servers) is shared by all agents and calls."""

    def __init__(
        self,
        outbox: Outbox,
        sessions: ToolSessions | None = None,
        texts: TextDesk | None = None,
        kept: KeptOutbox | None = None,
    ) -> None:
        """Without sessions only what needs no network can be used, without `texts` none can be sent, without
        `kept` nothing can be booked into a calendar that is only read. Sessions are closed by their owner."""
        self._outbox, self._sessions, self._texts, self._kept = outbox, sessions, texts, kept
        self._sent = Sent(time.monotonic)
        self._locks: dict[str, asyncio.Lock] = {}
        self._calendars: list[tuple[str, Desk]] = []
        self._mcp: McpServers | None = None

    def toolboxes(self, agent: Agent, company: Company, more: Sequence[Tool] = ()) -> Toolboxes:
        """Shared by all brains of the agent: what one did before it failed, the next does not do again. `more` are a
        program's own.

        Raises ConfigError with what is missing.
        """
        ours, own = built_in(agent, company, self._outbox), [*own_tools(agent, self._sessions), *more]
        if agent.mcp and self._mcp is None:
            self._mcp = open_mcp_servers(self._sessions)
        servers = self._mcp.of(agent.mcp) if self._mcp is not None else []

        desks = self._desks(agent)
        desk = self._booking_desk(agent) if agent.booking is not None else None

        def tools() -> list[Tool]:
            booking = booking_tools(desk) if desk is not None else []
            return [*ours(), *desks, *booking, *own, *(tool for server in servers for tool in server.tools)]

        return Toolboxes(tools, time.monotonic)

    def _desks(self, agent: Agent) -> list[Tool]:
        """Built-in tools that an agent file sets up."""
        desks: list[Tool] = []
        if agent.sms is not None:
            why = self._texts.why_not(agent.sms.sender) if self._texts is not None else "there is no outbox"
            if self._texts is None or why:
                raise ConfigError(f"sms: the agent file sends texts, and {why}; or take [sms] out")
            desks.append(SendSms(agent.sms, self._texts.outbox, self._sent, takes_texts))
        return desks

    def _booking_desk(self, agent: Agent) -> Desk:
        """One for all calls of an agent, so that one entry is made at a time."""
        if self._sessions is None:
            raise ConfigError("booking: a calendar needs a network")
        desk = booking_desk(agent, self._sessions, self._kept, self._locks.setdefault(agent.name, asyncio.Lock()))
        self._calendars.append((agent.name, desk))
        return desk

    async def settled(self) -> None:
        """Give servers that were just begun a moment, so that the first calls have their tools, and ask calendars whether
        they let us in. Never raises."""
        new, self._calendars = self._calendars, []
        await asyncio.gather(
            *(ask_once(name, desk.calendar) for name, desk in new),
            *([self._mcp.settled(SETTLE_S)] if self._mcp is not None else []),
        )

    async def close(self) -> None:
        """Let go of what was opened here."""
        if self._mcp is not None:
            await self._mcp.close()
