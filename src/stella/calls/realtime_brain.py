"""A model that hears and speaks, behind the same seams as ears, brain and voice: who has the floor is decided elsewhere.

Law 1: the model hears an utterance only while it may, and answers only when a turn is put to it.
Law 2: what it believes was said is what the transcript says: cut at what was heard, without what the conversation dropped.
Law 3: when it fails, before a word or in the middle of one, the brain behind it goes on in the same turn; the next model of
the row, or the same one over a new line, is there for the next.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date, datetime

import msgspec
import structlog

from stella.calls import instructions
from stella.calls.breaker import Breaker
from stella.calls.model_brain import STEPS_MOST
from stella.calls.realtime_ears import EarsInARow, ModelEars
from stella.calls.realtime_line import CallLine
from stella.calls.realtime_voice import ModelVoice
from stella.calls.sources import noted
from stella.calls.spoken_reply import SpokenReply
from stella.calls.tools import Outcome, Toolboxes
from stella.calls.voice_chain import voice_of
from stella.domain.acts import BeganTool, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import ToolUse
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Asked, Brain, BrainEvent, CallFacts, Said
from stella.ports.company import Company, Page
from stella.ports.failure import Rejected, Unavailable, failure_of
from stella.ports.language import Called, FromTool, Grew, Message, ToolCall
from stella.ports.metrics import Metrics, NullMetrics
from stella.ports.realtime import Briefing, Metered, Realtime, RealtimeLine, Sounded
from stella.ports.speech import SpeechToText, TextToSpeech
from stella.ports.tool import ToolFacts

_log = structlog.get_logger("stella.realtime")

OF_THIS_TURN = frozenset({"blocked", "budget", "empty"})
"""Failures that a caller's own words may cause: they send this turn elsewhere, and the line goes on."""
HEARD = "[You have heard the caller's own voice just now. Answer that.]"
_RULES = """\
You hear the caller's voice and speak yourself: calmly, clearly, like a person at a desk who is glad to help. Do not sing, do
not imitate voices, and do not change your own."""

Price = Callable[[str, Metered, date], float | None]
"""US dollars of one answer of a model on a day, or None where no price is known."""


class _Kept(msgspec.Struct):
    """What goes on elsewhere."""

    language: str
    done: list[str]
    once: dict[str, str] = msgspec.field(default_factory=dict)
    behind: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """The models of an agent in the order they are tried, their health by name, and who goes on when all have failed."""

    models: tuple[Realtime, ...]
    health: Mapping[str, Breaker]
    behind: Brain
    company: Company
    boxes: Toolboxes
    price: Price
    metrics: Metrics


class RealtimeBrain:
    """Keeps `Brain`. Models and the brain behind them are closed by their owners."""

    def __init__(
        self,
        models: Sequence[Realtime],
        health: Mapping[str, Breaker],
        behind: Brain,
        company: Company,
        boxes: Toolboxes,
        price: Price,
        metrics: Metrics | None = None,
    ) -> None:
        """`boxes` are shared with the brain behind; what is spent goes to the call's facts, in tokens and by `price` in
        money."""
        self.name = models[0].name
        self._row = Row(tuple(models), health, behind, company, boxes, price, metrics or NullMetrics())

    def open(self, facts: CallFacts, state: bytes = b"") -> RealtimeSession:
        """Begin, or go on where `state` left off. The line to the model is being opened from here on."""
        try:
            kept = msgspec.json.decode(state, type=_Kept) if state else _Kept(facts.language, [])
            inner = b64decode(kept.behind)
        except (msgspec.DecodeError, ValueError):
            kept, inner = _Kept(facts.language, []), b""
        return RealtimeSession(self._row, facts, kept, inner)

    async def close(self) -> None:
        """Stop for all calls."""
        await self._row.behind.close()


