"""Speech-to-speech vendors on this machine, over real WebSockets, with faults at the turn of a knob.

They are told beforehand what they will hear and what they will answer; what they were sent is kept, and what they believe
was said. They refuse what the vendors refuse: a second response beside the first, a cut behind the sound's end, unknown
items. https://developers.openai.com/api/reference/resources/realtime/client-events,
https://developers.openai.com/api/reference/resources/realtime/server-events
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from aiohttp import WSMsgType, web

KEY = "vendor-key-of-the-tests"
SECRET = "what was said must stay out of errors"
GEMINI = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
CHAR = 640
"""Bytes of sound a character: 80 ms."""
PIECE = 1600


def tone(text: str) -> bytes:
    """A sound as long as a text."""
    return b"\x10\x90" * (CHAR // 2 * len(text))


@dataclass
class Answer:
    """What the model says, and the tools it calls behind it."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    cut_at: int = -1
    """The connection breaks after so many bytes of this answer."""
    leaves: bool = False
    """And the vendor it was asked of is away from then on."""


@dataclass
class Faults:
    """What goes wrong, until it is mended. Sizes in bytes of mu-law spoken."""

    status: int = 0
    retry_after: str = ""
    first_s: float = 0.0
    """Before an answer begins."""
    piece_s: float = 0.0
    """Between two pieces of sound."""
    cut_at: int = -1
    hang_at: int = -1
    bye_at: int = -1
    """The vendor closes the socket in good order after so much."""
    garbage: bool = False
    mute: bool = False
    """Hears and never says what."""
    failed: str = ""
    """Answers fail with this code."""
    endless: bool = False
    leaving: bool = False
    """After the next answer the vendor wants its connection back."""
    wordless: bool = False
    """Sound without a transcript."""


@dataclass
class Item:
    """One entry of what the vendor believes was said."""

    id: str
    kind: str
    text: str = ""
    size: int = 0


