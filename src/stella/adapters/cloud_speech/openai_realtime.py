"""OpenAI Realtime: one conversation session a call, mu-law both ways as the telephone has it.

https://developers.openai.com/api/reference/resources/realtime/client-events (session, buffer, items, truncate, response)
https://developers.openai.com/api/reference/resources/realtime/server-events (deltas, `response.done` with its usage, errors)
https://developers.openai.com/api/docs/guides/realtime-conversations (turns of one's own, truncation at what was heard)

The vendor's turn detection is off: it answers when it is asked. One response runs at a time, so whatever changes the
conversation while one is being cancelled waits for its end.
"""

from __future__ import annotations

import asyncio
import binascii
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import aiohttp
import msgspec

from stella.adapters.cloud_speech.failures import failure, key_is_right
from stella.adapters.cloud_speech.line_ears import LineEars, Utterance
from stella.adapters.cloud_speech.openai_ears import BASE, MODEL
from stella.adapters.cloud_speech.openai_events import Event, metered, refusal
from stella.adapters.cloud_speech.socket import Socket
from stella.adapters.cloud_speech.spoken_answer import AnswerPatience, SpokenAnswer
from stella.domain.ids import UtteranceId
from stella.ports.failure import Malformed, ProviderError, Unavailable
from stella.ports.language import Called, FromAgent, FromTool, Grew, Message, ToolCall
from stella.ports.realtime import Briefing, Metered, RealtimeEvent, Sounded
from stella.ports.speech import Heard

RATE = 8000
_CREATES = '{"type":"response.create"'
ITEMS_MOST = 2_000


