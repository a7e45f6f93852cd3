"""What the models of an agent may use: the built-in tools, the agent file's own, and those of its MCP servers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stella.adapters.http_tool import ToolSessions
from stella.app.mcp_servers import SETTLE_S, open_mcp_servers
from stella.app.own_tools import own_tools
from stella.calls.builtin_tools import built_in
from stella.calls.tools import Toolboxes
from stella.domain.agent import Agent
from stella.ports.company import Company
from stella.ports.store import Outbox
from stella.ports.tool import Tool

if TYPE_CHECKING:
    from stella.adapters.mcp_tool import McpServers


class Toolkit:
    """The process's tools. What stands behind them (connections, servers) is shared by all agents and calls."""

    def __init__(self, outbox: Outbox, sessions: ToolSessions | None = None) -> None:
        """Without sessions only what needs no network can be used. They are closed by their owner."""
        self._outbox, self._sessions = outbox, sessions
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

        def tools() -> list[Tool]:
            return [*ours(), *own, *(tool for server in servers for tool in server.tools)]

        return Toolboxes(tools, time.monotonic)

    async def settled(self) -> None:
        """Give servers that were just begun a moment, so that the first calls have their tools. Never raises."""
        if self._mcp is not None:
            await self._mcp.settled(SETTLE_S)

    async def close(self) -> None:
        """Let go of what was opened here."""
        if self._mcp is not None:
            await self._mcp.close()
