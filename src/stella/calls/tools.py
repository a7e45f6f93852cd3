"""The tools of one call: arguments checked, uses counted and bounded, outside effects carried out once.

A model may be talked into anything, so nothing here trusts it: it names a tool and gives arguments of the tool's types,
and that is all it can do (FAULTS D10, D11, D13). What needs the caller's yes waits for it in `confirming`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import msgspec
import structlog

from stella.calls.astray import astray
from stella.calls.confirming import Confirming
from stella.domain.acts import Act, UsedTool
from stella.domain.call import ToolUse
from stella.domain.transcript import Turn
from stella.ports.failure import ProviderError
from stella.ports.language import ToolCall, ToolSpec
from stella.ports.tool import Described, Tool, ToolAnswer, ToolFacts

_log = structlog.get_logger("stella.tools")

T = TypeVar("T")

RESULT_MOST = 4_000
"""Characters of a result that a model and the record get."""
ARGUMENTS_MOST = 8_000
USES_PER_TURN = 6
USES_PER_CALL = 60
SECONDS_PER_TURN = 30.0
"""Of waiting for tools, all uses of a turn together: nobody holds a line longer."""
SECONDS_PER_CALL = 240.0
REMEMBERED_MOST = 20
"""Done uses that go on with a call to another process."""
UNKNOWN = frozenset({"timeout", "no-answer", "broken", "outcome-unknown"})
"""Failures after which an effect may have happened all the same."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is told to the model, and what happens in the call. `ask` is a question of ours: the turn ends behind it."""

    text: str
    failed: bool
    acts: tuple[Act, ...]
    ask: str = ""