class RealtimeSession:
    """One call: a brain session that is also ears (`listen`) and a voice (`speak_with`)."""

    def __init__(self, row: Row, facts: CallFacts, kept: _Kept, inner: bytes) -> None:
        """Made by `RealtimeBrain.open`, on the event loop."""
        self._row, self._facts, self._kept = row, facts, kept
        self._behind = row.behind.open(facts, inner)
        self._toolbox = row.boxes.of(facts.call_sid)
        self._toolbox.remember(kept.once)
        self._reply = SpokenReply()
        self._asked_last = row.models[0].name
        self._line = CallLine(facts.call_sid, row.models, row.health, self._briefing, row.metrics, facts.may_spend)

    def hears(self, language: str) -> bool:
        """Whether a model of the row understands a language."""
        return any(language in model.languages for model in self._row.models)

    def listen(
        self, behind: SpeechToText | None, may_hear: Callable[[], bool], unheard: Callable[[], None]
    ) -> SpeechToText:
        """The model's ears with others behind them, for one stream. `may_hear` is asked before any sound goes to the
        model; `unheard` is called where the caller speaks and nobody is left to listen."""
        self._line.guard(may_hear)
        return EarsInARow(ModelEars(self._line, unheard if behind is None else None), behind, may_hear)

    def speak_with(self, voice: TextToSpeech) -> TextToSpeech:
        """The model's voice for what it says itself, and `voice` for all the rest."""
        return ModelVoice(voice, lambda: self._reply)

    def _briefing(self, model: Realtime) -> Briefing:
        agent, language = self._facts.agent, self._kept.language
        greeting = agent.language(language).phrases.greeting
        greeted = f"{self._row.company.clock(self._facts.now)} You have greeted the caller with: “{greeting}”"
        system = "\n\n".join((instructions.standing(agent, self._row.company, language), _RULES, greeted))
        vendor = f"{model.name.partition(':')[0]}-realtime"
        voice = voice_of(vendor, "", agent.language(language).voice)
        return Briefing(system, language, self._toolbox.specs, voice, greeting)

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """As the port. Raises what the brain behind raised, where that failed too."""
        line, self._reply = self._line.living(), SpokenReply()
        if line is None:
            async with aclosing(self._go_on(asked, context, now, self._line.forbidden)) as events:
                async for event in events:
                    yield event
            return
        if switch := self._switched(self._line.model.name, begun=False):
            yield switch
        reply, model, given = self._reply, self._line.model, list[Page]()
        self._line.busy = True
        try:
            async with aclosing(self._converse(line, reply, asked, context, now, given)) as events:
                async for event in events:
                    yield event
        except Exception as fault:  # noqa: BLE001 whatever breaks on the way to a model costs a switch, not the turn
            failure = failure_of(model.name, fault)
        else:
            self._line.worked(model.name)
            if given and reply.said:
                yield noted(asked.text, given)
            return
        finally:
            self._line.busy = False
            reply.end(broken=True)
        _log.warning("reply-failed", call=self._facts.call_sid, engine=model.name, code=failure.code)
        for text in reply.leave_off():
            yield Said(_piece(text))
        if failure.code not in OF_THIS_TURN:
            self._line.lose(line, failure)
        begun = replace(asked, begun=reply.said)
        async with aclosing(self._go_on(begun, context, now, failure.code)) as events:
            async for event in events:
                yield event

    async def _go_on(
        self, asked: Asked, context: Sequence[Turn], now: datetime, code: str
    ) -> AsyncGenerator[BrainEvent, None]:
        """The brain behind answers, or ends the reply that was begun."""
        self._line.why = code or self._line.why
        # On another path there is no stream the model could speak on: that is no failure of its.
        if code != "path" and (switch := self._switched(self._row.behind.name, begun=bool(asked.begun))):
            yield switch
        async with aclosing(self._behind.reply(asked, context, now)) as events:  # type: ignore[type-var]
            async for event in events:
                yield event

    async def _converse(
        self, line: RealtimeLine, reply: SpokenReply, asked: Asked, context: Sequence[Turn], now: datetime,
        given: list[Page],
    ) -> AsyncGenerator[BrainEvent, None]:  # fmt: skip
        """The model's answer in as many steps as it uses tools; the pages it was told are put into `given`."""
        agent, language, company = self._facts.agent, self._kept.language, self._row.company
        for name, late in self._toolbox.new_turn(asked.text, context):
            self._note(name, late)
            for act in late.acts:
                yield Acted(act)
        if asked.text and not self._line.model.eager:
            # Before the past is told: whoever is stopped here has told the line nothing.
            await company.understand(asked.text)
        before, heard = self._line.past.catch_up(line, asked, context, reply)
        behind: list[Message] = []
        if not (heard and self._line.model.eager and not asked.digits):
            told = replace(asked, text=HEARD) if heard else asked
            given += company.search(asked.text, language) if asked.text else ()
            behind += instructions.now(told, context, company.clock(now), given, self._kept.done)
        facts = ToolFacts(self._facts.call_sid, self._facts.caller, language, agent, now)
        acted = False
        for step in range(STEPS_MOST):
            if not self._facts.may_spend():
                raise Rejected(self._line.model.name, "budget")
            calls: list[ToolCall] = []
            async with aclosing(self._step(line, reply, before, behind, calls)) as pieces:
                async for text in pieces:
                    yield Said(text)
            if not calls or step == STEPS_MOST - 1:
                break
            before, behind = [], []
            for call in calls:
                yield Acted(BeganTool(call.name[:80]))
                outcome = await self._toolbox.use(call, facts, asked.turn_over)
                behind.append(FromTool(call, outcome.text, outcome.failed))
                self._note(call.name, outcome)
                last = bool(outcome.ask) or any(isinstance(act, (EndCall, TransferTo)) for act in outcome.acts)
                for text in reply.finish() if last else ():
                    yield Said(_piece(text))
                acted = True
                for act in outcome.acts:
                    yield Acted(act)
                if outcome.ask:
                    # Our words in our other voice, and nothing of the model's behind them.
                    yield Said(_piece(outcome.ask))
                    yield Acted(ExpectAnswer("yes-no", heard_out=True))
                if last:
                    return
        for text in reply.finish():
            yield Said(_piece(text))
        if reply.empty and not acted:
            raise Unavailable(self._line.model.name, "empty")

    async def _step(
        self, line: RealtimeLine, reply: SpokenReply, before: Sequence[Message], behind: Sequence[Message],
        calls: list[ToolCall],
    ) -> AsyncGenerator[str, None]:  # fmt: skip
        """One answer of the model: pieces that may be ordered; its calls are put into `calls`."""
        async with aclosing(line.answer(before, behind)) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Sounded):
                    reply.sounded(event.mulaw)
                elif isinstance(event, Grew):
                    reply.grew(event.text)
                elif isinstance(event, Called):
                    calls.append(event.call)
                else:
                    self._count(event)
                for text in reply.ready():
                    yield _piece(text)
        if calls:
            # What the next step says begins a sentence of its own.
            reply.grew(" ")
            for text in reply.ready():
                yield _piece(text)

    def _switched(self, name: str, *, begun: bool) -> Acted | None:
        """For the record: who went on for whom, and why."""
        before, self._asked_last = self._asked_last, name
        if before == name and not begun:
            return None
        code = self._line.why or "back"
        self._row.metrics.dropped("realtime-switch")
        _log.warning("realtime-switched", call=self._facts.call_sid, before=before, engine=name, code=code)
        told = {"kind": "realtime", "from": before, "to": name, "mid_reply": begun}
        return Acted(UsedTool(ToolUse("engine_switch", told, code)))

    def _count(self, spent: Metered) -> None:
        spend = self._facts.spend
        spend("realtime_text_tokens_sent", spent.text_sent)
        spend("realtime_audio_tokens_sent", spent.audio_sent)
        spend("realtime_tokens_cached", spent.text_cached + spent.audio_cached)
        spend("realtime_text_tokens_written", spent.text_written)
        spend("realtime_audio_tokens_written", spent.audio_written)
        if (money := self._row.price(self._line.model.name, spent, self._facts.now.date())) is not None:
            spend("realtime_usd", money)
        else:
            spend("unpriced", 1)

    def _note(self, tool: str, outcome: Outcome) -> None:
        self._kept.done = instructions.noted(self._kept.done, tool, outcome)

    def switch(self, language: str) -> None:
        """As the port: over a new line, with what was said so far."""
        self._kept.language = self._facts.agent.language(language).code
        self._behind.switch(language)
        self._line.renew()

    def state(self) -> bytes:
        """The language, what tools have done, and the brain behind."""
        self._kept.once = self._toolbox.done()
        self._kept.behind = b64encode(self._behind.state()).decode()
        return msgspec.json.encode(self._kept)

    async def close(self) -> None:
        """As the port."""
        self._reply.end(broken=True)
        await self._line.close()
        await self._toolbox.close()
        await self._behind.close()


def _piece(text: str) -> str:
    """As the thinker takes it for a sentence of its own."""
    return f"{text}\n "