@dataclass
class RealtimeServer:
    """All vendors behind one address."""

    faults: Faults = field(default_factory=Faults)
    hears: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    always: Answer = field(default_factory=lambda: Answer("Hello there, how can I help?"))
    heard_always: str = "Hello there"
    voice: Callable[[str], bytes] = tone
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Every message that came, but for sound."""
    sound: bytearray = field(default_factory=bytearray)
    """All sound that came, mu-law."""
    items: list[Item] = field(default_factory=list)
    """The conversation of the newest line."""
    complaints: list[str] = field(default_factory=list)
    lines: int = 0
    open: int = 0
    cancelled: int = 0
    spoken: int = 0
    """Bytes of sound that were sent."""
    url: str = ""
    away: bool = False
    doors: dict[str, Any] = field(default_factory=dict)
    """Of vendors that are described elsewhere."""
    name: str = "openai"

    def app(self) -> web.Application:
        """The vendors' doors."""
        app = web.Application()
        app.router.add_get("/v1/realtime", self.openai)
        app.router.add_get("/v1/models", self.check)
        app.router.add_get("/v1beta/models", self.check)
        if "google" in self.doors:
            app.router.add_get(GEMINI, partial(self.doors["google"], self))
        return app

    def kinds(self) -> list[str]:
        """Types of the messages that came, but for sound."""
        return [told["type"] for told in self.asked]

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a wrong key, or the one that the knobs ask for."""
        key = request.headers.get("authorization", "").split(" ")[-1] or request.headers.get("x-goog-api-key", "")
        status = self.faults.status or (0 if key == KEY else 401)
        if not status:
            return None
        headers = {"retry-after": self.faults.retry_after} if self.faults.retry_after else {}
        return web.json_response({"error": {"code": "refused", "message": SECRET}}, status=status, headers=headers)

    async def check(self, request: web.Request) -> web.Response:
        """What costs nothing and needs a key."""
        return self.refusal(request) or web.json_response({"data": []})

    async def openai(self, request: web.Request) -> web.StreamResponse:
        """OpenAI Realtime."""
        if self.away:
            return web.Response(status=503)
        return await self.line(request, OpenAILine)

    async def line(self, request: web.Request, kind: Callable[[Any, Any, Any], Line]) -> web.StreamResponse:
        """One WebSocket to a vendor."""
        if (refused := self.refusal(request)) is not None:
            return refused
        socket = web.WebSocketResponse(max_msg_size=20_000_000)
        await socket.prepare(request)
        self.lines += 1
        self.open += 1
        self.items = []
        line = kind(self, socket, request)
        try:
            await line.run()
        finally:
            self.open -= 1
            line.stop()
        return socket


class Line(Protocol):
    """One WebSocket."""

    async def run(self) -> None:
        """Until it is closed."""

    def stop(self) -> None:
        """It is closed."""


class OpenAILine:
    """One session of OpenAI's."""

    def __init__(self, server: RealtimeServer, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.server, self.socket, self.request = server, socket, request
        self.buffer = 0
        self.numbers = 0
        self.task: asyncio.Task[None] | None = None
        self.response = ""

    async def run(self) -> None:
        await self.say("session.created", session={"type": "realtime"})
        async for message in self.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            told = json.loads(message.data)
            if told["type"] != "input_audio_buffer.append":
                self.server.asked.append(told)
            await self.take(told)

    def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()

    async def say(self, kind: str, **fields: Any) -> None:
        if not self.socket.closed:
            await self.socket.send_json({"type": kind, "event_id": "event_1", **fields})

    async def complain(self, code: str, told: dict[str, Any]) -> None:
        self.server.complaints.append(code)
        error = {"type": "invalid_request_error", "code": code, "message": SECRET, "event_id": told.get("event_id")}
        await self.say("error", error=error)

    def new(self, kind: str) -> str:
        self.numbers += 1
        return f"{kind}_{self.numbers}"

    def find(self, name: str) -> Item | None:
        return next((item for item in self.server.items if item.id == name), None)

    async def take(self, told: dict[str, Any]) -> None:
        match told["type"]:
            case "session.update":
                await self.say("session.updated", session=told["session"])
            case "input_audio_buffer.append":
                sound = base64.b64decode(told["audio"])
                self.server.sound += sound
                self.buffer += len(sound)
            case "input_audio_buffer.clear":
                self.buffer = 0
            case "input_audio_buffer.commit":
                await self.commit(told)
            case "conversation.item.create":
                await self.create(told)
            case "conversation.item.delete":
                if (item := self.find(told["item_id"])) is None:
                    await self.complain("item_delete_invalid_item_id", told)
                else:
                    self.server.items.remove(item)
                    await self.say("conversation.item.deleted", item_id=item.id)
            case "conversation.item.truncate":
                item = self.find(told["item_id"])
                if item is None or told["audio_end_ms"] * 8 > item.size:
                    await self.complain("invalid_value", told)
                else:
                    item.size, item.text = told["audio_end_ms"] * 8, "(cut)"
                    await self.say("conversation.item.truncated", item_id=item.id)
            case "response.create" if self.response:
                await self.complain("conversation_already_has_active_response", told)
            case "response.create":
                self.response = self.new("resp")
                self.task = asyncio.create_task(self.answer(self.response))
            case "response.cancel" if not self.response:
                await self.complain("response_cancel_not_active", told)
            case "response.cancel":
                self.server.cancelled += 1
                self.stop()
                await self.done("cancelled", {"type": "cancelled", "reason": "client_cancelled"})
            case other:
                raise AssertionError(other)

    async def commit(self, told: dict[str, Any]) -> None:
        if self.buffer < 800:
            await self.complain("input_audio_buffer_commit_empty", told)
            return
        size, self.buffer = self.buffer, 0
        words = self.server.hears.pop(0) if self.server.hears else self.server.heard_always
        item = Item(self.new("item"), "caller", words, size)
        self.server.items.append(item)
        await self.say("input_audio_buffer.committed", item_id=item.id)
        await self.say("conversation.item.added", item={"id": item.id, "type": "message", "role": "user"})
        if not self.server.faults.mute:
            kind = "conversation.item.input_audio_transcription."
            await self.say(f"{kind}delta", item_id=item.id, delta=words.split(" ")[0])
            await self.say(f"{kind}completed", item_id=item.id, transcript=words)

    async def create(self, told: dict[str, Any]) -> None:
        given, after = told["item"], told.get("previous_item_id")
        if after not in (None, "root") and self.find(after) is None:
            await self.complain("item_create_invalid_previous_item_id", told)
            return
        text = given.get("output", "") or "".join(part["text"] for part in given.get("content", ()))
        kind = {"user": "note", "assistant": "agent"}.get(given.get("role", ""), given["type"])
        item = Item(given.get("id") or self.new("item"), kind, text)
        known = [one.id for one in self.server.items]
        place = len(known) if after is None else 0 if after == "root" else known.index(after) + 1
        self.server.items.insert(place, item)
        await self.say("conversation.item.added", previous_item_id=after, item={"id": item.id, "type": given["type"]})

    async def answer(self, response: str) -> None:
        server, faults = self.server, self.server.faults
        told = server.answers.pop(0) if server.answers else server.always
        await self.say("response.created", response={"id": response, "status": "in_progress"})
        await asyncio.sleep(faults.first_s)
        if faults.failed:
            await self.done("failed", {"type": "failed", "error": {"code": faults.failed, "message": SECRET}})
            return
        if faults.garbage:
            await self.socket.send_str("{]")
            return
        if told.text:
            await self.speak(response, told)
        for name, arguments in told.calls:
            item = Item(self.new("item"), "function_call", name)
            server.items.append(item)
            about = {"id": item.id, "type": "function_call", "call_id": self.new("call"), "name": name}
            await self.say("response.output_item.added", response_id=response, item={**about, "arguments": ""})
            await self.say("response.output_item.done", response_id=response, item={**about, "arguments": arguments})
        await self.done("completed", None)

    async def speak(self, response: str, told: Answer) -> None:
        server, faults, text = self.server, self.server.faults, told.text
        item = Item(self.new("item"), "agent")
        server.items.append(item)
        about = {"response_id": response, "item_id": item.id, "content_index": 0, "output_index": 0}
        await self.say("response.output_item.added", response_id=response, item={"id": item.id, "type": "message"})
        sound, words = server.voice(text), text.split(" ")
        pieces = [sound[at : at + PIECE] for at in range(0, len(sound), PIECE)]
        ahead = max(1, -(-len(words) // max(1, len(pieces) - 2)))
        for place, piece in enumerate(pieces):
            for word in words[place * ahead : (place + 1) * ahead] if not faults.wordless else ():
                grown = f" {word}" if item.text else word
                item.text += grown
                await self.say("response.output_audio_transcript.delta", delta=grown, **about)
            server.away = server.away or (told.leaves and item.size >= told.cut_at)
            await self._misbehave(item.size, told.cut_at)
            await self.say("response.output_audio.delta", delta=base64.b64encode(piece).decode(), **about)
            item.size += len(piece)
            server.spoken += len(piece)
            await asyncio.sleep(faults.piece_s)
        while faults.endless and not self.socket.closed:
            await asyncio.sleep(0.02)
            await self.say("response.output_audio.delta", delta=base64.b64encode(bytes(80_000)).decode(), **about)
        await self.say("response.output_audio.done", **about)
        await self.say("response.output_audio_transcript.done", transcript=item.text, **about)
        await self.say("response.output_item.done", response_id=response, item={"id": item.id, "type": "message"})

    async def _misbehave(self, size: int, cut_at: int) -> None:
        faults = self.server.faults
        if 0 <= faults.hang_at <= size:
            await asyncio.sleep(3600)
        if 0 <= faults.cut_at <= size or 0 <= cut_at <= size:
            assert self.request.transport is not None
            self.request.transport.abort()
            await asyncio.sleep(3600)
        if 0 <= faults.bye_at <= size:
            await self.socket.close(code=1011)
            await asyncio.sleep(3600)

    async def done(self, status: str, details: dict[str, Any] | None) -> None:
        response, self.response = self.response, ""
        usage = {
            "input_token_details": {
                "text_tokens": 100, "audio_tokens": 50, "cached_tokens": 40,
                "cached_tokens_details": {"text_tokens": 40, "audio_tokens": 0},
            },
            "output_token_details": {"text_tokens": 20, "audio_tokens": 80},
        }  # fmt: skip
        told = {"id": response, "status": status, "status_details": details, "usage": usage}
        await self.say("response.done", response=told)