class Toolbox:
    """One call's tools and what was done with them."""

    def __init__(self, tools: Sequence[Tool], clock: Callable[[], float]) -> None:
        """`clock` in seconds, for how long a use took."""
        self._tools = {tool.name: tool for tool in tools}
        self.specs = tuple(spec_of(tool) for tool in tools)
        self._clock = clock
        self._confirming = Confirming()
        self._uses = self._turn_uses = 0
        self._waited = self._turn_waited = 0.0
        self._different: Counter[str] = Counter()
        self._once: dict[str, asyncio.Task[ToolAnswer]] = {}
        self._before: dict[str, str] = {}
        self._left: dict[str, tuple[ToolCall, dict[str, Any], float]] = {}

    def new_turn(self, said: str = "", context: Sequence[Turn] = ()) -> list[tuple[str, Outcome]]:
        """The caller has spoken, and heard the agent's turns of `context` before it: a new turn's uses are counted.

        Returns name and outcome of what an interruption had left running and is done by now.
        """
        self._turn_uses, self._turn_waited = 0, 0.0
        self._confirming.turn(said, context)
        done = [key for key in self._left if key in self._once and self._once[key].done()]
        return [self._late(key) for key in done]

    def _late(self, key: str) -> tuple[str, Outcome]:
        call, shown, began = self._left.pop(key)
        task = self._once[key]
        answer = ToolAnswer("It was stopped.", error="stopped") if task.cancelled() else task.result()
        return call.name, self._told(call, shown, answer, began)

    async def use(self, call: ToolCall, facts: ToolFacts, turn_over: asyncio.Event | None = None) -> Outcome:
        """Carry a call out, or say why not. Nothing outside changes before `turn_over`, where there is one: a caller who
        goes on speaking takes the whole reply back. Never raises but for cancellation."""
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
        if turn_over is not None and (tool.outside or tool.care.confirm):
            await turn_over.wait()
            began = self._clock()
        facts = replace(facts, key=key_of(facts.call_sid, tool.name, shown))
        if tool.care.confirm and not self._settled(facts.key) and not self._confirming.allows(facts.key):
            if (answer := await self._looked(tool, given, facts)) is not None:
                return self._told(call, shown, answer, began)
            return self._asked(call, tool, given, facts, began)
        try:
            answer = await self._carry_out(tool, given, facts)
        except asyncio.CancelledError:
            if facts.key in self._once:
                self._left[facts.key] = (call, shown, began)
            raise
        finally:
            took = self._clock() - began
            self._waited += took
            self._turn_waited += took
        self._left.pop(facts.key, None)
        for undone in answer.undoes:
            self._once.pop(undone, None)
            self._before.pop(undone, None)
        return self._told(call, shown, answer, began)

    def _settled(self, key: str) -> bool:
        """Whether this was done, or begun, before: then its result is told and nothing is asked."""
        task = self._once.get(key)
        return key in self._before or (task is not None and (not task.done() or not _failed(task)))

    def _asked(self, call: ToolCall, tool: Tool, given: msgspec.Struct, facts: ToolFacts, began: float) -> Outcome:
        question = self._confirming.ask(tool, given, facts)
        if question is None:
            answer = ToolAnswer("Enough was asked in this call. Do without it.", error="too-many-questions")
            return self._told(call, {}, answer, began)
        told = (
            f"Not done yet; the caller is being asked: “{question.text}” Only after their yes, use {tool.name} once more "
            f"with exactly these arguments: {msgspec.json.encode(given).decode()}"
        )
        outcome = self._told(call, msgspec.to_builtins(given), ToolAnswer(told, error="unconfirmed"), began)
        return replace(outcome, ask=question.text)

    async def _looked(self, tool: Tool, given: msgspec.Struct, facts: ToolFacts) -> ToolAnswer | None:
        """What makes the question idle, if anything does."""
        first = tool.care.first
        if first is None:
            return None
        began = self._clock()
        patience = min(tool.deadline_s, SECONDS_PER_TURN - self._turn_waited, SECONDS_PER_CALL - self._waited)
        answer = await _bounded(tool.name, lambda: first(given, facts), max(0.0, patience))
        took = self._clock() - began
        self._waited += took
        self._turn_waited += took
        return answer

    async def _carry_out(self, tool: Tool, given: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        patience = min(tool.deadline_s, SECONDS_PER_TURN - self._turn_waited, SECONDS_PER_CALL - self._waited)
        if patience <= 0:
            return ToolAnswer("Tools have taken too long. Answer in words now.", error="too-long")
        key = facts.key
        if not tool.outside:
            return await _tried(tool, given, facts, patience)
        if key in self._before:
            return ToolAnswer(self._before[key])
        task = self._once.get(key)
        if task is not None and task.done() and _failed(task):
            if not tool.care.repeats and not task.cancelled() and task.result().error in UNKNOWN:
                return ToolAnswer(
                    "It is not known whether it was done, so it is not done twice. Say so, and offer to take a message.",
                    error="outcome-unknown",
                )
            task = None
        if task is None:
            if key not in self._once and self._different[tool.name] >= tool.care.most:
                return ToolAnswer("It was used often enough in this call. Say so.", error="enough")
            self._different[tool.name] += key not in self._once
            task = asyncio.get_running_loop().create_task(
                _tried(tool, given, facts, patience), name=f"tool-{tool.name}"
            )
            self._once[key] = task
        # A caller who interrupts stops the reply, not what was begun outside: asked again, its result is there.
        return await asyncio.shield(task)

    def _told(self, call: ToolCall, shown: Mapping[str, Any], answer: ToolAnswer, began: float) -> Outcome:
        text = answer.text[:RESULT_MOST]
        arguments = dict(answer.record if answer.record is not None else shown)
        use = ToolUse(call.name[:80], arguments, text, error=answer.error)
        return Outcome(text, answer.error is not None, (*answer.acts, UsedTool(use, self._clock() - began)))

    def done(self) -> dict[str, str]:
        """What was done outside, by key: whoever goes on with the call must not do it again."""
        made = {key: task.result().text for key, task in self._once.items() if task.done() and not _failed(task)}
        return dict([*self._before.items(), *((key, text[:200]) for key, text in made.items())][-REMEMBERED_MOST:])

    def remember(self, done: Mapping[str, str]) -> None:
        """What was done before this process went on with the call."""
        self._before.update(done)

    async def close(self) -> None:
        """The call is over: what was begun outside may still end, each within its deadline."""
        waiting = [task for task in self._once.values() if not task.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=10)
        for task in waiting:
            task.cancel()


class Toolboxes:
    """One toolbox a call, whichever brain or path of it asks: what one has done, the next does not do again."""

    def __init__(self, tools: Callable[[], Sequence[Tool]], clock: Callable[[], float]) -> None:
        """`tools` gives a call its tools."""
        self._tools, self._clock = tools, clock
        self._open: WeakValueDictionary[str, Toolbox] = WeakValueDictionary()

    def of(self, call_sid: str) -> Toolbox:
        """The toolbox of a call, for as long as anybody holds it."""
        box = self._open.get(call_sid)
        if box is None:
            box = self._open[call_sid] = Toolbox(self._tools(), self._clock)
        return box


def _failed(task: asyncio.Task[ToolAnswer]) -> bool:
    return task.cancelled() or task.result().error is not None


async def _tried(tool: Tool, given: msgspec.Struct, facts: ToolFacts, patience: float) -> ToolAnswer:
    return await _bounded(tool.name, lambda: tool.use(given, facts), patience)


async def _bounded(name: str, work: Callable[[], Awaitable[T]], patience: float) -> T | ToolAnswer:
    try:
        async with asyncio.timeout(patience):
            return await work()
    except TimeoutError:
        return ToolAnswer("It takes too long and was given up. Tell the caller.", error="timeout")
    except ProviderError as failure:
        _log.warning("tool-failed", tool=name, code=failure.code)
        return ToolAnswer("It does not work at the moment. Tell the caller.", error=failure.code)
    except (Exception, asyncio.CancelledError) as fault:
        # A tool of somebody else's must cost a use, not the call.
        if isinstance(fault, asyncio.CancelledError) and not astray():
            raise
        # Not the traceback: an exception's text may hold what the caller said.
        _log.error("tool-broke", tool=name, fault=type(fault).__name__)
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
    schema = tool.schema if isinstance(tool, Described) else _schema(tool.arguments)
    return ToolSpec(tool.name, tool.description, schema)


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
