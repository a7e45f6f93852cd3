"""The vendors of speech on this machine, over real HTTP and WebSockets, with faults at the turn of a knob.

Deepgram, AssemblyAI (`listeners.py`) and OpenAI listen; Deepgram, ElevenLabs, Cartesia, Azure and OpenAI speak. The ears
are told beforehand what will be said; when somebody speaks (anything but mu-law silence) the next text of the script is
what they hear, its words spread over the sound.
https://developers.deepgram.com/reference/speech-to-text/listen-streaming,
https://developers.deepgram.com/reference/text-to-speech/speak-request,
https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps,
https://docs.cartesia.ai/api-reference/tts/sse, https://developers.openai.com/api/docs/guides/text-to-speech,
https://learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any
from xml.etree.ElementTree import fromstring

from aiohttp import WSMsgType, web
from tests.adapters.cloud_speech.listeners import AssemblyLine, FluxLine, LineServer

KEY = "vendor-key-of-the-tests"
QUIET = bytes((*range(0x70, 0x80), *range(0xF0, 0x100)))
CHAR = 640
"""Bytes of sound a character: 80 ms."""
PIECE = 1600
SECRET = "the text that was asked for must stay out of errors"


@dataclass
class Faults:
    """What goes wrong, until it is mended. Sizes in bytes of mu-law."""

    status: int = 0
    retry_after: str = ""
    code: str = ""
    first_s: float = 0.0
    cut_at: int = -1
    """The connection breaks after so many bytes (spoken, or listened to)."""
    hang_at: int = -1
    """Nothing comes any more after so many bytes."""
    for_good: bool = False
    """Once it broke or hung, it refuses everybody: the vendor is down, not only a connection."""
    pace: float = 0.0
    """Spoken so many times as fast as it sounds; 0: as fast as it goes."""
    garbage: bool = False
    silence: bool = False
    endless: bool = False
    content_type: str = ""
    raw: bytes = b""
    mute: bool = False
    """Ears: takes sound and never answers."""
    early: bool = False
    """Ears: results are final by themselves, and `Finalize` (or `ForceEndTurn`) is not answered."""
    close_code: int = 0
    """Ears: the line is closed with this as soon as it stands."""
    error: bool = False
    """Ears: an Error message on the first sound."""


@dataclass
class VendorServer:
    """All vendors behind one address."""

    faults: Faults = field(default_factory=Faults)
    script: list[str] = field(default_factory=list)
    heard_now: list[str] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    lines: int = 0
    """WebSockets opened."""
    control: list[str] = field(default_factory=list)
    """Types of the messages that the ears got."""
    sound: bytearray = field(default_factory=bytearray)
    given_up: int = 0
    """Answers the client did not want to the end."""
    url: str = ""
    always: str = ""
    """What is heard once the script is over."""
    language: str = "en"
    """What is spoken, for ears that are asked to tell."""
    order: list[str] = field(default_factory=list)
    """Every request, in the order they came."""
    connections: list[Any] = field(default_factory=list)
    over: list[int] = field(default_factory=list)
    """Over which connection each of `order` came."""
    voices: list[str] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)
    """How far ahead of real time sound came, in seconds."""

    def app(self) -> web.Application:
        """The vendors' doors."""
        app = web.Application()
        app.router.add_get("/v1/listen", self.listen)
        app.router.add_get("/v2/listen", self.flux)
        app.router.add_get("/v3/ws", self.assemblyai)
        app.router.add_get("/v1/realtime", self.realtime)
        for path in (
            "/v1/projects",
            "/v1/models",
            "/voices",
            "/v1/models/",
            "/v3/token",
            "/cognitiveservices/voices/list",
        ):
            app.router.add_get(path, self.check)
        app.router.add_post("/v1/speak", self.deepgram)
        app.router.add_post("/v1/text-to-speech/{voice}/stream/with-timestamps", self.elevenlabs)
        app.router.add_post("/tts/sse", self.cartesia)
        app.router.add_post("/v1/audio/speech", self.openai)
        app.router.add_post("/cognitiveservices/v1", self.azure)
        return app

    def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a wrong key, or the one that the knobs ask for."""
        given = request.headers
        self.order.append(f"{request.method} {request.path}")
        if request.transport not in self.connections:
            self.connections.append(request.transport)
        self.over.append(self.connections.index(request.transport))
        names = ("xi-api-key", "x-api-key", "ocp-apim-subscription-key")
        key = given.get("authorization", "").split(" ")[-1] or next(
            (given[name] for name in names if name in given), ""
        )
        faults = self.faults
        status = faults.status or (0 if key == KEY else 401)
        if not status:
            return None
        headers = {"retry-after": faults.retry_after} if faults.retry_after else {}
        code = faults.code or ("INVALID_AUTH" if status == 401 else "error")
        body = {"err_code": code, "error_code": code, "detail": {"status": code, "message": SECRET}, "err_msg": SECRET}
        return web.json_response(body, status=status, headers=headers)

    async def check(self, request: web.Request) -> web.Response:
        """What costs nothing and needs a key."""
        return self.refusal(request) or web.json_response({"projects": []})

    async def deepgram(self, request: web.Request) -> web.StreamResponse:
        """Bare mu-law."""
        query = dict(request.query)
        fits = query.get("encoding") == "mulaw" and query.get("sample_rate") == "8000"
        assert fits, query
        assert query.get("container") == "none", query
        return await self._say(request, (await request.json())["text"], "audio/basic", lambda piece, _at: piece)

    async def azure(self, request: web.Request) -> web.StreamResponse:
        """Bare mu-law for SSML, which must be well-formed and hold one voice and its text."""
        assert request.headers["X-Microsoft-OutputFormat"] == "raw-8khz-8bit-mono-mulaw"
        assert request.headers["user-agent"]
        assert request.content_type == "application/ssml+xml"
        (voice,) = fromstring(await request.text())
        assert len(voice) == 0
        self.voices.append(voice.attrib["name"])
        return await self._say(request, voice.text or "", "audio/x-mulaw", lambda piece, _at: piece)

    async def openai(self, request: web.Request) -> web.StreamResponse:
        """16-bit samples at 24 kHz: a tone of 500 Hz."""
        body = await request.json()
        assert body["response_format"] == "pcm"

        def linear(piece: bytes, _at: int) -> bytes:
            loud = 0 if not piece.translate(None, QUIET) else 8000
            wave = b"".join(
                int(loud if n % 48 < 24 else -loud).to_bytes(2, "little", signed=True) for n in range(3 * len(piece))
            )
            return wave + b""

        return await self._say(request, body["input"], "audio/pcm", linear)

    async def elevenlabs(self, request: web.Request) -> web.StreamResponse:
        """Lines of JSON with the times of the characters."""
        assert request.query["output_format"] == "ulaw_8000"
        text = (await request.json())["text"]

        def line(piece: bytes, at: int) -> bytes:
            first, last = -(-at // CHAR), -(-(at + len(piece)) // CHAR)
            chars = list(text[first:last])
            starts = [(first + n) * CHAR / 8000 for n in range(len(chars))]
            alignment = {
                "characters": chars,
                "character_start_times_seconds": starts,
                "character_end_times_seconds": [start + CHAR / 8000 for start in starts],
            }
            return (
                json.dumps({"audio_base64": base64.b64encode(piece).decode(), "alignment": alignment}).encode()
                + b"\n\n"
            )

        return await self._say(request, text, "application/json", line)

    async def cartesia(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: sound, and the words that have ended in it a little later."""
        body = await request.json()
        assert body["output_format"] == {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000}
        text = body["transcript"]
        ends = [at for at, char in enumerate(text + " ") if char == " " and at]

        def event(piece: bytes, at: int) -> bytes:
            told = [{"type": "chunk", "data": base64.b64encode(piece).decode(), "done": False, "status_code": 206}]
            now = [end for end in ends if at < end * CHAR <= at + len(piece)]
            if now:
                words = {"words": [text[:end].split()[-1] for end in now], "end": [end * CHAR / 8000 for end in now]}
                told.append({"type": "timestamps", "done": False, "word_timestamps": words | {"start": words["end"]}})
            return b"".join(
                b"event: " + one["type"].encode() + b"\ndata: " + json.dumps(one).encode() + b"\n\n" for one in told
            )

        return await self._say(request, text, "text/event-stream", event, b'data: {"type":"done","done":true}\n\n')

    async def _say(
        self, request: web.Request, text: str, kind: str, wrap: Any, last: bytes = b""
    ) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.query), text))
        faults = replace(self.faults)
        if (refused := self.refusal(request)) is not None:
            return refused
        response = web.StreamResponse(headers={"content-type": faults.content_type or kind})
        try:
            await asyncio.sleep(faults.first_s)
            await response.prepare(request)
            whole = (b"\xff" if faults.silence else b"\x10\x90") * (len(text) * (CHAR if faults.silence else CHAR // 2))
            if faults.raw:
                await response.write(faults.raw)
            at = 0
            while at < len(whole) or faults.endless:
                piece = whole[at : at + PIECE] or b"\x10\x90" * 8000
                for limit, act in ((faults.cut_at, "cut"), (faults.hang_at, "hang")):
                    if 0 <= limit <= at + len(piece):
                        await response.write(wrap(piece[: max(0, limit - at)], at))
                        if faults.for_good:
                            self.faults.status = 503
                        if act == "hang":
                            await asyncio.sleep(30)
                        assert request.transport is not None
                        request.transport.close()
                        return response
                await response.write(b"{]\x00garbage\n\ndata: ]\n\n" if faults.garbage else wrap(piece, at))
                at += len(piece)
                await asyncio.sleep(len(piece) / 8000 / faults.pace if faults.pace else 0)
            await response.write(last)
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            self.given_up += 1
            raise
        return response

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Deepgram's ears."""
        if (refused := self.refusal(request)) is not None:
            return refused
        query = dict(request.query) | {"keyterms": ",".join(request.query.getall("keyterm", []))}
        query["language_hints"] = ",".join(request.query.getall("language_hint", []))
        self.asked.append((request.path, query, ""))
        assert query["encoding"] == "mulaw"
        assert query["sample_rate"] == "8000"
        await asyncio.sleep(self.faults.first_s)
        line = web.WebSocketResponse()
        await line.prepare(request)
        self.lines += 1
        await _Listening(self, line, tags=query["language"] == "multi").run()
        return line

    async def flux(self, request: web.Request) -> web.StreamResponse:
        """Deepgram's ears that know when a turn is over."""
        return await self._line(request, FluxLine)

    async def assemblyai(self, request: web.Request) -> web.StreamResponse:
        """AssemblyAI's ears."""
        return await self._line(request, AssemblyLine)

    async def _line(self, request: web.Request, kind: type[LineServer]) -> web.StreamResponse:
        if (refused := self.refusal(request)) is not None:
            return refused
        query = dict(request.query) | {"keyterms": ",".join(request.query.getall("keyterm", []))}
        query["language_hints"] = ",".join(request.query.getall("language_hint", []))
        self.asked.append((request.path, query, ""))
        await asyncio.sleep(self.faults.first_s)
        line = web.WebSocketResponse()
        await line.prepare(request)
        self.lines += 1
        if self.faults.close_code:
            await line.close(code=self.faults.close_code)
            return line
        await kind(self, line, query).run()
        return line

    async def realtime(self, request: web.Request) -> web.StreamResponse:
        """OpenAI's ears: an item for every commit, its words before and after."""
        if (refused := self.refusal(request)) is not None:
            return refused
        assert request.query["intent"] == "transcription"
        await asyncio.sleep(self.faults.first_s)
        line = web.WebSocketResponse()
        await line.prepare(request)
        self.lines += 1
        got, items = 0, 0
        async for message in line:
            told = json.loads(message.data)
            self.control.append(told["type"])
            if told["type"] == "session.update":
                self.asked.append((request.path, told["session"]["audio"]["input"], ""))
            elif told["type"] == "input_audio_buffer.clear":
                got = 0
            elif told["type"] == "input_audio_buffer.append":
                sound = base64.b64decode(told["audio"])
                self.sound += sound
                got += len(sound)
                if self.faults.error:
                    await line.send_json({"type": "error", "error": {"code": "server_error", "message": SECRET}})
                if self.faults.garbage:
                    await line.send_str("{]")
                if 0 <= self.faults.cut_at < got:
                    assert request.transport is not None
                    request.transport.abort()
                    return line
            elif told["type"] == "input_audio_buffer.commit" and not self.faults.mute:
                items, got = items + 1, 0
                said = self.script.pop(0) if self.script else self.always
                kind = "conversation.item.input_audio_transcription."
                await line.send_json({"type": "input_audio_buffer.committed", "item_id": f"item_{items}"})
                await line.send_json({"type": f"{kind}delta", "item_id": f"item_{items}", "delta": said.split(" ")[0]})
                await line.send_json({"type": f"{kind}completed", "item_id": f"item_{items}", "transcript": said})
        return line


class _Listening:
    """One WebSocket: what came since the last final result."""

    def __init__(self, server: VendorServer, line: web.WebSocketResponse, *, tags: bool = False) -> None:
        self.server, self.line = server, line
        self.tags = {"language": server.language} if tags else {}
        self.at = self.since = self.loud = self.shown = 0
        self.first_loud = -1
        self.last_loud = 0

    async def run(self) -> None:
        async for message in self.line:
            if message.type is WSMsgType.BINARY:
                if not await self._sound(message.data):
                    return
            elif message.type is WSMsgType.TEXT:
                kind = json.loads(message.data)["type"]
                self.server.control.append(kind)
                if kind == "CloseStream":
                    await self.line.send_json({"type": "Metadata", "duration": self.at / 8000})
                    await self.line.close()
                    return
                if kind == "Finalize" and not self.server.faults.mute and not self.server.faults.early:
                    await self._result(final=True, from_finalize=True)

    async def _sound(self, sound: bytes) -> bool:
        server, faults = self.server, self.server.faults
        server.sound += sound
        loud = len(sound.translate(None, QUIET))
        if loud > len(sound) // 4:
            self.first_loud = self.at if self.first_loud < 0 else self.first_loud
            self.last_loud = self.at + len(sound)
        self.at += len(sound)
        self.loud += loud
        if faults.error:
            await self.line.send_json({"type": "Error", "description": SECRET})
        if faults.garbage and self.loud:
            await self.line.send_str("{]")
        if 0 <= faults.hang_at < self.loud and not faults.mute:
            faults.mute = True
            faults.status = 503 if faults.for_good else 0
        if 0 <= faults.cut_at < self.loud:
            faults.status = 503 if faults.for_good else 0
            assert self.line._req is not None
            assert self.line._req.transport is not None
            self.line._req.transport.abort()
            return False
        if self.loud - self.shown > 4000 and not faults.mute:
            self.shown = self.loud
            await self._result(final=False)
        if faults.early and self.first_loud >= 0 and self.at - self.last_loud > 2400:
            await self._result(final=True)
        return True

    def _said(self) -> str:
        if self.loud < 400:
            return ""
        return self.server.script[0] if self.server.script else self.server.always

    async def _result(self, *, final: bool, from_finalize: bool = False) -> None:
        said = self._said().split()
        start, end = self.first_loud / 8000, self.last_loud / 8000
        step = (end - start) / max(1, len(said))
        words = [
            {"word": word.lower(), "punctuated_word": word, "start": start + n * step, "end": start + (n + 0.9) * step}
            | self.tags
            for n, word in enumerate(said)
        ]
        if not final:
            words = words[: max(1, len(words) // 2)]
        heard = {"transcript": " ".join(word["punctuated_word"] for word in words), "words": words}
        await self.line.send_json(
            {
                "type": "Results", "channel_index": [0, 1], "start": self.since / 8000,
                "duration": (self.at - self.since) / 8000, "is_final": final, "speech_final": final,
                "from_finalize": from_finalize,
                "channel": {"alternatives": [heard]},
            }
        )  # fmt: skip
        if final:
            if said and self.server.script:
                self.server.script.pop(0)
            self.since, self.loud, self.shown, self.first_loud = self.at, 0, 0, -1
