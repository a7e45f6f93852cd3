"""The living shell around one Conversation on a media stream: it waits, carries out, and decides nothing.

Its laws are those of `shell.Shell`; here are the ears and the voice of ours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from stella.audio.energy import loudness
from stella.calls.echo_watch import FRAMES, EchoWatch, ended
from stella.calls.engines import Engines
from stella.calls.hint_watch import HintWatch
from stella.calls.legs import Leg
from stella.calls.line_watch import LineWatch
from stella.calls.live_call import LiveCall
from stella.calls.recorder import opening_of
from stella.calls.senses import ears_of, voice_of
from stella.calls.shell import Shell
from stella.calls.speak import RATE, Speaker
from stella.calls.think import Thinker
from stella.conversation import actions as do
from stella.conversation import events as on
from stella.domain.call import EndedBy
from stella.domain.ids import Mark
from stella.ports.failure import ProviderError
from stella.ports.line import Line
from stella.ports.speech import (
    Activity,
    Final,
    Heard,
    Hypothesis,
    SpeechToTextStream,
    Switched,
    VoiceActivityStream,
)
from stella.ports.tapes import TapeStore


class CallSession(Shell):
    """One verified stream of a call, from `start` to the end of its socket."""

    def __init__(
        self, call: LiveCall, leg: Leg, line: Line, engines: Engines, over: Callable[[Any], None],
        tapes: TapeStore | None = None,
    ) -> None:  # fmt: skip
        """`over` is called once, when nothing of this session is left; `tapes` keeps its recording."""
        self._line, self._engines = line, engines
        self._speaker: Speaker | None = None
        self._vad: VoiceActivityStream | None = None
        self._ears: SpeechToTextStream | None = None
        self._early: list[bytes] = []
        self._fed = 0
        self._lately: deque[tuple[float, bytes]] = deque(maxlen=FRAMES)
        self._watch: EchoWatch | None = None
        self._hints = HintWatch(None, self.tell)
        self._line_watch = LineWatch(self.tell)
        super().__init__(call, leg, line.close, over, tapes)

    def media(self, mulaw: bytes) -> None:
        """Inbound sound, in order. The carrier sends frames in silence too, so `silent_for` tells a dead socket."""
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
        self._hints.feed(mulaw)
        self._line_watch.feed(mulaw)

    def mark(self, name: str) -> None:
        """A mark came back."""
        self.tell(on.MarkReturned(Mark(name)))

    def _carry_out(self, action: do.Action) -> None:
        speaker, ears = self._speaker, self._ears
        if speaker is None or ears is None:
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
                self.call.meter.speaks(self._now())
                ears.begin(utterance)
            case do.FinishUtterance(utterance):
                self.call.meter.spoke(self._now())
                ears.finish(utterance)
            case do.DropUtterance(utterance):
                self.call.meter.spoke(self._now())
                ears.drop(utterance)
            case do.AskBrain():
                self._hints.turn_over()
                self._carry_out_shared(action)
            case _:
                self._carry_out_shared(action)

    async def _switch(self, code: str) -> None:
        call = self.call
        setup = call.agent.language(code)
        if setup.code == call.language.code:
            self.tell(on.LanguageChanged(setup.phrases))
            return
        call.speak(setup)
        ears = ears_of(call, self._engines, setup.code, self._unheard)
        if ears is None:
            # Nobody here understands this language: the carrier's own ears do.
            self._close(EndedBy.AGENT, "gather", "language")
            return
        try:
            opened = await ears.open(setup.code, self._heard, call.vocabulary, call.agent.others(setup.code))
        except ProviderError:
            self._close(EndedBy.AGENT, "gather", "language")
            return
        if self._closing.is_set():
            await opened.close()
            return
        call.meter.listen(ears.name, self._now())
        old, self._ears = self._ears, opened
        if old is not None:
            await old.close()
        if self._speaker is not None:
            self._speaker.use(*voice_of(call, self._engines))
        self.tell(on.LanguageChanged(setup.phrases))

    def _follow(self, code: str) -> None:
        """The caller speaks another of the agent's languages, and the ears heard it: brain, voice and phrases go along."""
        call = self.call
        if not code or code == call.language.code or code not in call.agent.others(call.language.code):
            return
        setup = call.agent.language(code)
        try:
            self._engines.voice(call.agent, code)
        except ProviderError:
            return
        call.speak(setup)
        call.language_certain = True
        if self._speaker is not None:
            self._speaker.use(*voice_of(call, self._engines))
        self.tell(on.LanguageChanged(setup.phrases, followed=True))

    def _unheard(self) -> None:
        """The caller speaks, and no ears of ours are left: the carrier's own listen."""
        self._close(EndedBy.ERROR, "gather", "engine")

    def _now(self) -> float:
        return self.call.clock.monotonic()

    def _activity(self, change: Activity) -> None:
        at = self._clock() - (self._fed - change.at_sample) / RATE
        if self._watch is not None:
            level = None if change.speaking else loudness(ended(self._lately)[0])
            self._watch.changed(at, speaking=change.speaking, level=level)
        self._line_watch.changed(speaking=change.speaking)
        if change.speaking:
            self._hints.started()
        else:
            self._hints.stopped()

    def _echo(self) -> float:
        return self._speaker.echo_in(*ended(self._lately)) if self._speaker is not None else 0.0

    def _heard(self, heard: Heard) -> None:
        match heard:
            case Hypothesis(utterance, text, settled):
                self.tell(on.HypothesisGrew(utterance, text, settled or None))
            case Final(utterance, text, took_ms):
                self.call.stt_ms.append(took_ms)
                self._follow(heard.language)
                self.tell(on.UtteranceFinal(utterance, text, heard.turn_over or None))
            case Switched():
                self.call.meter.listen(heard.after, self._now())
                self.call.note_switch(heard)
            case _:
                self._log.warning("ears-failed", code=heard.code)
                self.tell(on.UtteranceLost(heard.utterance))

    async def _open(self) -> None:
        call = self.call
        await call.commit()
        setup = call.language
        ears = ears_of(call, self._engines, setup.code, self._unheard)
        if ears is None:
            self._close(EndedBy.AGENT, "gather", "language")
            return
        try:
            self._speaker = Speaker(
                self._line, self.tell, self._clock, voice_of(call, self._engines), call.note_switch, call.meter.spend
            )
            self._ears = await ears.open(setup.code, self._heard, call.vocabulary, call.agent.others(setup.code))
            call.meter.listen(ears.name, self._now())
        except ProviderError as failure:
            self._log.warning("engine-not-there", provider=failure.provider, code=failure.code)
            self._close(EndedBy.ERROR, "gather", "engine")
            return
        self._thinker = Thinker(call.brain, self.tell, self._clock, self._base_turn)
        self._vad = self._engines.voice_activity.open(self._activity)
        opening = opening_of(call)
        self._watch = EchoWatch(self._echo, opening.policy.echo_threshold, self._clock, self.tell)
        hints, policy = self._engines.turn_hints, opening.policy
        if hints is not None and policy.endpointing_min < policy.endpointing_max:
            self._hints = HintWatch(hints, self.tell)
        self._begin(opening)
        for sound in self._early:
            self.media(sound)
        self._early.clear()

    async def _hush(self) -> None:
        for listening in (self._vad, self._watch, self._hints):
            if listening is not None:
                listening.close()
        if self._speaker is not None:
            self.call.tts_ms += self._speaker.first_audio_ms
            await self._speaker.close()

    async def _free(self) -> None:
        self.call.meter.listen("", self._now())
        if self._ears is not None:
            await self._ears.close()
        self._vad = self._ears = None