class OpenAIRealtimeLine:
    """One call's session."""

    def __init__(
        self,
        vendor: OpenAIRealtime,
        briefing: Briefing,
        heard: Callable[[Heard], None],
        died: Callable[[ProviderError], None],
    ) -> None:
        """Opened by OpenAIRealtime only; connects in the background."""
        self._vendor, self._told_death = vendor, died
        self._ears = LineEars(heard, self, vendor.patience.words)
        self.feed, self.begin, self.finish = self._ears.feed, self._ears.begin, self._ears.finish
        self._answer: SpokenAnswer | None = None
        self._made: SpokenAnswer | None = None
        """Whose response is being made over there; not `_answer` where nobody wants it any more."""
        self._running = False
        self._held: deque[str] = deque()
        self._late: list[Metered] = []
        self._items: list[str] = []
        self._spoken: list[tuple[str, int]] = []
        self._calls: dict[str, str] = {}
        """Items of tool calls whose result is not told yet, by the call's name."""
        self._committed: deque[Utterance] = deque()
        self._unanswered: dict[UtteranceId, Utterance] = {}
        self._numbers = 0
        self._failure: ProviderError | None = None
        self._closed = False
        self._socket = Socket("openai", vendor.session, vendor.url, vendor.headers, self._hear, self._died)
        self._send("session.update", session=_session(briefing))

    @property
    def alive(self) -> bool:
        """As the port."""
        return self._failure is None and not self._closed

    def sound(self, utterance: Utterance, mulaw: bytes) -> None:
        """As a mouthpiece."""
        del utterance
        self._send("input_audio_buffer.append", audio=binascii.b2a_base64(mulaw, newline=False).decode())

    def commit(self, utterance: Utterance) -> None:
        """As a mouthpiece."""
        self._committed.append(utterance)
        self._unanswered[utterance.id] = utterance
        self._send("input_audio_buffer.commit")

    def discard(self, utterance: Utterance, *, committed: bool) -> None:
        """As a mouthpiece."""
        if not committed:
            self._send("input_audio_buffer.clear")
        elif utterance.item:
            self._forget(utterance.item)

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        self._ears.drop(utterance)
        dropped = self._unanswered.pop(utterance, None)
        if dropped is not None:
            dropped.dropped = True
            self.discard(dropped, committed=True)

    async def answer(
        self, before: Sequence[Message] = (), behind: Sequence[Message] = ()
    ) -> AsyncIterator[RealtimeEvent]:
        """As the port."""
        if self._failure is not None or self._closed:
            raise self._failure or Unavailable("openai", "closed")
        self._put_away()
        told = {message.call.id for message in behind if isinstance(message, FromTool)}
        if not told:
            self._spoken.clear()
        for call in [call for call in self._calls if call not in told]:
            self._forget(self._calls.pop(call))
        heard = [utterance.item for utterance in self._unanswered.values() if utterance.item]
        self._unanswered.clear()
        at = self._items.index(heard[0]) if heard and heard[0] in self._items else len(self._items)
        for place, message in enumerate(before):
            self._create(message, at + place)
        for message in behind:
            self._create(message, len(self._items))
        self._numbers += 1
        self._answer = answer = SpokenAnswer("openai", self._vendor.patience, f"answer-{self._numbers}")
        self._hold(_message("response.create", event_id=answer.name))
        for metered_late in self._late:
            answer.put(metered_late)
        self._late.clear()
        try:
            async for event in answer.events():
                yield event
        finally:
            if self._answer is answer and answer.whole:
                self._answer = None
            elif self._answer is answer:
                self._put_away()

    def _put_away(self) -> None:
        """The answer under way is not wanted any more."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        unbegun = [held for held in self._held if held.startswith(_CREATES)]
        if unbegun:
            self._held = deque(held for held in self._held if held not in unbegun)
        elif self._running:
            self._send("response.cancel", event_id="tidy-cancel")
        answer.end()

    def truncate(self, heard_s: float, heard: str = "") -> None:
        """As the port."""
        del heard
        left = int(max(0.0, heard_s) * RATE)
        for item, size in self._spoken:
            if left <= 0:
                self._forget(item)
            elif left < size:
                cut = {"item_id": item, "content_index": 0, "audio_end_ms": left * 1000 // RATE}
                self._hold(_message("conversation.item.truncate", event_id=f"tidy-{item}", **cut))
            left -= size
        self._spoken.clear()

    def _create(self, message: Message, place: int) -> None:
        """Put a message into the conversation. Our names for items are short: the vendor takes 32 characters."""
        self._numbers += 1
        item, name = _item(message), f"stella{self._numbers}"
        if isinstance(message, FromTool):
            self._calls.pop(message.call.id, None)
        where: dict[str, Any] = {}
        if place < len(self._items):
            where["previous_item_id"] = self._items[place - 1] if place else "root"
        self._items.insert(place, name)
        item["id"] = name
        self._hold(_message("conversation.item.create", event_id=f"tidy-{name}", item=item, **where))

    def _forget(self, item: str) -> None:
        if item in self._items:
            self._items.remove(item)
        self._hold(_message("conversation.item.delete", event_id=f"tidy-{item}", item_id=item))

    def _hold(self, message: str) -> None:
        """Send now, or behind the response that is still being made."""
        if self._running or self._held:
            self._held.append(message)
        else:
            self._start(message)

    def _start(self, message: str) -> None:
        self._running = message.startswith(_CREATES)
        self._made = self._answer if self._running else None
        self._socket.send(message)

    def _let_go(self) -> None:
        self._running, self._made = False, None
        while self._held and not self._running:
            self._start(self._held.popleft())

    def _send(self, kind: str, **fields: object) -> None:
        self._socket.send(_message(kind, **fields))

    def _hear(self, text: str) -> None:
        """An event of the vendor's. Raises ProviderError."""
        try:
            event = msgspec.json.decode(text, type=Event)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise Malformed("openai", "json") from None
        kind = event.type
        if kind.startswith("conversation.item.input_audio_transcription."):
            self._words(kind.rpartition(".")[2], event)
        elif kind == "input_audio_buffer.committed":
            self._named(event.item_id)
        elif kind == "response.done":
            self._finished(event)
        elif kind.startswith("response."):
            self._speaks(kind, event)
        elif kind == "error":
            self._complained(event)

    def _named(self, item: str) -> None:
        if not self._committed or len(self._items) >= ITEMS_MOST:
            return
        utterance = self._committed.popleft()
        utterance.item = item
        self._items.append(item)
        if utterance.dropped:
            self._forget(item)

    def _words(self, kind: str, event: Event) -> None:
        waiting = self._ears.pending.values()
        of = next((one for one in waiting if one.item and one.item == event.item_id), None)
        if kind == "delta":
            of = of or self._ears.open
            if of is not None:
                self._ears.grow(of, event.delta)
        elif of is not None and kind == "completed":
            self._ears.answer(of, event.transcript.strip())
        elif of is not None and kind == "failed":
            self._ears.lose(of, "failed")

    def _speaks(self, kind: str, event: Event) -> None:
        answer = self._answer
        if answer is None or answer is not self._made:
            if kind == "response.output_item.added" and event.item is not None:
                # Begun after nobody wanted it any more: it was never heard.
                self._forget(event.item.id)
            return
        if kind == "response.output_item.added" and event.item is not None:
            self._items.append(event.item.id)
            if event.item.type == "message":
                self._spoken.append((event.item.id, 0))
        elif kind == "response.output_audio.delta":
            try:
                mulaw = binascii.a2b_base64(event.delta)
            except binascii.Error:
                raise Malformed("openai", "base64") from None
            if self._spoken:
                item, size = self._spoken[-1]
                self._spoken[-1] = item, size + len(mulaw)
            if mulaw:
                answer.put(Sounded(mulaw))
        elif kind in ("response.output_audio_transcript.delta", "response.output_text.delta"):
            answer.put(Grew(event.delta))
        elif kind == "response.output_item.done" and event.item is not None and event.item.type == "function_call":
            self._calls[event.item.call_id] = event.item.id
            answer.put(Called(ToolCall(event.item.call_id, event.item.name, event.item.arguments)))

    def _finished(self, event: Event) -> None:
        response, answer = event.response, self._answer
        if response is None:
            raise Malformed("openai", "response")
        usage = metered(response)
        if answer is not None and answer is self._made:
            if usage is not None:
                answer.put(usage)
            answer.end(refusal(response))
        elif usage is not None:
            self._late.append(usage)
        self._let_go()

    def _complained(self, event: Event) -> None:
        """Errors of what we did in passing change nothing; one of an answer ends it; any other ends the line."""
        told = event.error
        code = (told.code or told.type or "") if told else ""
        about = (told.event_id or "") if told else ""
        if code == "input_audio_buffer_commit_empty" and self._committed:
            empty = self._committed.popleft()
            self._unanswered.pop(empty.id, None)
            self._ears.answer(empty, "")
        elif about.startswith("answer-"):
            made = self._made
            if made is not None and made.name == about:
                made.end(failure("openai", 429 if "rate" in code else 500, code))
                self._let_go()
        elif not about.startswith("tidy-"):
            known = "key" in code or "quota" in code or "expired" in code
            raise failure("openai", 0, code) if known else Unavailable("openai", "error", code[:60])

    def _died(self, fault: ProviderError) -> None:
        self._failure = fault
        self._vendor.losses += 1
        if self._answer is not None:
            self._answer.end(fault)
        self._ears.fail(fault.code)
        if not self._closed:
            self._told_death(fault)

    async def close(self) -> None:
        """As the port."""
        if self._closed:
            return
        self._closed = True
        if self._answer is not None:
            self._answer.end(Unavailable("openai", "closed"))
        self._ears.close()
        await self._socket.close()
        self._vendor.lines.discard(self)


