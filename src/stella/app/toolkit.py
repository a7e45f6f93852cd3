"""What the models of an agent may use: the built-in tools, the agent file's own, and those of its MCP servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stella.adapters.http_tool import ToolSessions
from stella.app.mcp_servers import SETTLE_S, open_mcp_servers
from stella.app.own_tools import own_tools
from stella.app.phone_number import takes_texts
from stella.calls.builtin_tools import built_in
from stella.calls.sms_tool import SendSms, Sent
from stella.calls.tools import Toolboxes
from stella.domain.agent import Agent
from stella.domain.errors import ConfigError
from stella.ports.company import Company
from stella.ports.store import DirectOutbox, Outbox
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

    def __init__(self, outbox: Outbox, sessions: ToolSessions | None = None, texts: TextDesk | None = None) -> None:
        """Without sessions only what needs no network can be used, without `texts` none can be sent. Sessions are closed
        by their owner."""
        self._outbox, self._sessions, self._texts = outbox, sessions, texts
        self._sent = Sent(time.monotonic)
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

        def tools() -> list[Tool]:
            return [*ours(), *desks, *own, *(tool for server in servers for tool in server.tools)]

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

    async def settled(self) -> None:
        """Give servers that were just begun a moment, so that the first calls have their tools. Never raises."""
        if self._mcp is not None:
            await self._mcp.settled(SETTLE_S)

    async def close(self) -> None:
        """Let go of what was opened here."""
        if self._mcp is not None:
            await self._mcp.close()
