"""The living shell around one Conversation whose carrier hears and speaks by itself (Twilio's ConversationRelay).

The conversation is the same; only its facts come from elsewhere: the carrier's prompts are utterances, its interruptions are
onsets that have silenced us already, and what it tells of its voice is what was heard (see `relay_voice`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from stella.calls.legs import Leg
from stella.calls.live_call import LiveCall
from stella.calls.paths import silence_of
from stella.calls.pronounce import Respelling, respelling
from stella.calls.recorder import opening_of
from stella.calls.relay_voice import RelayVoice
from stella.calls.shell import Shell
from stella.calls.think import Thinker
from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Phase
from stella.domain.call import EndedBy
from stella.domain.ids import UtteranceId
from stella.ports.line import WordLine
from stella.ports.tapes import TapeStore

CALLER_CHARS_PER_S = 14.0
"""How fast callers speak, where only whole prompts tell that they did."""
WORDS_S = 3.0
"""After the caller's voice has ended, words are waited for this long; an interruption without any is noise."""
LIFE_S = 8.0
"""A voice of which nothing more is told (no words, no end) is given up after this."""


class RelaySession(Shell):
    """One verified session of a call, from `setup` to the end of its socket."""

    def __init__(
        self, call: LiveCall, leg: Leg, line: WordLine, over: Callable[[Any], None], tapes: TapeStore | None = None,
    ) -> None:  # fmt: skip
        """`over` is called once, when nothing of this session is left; `tapes` keeps its recording."""
        self._line = line
        self._silence = silence_of(call.agent)
        self._utterance: UtteranceId | None = None
        self._awaited: UtteranceId | None = None
        self._onset: float | None = None
        self._offset: float | None = None
        self._patience: asyncio.TimerHandle | None = None
        super().__init__(call, leg, lambda: line.end(call.after), over, tapes)
        self._voice = RelayVoice(line, self.tell, self._clock, self._respelling())

    def _respelling(self) -> Respelling:
        return respelling(self.call.agent.pronunciation, self.call.language.code)

    def prompt(self, text: str, *, last: bool) -> None:
        """What the caller says: all of the utterance so far, `last` when it is over."""
        self._heard_at = now = self._clock()
        text = text.strip()
        if not text:
            return
        if self._utterance is None and self._awaited is None:
            if self._voice.unwitnessed and not last:
                # Whether these words stop our voice is told by an interruption, or by none until they are whole.
                return
            self._voice.answered()
            spoken = len(text) / CALLER_CHARS_PER_S + (self._silence if last else 0.0)
            self._begin_utterance(now - spoken if self._onset is None else self._onset)
        utterance = self._utterance or self._awaited
        if last:
            if self._offset is not None:
                self.call.stt_ms.append((now - self._offset) * 1000)
            self._end_utterance(text)
        elif utterance is not None:
            self._wait(LIFE_S)
            self.tell(on.HypothesisGrew(utterance, text))

    def interrupted(self, heard: str) -> None:
        """The caller stopped the voice; `heard` is what it had said of its turn."""
        self._heard_at = now = self._clock()
        if not self._voice.interrupted(heard):
            return
        self.counts.clears += 1
        if self._utterance is None:
            self._begin_utterance(now if self._onset is None else self._onset)
            self._wait(WORDS_S if self._offset is not None else LIFE_S)

    def dtmf(self, digit: str) -> None:
        """A key was pressed. One that stopped our voice is no voice of the caller's."""
        self._heard_at = self._clock()
        super().dtmf(digit)
        if self._utterance is not None and self._onset is None:
            self._end_utterance("")

    def speaking(self, *, agent: bool, on: bool) -> None:
        """The agent's voice, or the caller's, began or ended."""
        self._heard_at = now = self._clock()
        if agent:
            self._voice.spoke(begins=on)
        elif on:
            self._onset, self._offset = now, None
            if self._utterance is not None:
                self._wait(LIFE_S)
            elif not self._voice.sounding:
                self._begin_utterance(now)
                self._wait(LIFE_S)
        else:
            self._offset = now
            if self._utterance is not None:
                self._wait(WORDS_S)
                if self._conversation is not None and self._conversation.phase is Phase.PAUSED:
                    # How long the voice lasted tells a cough from a turn before there are words.
                    self._stop_utterance(now)

    def played(self, text: str) -> None:
        """These words have been spoken."""
        self._heard_at = self._clock()
        self._voice.played(text)

    def complained(self) -> None:
        """The carrier could not use a message of ours: another session, or another path, goes on."""
        self._log.error("relay-complained")
        if not self.closed_by_us:
            self.call.stream_failures += 1
            self._close(EndedBy.ERROR, "resume", "stream-lost")

    def _begin_utterance(self, at: float) -> None:
        """The conversation is told of a voice; it answers with the name of the utterance."""
        self.tell(on.CallerStartedSpeaking(min(at, self._clock())))

    def _stop_utterance(self, at: float) -> None:
        """The voice has ended; its words may still come. The conversation asks for them, or drops them."""
        self.tell(on.CallerStoppedSpeaking(at))
        self._utterance = None

    def _end_utterance(self, text: str) -> None:
        """The utterance is over: by what was told of its end, else by the silence that the carrier waits for."""
        self._stop_waiting()
        if self._utterance is not None:
            # Of two stretches that became one utterance of the carrier's, the later has the words.
            self._answer("")
            now = self._clock()
            self._stop_utterance(now - self._silence if self._offset is None and text else self._offset or now)
        self._answer(text)
        self._onset = self._offset = None

    def _answer(self, text: str) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            self.tell(on.UtteranceFinal(awaited, text))

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._patience = asyncio.get_running_loop().call_later(seconds, self._lost_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lost_patience(self) -> None:
        self._patience = None
        if self._utterance is not None or self._awaited is not None:
            self._end_utterance("")

    def tell(self, event: on.Event) -> None:
        """See `Shell`; a turn of which all words are out is closed at the carrier, which waits for that."""
        super().tell(event)
        if not self._handling and self._conversation is not None and self._conversation.all_said:
            self._voice.complete()

    def _carry_out(self, action: do.Action) -> None:
        voice, conversation = self._voice, self._conversation
        match action:
            case do.Say(_, segment, text):
                voice.say(segment, text, interruptible=conversation is None or conversation.yields)
            case do.PausePlayout(fence):
                voice.pause(fence)
            case do.ResumePlayout(segment, at, _):
                voice.resume(segment, at)
            case do.DropPlayout():
                voice.drop()
            case do.BeginUtterance(utterance):
                self._utterance = utterance
            case do.FinishUtterance(utterance):
                self._awaited = utterance
            case do.DropUtterance():
                pass
            case do.RecordBargeIn() if self._onset is None:
                # When the caller began is not known here: the carrier told only that it has stopped.
                pass
            case _:
                self._carry_out_shared(action)

    async def _switch(self, code: str) -> None:
        setup = self.call.agent.language(code)
        if setup.code != self.call.language.code:
            self.call.speak(setup)
            self._line.send_language(setup.locale)
            self._voice.respell = self._respelling()
        self.tell(on.LanguageChanged(setup.phrases))

    async def _open(self) -> None:
        await self.call.commit()
        self._thinker = Thinker(self.call.brain, self.tell, self._clock, self._base_turn)
        self._begin(opening_of(self.call))

    async def _hush(self) -> None:
        self._stop_waiting()
        self.call.tts_ms += self._voice.first_audio_ms
        self._voice.close()

    def _add_counts(self) -> None:
        super()._add_counts()
        # Marks are the conversation's way of putting it; this carrier knows none.
        self.call.record.media.marks_heard -= self.counts.marks_heard
