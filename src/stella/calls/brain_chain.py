"""Brains in a row: when one fails, before its first word or in the middle of a reply, the next goes on."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

import msgspec
import structlog

from stella.calls.breaker import Breaker
from stella.calls.sentences import Sentences
from stella.domain.acts import EndCall, TransferTo, UsedTool
from stella.domain.call import ToolUse
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Asked, Brain, BrainEvent, BrainSession, CallFacts, Said
from stella.ports.failure import ProviderError, Unavailable
from stella.ports.metrics import Metrics, NullMetrics

_log = structlog.get_logger("stella.brains")

OF_THIS_TURN = frozenset({"http-400", "http-413", "http-422", "blocked", "empty", "budget"})
"""Failures that a caller's own words or money may cause: they send this turn elsewhere and must not cost other callers a
brain."""
STATE_MOST = 16_384


class BrainChain:
    """Keeps `Brain`. The last of the row should be one that cannot fail."""

    def __init__(self, brains: Sequence[Brain], health: Mapping[str, Breaker], metrics: Metrics | None = None) -> None:
        """`health` by name of brain; one without an entry is always asked."""
        self.name = brains[0].name
        self._brains, self._health, self._metrics = tuple(brains), health, metrics or NullMetrics()

    def open(self, facts: CallFacts, state: bytes = b"") -> ChainSession:
        """Every brain of the row begins, or goes on where it left off."""
        try:
            states = msgspec.json.decode(state, type=dict[str, str]) if state else {}
            sessions = [
                (brain.name, brain.open(facts, b64decode(states.get(brain.name, "")))) for brain in self._brains
            ]
        except (msgspec.DecodeError, ValueError):
            sessions = [(brain.name, brain.open(facts)) for brain in self._brains]
        return ChainSession(facts.call_sid, sessions, self._health, self._metrics)

    async def close(self) -> None:
        """Stop for all calls."""
        for brain in self._brains:
            await brain.close()


class ChainSession:
    """One call. What is handed on are whole sentences: a half one of a brain that fails was never said."""

    def __init__(
        self,
        call_sid: str,
        sessions: Sequence[tuple[str, BrainSession]],
        health: Mapping[str, Breaker],
        metrics: Metrics,
    ) -> None:
        """Made by `BrainChain.open`."""
        self._call, self._sessions, self._health, self._metrics = call_sid, sessions, health, metrics
        self._asked_last = sessions[0][0]

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """As the port. Raises what the last brain raised, when every one failed."""
        said: list[str] = []
        failure: ProviderError = Unavailable("brains", "all-resting")
        for place, (name, session) in enumerate(self._sessions):
            last = place == len(self._sessions) - 1
            breaker = self._health.get(name)
            if breaker is not None and not last and not breaker.allows():
                continue
            if name != self._asked_last:
                yield self._switched(self._asked_last, name, failure.code, begun=bool(said))
                self._asked_last = name
            try:
                async with aclosing(
                    self._one(session, replace(asked, begun=" ".join(said)), context, now, said)
                ) as events:
                    empty = True
                    async for event in events:
                        empty = False
                        yield event
                if empty and not last:
                    failure = Unavailable(name, "empty")
                else:
                    if breaker is not None:
                        breaker.worked()
                    return
            except ProviderError as fault:
                failure = fault
            except Exception as fault:  # noqa: BLE001 a brain of somebody else's must cost a switch, not the turn
                failure = Unavailable(name, "broken", type(fault).__name__)
            if breaker is not None and failure.code not in OF_THIS_TURN:
                breaker.failed(failure)
            self._metrics.dropped("brain-reply")
            _log.warning(
                "brain-failed", call=self._call, turn=asked.turn, brain=name, code=failure.code, said=bool(said)
            )
        raise failure

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


def _same(sentence: str) -> str:
    return "".join(sign for sign in sentence.casefold() if sign.isalnum())


def _new(ready: Sequence[str], before: set[str], said: list[str]) -> list[str]:
    """What was not said before in this reply, noted as said."""
    new = [sentence for sentence in ready if _same(sentence) not in before or not _same(sentence)]
    said += new
    return new
