"""Ears of vendors that answer by turns, over a real WebSocket: Deepgram Flux and AssemblyAI.

https://developers.deepgram.com/reference/speech-to-text/listen-flux, .../docs/flux/state, .../docs/flux/force-end-turn;
https://www.assemblyai.com/docs/streaming/message-sequence, .../docs/streaming/common-session-errors-and-closures
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from tests.adapters.cloud_speech.server import VendorServer

QUIET = bytes((*range(0x70, 0x80), *range(0xF0, 0x100)))
UPDATE = 2000
EAGER, OVER = 2000, 5200
"""Bytes of silence after which Flux thinks that a turn is over, and after which it knows."""


class LineServer:
    """One WebSocket: the sound of one turn, and where it was loud."""

    def __init__(self, server: VendorServer, line: web.WebSocketResponse, query: dict[str, str]) -> None:
        self.server, self.line, self.query = server, line, query
        self.at = self.told = self.since = self.last_loud = 0
        self.first_loud = -1
        self.order = 0
        self.began = asyncio.get_running_loop().time()

    async def hello(self) -> None:
        """The first message."""

    async def sound(self, size: int) -> None:
        """More of it came."""

    async def asked(self, kind: str) -> None:
        """A message came."""

    async def run(self) -> None:
        """Until somebody hangs up."""
        await self.hello()
        async for message in self.line:
            if message.type is WSMsgType.BINARY:
                if not await self._take(message.data):
                    return
            elif message.type is WSMsgType.TEXT:
                kind = json.loads(message.data)["type"]
                self.server.control.append(kind)
                if kind in ("CloseStream", "Terminate"):
                    await self.line.close()
                    return
                if not self.server.faults.mute:
                    await self.asked(kind)

    async def _take(self, sound: bytes) -> bool:
        server, faults = self.server, self.server.faults
        server.sound += sound
        if len(sound.translate(None, QUIET)) > len(sound) // 4:
            self.first_loud = self.at if self.first_loud < 0 else self.first_loud
            self.last_loud = self.at + len(sound)
        self.at += len(sound)
        if faults.error:
            await self.line.send_json({"type": "Error", "code": "oops", "error_code": 3005, "error": "what was said"})
        if faults.garbage and self.first_loud >= 0:
            await self.line.send_str("{]")
        if 0 <= faults.cut_at < self.at:
            assert self.line._req is not None
            assert self.line._req.transport is not None
            self.line._req.transport.abort()
            return False
        if not faults.mute:
            await self.sound(len(sound))
        return not self.line.closed

    def said(self) -> list[str]:
        """The words of the turn so far; half of them while it goes on."""
        if self.first_loud < 0:
            return []
        every = (self.server.script[0] if self.server.script else self.server.always).split()
        return every if self.at - self.last_loud > 1000 else every[: max(1, len(every) // 2)]

    def times(self, words: list[str]) -> list[tuple[str, float, float]]:
        """Spread over where it was loud, in seconds."""
        start, step = self.first_loud / 8000, (self.last_loud - self.first_loud) / 8000 / max(1, len(words))
        return [(word, start + n * step, start + (n + 0.9) * step) for n, word in enumerate(words)]

    def whole(self) -> list[str]:
        """All words of the turn, which is over."""
        said = (
            [] if self.first_loud < 0 else (self.server.script[0] if self.server.script else self.server.always).split()
        )
        if said and self.server.script:
            self.server.script.pop(0)
        return said

    def next_turn(self) -> None:
        """A new one."""
        self.first_loud, self.order, self.since = -1, self.order + 1, self.at


class FluxLine(LineServer):
    """Deepgram Flux."""

    eager = False

    async def hello(self) -> None:
        assert self.query["encoding"] == "mulaw"
        assert self.query["sample_rate"] == "8000"
        await self.line.send_json({"type": "Connected", "request_id": "1", "sequence_id": 0})

    async def _tell(self, event: str, words: list[str], trigger: str = "") -> None:
        told: dict[str, Any] = {
            "type": "TurnInfo", "event": event, "turn_index": self.order, "transcript": " ".join(words),
            "audio_window_start": self.since / 8000, "audio_window_end": self.at / 8000, "end_of_turn_confidence": 0.8,
            "words": [
                {"word": word, "confidence": 0.9, "start": start, "end": end} for word, start, end in self.times(words)
            ],
        }  # fmt: skip
        if trigger:
            told["trigger"] = trigger
        if self.query["model"] == "flux-general-multi" and words:
            told["languages"] = [self.server.language]
        await self.line.send_json(told)

    async def sound(self, size: int) -> None:
        del size
        quiet = self.at - self.last_loud
        words = self.said()
        if words and quiet >= OVER:
            await self._tell("EndOfTurn", self.whole(), "model")
            self.eager = False
            self.next_turn()
        elif words and quiet >= EAGER and not self.eager and "eager_eot_threshold" in self.query:
            self.eager = True
            await self._tell("EagerEndOfTurn", words)
        elif self.eager and quiet < EAGER:
            self.eager = False
            await self._tell("TurnResumed", words)
        elif self.at - self.told >= UPDATE:
            self.told = self.at
            await self._tell("Update", words)

    async def asked(self, kind: str) -> None:
        """Without a turn under way it is ignored."""
        if kind == "ForceEndTurn" and self.first_loud >= 0 and not self.server.faults.early:
            await self._tell("EndOfTurn", self.whole(), "manual")
            self.eager = False
            self.next_turn()


class AssemblyLine(LineServer):
    """AssemblyAI Universal-3.5 Pro Realtime."""

    async def hello(self) -> None:
        assert self.query["encoding"] == "pcm_mulaw"
        assert self.query["sample_rate"] == "8000"
        assert self.query["speech_model"] == "u3-rt-pro"
        await self.line.send_json({"type": "Begin", "id": "1", "expires_at": 0})

    async def _refuse(self, why: str) -> None:
        await self.line.send_json({"type": "Error", "error_code": 3007, "error": why})
        await self.line.close(code=3007)

    async def _tell(self, words: list[str], *, over: bool) -> None:
        told: dict[str, Any] = {
            "type": "Turn", "turn_order": self.order, "turn_is_formatted": over, "end_of_turn": over,
            "transcript": " ".join(words), "end_of_turn_confidence": float(over), "utterance": "",
            "words": [
                {"text": word, "start": int(start * 1000), "end": int(end * 1000), "confidence": 0.9, "word_is_final": over}
                for word, start, end in self.times(words)
            ],
        }  # fmt: skip
        if over and self.query.get("language_detection") == "true":
            told |= {"language_code": self.server.language, "language_confidence": 0.99}
        await self.line.send_json(told)

    async def sound(self, size: int) -> None:
        ahead = self.at / 8000 - (asyncio.get_running_loop().time() - self.began)
        self.server.paces.append(ahead)
        if not 400 <= size <= 8000:
            await self._refuse("Input duration violation")
        elif ahead > 1.5:
            await self._refuse("Audio Transmission Rate Exceeded")
        elif (words := self.said()) and self.at - self.told >= UPDATE:
            self.told = self.at
            await self._tell(words, over=False)

    async def asked(self, kind: str) -> None:
        """Without words there is no turn to end."""
        if kind == "ForceEndpoint" and self.first_loud >= 0:
            await self._tell(self.whole(), over=True)
            self.next_turn()
