"""Gemini Live on this machine: https://ai.google.dev/api/live. Its messages are text in bytes; input breaks off what it makes."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web
from tests.adapters.realtime.server import PIECE, SECRET, Answer, Item, RealtimeServer

from stella.audio import mulaw as g711
from stella.audio.resample import resample

KEPT: dict[str, list[Item]] = {}
"""Sessions that can be resumed, by handle."""


class GoogleLine:
    """One connection."""

    def __init__(self, server: RealtimeServer, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.server, self.socket, self.request = server, socket, request
        self.set_up = self.active = False
        self.heard = 0
        self.numbers = 0
        self.task: asyncio.Task[None] | None = None
        self.calling: set[str] = set()

    async def run(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                told = json.loads(message.data)
                (kind,) = told
                if "audio" not in told.get("realtimeInput", {}):
                    self.server.asked.append({"type": kind, **told})
                await self.take(kind, told[kind])

    def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()

    async def say(self, **message: Any) -> None:
        if not self.socket.closed:
            await self.socket.send_bytes(json.dumps(message).encode())

    async def content(self, **content: Any) -> None:
        await self.say(serverContent=content)

    def new(self, kind: str, text: str, size: int = 0) -> Item:
        self.numbers += 1
        item = Item(f"item_{self.numbers}", kind, text, size)
        self.server.items.append(item)
        return item

    async def take(self, kind: str, told: dict[str, Any]) -> None:
        if not self.set_up:
            assert kind == "setup", kind
            assert told["realtimeInputConfig"]["automaticActivityDetection"] == {"disabled": True}
            self.set_up = True
            handle = told["sessionResumption"].get("handle", "")
            self.server.items = KEPT.get(handle, [])
            await self.say(setupComplete={})
        elif kind == "realtimeInput":
            await self.hear(told)
        elif kind == "clientContent":
            await self.interrupt()
            for turn in told["turns"]:
                self.new("agent" if turn["role"] == "model" else "note", turn["parts"][0]["text"])
            if told["turnComplete"]:
                self.begin()
        else:
            assert kind == "toolResponse", kind
            given = {answer["id"] for answer in told["functionResponses"]}
            if given != self.calling:
                self.server.complaints.append("unknown-call")
            self.calling.clear()
            for answer in told["functionResponses"]:
                self.new("function_call_output", str(answer["response"]))
            self.begin()

    async def hear(self, told: dict[str, Any]) -> None:
        if "activityStart" in told:
            assert not self.active
            self.active, self.heard = True, 0
            await self.interrupt()
        elif "audio" in told:
            assert self.active
            assert told["audio"]["mimeType"] == "audio/pcm;rate=16000"
            size = len(base64.b64decode(told["audio"]["data"])) // 4
            self.heard += size
            self.server.sound += bytes(size)
        else:
            assert "activityEnd" in told
            assert self.active
            self.active = False
            words = self.server.hears.pop(0) if self.server.hears else self.server.heard_always
            self.new("caller", words, self.heard)
            if not self.server.faults.mute:
                first, _, rest = words.partition(" ")
                await self.content(inputTranscription={"text": first})
                await self.content(inputTranscription={"text": f" {rest}" if rest else ""})
            self.begin()

    async def interrupt(self) -> None:
        if self.task is not None and (not self.task.done() or self.calling):
            if not self.task.done():
                self.server.cancelled += 1
            self.task.cancel()
            self.task = None
            self.calling.clear()
            await self.content(interrupted=True)
            await self.content(turnComplete=True)

    def begin(self) -> None:
        self.task = asyncio.create_task(self.answer())

    async def answer(self) -> None:
        server, faults = self.server, self.server.faults
        told = server.answers.pop(0) if server.answers else server.always
        await asyncio.sleep(faults.first_s)
        if faults.garbage:
            await self.socket.send_bytes(b"{]")
            return
        if told.text:
            await self.speak(told)
        if told.calls:
            calls = []
            for name, arguments in told.calls:
                self.numbers += 1
                calls.append({"id": f"call_{self.numbers}", "name": name, "args": json.loads(arguments)})
                self.new("function_call", name)
            self.calling = {call["id"] for call in calls}
            await self.say(toolCall={"functionCalls": calls})
            return
        if told.text:
            await self.content(generationComplete=True)
        await self.say(serverContent={"turnComplete": True}, usageMetadata=USAGE)
        handle = f"session-{id(self)}-{self.numbers}"
        KEPT[handle] = server.items
        await self.say(sessionResumptionUpdate={"newHandle": handle, "resumable": True})
        if faults.leaving:
            faults.leaving = False
            await self.say(goAway={"timeLeft": "10s"})

    async def speak(self, told: Answer) -> None:
        server, faults = self.server, self.server.faults
        item = self.new("agent", "")
        sound, words = server.voice(told.text), told.text.split(" ")
        high = resample(g711.decode(sound), 8000, 24_000).astype("<i2")
        pieces = [sound[at : at + PIECE] for at in range(0, len(sound), PIECE)]
        ahead = max(1, -(-len(words) // max(1, len(pieces) - 2)))
        for place, piece in enumerate(pieces):
            for word in words[place * ahead : (place + 1) * ahead] if not faults.wordless else ():
                grown = f" {word}" if item.text else word
                item.text += grown
                await self.content(outputTranscription={"text": grown})
            await self._misbehave(item.size, told.cut_at)
            last = place == len(pieces) - 1
            part = high[place * PIECE * 3 :] if last else high[place * PIECE * 3 : (place + 1) * PIECE * 3]
            await self.sound(part)
            item.size += len(piece)
            server.spoken += len(piece)
            await asyncio.sleep(faults.piece_s)
        while faults.endless and not self.socket.closed:
            await asyncio.sleep(0.02)
            await self.sound(np.zeros(240_000, "<i2"))

    async def sound(self, pcm: Any) -> None:
        data = base64.b64encode(pcm.tobytes()).decode()
        parts = [{"text": SECRET, "thought": True}, {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]
        await self.content(modelTurn={"parts": parts})

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


USAGE = {
    "promptTokenCount": 150, "responseTokenCount": 100, "cachedContentTokenCount": 40,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 80}, {"modality": "AUDIO", "tokenCount": 50}],
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 80}],
}  # fmt: skip


async def gemini(server: RealtimeServer, request: web.Request) -> web.StreamResponse:
    """The door."""
    return await server.line(request, GoogleLine)