class OpenAIRealtime:
    """Keeps `Realtime`. `losses` counts lines that died."""

    codec = "mu-law 8 kHz"
    eager = False
    languages = frozenset({"de", "en"})

    def __init__(
        self, model: str, key: str, session: aiohttp.ClientSession, base: str = "",
        patience: AnswerPatience | None = None,
    ) -> None:  # fmt: skip
        """`base` with its `/v1`; http(s) and ws(s) are the same there."""
        base = (base or BASE).rstrip("/")
        self.name, self.session, self.patience = f"openai:{model}", session, patience or AnswerPatience()
        self.url, self._models = f"{base}/realtime?model={model}", f"{base}/models"
        self.headers = {"authorization": f"Bearer {key}"} if key else {}
        self.lines: set[OpenAIRealtimeLine] = set()
        self.losses = 0

    def open(
        self, briefing: Briefing, heard: Callable[[Heard], None], died: Callable[[ProviderError], None]
    ) -> OpenAIRealtimeLine:
        """As the port."""
        line = OpenAIRealtimeLine(self, briefing, heard, died)
        self.lines.add(line)
        return line

    async def check(self) -> None:
        """As the port: the list of models costs nothing."""
        await key_is_right("openai", self.session, self._models, self.headers)

    async def close(self) -> None:
        """As the port."""
        await asyncio.gather(*(line.close() for line in list(self.lines)))


def _session(briefing: Briefing) -> dict[str, Any]:
    output: dict[str, Any] = {"format": {"type": "audio/pcmu"}}
    if briefing.voice:
        output["voice"] = briefing.voice
    tools = [
        {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
        for tool in briefing.tools
    ]
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": briefing.system,
        "tools": tools,
        "tool_choice": "auto",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": MODEL, "language": briefing.language},
                "turn_detection": None,
            },
            "output": output,
        },
    }


def _item(message: Message) -> dict[str, Any]:
    if isinstance(message, FromTool):
        return {"type": "function_call_output", "call_id": message.call.id, "output": message.text}
    if isinstance(message, FromAgent):
        return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": message.text}]}
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": message.text}]}


def _message(kind: str, **fields: object) -> str:
    return msgspec.json.encode({"type": kind, **fields}).decode()
