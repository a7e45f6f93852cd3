"""Gemini Live: one session a call over BidiGenerateContent, 16 kHz in and 24 kHz out.

https://ai.google.dev/api/live (messages; one generation at a time, input interrupts it)
https://ai.google.dev/gemini-api/docs/models/gemini-3.8-live (content of the client at any time, blocking tools by request)
https://ai.google.dev/gemini-api/docs/live-api/session-management (connections of ten minutes, `goAway`, resumption)

The vendor's activity detection is off, and our own marks begin and end an utterance. The model begins to answer at its end;
what it makes is kept until it is asked for. Nothing can be taken out of its memory: what nobody heard, or nobody meant, it
is told with the next turn. While an answer that is wanted is still being made, a new utterance waits: it would break it off.
"""

from __future__ import annotations

import asyncio
import binascii
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

import aiohttp
import msgspec

from stella.adapters.cloud_speech.failures import key_is_right
from stella.adapters.cloud_speech.gemini_events import Call, Content, Event, Transcription, metered
from stella.adapters.cloud_speech.gemini_messages import content, result_of, setup, text_of, turn
from stella.adapters.cloud_speech.gemini_turns import Making, Turns
from stella.adapters.cloud_speech.line_ears import LineEars, Utterance
from stella.adapters.cloud_speech.socket import Socket
from stella.adapters.cloud_speech.spoken_answer import AnswerPatience, SpokenAnswer
from stella.audio import mulaw as g711
from stella.audio.resample import QUICK, Resampler
from stella.domain.ids import UtteranceId
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.language import Called, FromTool, Grew, Message, ToolCall
from stella.ports.realtime import Briefing, Metered, RealtimeEvent, Sounded
from stella.ports.speech import Heard

BASE = "https://generativelanguage.googleapis.com"
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
LATE_WORDS_S = 0.2
"""Words have no order among the other messages: so long after the end of the sound the last ones are waited for."""
UNMEANT = "[The caller's last sounds were not meant for you. Do not answer them.]"
UNHEARD = "[Of what you said last, the caller has heard only: “{}”. Never suppose the rest was heard.]"
STOPPED = "[The caller has stopped you.]"


