"""Brains in a row: when one fails, before its first word or in the middle of a reply, the next goes on."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec
import structlog

from stella.calls.brain_race import Contender
from stella.calls.breaker import Breaker
from stella.calls.sentences import Sentences
from stella.domain.acts import EndCall, TransferTo, UsedTool
from stella.domain.call import ToolUse
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Asked, Brain, BrainEvent, BrainSession, CallFacts, Said
from stella.ports.failure import ProviderError, Unavailable, failure_of
from stella.ports.metrics import Metrics, NullMetrics

_log = structlog.get_logger("stella.brains")

OF_THIS_TURN = frozenset({"http-400", "http-413", "http-422", "blocked", "empty", "budget"})
"""Failures that a caller's own words or money may cause: they send this turn elsewhere and must not cost other callers a
brain."""
STATE_MOST = 16_384
HEDGE_S = 1.0
"""The next model is asked as well when the first has not begun by then."""


class BrainChain:
    """Keeps `Brain`. The last of the row should be one that cannot fail."""

    def __init__(
        self,
        brains: Sequence[Brain],
        health: Mapping[str, Breaker],
        metrics: Metrics | None = None,
        models: Collection[str] = (),
        hedge_s: float = HEDGE_S,
    ) -> None:
        """`health` by name of brain; one without an entry is always asked. `models` may be asked beside each other: they do
        nothing before their first event."""
        self.name = brains[0].name
        self._brains, self._health, self._metrics = tuple(brains), health, metrics or NullMetrics()
        self._models, self._hedge_s = frozenset(models), hedge_s

    def open(self, facts: CallFacts, state: bytes = b"") -> ChainSession:
        """Every brain of the row begins, or goes on where it left off."""
        try:
            states = msgspec.json.decode(state, type=dict[str, str]) if state else {}
            sessions = [
                (brain.name, brain.open(facts, b64decode(states.get(brain.name, "")))) for brain in self._brains
            ]
        except (msgspec.DecodeError, ValueError):
            sessions = [(brain.name, brain.open(facts)) for brain in self._brains]
        return ChainSession(facts.call_sid, sessions, self._health, self._metrics, self._models, self._hedge_s)

    async def close(self) -> None:
        """Stop for all calls."""
        for brain in self._brains:
            await brain.close()


@dataclass(slots=True)
class _Turn:
    """One reply on its way: who may still be asked, who is being asked, and what has been said."""

    asked: Asked
    context: Sequence[Turn]
    now: datetime
    left: list[tuple[str, BrainSession]]
    running: list[Contender] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    notes: list[Acted] = field(default_factory=list)
    failure: ProviderError | None = None
    opening: BrainEvent | None = None

    @property
    def code(self) -> str:
        """Why the one before failed."""
        return self.failure.code if self.failure is not None else ""


class ChainSession:
    """One call. What is handed on are whole sentences: a half one of a brain that fails was never said."""

    def __init__(
        self,
        call_sid: str,
        sessions: Sequence[tuple[str, BrainSession]],
        health: Mapping[str, Breaker],
        metrics: Metrics,
        models: Collection[str] = (),
        hedge_s: float = HEDGE_S,
    ) -> None:
        """Made by `BrainChain.open`."""
        self._call, self._sessions, self._health, self._metrics = call_sid, sessions, health, metrics
        self._models, self._hedge_s = models, hedge_s
        self._asked_last = sessions[0][0]

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """As the port. Raises what the last brain raised, when every one failed."""
        turn = _Turn(asked, context, now, list(self._sessions))
        try:
            while (winner := await self._winner(turn)) is not None:
                for note in turn.notes:
                    yield note
                turn.notes.clear()
                fault: ProviderError | None = None
                try:
                    event = turn.opening
                    while event is not None:
                        yield event
                        event = await winner.ask()
                except Exception as failure:  # noqa: BLE001 a brain of somebody else's must cost a switch, not the turn
                    fault = failure_of(winner.name, failure)
                if fault is None:
                    self._worked(winner.name)
                    return
                await self._lost(turn, winner, fault)
            for note in turn.notes:
                yield note
            if turn.failure is not None:
                raise turn.failure
        finally:
            for contender in turn.running:
                await contender.close()

    async def _winner(self, turn: _Turn) -> Contender | None:
        """The brain that begins first, with its first event in `turn.opening`; None when all have failed or said nothing."""
        asked: dict[asyncio.Future[BrainEvent | None], Contender] = {}
        turn.opening = None
        while True:
            if not asked:
                first = self._start(turn, beside=False)
                if first is None:
                    return None
                asked[first.ask()] = first
            alone = next(iter(asked.values())) if len(asked) == 1 else None
            hedge = self._hedge_s if alone is not None and alone.name in self._models and self._beside(turn) else None
            done, _ = await asyncio.wait(asked, timeout=hedge, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                if (second := self._start(turn, beside=True)) is not None:
                    asked[second.ask()] = second
                continue
            # Of two that begin in the same moment the one that stands first answers.
            for given in [given for given in asked if given in done]:
                contender = asked.pop(given)
                if (fault := _fault(given, contender.name, last=not turn.left and not asked)) is not None:
                    await self._lost(turn, contender, fault)
                    continue
                turn.opening = given.result()
                for other in asked.values():
                    await self._outrun(turn, contender, other)
                self._note_switch(turn, contender.name, turn.code or "slow")
                return contender

    def _beside(self, turn: _Turn) -> bool:
        """Whether the next may be asked beside. What needs no network would always win, and is not."""
        return bool(turn.left) and turn.left[0][0] in self._models

    def _start(self, turn: _Turn, *, beside: bool) -> Contender | None:
        """The next brain of the row that may be asked; the last one always may."""
        while turn.left and (not beside or self._beside(turn)):
            name, session = turn.left.pop(0)
            breaker = self._health.get(name)
            if breaker is not None and turn.left and not breaker.allows():
                continue
            if not beside:
                self._note_switch(turn, name, turn.code or "all-resting")
            asked = replace(turn.asked, begun=" ".join(turn.said))
            contender = Contender(name, self._one(session, asked, turn.context, turn.now, turn.said))
            turn.running.append(contender)
            return contender
        return None

    async def _outrun(self, turn: _Turn, winner: Contender, other: Contender) -> None:
        """Both were asked and one has begun: the other is stopped. Who was asked first and is slower is on the way to a rest."""
        slower = turn.running.index(other) < turn.running.index(winner)
        turn.running.remove(other)
        await other.close()
        if slower and (breaker := self._health.get(other.name)) is not None:
            breaker.failed(Unavailable(other.name, "slow"))

    async def _lost(self, turn: _Turn, contender: Contender, failure: ProviderError) -> None:
        turn.failure = failure
        turn.running.remove(contender)
        await contender.close()
        breaker = self._health.get(contender.name)
        if breaker is not None and failure.code not in OF_THIS_TURN:
            breaker.failed(failure)
        self._metrics.dropped("brain-reply")
        _log.warning(
            "brain-failed", call=self._call, turn=turn.asked.turn, brain=contender.name, code=failure.code,
            said=bool(turn.said),
        )  # fmt: skip

    def _worked(self, name: str) -> None:
        if (breaker := self._health.get(name)) is not None:
            breaker.worked()

    def _note_switch(self, turn: _Turn, name: str, code: str) -> None:
        if name != self._asked_last:
            turn.notes.append(self._switched(self._asked_last, name, code, begun=bool(turn.said)))
            self._asked_last = name

    async def _one(
        self, session: BrainSession, asked: Asked, context: Sequence[Turn], now: datetime, said: list[str]
    ) -> AsyncGenerator[BrainEvent, None]:
        """One brain's events with its words in whole sentences, none of which was said before in this reply."""
        sentences, before, first = Sentences(), {_same(sentence) for sentence in said}, True
        async with aclosing(session.reply(asked, context, now)) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Said):
                    ready = sentences.feed(event.text)
                    if first and event.text.strip():
                        first = False
                        # Nothing to say yet, but the first word is there: that is what is measured.
                        yield Said("")
                else:
                    ready = sentences.flush()
                for sentence in _new(ready, before, said):
                    yield Said(f"{sentence}\n")
                if not isinstance(event, Said):
                    yield event
                    if isinstance(event.act, (EndCall, TransferTo)):
                        return
        for sentence in _new(sentences.flush(), before, said):
            yield Said(f"{sentence}\n")

    def _switched(self, before: str, name: str, code: str, *, begun: bool) -> Acted:
        """For the record: who went on for whom, and why."""
        self._metrics.dropped("brain-switch")
        _log.warning("brain-switched", call=self._call, before=before, brain=name, code=code)
        told = {"kind": "brain", "from": before, "to": name, "mid_reply": begun}
        return Acted(UsedTool(ToolUse("engine_switch", told, code)))

    def switch(self, language: str) -> None:
        """All of them go on in another language."""
        for _, session in self._sessions:
            session.switch(language)

    def state(self) -> bytes:
        """Every brain's state by its name."""
        states = {name: b64encode(session.state()).decode() for name, session in self._sessions}
        while len(whole := msgspec.json.encode(states)) > STATE_MOST:
            # A brain without its state begins anew, which is better than all of them doing so.
            del states[max(states, key=lambda name: len(states[name]))]
        return whole

    async def close(self) -> None:
        """The call is over for all of them."""
        for _, session in self._sessions:
            await session.close()


def _fault(given: asyncio.Future[BrainEvent | None], name: str, *, last: bool) -> ProviderError | None:
    """What kept a brain from beginning. An answer without a word is none, unless nobody is left to give another."""
    fault = given.exception()
    if fault is not None:
        return failure_of(name, fault)
    return Unavailable(name, "empty") if given.result() is None and not last else None


def _same(sentence: str) -> str:
    return "".join(sign for sign in sentence.casefold() if sign.isalnum())


def _new(ready: Sequence[str], before: set[str], said: list[str]) -> list[str]:
    """What was not said before in this reply, noted as said."""
    new = [sentence for sentence in ready if _same(sentence) not in before or not _same(sentence)]
    said += new
    return new
