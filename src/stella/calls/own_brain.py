"""A function of the operator's as a brain: bounded in time, its words made fit for the ear, its tools the call's own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog

from stella.calls import instructions
from stella.calls.astray import astray
from stella.calls.plain_speech import PlainSpeech
from stella.calls.tools import Outcome, Toolbox, Toolboxes
from stella.domain.acts import Act, BeganTool, ExpectAnswer
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Asked, BrainEvent, CallFacts, Said
from stella.ports.company import Company
from stella.ports.failure import Rejected, Unavailable
from stella.ports.language import ToolCall, ToolSpec
from stella.ports.own_brain import Answer, Talk
from stella.ports.tool import Tool, ToolFacts

_log = structlog.get_logger("stella.brains")

FIRST_S, BETWEEN_S = 10.0, 10.0
"""How long a caller waits for the first word of a function, and then for each further piece."""
TOOL_S = 40.0
"""The same while a tool works: its own deadline is shorter."""
CLOSE_S = 1.0
TEXTS_AHEAD, ACTS_MOST = 8, 200
"""Pieces a function may be ahead of what is read, and deeds of one turn that are noted."""
WORDS_MOST = 1_200
MEMORY_MOST = 8_192


class _Kept(msgspec.Struct):
    """What goes on elsewhere."""

    language: str
    memory: dict[str, Any]
    once: dict[str, str] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Tools:
    """The call's toolbox as a talk sees it: whose call it is, is not for a function to say."""

    box: Toolbox
    facts: ToolFacts
    turn_over: asyncio.Event | None

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        return self.box.specs

    async def use(self, call: ToolCall) -> Outcome:
        return await self.box.use(call, self.facts, self.turn_over)


class OwnBrain:
    """Keeps `Brain` for one function and all calls of an agent."""

    def __init__(
        self,
        answer: Answer,
        company: Company,
        tools: Callable[[], Sequence[Tool]] | Toolboxes,
        clock: Callable[[], float],
        name: str = "own",
    ) -> None:
        """`tools` gives a call's tools (toolboxes where several brains share a call's).

        Raises TypeError for what is no async function, with the mend.
        """
        why = why_not_answer(answer)
        if why:
            raise TypeError(why)
        self.name = name
        self._boxes = tools if isinstance(tools, Toolboxes) else Toolboxes(tools, clock)
        self._answer, self._company = answer, company

    def open(self, facts: CallFacts, state: bytes = b"") -> OwnSession:
        """Begin, or go on where `state` left off."""
        try:
            kept = msgspec.json.decode(state, type=_Kept) if state else _Kept(facts.language, {})
        except msgspec.DecodeError:
            kept = _Kept(facts.language, {})
        toolbox = self._boxes.of(facts.call_sid)
        toolbox.remember(kept.once)
        return OwnSession(self._answer, self._company, toolbox, facts, kept, self.name)

    async def close(self) -> None:
        """A function holds nothing."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """A tool wants the caller's yes: everything before it was said and done, nothing behind it counts."""

    question: str


