"""MCP servers need the extra `mcp`: it is asked for when an agent file names one, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stella.adapters.http_tool import ToolSessions
from stella.domain.errors import ConfigError

if TYPE_CHECKING:
    from stella.adapters.mcp_tool import McpServers

SETTLE_S = 5.0
"""How long a start waits for servers; one that comes later is there for the calls that begin then."""


def open_mcp_servers(sessions: ToolSessions | None) -> McpServers:
    """The process's servers, none of them begun. Raises ConfigError with the mend."""
    if sessions is None:
        raise ConfigError("mcp: an MCP server needs a network")
    try:
        from stella.adapters.mcp_tool import McpServers
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"mcp: the agent file names an MCP server, and {missing.name} is not installed; "
            "install the extra: pip install 'stella-voice[mcp]'"
        ) from None
    return McpServers(sessions.public, sessions.private)
