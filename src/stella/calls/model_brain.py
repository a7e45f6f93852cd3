"""A language model as a brain: told who it is and what was heard, it answers in words and uses tools."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import date, datetime

import msgspec

from stella.calls import instructions
from stella.calls.plain_speech import PlainSpeech
from stella.calls.sources import noted
from stella.calls.tools import Outcome, Toolbox, Toolboxes
from stella.domain.acts import BeganTool, EndCall, ExpectAnswer, TransferTo
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Asked, BrainEvent, CallFacts, Said
from stella.ports.company import Company, Page
from stella.ports.failure import ProviderError, Rejected
from stella.ports.language import Called, FromAgent, FromTool, Grew, LanguageModel, Message, Spent, ToolCall
from stella.ports.tool import Tool, ToolFacts

STEPS_MOST = 4
"""Answers of the model within one turn; at the last it gets no tools and must speak."""
TOKENS_MOST = 400
"""Of one answer: more than anybody listens to."""
WORDS_MOST = 1_200
"""Characters said in one turn; a model that goes on and on is stopped at the end of a piece."""
CHARS_A_TOKEN = 3
"""Where tokens must be reckoned: rather too many."""

Price = Callable[[str, Spent, date], float | None]
"""US dollars of one answer of a model on a day, or None where no price is known."""


def no_price(_model: str, _spent: Spent, _day: date) -> float | None:
    """No price is known."""


class _Kept(msgspec.Struct):
    """What goes on elsewhere."""

    language: str
    done: list[str]
    once: dict[str, str] = msgspec.field(default_factory=dict)


class ModelBrain:
    """One model for all calls of an agent."""

    def __init__(
        self,
        model: LanguageModel,
        company: Company,
        tools: Callable[[], Sequence[Tool]] | Toolboxes,
        clock: Callable[[], float],
        price: Price = no_price,
    ) -> None:
        """`tools` gives a call's tools (toolboxes where several brains share a call's); what is spent goes to the call's
        facts, in tokens and by `price` in money."""
        self.name = model.name
        self._boxes = tools if isinstance(tools, Toolboxes) else Toolboxes(tools, clock)
        self._model, self._company, self._price = model, company, price

    def open(self, facts: CallFacts, state: bytes = b"") -> ModelSession:
        """Begin, or go on where `state` left off."""
        try:
            kept = msgspec.json.decode(state, type=_Kept) if state else _Kept(facts.language, [])
        except msgspec.DecodeError:
            kept = _Kept(facts.language, [])
        toolbox = self._boxes.of(facts.call_sid)
        toolbox.remember(kept.once)
        return ModelSession(self._model, self._company, toolbox, facts, kept, self._price)

    async def close(self) -> None:
        """The model belongs to the process."""


class _Bill:
    """An answer that was stopped or broke off is paid for too, but the vendor's count never comes: it is reckoned."""

    def __init__(self, count: Callable[[Spent], None], system: str, messages: Sequence[Message]) -> None:
        self._count, self._system, self._messages = count, system, messages
        self.written, self.told = 0, False

    async def __aenter__(self) -> None:
        """Nothing yet."""

    async def __aexit__(self, kind: type[BaseException] | None, _fault: object, _trace: object) -> None:
        # A provider that failed before its first word did no work.
        if self.told or (kind is not None and issubclass(kind, ProviderError) and not self.written):
            return
        asked = len(self._system) + sum(len(message.text) for message in self._messages)
        self._count(Spent(-(-asked // CHARS_A_TOKEN), -(-self.written // CHARS_A_TOKEN), reckoned=True))


class ModelSession:
    """One call. The model keeps nothing: every turn is told anew from what was heard."""

    def __init__(
        self, model: LanguageModel, company: Company, toolbox: Toolbox, facts: CallFacts, kept: _Kept, price: Price
    ) -> None:
        """Made by `ModelBrain.open`."""
        self._model, self._company, self._toolbox, self._facts, self._price = model, company, toolbox, facts, price
        self._kept = kept

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """As the port. Behind the words it is noted which pages the model was given."""
        if asked.text:
            await self._company.understand(asked.text)
        pages = self._company.search(asked.text, self._kept.language) if asked.text else ()
        spoke = False
        async with aclosing(self._replied(asked, context, now, pages)) as events:
            async for event in events:
                spoke = spoke or isinstance(event, Said)
                yield event
        if pages and spoke:
            yield noted(asked.text, pages)

    async def _replied(
        self, asked: Asked, context: Sequence[Turn], now: datetime, pages: Sequence[Page]
    ) -> AsyncGenerator[BrainEvent, None]:
        agent, language = self._facts.agent, self._kept.language
        turn = instructions.now(asked, context, self._company.clock(now), pages, self._kept.done)
        messages = instructions.alternating([*instructions.past(context, asked), *turn])
        facts = ToolFacts(self._facts.call_sid, self._facts.caller, language, agent, now)
        system = instructions.standing(agent, self._company, language)
        for name, late in self._toolbox.new_turn(asked.text, context):
            self._note(name, late)
            for act in late.acts:
                yield Acted(act)
        room = WORDS_MOST
        for step in range(STEPS_MOST):
            calls: list[ToolCall] = []
            words = ""
            async with aclosing(self._answer(system, messages, step, calls)) as said:
                async for text in said:
                    words += text
                    yield Said(text)
                    if len(words) > room:
                        return
            room -= len(words)
            if not calls:
                return
            if words:
                # The next step's words begin a sentence of their own.
                yield Said(" ")
            messages.append(FromAgent(words, tuple(calls)))
            closing = False
            for call in calls:
                yield Acted(BeganTool(call.name[:80]))
                outcome = await self._toolbox.use(call, facts, asked.turn_over)
                messages.append(FromTool(call, outcome.text, outcome.failed))
                self._note(call.name, outcome)
                for act in outcome.acts:
                    closing = closing or isinstance(act, (EndCall, TransferTo))
                    yield Acted(act)
                if outcome.ask:
                    # Our words, and nothing of the model's behind them: what comes next is the caller's answer.
                    yield Said(outcome.ask)
                    yield Acted(ExpectAnswer("yes-no", heard_out=True))
                    return
                if closing:
                    return

    async def _answer(
        self, system: str, messages: Sequence[Message], step: int, calls: list[ToolCall]
    ) -> AsyncGenerator[str, None]:
        """The words of one answer, fit for the ear; its calls are put into `calls`."""
        if not self._facts.may_spend():
            raise Rejected(self._model.name, "budget")
        speech, began = PlainSpeech(), False
        tools = self._toolbox.specs if step < STEPS_MOST - 1 else ()
        bill = _Bill(self._count, system, messages)
        async with bill, aclosing(self._model.answer(system, messages, tools, TOKENS_MOST)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if isinstance(piece, Grew):
                    bill.written += len(piece.text)
                    text = speech.feed(piece.text)
                    text = text if began else text.lstrip()
                    if text:
                        began = True
                        yield text
                elif isinstance(piece, Called):
                    bill.written += len(piece.call.arguments)
                    calls.append(piece.call)
                else:
                    bill.told = True
                    self._count(piece)
        if rest := speech.flush():
            yield rest

    def _count(self, spent: Spent) -> None:
        spend = self._facts.spend
        if spent.reckoned:
            spend("brain_tokens_reckoned", spent.sent + spent.written)
        spend("brain_tokens_sent", spent.sent)
        spend("brain_tokens_cached", spent.cached)
        spend("brain_tokens_written", spent.written)
        if (money := self._price(self._model.name, spent, self._facts.now.date())) is not None:
            spend("brain_usd", money)
        else:
            spend("unpriced", 1)

    def _note(self, tool: str, outcome: Outcome) -> None:
        self._kept.done = instructions.noted(self._kept.done, tool, outcome)

    def switch(self, language: str) -> None:
        """Go on in another language of the agent."""
        self._kept.language = self._facts.agent.language(language).code

    def state(self) -> bytes:
        """The language and what tools have done."""
        self._kept.once = self._toolbox.done()
        return msgspec.json.encode(self._kept)

    async def close(self) -> None:
        """As the port."""
        await self._toolbox.close()
