"""One tool of an MCP server. What it may cost is said by the agent file: a server's own hints are not believed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import mcp_types
import msgspec

from stella.adapters.mcp_tool.schema import arguments_of, shown
from stella.domain.agent import McpSetup
from stella.ports.tool import Care, ToolAnswer, ToolFacts

DESCRIPTION_MOST = 600
ANSWER_MOST = 16_000
"""Characters of a result; more is refused, because half a result may be read as a whole one."""
NAME_MOST = 60
"""No vendor of models takes more than 64."""

KEY = "stella/idempotency-key"
"""In `_meta` of a call: the same for the same call, tool and arguments."""

Carry = Callable[[str, dict[str, Any], float, dict[str, Any]], Awaitable[mcp_types.CallToolResult]]
"""Name, arguments, deadline and `_meta` of a use, carried out by the server's connection. Raises ProviderError."""


class McpTool:
    """Keeps `Tool`."""

    def __init__(self, setup: McpSetup, told: mcp_types.Tool, carry: Carry) -> None:
        """`told` as the server lists it. Raises UnfitSchema."""
        plain = re.sub(r"[^A-Za-z0-9_]", "_", told.name)
        self.name = f"{setup.name}_{plain}"[:NAME_MOST]
        words = " ".join("".join(sign if sign.isprintable() else " " for sign in told.description or told.name).split())
        self.description = words[:DESCRIPTION_MOST]
        self.deadline_s = setup.deadline_s
        self.outside = told.name not in setup.reads
        self.care = Care(confirm=told.name in setup.confirm, most=setup.most)
        self.arguments: type[msgspec.Struct] = arguments_of(self.name, told.input_schema)
        self.schema: Mapping[str, Any] = shown(told.input_schema)
        self._theirs, self._carry = told.name, carry

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        given: dict[str, Any] = msgspec.to_builtins(arguments)
        result = await self._carry(self._theirs, given, self.deadline_s, {KEY: facts.key})
        text = _text(result)
        if len(text) > ANSWER_MOST:
            return ToolAnswer("Its answer was too long to be used. Tell the caller.", error="answer-size")
        if result.is_error:
            return ToolAnswer(text or "It did not work. Tell the caller.", error="refused")
        return ToolAnswer(text or "done")


def _text(result: mcp_types.CallToolResult) -> str:
    """Its words; pictures, sounds and links are no answer on a telephone."""
    words = [block.text for block in result.content if isinstance(block, mcp_types.TextContent)]
    if not words and result.structured_content is not None:
        return msgspec.json.encode(result.structured_content).decode()
    return "\n".join(words)
