"""An MCP server over stdin and stdout, by the official SDK: what a company would run beside STELLA."""

from __future__ import annotations

import os
import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("beside")


@server.tool()
def free_slots(day: str) -> str:
    """Says what is free on a day."""
    return f"{day}: ten o'clock"


@server.tool()
def told() -> str:
    """Says what this program was told by its environment."""
    return f"{os.environ.get('SHOP_KEY')} {'TWILIO_AUTH_TOKEN' in os.environ}"


@server.tool()
def die() -> str:
    """Ends the program in the middle of a use."""
    os._exit(3)


if __name__ == "__main__":
    sys.stderr.write("loud words for people\n")
    server.run("stdio")