class GeminiLiveLine:
    """One call's session, over one connection after another."""

    def __init__(
        self,
        vendor: GeminiLive,
        briefing: Briefing,
        heard: Callable[[Heard], None],
        died: Callable[[ProviderError], None],
    ) -> None:
        """Opened by GeminiLive only; connects in the background."""
        self._vendor, self._briefing, self._told_death = vendor, briefing, died
        self._loop = asyncio.get_running_loop()
        self._ears = LineEars(heard, self, vendor.patience.words)
        self.feed, self.begin, self.finish = self._ears.feed, self._ears.begin, self._ears.finish
        self._turns = Turns()
        self._answer: SpokenAnswer | None = None
        self._eager: SpokenAnswer | None = None
        """Being made because an utterance ended; nobody has asked for it yet."""
        self._upwards: Resampler | None = None
        self._waiting: deque[Callable[[], None]] = deque()
        """Sound that would break off an answer."""
        self._notes: list[str] = []
        self._late: list[Metered] = []
        self._unanswered: dict[UtteranceId, Utterance] = {}
        self._listening: deque[Utterance] = deque()
        """Sent, and their words still to come."""
        self._failure: ProviderError | None = None
        self._closed = self._leaving = False
        self._handle = ""
        self._closing: set[asyncio.Task[None]] = set()
        self._socket = self._connect()

    def _connect(self) -> Socket:
        self._ready, self._held = False, list[str]()
        socket = Socket(
            "google", self._vendor.session, self._vendor.url, self._vendor.headers, self._hear, self._died,
            text_in_bytes=True,
        )  # fmt: skip
        socket.send(text_of(setup=setup(self._vendor.model, self._briefing, self._handle)))
        return socket

    @property
    def alive(self) -> bool:
        """As the port."""
        return self._failure is None and not self._closed

    def _send(self, **message: object) -> None:
        """Nothing may be said before the setup is complete."""
        if self._ready:
            self._socket.send(text_of(**message))
        else:
            self._held.append(text_of(**message))

    def _hold(self, work: Callable[[], None]) -> None:
        """Do it now, or when the answer that is wanted has been made."""
        if self._waiting or (self._answer is not None and self._turns.busy):
            self._waiting.append(work)
        else:
            work()

    def _let_go(self) -> None:
        if self._answer is None or not self._turns.busy:
            while self._waiting:
                self._waiting.popleft()()
        self._leave()

    def sound(self, utterance: Utterance, mulaw: bytes) -> None:
        """As a mouthpiece."""
        self._hold(lambda: self._sound(utterance, mulaw))

    def _sound(self, utterance: Utterance, mulaw: bytes) -> None:
        if utterance.dropped and not utterance.item:
            return
        if not utterance.item:
            utterance.item = "sent"
            self._abandon()
            self._listening.append(utterance)
            self._upwards = Resampler(8000, 16_000, QUICK)
            self._send(realtimeInput={"activityStart": {}})
        if self._upwards is not None:
            pcm = self._upwards.feed(g711.decode(mulaw)).tobytes()
            data = binascii.b2a_base64(pcm, newline=False).decode()
            self._send(realtimeInput={"audio": {"mimeType": "audio/pcm;rate=16000", "data": data}})

    def _abandon(self) -> None:
        """What is being made for an utterance that was not the end of the turn is thrown away."""
        if self._eager is not None:
            self._turns.unwanted(self._eager)
            self._eager = None
            self._notes.append(UNHEARD.format(""))

    def commit(self, utterance: Utterance) -> None:
        """As a mouthpiece."""
        self._unanswered[utterance.id] = utterance
        self._hold(lambda: self._commit(utterance))

    def _commit(self, utterance: Utterance) -> None:
        if not utterance.item:
            return
        self._send(realtimeInput={"activityEnd": {}})
        self._eager = None if utterance.dropped else SpokenAnswer("google", self._vendor.patience)
        self._turns.begin(self._eager)
        if utterance.dropped:
            self._notes.append(UNMEANT)

    def discard(self, utterance: Utterance, *, committed: bool) -> None:
        """As a mouthpiece: what has begun to be sent must be ended, and answers itself."""
        if not committed:
            self._hold(lambda: self._commit(utterance))

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        self._ears.drop(utterance)
        dropped = self._unanswered.pop(utterance, None)
        if dropped is not None:
            dropped.dropped = True
            if dropped.item:
                self._notes.append(UNMEANT)

    async def answer(
        self, before: Sequence[Message] = (), behind: Sequence[Message] = ()
    ) -> AsyncIterator[RealtimeEvent]:
        """As the port. What it began by itself is the answer, unless there is something it has to be told first."""
        if self._failure is not None or self._closed:
            raise self._failure or Unavailable("google", "closed")
        self._put_away()
        results = [message for message in behind if isinstance(message, FromTool)]
        told = [turn(message) for message in (*before, *behind) if not isinstance(message, FromTool)]
        told += [content("user", note) for note in dict.fromkeys(self._notes)]
        eager, self._eager = self._eager, None
        self._unanswered.clear()
        self._notes.clear()
        answer = SpokenAnswer("google", self._vendor.patience)
        if results:
            self._turns.go_on(answer)
            self._send(toolResponse={"functionResponses": [result_of(result) for result in results]})
        elif eager is not None and not told:
            answer = eager
        else:
            if eager is not None:
                self._turns.unwanted(eager)
            self._turns.begin(answer)
            self._send(clientContent={"turns": told or [content("user", "[Go on.]")], "turnComplete": True})
        self._answer = answer
        for usage in self._late:
            answer.put(usage)
        self._late.clear()
        try:
            async for event in answer.events():
                yield event
        finally:
            if self._answer is answer:
                self._put_away()

    def _put_away(self) -> None:
        """The answer under way is over, or not wanted any more: what is still being made is broken off."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        whole = answer.whole
        answer.end()
        if not whole and self._turns.unwanted(answer) and not self._waiting and self.alive:
            self._send(clientContent={"turns": [content("user", STOPPED)], "turnComplete": False})
        self._let_go()

    def truncate(self, heard_s: float, heard: str = "") -> None:
        """As the port: nothing can be taken back, so the model is told with its next turn."""
        del heard_s
        self._notes.append(UNHEARD.format(heard[-400:]))

    def _hear(self, text: str) -> None:
        """A message of the vendor's. Raises ProviderError."""
        try:
            event = msgspec.json.decode(text, type=Event)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed("google", "json") from None
        if event.setup_complete is not None:
            self._ready, held = True, self._held
            self._held = []
            for message in held:
                self._socket.send(message)
        if event.session_resumption_update is not None and event.session_resumption_update.resumable:
            self._handle = event.session_resumption_update.new_handle
        if event.usage_metadata is not None:
            self._count(metered(event.usage_metadata))
        if event.tool_call is not None:
            self._wants(event.tool_call.function_calls)
        if event.server_content is not None:
            self._content(event.server_content)
        if event.go_away is not None:
            self._leaving = True
            self._leave()

    def _count(self, usage: Metered) -> None:
        making = self._turns.now(content=False)
        answer = making.answer if making is not None else None
        if answer is not None and not answer.over:
            answer.put(usage)
        else:
            self._late.append(usage)

    def _content(self, news: Content) -> None:
        brings = news.model_turn is not None or news.output_transcription is not None
        if news.input_transcription is not None:
            self._words(news.input_transcription)
        making = self._turns.now(content=brings)
        if making is None:
            return
        if brings or news.turn_complete:
            self._heard_out()
        for part in news.model_turn.parts if news.model_turn is not None else ():
            if part.inline_data is not None and not part.thought:
                self._sounded(making, part.inline_data.data)
        if news.output_transcription is not None and making.answer is not None:
            making.answer.put(Grew(news.output_transcription.text))
        if news.interrupted:
            making.interrupted = True
            self._ended(making, None if making.complete else Unavailable("google", "cut-off", "interrupted"))
        if news.generation_complete:
            making.complete = True
            self._loop.call_later(LATE_WORDS_S, self._ended, making, None)
        if news.turn_complete:
            self._turns.over()
            self._ended(making, None)
        if news.interrupted or news.generation_complete or news.turn_complete:
            self._let_go()

    def _sounded(self, making: Making, data: str) -> None:
        try:
            pcm = binascii.a2b_base64(data)
        except binascii.Error:
            raise Malformed("google", "base64") from None
        for sound in making.reader.feed(pcm):
            if making.answer is not None:
                making.answer.put(Sounded(sound.mulaw))

    def _ended(self, making: Making, fault: ProviderError | None) -> None:
        answer = making.answer
        if answer is not None and not answer.over:
            for sound in making.reader.end():
                answer.put(Sounded(sound.mulaw))
            answer.end(fault)
            self._let_go()

    def _wants(self, calls: Sequence[Call]) -> None:
        making = self._turns.now(content=True)
        self._heard_out()
        if making is None or making.answer is None:
            return
        for call in calls:
            making.answer.put(Called(ToolCall(call.id, call.name, msgspec.json.encode(call.args).decode())))
        self._ended(making, None)

    def _words(self, words: Transcription) -> None:
        while self._listening and not self._waits(self._listening[0]):
            self._listening.popleft()
        if self._listening:
            self._ears.grow(self._listening[0], words.text)
            if words.finished:
                self._settle(self._listening[0])

    def _waits(self, utterance: Utterance) -> bool:
        return not utterance.dropped and (utterance is self._ears.open or utterance.id in self._ears.pending)

    def _heard_out(self) -> None:
        """The model answers: the words of what it heard before are there, but for the last ones perhaps."""
        for utterance in self._listening:
            if utterance.id in self._ears.pending and utterance.text.strip():
                self._loop.call_later(LATE_WORDS_S, self._settle, utterance)

    def _settle(self, utterance: Utterance) -> None:
        if utterance.id in self._ears.pending and utterance.text.strip():
            self._ears.answer(utterance, utterance.text.strip())

    def _leave(self) -> None:
        """The vendor wants this connection back: go on over another, in a moment when nothing is under way."""
        idle = self._ears.open is None and not self._waiting and self._answer is None and self._eager is None
        if not (self._leaving and idle and self._handle and self._ready and self.alive) or self._turns.busy:
            return
        self._leaving = False
        self._retire()
        self._turns = Turns()
        self._socket = self._connect()

    def _retire(self) -> None:
        task = self._loop.create_task(self._socket.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _died(self, fault: ProviderError) -> None:
        if fault.code == "cut" and fault.detail == "1007":
            # What we said is not taken: saying it again would not help.
            fault = Rejected("google", "invalid", fault.detail)
        self._failure = fault
        self._vendor.losses += 1
        for answer in (self._answer, self._eager):
            if answer is not None:
                answer.end(fault)
        self._ears.fail(fault.code)
        if not self._closed:
            self._told_death(fault)

    async def close(self) -> None:
        """As the port."""
        if self._closed:
            return
        self._closed = True
        if self._answer is not None:
            self._answer.end(Unavailable("google", "closed"))
        self._ears.close()
        await self._socket.close()
        await asyncio.gather(*self._closing, return_exceptions=True)
        self._vendor.lines.discard(self)


class GeminiLive:
    """Keeps `Realtime`. `losses` counts lines that died."""

    codec = "linear 16/24 kHz"
    languages = frozenset({"de", "en"})
    eager = True

    def __init__(
        self, model: str, key: str, session: aiohttp.ClientSession, base: str = "",
        patience: AnswerPatience | None = None,
    ) -> None:  # fmt: skip
        """`base` without a path; http(s) and ws(s) are the same there."""
        base = (base or BASE).rstrip("/")
        self.name, self.model = f"google:{model}", model
        self.session, self.patience = session, patience or AnswerPatience()
        self.url, self._models = f"{base}{PATH}", f"{base}/v1beta/models"
        self.headers = {"x-goog-api-key": key}
        self.lines: set[GeminiLiveLine] = set()
        self.losses = 0

    def open(
        self, briefing: Briefing, heard: Callable[[Heard], None], died: Callable[[ProviderError], None]
    ) -> GeminiLiveLine:
        """As the port."""
        line = GeminiLiveLine(self, briefing, heard, died)
        self.lines.add(line)
        return line

    async def check(self) -> None:
        """As the port: the list of models costs nothing."""
        await key_is_right("google", self.session, self._models, self.headers)

    async def close(self) -> None:
        """As the port."""
        await asyncio.gather(*(line.close() for line in list(self.lines)))
