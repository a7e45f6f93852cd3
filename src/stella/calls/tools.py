"""The tools of one call: arguments checked, uses counted and bounded, outside effects carried out once.

A model may be talked into anything, so nothing here trusts it: it names a tool and gives arguments of the tool's types,
and that is all it can do (FAULTS D10, D11, D13).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import msgspec
import structlog

from stella.domain.acts import Act, UsedTool
from stella.domain.call import ToolUse
from stella.ports.failure import ProviderError
from stella.ports.language import ToolCall, ToolSpec
from stella.ports.tool import Tool, ToolAnswer, ToolFacts

_log = structlog.get_logger("stella.tools")

RESULT_MOST = 4_000
"""Characters of a result that a model and the record get."""
ARGUMENTS_MOST = 8_000
USES_PER_TURN = 6
USES_PER_CALL = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is told to the model, and what happens in the call."""

    text: str
    failed: bool
    acts: tuple[Act, ...]


class Toolbox:
    """One call's tools and what was done with them."""

    def __init__(self, tools: Sequence[Tool], clock: Callable[[], float]) -> None:
        """`clock` in seconds, for how long a use took."""
        self._tools = {tool.name: tool for tool in tools}
        self.specs = tuple(spec_of(tool) for tool in tools)
        self._clock = clock
        self._uses = self._turn_uses = 0
        self._once: dict[str, asyncio.Task[ToolAnswer]] = {}

    def new_turn(self) -> None:
        """The caller has spoken: a new turn's uses are counted."""
        self._turn_uses = 0

    async def use(self, call: ToolCall, facts: ToolFacts) -> Outcome:
        """Carry a call out, or say why not. Never raises but for cancellation."""
        began = self._clock()
        tool = self._tools.get(call.name)
        self._uses += 1
        self._turn_uses += 1
        if tool is None:
            return self._told(call, {}, ToolAnswer("There is no such tool.", error="unknown-tool"), began)
        if self._uses > USES_PER_CALL or self._turn_uses > USES_PER_TURN:
            return self._told(call, {}, ToolAnswer("Too many tools. Answer in words now.", error="too-many"), began)
        try:
            given = _arguments(call, tool)
        except msgspec.ValidationError as fault:
            return self._told(call, {}, ToolAnswer(f"Wrong arguments: {str(fault)[:200]}", error="arguments"), began)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return self._told(call, {}, ToolAnswer("The arguments are not JSON.", error="arguments"), began)
        shown: dict[str, Any] = msgspec.to_builtins(given)
        return self._told(call, shown, await self._carry_out(tool, given, shown, facts), began)

    async def _carry_out(
        self, tool: Tool, given: msgspec.Struct, shown: dict[str, Any], facts: ToolFacts
    ) -> ToolAnswer:
        key = key_of(facts.call_sid, tool.name, shown)
        facts = replace(facts, key=key)
        if not tool.outside:
            return await _tried(tool, given, facts)
        before = self._once.get(key)
        if before is None or (before.done() and (before.cancelled() or before.result().error)):
            before = asyncio.get_running_loop().create_task(_tried(tool, given, facts), name=f"tool-{tool.name}")
            self._once[key] = before
        # A caller who interrupts stops the reply, not what was begun outside: asked again, its result is there.
        return await asyncio.shield(before)

    def _told(self, call: ToolCall, shown: Mapping[str, Any], answer: ToolAnswer, began: float) -> Outcome:
        text = answer.text[:RESULT_MOST]
        arguments = dict(answer.record if answer.record is not None else shown)
        use = ToolUse(call.name[:80], arguments, text, error=answer.error)
        return Outcome(text, answer.error is not None, (*answer.acts, UsedTool(use, self._clock() - began)))

    async def close(self) -> None:
        """The call is over: what was begun outside may still end, each within its deadline."""
        waiting = [task for task in self._once.values() if not task.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=10)
        for task in waiting:
            task.cancel()


async def _tried(tool: Tool, given: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
    try:
        async with asyncio.timeout(tool.deadline_s):
            return await tool.use(given, facts)
    except TimeoutError:
        return ToolAnswer("It takes too long and was given up. Tell the caller.", error="timeout")
    except ProviderError as failure:
        _log.warning("tool-failed", tool=tool.name, code=failure.code)
        return ToolAnswer("It does not work at the moment. Tell the caller.", error=failure.code)
    except Exception as fault:  # noqa: BLE001 a tool of somebody else's must cost a use, not the call
        # Not the traceback: an exception's text may hold what the caller said.
        _log.error("tool-broke", tool=tool.name, fault=type(fault).__name__)
        return ToolAnswer("It does not work. Tell the caller.", error="broken")


def _arguments(call: ToolCall, tool: Tool) -> msgspec.Struct:
    if len(call.arguments) > ARGUMENTS_MOST:
        raise msgspec.ValidationError("they are too long")
    given: msgspec.Struct = msgspec.json.decode(call.arguments or "{}", type=tool.arguments)
    return given


def key_of(call_sid: str, name: str, arguments: Mapping[str, Any]) -> str:
    """The same for the same call, tool and arguments."""
    whole = msgspec.json.encode([call_sid, name, arguments], order="sorted")
    return hashlib.sha256(whole).hexdigest()[:32]


def spec_of(tool: Tool) -> ToolSpec:
    """A tool as a model sees it: one schema without references, which not every vendor follows."""
    return ToolSpec(tool.name, tool.description, _schema(tool.arguments))


@lru_cache(maxsize=1000)
def _schema(arguments: type[msgspec.Struct]) -> Mapping[str, Any]:
    schema = msgspec.json.schema(arguments)
    parts = schema.pop("$defs", {})
    root = _inlined(schema, parts, 0)
    return {"type": "object", "properties": root.get("properties", {}), "required": root.get("required", [])}


def _inlined(node: Any, parts: Mapping[str, Any], depth: int) -> Any:
    if depth > 20:
        return {}
    if isinstance(node, list):
        return [_inlined(item, parts, depth + 1) for item in node]
    if not isinstance(node, dict):
        return node
    if reference := node.get("$ref"):
        return _inlined(parts.get(reference.rpartition("/")[2], {}), parts, depth + 1)
    return {key: _inlined(value, parts, depth + 1) for key, value in node.items()}
