"""The receptionist as a brain: it carries the dialogue through a call, and messages to the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from copy import deepcopy
from datetime import datetime

from stella.adapters.receptionist import dialogue, message
from stella.adapters.receptionist.desk import EXPECTS, Answer, Desk, Heard
from stella.adapters.receptionist.hours import Opening
from stella.adapters.receptionist.knowledge import Knowledge
from stella.adapters.receptionist.memory import TEXT_LIMIT, Memory
from stella.adapters.receptionist.words import fold
from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, TransferTo
from stella.domain.agent import Agent
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Asked, BrainEvent, CallFacts, Said
from stella.ports.failure import ProviderError
from stella.ports.store import Outbox

PUT_DEADLINE_S = 3.0
"""How long a caller waits for the outbox before being told that the message could not be kept."""


def _always() -> bool:
    return True


class Receptionist:
    """A conversation partner without a model: rules, slots and retrieval. One for all calls of an agent."""

    name = "receptionist"

    def __init__(
        self, agent: Agent, knowledge: Knowledge, outbox: Outbox, may_transfer: Callable[[], bool] = _always
    ) -> None:
        """`may_transfer` counts transfers and says whether one more is allowed this hour."""
        self._agent, self._knowledge, self._outbox, self._may_transfer = agent, knowledge, outbox, may_transfer
        self._opening = Opening(agent.hours)

    @classmethod
    def load(cls, agent: Agent, outbox: Outbox, may_transfer: Callable[[], bool] = _always) -> Receptionist:
        """The receptionist of an agent with the pages of its knowledge folder; reads files, so call it at a quiet time."""
        return cls(agent, Knowledge.load(agent.knowledge), outbox, may_transfer)

    def open(self, facts: CallFacts, state: bytes = b"") -> ReceptionistSession:
        """Begin, or go on where `state` left off."""
        agent = facts.agent
        opening = self._opening if agent.hours == self._agent.hours else Opening(agent.hours)
        desk = Desk(agent, self._knowledge, opening, facts.caller, facts.call_sid, facts.now, self._may_transfer)
        spoken = agent.language(facts.language if facts.language in ("de", "en") else "").code
        return ReceptionistSession(desk, Memory.load(state, spoken), self._outbox)

    async def close(self) -> None:
        """Nothing is held."""


class ReceptionistSession:
    """One call. A reply that was stopped before a word of it was heard did not happen: its turn is undone."""

    def __init__(self, desk: Desk, memory: Memory, outbox: Outbox) -> None:
        """Made by `Receptionist.open`."""
        self._desk, self._memory, self._outbox = desk, memory, outbox
        self._before: Memory | None = None

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """Answer a turn. Never raises for anything a caller says; an outbox that fails is told to the caller."""
        desk = _at(self._desk, now)
        text = self._undo_unheard(asked, context)
        if text and not asked.silent:
            await desk.knowledge.understand(text)
        memory = deepcopy(self._memory)
        if asked.silent:
            answer = dialogue.repeat(memory)
        else:
            answer = dialogue.hear(desk, memory, Heard(text, fold(text, 1000), asked.digits[:40]))
        if answer.save:
            answer = await self._save(desk, memory)
        if not answer.rest:
            memory.last = [line[:1000] for line in answer.lines[-4:]]
        memory.agents, memory.heard = _agents(context), text[:TEXT_LIMIT]
        self._before, self._memory = self._memory, memory
        for event in _events(answer, _expectation(desk, memory)):
            yield event

    def _undo_unheard(self, asked: Asked, context: Sequence[Turn]) -> str:
        """What the caller has said by now. When the reply before was never heard, the turn before is part of it."""
        text = " ".join(asked.text.split())
        before, memory = self._before, self._memory
        unheard = bool(context) and _agents(context) <= memory.agents
        if before is None or not unheard or memory.messages != before.messages or asked.digits or asked.silent:
            return text
        self._memory = before
        return text if fold(memory.heard) in fold(text) else f"{memory.heard} {text}"

    async def _save(self, desk: Desk, memory: Memory) -> Answer:
        notice = message.notice(desk, memory)
        try:
            # A caller who interrupts must not stop the message from being kept; the key makes a second try harmless.
            async with asyncio.timeout(PUT_DEADLINE_S):
                await asyncio.shield(self._outbox.put(notice, desk.agent.name))
        except ProviderError as failure:
            return message.lost(desk, memory, failure.code)
        except TimeoutError:
            return message.lost(desk, memory, "timeout")
        return message.kept(desk, memory)

    def switch(self, language: str) -> None:
        """Go on in another language of the agent."""
        code = self._desk.agent.language(language).code
        for memory in (self._memory, self._before):
            if memory is not None:
                memory.language = code

    def state(self) -> bytes:
        """The memory as JSON."""
        return self._memory.dump()

    async def close(self) -> None:
        """Nothing is held."""


def _at(desk: Desk, now: datetime) -> Desk:
    return Desk(desk.agent, desk.knowledge, desk.opening, desk.caller, desk.call_sid, now, desk.may_transfer)


def _agents(context: Sequence[Turn]) -> int:
    """Turns of ours of which at least something was sent; one that was stopped before is not in the transcript."""
    return sum(turn.speaker == "agent" for turn in context)


def _expectation(desk: Desk, memory: Memory) -> ExpectAnswer | None:
    if memory.step == "whom":
        return ExpectAnswer("name", hints=tuple(person.name for person in desk.agent.people[:20]))
    return EXPECTS.get(memory.step)


def _events(answer: Answer, expects: ExpectAnswer | None) -> list[BrainEvent]:
    """Records first, then the words in one go, then what is to happen after they were heard."""
    last = [act for act in answer.acts if isinstance(act, (EndCall, TransferTo, ChangeLanguage))]
    first: list[BrainEvent] = [Acted(act) for act in answer.acts if act not in last]
    words: list[BrainEvent] = [Said(f"{line} ") for line in answer.lines]
    if expects is not None and not last:
        first.append(Acted(expects))
    return [*first, *words, *(Acted(act) for act in last)]