class _Run:
    """One answer: the function runs in a task of its own, from its first line to its last, and what it says and does comes
    out as it happens. Whoever stops reading ends it."""

    def __init__(self, answer: Answer, name: str) -> None:
        self._answer, self._name = answer, name
        self._items: asyncio.Queue[str | Act | _Ask | Exception | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(TEXTS_AHEAD)
        self._acts = 0

    def tell(self, act: Act) -> None:
        """Something was done."""
        self._acts += 1
        if self._acts <= ACTS_MOST:
            self._items.put_nowait(act)

    def ask(self, question: str) -> None:
        """The caller must be asked."""
        self._items.put_nowait(_Ask(question))

    async def items(self, talk: Talk) -> AsyncGenerator[str | Act | _Ask, None]:
        """Texts and acts in their order, each within its time. Raises what the function raised, or Unavailable."""
        task = asyncio.get_running_loop().create_task(self._function(talk), name=f"own-{self._name}")
        patience = FIRST_S
        try:
            while True:
                try:
                    async with asyncio.timeout(patience):
                        item = await self._items.get()
                except TimeoutError:
                    raise Unavailable(self._name, "timeout") from None
                if item is None:
                    return
                if isinstance(item, Exception):
                    raise item
                patience = TOOL_S if isinstance(item, BeganTool) else BETWEEN_S
                yield item
                if isinstance(item, str):
                    self._room.release()
        finally:
            task.cancel()
            await asyncio.wait([task], timeout=CLOSE_S)

    async def _function(self, talk: Talk) -> None:
        try:
            answer = self._answer(talk)
            if inspect.isawaitable(answer):
                self._items.put_nowait(_text(await answer, self._name))
            else:
                async with aclosing(answer) as pieces:  # type: ignore[type-var]
                    async for piece in pieces:
                        await self._room.acquire()
                        self._items.put_nowait(_text(piece, self._name))
        except Exception as fault:  # noqa: BLE001 it is raised where it is waited for
            self._items.put_nowait(fault)
        except asyncio.CancelledError:
            if not astray():
                raise
            self._items.put_nowait(Unavailable(self._name, "broken", "CancelledError"))
        else:
            self._items.put_nowait(None)


class OwnSession:
    """One call. Memory is the function's; a turn that was stopped keeps what it had remembered by then."""

    def __init__(
        self, answer: Answer, company: Company, toolbox: Toolbox, facts: CallFacts, kept: _Kept, name: str
    ) -> None:
        """Made by `OwnBrain.open`."""
        self._answer, self._company, self._toolbox, self._facts = answer, company, toolbox, facts
        self._kept, self._name = kept, name

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """As the port. What the function wants for after its words comes behind them."""
        if not self._facts.may_spend():
            # Whatever it asks may cost something: only it knows.
            raise Rejected(self._name, "budget")
        agent, language = self._facts.agent, self._kept.language
        facts = ToolFacts(self._facts.call_sid, self._facts.caller, language, agent, now)
        briefing = instructions.standing(agent, self._company, language)
        briefing = f"{briefing}\n\n[{self._company.clock(now)}]"
        run = _Run(self._answer, self._name)
        talk = Talk(
            asked, tuple(context), self._facts, language, briefing, self._kept.memory,
            _Tools(self._toolbox, facts, asked.turn_over), self._company, run.tell, run.ask,
        )  # fmt: skip
        for _, late in self._toolbox.new_turn(asked.text, context):
            for act in late.acts:
                yield Acted(act)
        if asked.text:
            await self._company.understand(asked.text)
        speech, said, question = PlainSpeech(), 0, ""
        async with aclosing(run.items(talk)) as items:
            async for item in items:
                if isinstance(item, _Ask):
                    question = item.question
                elif not isinstance(item, str):
                    yield Acted(item)
                elif words := speech.feed(item):
                    said += len(words)
                    yield Said(words)
                if question or said > WORDS_MOST:
                    break
        if question:
            # Our words, and nothing of the function's behind them: what comes next is the caller's answer.
            yield Said(f"{speech.flush()} {question}")
            yield Acted(ExpectAnswer("yes-no", heard_out=True))
            return
        if rest := speech.flush():
            yield Said(rest)
        for act in talk.last:
            yield Acted(act)

    def switch(self, language: str) -> None:
        """Go on in another language of the agent."""
        self._kept.language = self._facts.agent.language(language).code

    def state(self) -> bytes:
        """The language, and the function's memory where JSON can hold it."""
        self._kept.once = self._toolbox.done()
        try:
            whole = msgspec.json.encode(self._kept)
        except (TypeError, ValueError, RecursionError):
            whole = b""
        if not whole or len(whole) > MEMORY_MOST:
            # Going on elsewhere without a memory is better than not going on.
            _log.warning("memory-not-kept", brain=self._name, mend=f"keep only JSON in it, {MEMORY_MOST} bytes at most")
            whole = msgspec.json.encode(_Kept(self._kept.language, {}, self._kept.once))
        return whole

    async def close(self) -> None:
        """As the port."""
        await self._toolbox.close()


def _text(piece: object, name: str) -> str:
    if not isinstance(piece, str):
        raise Unavailable(name, "no-text", type(piece).__name__)
    return piece


def why_not_answer(answer: object) -> str:
    """Why this cannot be a brain, or nothing."""
    call = answer if inspect.isroutine(answer) else getattr(answer, "__call__", None)  # noqa: B004 it is looked into
    if inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call):
        return ""
    return (
        f"{getattr(answer, '__name__', type(answer).__name__)} cannot be a brain: write "
        "`async def answer(talk: Talk) -> str`, or an async generator that yields texts"
    )


__all__ = ["OwnBrain", "OwnSession", "why_not_answer"]
