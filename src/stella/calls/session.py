"""The living shell around one Conversation: it waits, carries out, and decides nothing.

Law 1: every event goes through `tell`, one at a time; all its actions are handed over before the next event.
Law 2: orders are handed over, never awaited.
Law 3: whatever happens, the session ends once, frees everything, and leaves the call a next step in words.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress

import structlog

from stella.calls.echo_watch import FRAMES, EchoWatch, ended
from stella.calls.engines import Engines
from stella.calls.language import language_by_key
from stella.calls.legs import Leg
from stella.calls.live_call import LiveCall
from stella.calls.recorder import Recorder, opening_of, ticking
from stella.calls.speak import RATE, Speaker
from stella.calls.think import Thinker
from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation, Phase
from stella.domain.call import EndedBy, KeyPressed, MediaCounts
from stella.domain.ids import Mark
from stella.ports.brain import Asked
from stella.ports.failure import ProviderError
from stella.ports.line import Line
from stella.ports.speech import (
    Activity,
    Final,
    Heard,
    Hypothesis,
    SpeechToTextStream,
    Switched,
    TextToSpeech,
    VoiceActivityStream,
)
from stella.ports.tapes import TapeStore

_log = structlog.get_logger("stella.session")

CLOSE_PATIENCE_S = 5.0
"""A closed line whose socket never says so is given up after this."""


class CallSession:
    """One verified stream of a call, from `start` to the end of its socket."""

    def __init__(
        self, call: LiveCall, leg: Leg, line: Line, engines: Engines, ended: Callable[[CallSession], None],
        tapes: TapeStore | None = None,
    ) -> None:  # fmt: skip
        """`ended` is called once, when nothing of this session is left; `tapes` keeps its recording."""
        self.call, self.leg = call, leg
        self.counts = MediaCounts()
        self._line, self._engines, self._ended = line, engines, ended
        self._clock = ticking(call.clock.monotonic)
        self._recorder = Recorder(call, leg.number, tapes)
        self._log = _log.bind(call=call.sid, leg=leg.number)
        self._conversation: Conversation | None = None
        self._inbox: deque[on.Event] = deque()
        self._handling = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._speaker: Speaker | None = None
        self._thinker: Thinker | None = None
        self._vad: VoiceActivityStream | None = None
        self._ears: SpeechToTextStream | None = None
        self._early: list[bytes] = []
        self._fed = 0
        self._lately: deque[tuple[float, bytes]] = deque(maxlen=FRAMES)
        self._watch: EchoWatch | None = None
        self._heard_at = self._clock()
        self._base_s, self._base_turn = call.seconds(), call.last_turn
        self._gone = asyncio.Event()
        self._stopped = self._displaced = False
        self._chosen_end: EndedBy | None = None
        self._side_tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"call-{call.sid}-{leg.number}")

    def media(self, mulaw: bytes) -> None:
        """Inbound sound, in order."""
        vad, ears = self._vad, self._ears
        if vad is None or ears is None:
            if len(self._early) < 250 and not self._closing.is_set():
                self._early.append(mulaw)
            return
        self._fed += len(mulaw)
        self._heard_at = self._clock()
        self._lately.append((self._heard_at, mulaw))
        vad.feed(mulaw)
        ears.feed(mulaw)

    def mark(self, name: str) -> None:
        """A mark came back."""
        self.tell(on.MarkReturned(Mark(name)))

    def dtmf(self, digit: str) -> None:
        """A key was pressed."""
        asking = self.call.agent.preset.asks and self.call.record.consent is None
        if not self.call.language_certain and not asking and (code := language_by_key(self.call.agent, digit)):
            self.call.language_certain = True
            self._spawn(self._switch(code), "language")
            return
        self.tell(on.DigitPressed(digit))

    def stopped(self) -> None:
        """The carrier ends the stream."""
        self._stopped = True
        self.tell(on.CallEnded(self._chosen_end or EndedBy.CALLER))

    def gone(self) -> None:
        """The socket is closed."""
        self.tell(on.CallEnded(self._chosen_end or (EndedBy.CALLER if self._stopped else EndedBy.CARRIER)))
        self._gone.set()
        self._closing.set()
        self._line.close()

    def displace(self) -> None:
        """A newer leg has taken over: this half-open one ends quietly."""
        self._displaced = True
        self.gone()

    def shut_down(self) -> None:
        """The process is draining and its patience is over."""
        self.tell(on.ShutdownAsked())

    @property
    def closed_by_us(self) -> bool:
        """Whether this side decided to close the line."""
        return self._chosen_end is not None

    @property
    def chosen_end(self) -> EndedBy | None:
        """Who this side decided ends the stream, if it did."""
        return self._chosen_end

    def silent_for(self) -> float:
        """Seconds since sound came in last. The carrier sends frames in silence too, so this tells a dead socket."""
        return self._clock() - self._heard_at

    @property
    def stopped_cleanly(self) -> bool:
        """Whether the carrier said `stop` before the socket closed."""
        return self._stopped

    @property
    def displaced(self) -> bool:
        """Whether a newer leg took over."""
        return self._displaced

    def tell(self, event: on.Event) -> None:
        """Let the conversation know, carry out what it wants, and re-arm its one timer. Never raises."""
        conversation = self._conversation
        if conversation is None:
            self._inbox.append(event)
            return
        self._inbox.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._inbox:
                event, now = self._inbox.popleft(), self._clock()
                orders = conversation.handle(event, now)
                self._recorder.note(now, event, orders)
                for action in orders:
                    self._carry_out(action)
        except Exception as error:  # noqa: BLE001 a fault of ours in one call: this call ends in words, the others go on
            self._break(error)
        finally:
            self._handling = False
        self._arm(conversation)

    def _arm(self, conversation: Conversation) -> None:
        due = conversation.deadline()
        if due is None or conversation.phase is Phase.OVER:
            return
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
        self._timer_at = due
        delay = max(0.0, due - self._clock()) + 0.001  # loops round to milliseconds, some down: early timers would spin
        self._timer = asyncio.get_running_loop().call_later(delay, self._time_passed)

    def _time_passed(self) -> None:
        self._timer = None
        conversation = self._conversation
        if conversation is None or conversation.phase is Phase.OVER:
            return
        due = conversation.deadline()
        if due is not None and due <= self._clock():
            self.tell(on.TimePassed())
        else:
            self._arm(conversation)

    def _carry_out(self, action: do.Action) -> None:
        call, speaker, thinker, ears = self.call, self._speaker, self._thinker, self._ears
        if speaker is None or thinker is None or ears is None:
            return
        match action:
            case do.Say(_, segment, text):
                speaker.say(segment, text)
            case do.PausePlayout(fence):
                speaker.pause(fence)
            case do.ResumePlayout(segment, at, exact):
                speaker.resume(segment, at, exact=exact)
            case do.DropPlayout():
                speaker.drop()
            case do.BeginUtterance(utterance):
                ears.begin(utterance)
            case do.FinishUtterance(utterance):
                ears.finish(utterance)
            case do.DropUtterance(utterance):
                ears.drop(utterance)
            case do.AskBrain(turn, text, digits, silent):
                thinker.ask(Asked(turn, text, digits, silent), call.turns, call.clock.wall())
            case do.CancelReply(turn):
                thinker.cancel(turn)
            case do.CommitTurn(turn):
                call.note_turn(turn, self._base_s, self._base_turn)
                self._spawn(call.keep_state(), "state")
            case do.RecordGap(seconds):
                call.gaps_ms.append(seconds * 1000)
            case do.RecordBargeIn(seconds):
                call.barge_ins_ms.append(seconds * 1000)
            case do.RecordDigit(digit, at_s):
                call.record.dtmf.append(KeyPressed(digit, round(at_s + self._base_s, 3)))
            case do.RecordTool(used):
                call.note_tool(used)
            case do.RecordConsent(question, answer, by):
                call.note_consent(call.asked_for(question), answer, by)
                self._spawn(call.commit(), "consent")
            case do.SwitchLanguage(language):
                self._spawn(self._switch(language), "language")
            case do.Transfer(name):
                self._close(EndedBy.TRANSFER, "transfer", name)
            case do.FallBack(why):
                call.record.error = call.record.error or why
                self._close(EndedBy.ERROR, "gather", why)
            case do.HangUp(by):
                self._close(by, "goodbye", "")

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"{name}-{self.call.sid}")
        self._side_tasks.add(task)
        task.add_done_callback(self._side_tasks.discard)

    async def _switch(self, code: str) -> None:
        call = self.call
        setup = call.agent.language(code)
        ears = self._engines.ears(call.agent, setup.code)
        if setup.code == call.language.code:
            self.tell(on.LanguageChanged(setup.phrases))
            return
        call.speak(setup)
        if ears is None:
            # Nobody here understands this language: the carrier's own ears do.
            self._close(EndedBy.AGENT, "gather", "language")
            return
        try:
            opened = await ears.open(setup.code, self._heard, call.vocabulary)
        except ProviderError:
            self._close(EndedBy.AGENT, "gather", "language")
            return
        if self._closing.is_set():
            await opened.close()
            return
        old, self._ears = self._ears, opened
        if old is not None:
            await old.close()
        if self._speaker is not None:
            self._speaker.use(*self._voice())
        self.tell(on.LanguageChanged(setup.phrases))

    def _voice(self) -> tuple[TextToSpeech, str, str]:
        setup = self.call.language
        return self._engines.voice(self.call.agent, setup.code), setup.code, setup.voice

    def _close(self, by: EndedBy, after: str, detail: str) -> None:
        if self._chosen_end is None:
            self._chosen_end = by
            self.call.after = after  # type: ignore[assignment]
            self.call.after_detail = detail
        self._line.close()
        self._closing.set()

    def _break(self, error: Exception) -> None:
        self._log.error("call-broke", exc_info=error)
        self.call.record.error = "internal error"
        self._close(EndedBy.ERROR, "apology", "internal")

    def _activity(self, change: Activity) -> None:
        at = self._clock() - (self._fed - change.at_sample) / RATE
        if self._watch is not None:
            self._watch.changed(at, speaking=change.speaking)

    def _echo(self) -> float:
        return self._speaker.echo_in(*ended(self._lately)) if self._speaker is not None else 0.0

    def _heard(self, heard: Heard) -> None:
        match heard:
            case Hypothesis(utterance, text):
                self.tell(on.HypothesisGrew(utterance, text))
            case Final(utterance, text, took_ms):
                self.call.stt_ms.append(took_ms)
                self.tell(on.UtteranceFinal(utterance, text))
            case Switched():
                self.call.note_switch(heard)
            case _:
                self._log.warning("ears-failed", code=heard.code)
                self.tell(on.UtteranceLost(heard.utterance))

    async def _run(self) -> None:
        try:
            await self._open()
            await self._wait_for_the_end()
        except Exception as error:  # noqa: BLE001 whatever it is, the caller gets words by way of /after
            self._break(error)
            await self._wait_for_the_end()
        finally:
            await self._free()
            self._ended(self)
        await self._recorder.keep()

    async def _open(self) -> None:
        call = self.call
        await call.commit()
        setup = call.language
        ears = self._engines.ears(call.agent, setup.code)
        if ears is None:
            self._close(EndedBy.AGENT, "gather", "language")
            return
        try:
            self._speaker = Speaker(self._line, self.tell, self._clock, self._voice(), call.note_switch)
            self._ears = await ears.open(setup.code, self._heard, call.vocabulary)
        except ProviderError as failure:
            self._log.warning("engine-not-there", provider=failure.provider, code=failure.code)
            self._close(EndedBy.ERROR, "gather", "engine")
            return
        self._thinker = Thinker(call.brain, self.tell, self._clock, self._base_turn)
        self._vad = self._engines.voice_activity.open(self._activity)
        opening = opening_of(call)
        self._watch = EchoWatch(self._echo, opening.policy.echo_threshold, self._clock, self.tell)
        self._conversation = self._recorder.begin(opening)
        waiting, self._inbox = self._inbox, deque()
        self.tell(on.CallResumed(call.resume_why) if call.resume_why else on.CallAnswered())
        for event in waiting:
            self.tell(event)
        for sound in self._early:
            self.media(sound)
        self._early.clear()

    async def _wait_for_the_end(self) -> None:
        await self._closing.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), CLOSE_PATIENCE_S)

    async def _free(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for listening in (self._vad, self._watch):
            if listening is not None:
                listening.close()
        if self._thinker is not None:
            self.call.brain_ms += self._thinker.first_words_ms
            await self._thinker.close()
        if self._speaker is not None:
            self.call.tts_ms += self._speaker.first_audio_ms
            await self._speaker.close()
        if self._side_tasks:
            await asyncio.wait(self._side_tasks, timeout=CLOSE_PATIENCE_S)
        if self._ears is not None:
            await self._ears.close()
        self._vad = self._ears = None
        self._add_counts()

    def _add_counts(self) -> None:
        total, mine = self.call.record.media, self.counts
        mine.marks_heard = self._conversation.marks_heard if self._conversation else 0
        for name in MediaCounts.__dataclass_fields__:
            setattr(total, name, getattr(total, name) + getattr(mine, name))
