"""Records from one real call what no document proves. For that minute this answers the number in STELLA's place.

The call: a stream that plays, marks and clears, then breaks off without a word; then a stream whose handshake is refused.
After each, Twilio goes to `<Connect action>` or to the next verb, or to both.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

from aiohttp import WSMsgType, web

from stella.phone.facts import TwilioFacts
from stella.phone.reach import STATUS_PATH, VOICE_PATH
from stella.phone.report import quantile
from stella.wire.signature import Signatures

STREAM, AFTER = "/api/stella/call/stream", "/api/stella/call/after"
PIECE_S, CLEAR_AT_S, LISTEN_S = 0.4, 0.6, 3.0
"""Seconds: of sound between marks, until the clear, of the first stream."""
_LOSS, _SHAKE = "loss", "shake"
_HELLO = "This is a test of the line by STELLA. Please stay on the line for ten seconds."
_BYE = "Thank you. The test is over. Goodbye."

Tell = Callable[[str], None]


class LiveRecorder:
    """One call's worth of facts. `app` is the server that Twilio must reach at the public URL; `over` is set at the end."""

    def __init__(self, signatures: Signatures, public_url: str, tell: Tell) -> None:
        """`tell` hears what happens, in a few words."""
        self._signatures, self._public, self._tell = signatures, public_url.rstrip("/"), tell
        self.facts = TwilioFacts()
        self.over = asyncio.Event()
        self._stage = _LOSS
        self._ways: dict[str, list[str]] = {_LOSS: [], _SHAKE: []}
        self.app = web.Application()
        prefix = urlsplit(self._public).path
        for path in dict.fromkeys(("", prefix)):
            self.app.router.add_post(path + VOICE_PATH, self._voice)
            self.app.router.add_post(path + AFTER, self._after)
            self.app.router.add_post(path + STATUS_PATH, self._status)
            self.app.router.add_get(path + STREAM, self._stream)

    async def _fields(self, request: web.Request) -> dict[str, str]:
        """The form of a request that is truly Twilio's. Raises HTTPForbidden."""
        pairs = parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
        if not self._signatures.check_form(
            request.raw_path, pairs, request.headers.getall("x-twilio-signature", [])
        ).ok:
            raise web.HTTPForbidden(text="wrong-signature")
        return dict(pairs)

    async def _voice(self, request: web.Request) -> web.Response:
        await self._fields(request)
        self._tell("the call has come; the line is tested")
        return self._twiml(f"<Say>{_HELLO}</Say>", _LOSS)

    def _twiml(self, before: str, stage: str) -> web.Response:
        """A stream, then both ways on, told apart by their query."""
        stream = f"ws{self._public.removeprefix('http')}{STREAM}"
        after = f"{self._public}{AFTER}?way={stage}-"
        return _answer(
            f'{before}<Connect action="{after}action"><Stream url="{stream}"/></Connect><Redirect>{after}next</Redirect>'
        )

    async def _after(self, request: web.Request) -> web.Response:
        await self._fields(request)
        stage, _, way = request.query.get("way", "").partition("-")
        if stage in self._ways and way in {"action", "next"}:
            self._ways[stage].append(way)
            self._tell(f"after the {'broken' if stage == _LOSS else 'refused'} stream Twilio goes to: {way}")
        if stage == _LOSS:
            self._stage = _SHAKE
            return self._twiml("", _SHAKE)
        return _answer(f"<Say>{_BYE}</Say><Hangup/>")

    async def _status(self, request: web.Request) -> web.Response:
        await self._fields(request)
        self.facts.after_loss, self.facts.after_failed_handshake = (_way(self._ways[s]) for s in (_LOSS, _SHAKE))
        self.facts.recorded_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.over.set()
        return web.Response(status=204)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        verdict = self._signatures.check_upgrade(request.raw_path, request.headers.getall("x-twilio-signature", []))
        if not verdict.ok or self._stage == _SHAKE:
            raise web.HTTPForbidden
        parts = urlsplit(verdict.which_url)
        port = f":{parts.port}" if parts.port else ""
        self.facts.signed_as = f"{parts.scheme}://HOST{port}{parts.path}"
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        with contextlib.suppress(ConnectionError, TimeoutError, ValueError, RuntimeError):
            async with asyncio.timeout(LISTEN_S + 5):
                await self._listen(ws)
        self._tell("the stream is broken off on purpose")
        if request.transport is not None:
            request.transport.abort()
        return ws

    async def _listen(self, ws: web.WebSocketResponse) -> None:
        """Play and mark, clear in the middle, and note what comes back when."""
        clock, sid, began, cleared = asyncio.get_running_loop().time, "", 0.0, 0.0
        arrivals: list[tuple[float, int]] = []
        marks: list[tuple[str, float]] = []
        while not began or clock() < began + LISTEN_S:
            message = await ws.receive()
            if message.type is not WSMsgType.TEXT:
                return
            now, data = clock(), json.loads(message.data)
            if data.get("event") == "start":
                sid, began = str(data.get("streamSid", "")), now
                await self._play(ws, sid)
            elif data.get("event") == "media":
                arrivals.append((now, len(base64.b64decode(data["media"]["payload"]))))
            elif data.get("event") == "mark":
                marks.append((str(data["mark"]["name"])[:20], now))
            if began and not cleared and now >= began + CLEAR_AT_S:
                cleared = now
                await ws.send_json({"event": "clear", "streamSid": sid})
                await ws.send_json({"event": "mark", "streamSid": sid, "mark": {"name": "fence"}})
        self.facts.marks_after_clear = [(name, round((at - cleared) * 1000, 1)) for name, at in marks]
        self._judge(arrivals)

    async def _play(self, ws: web.WebSocketResponse, sid: str) -> None:
        sound = base64.b64encode(b"\xff" * int(PIECE_S * 8000)).decode()
        for name in ("first", "second", "third"):
            await ws.send_json({"event": "media", "streamSid": sid, "media": {"payload": sound}})
            await ws.send_json({"event": "mark", "streamSid": sid, "mark": {"name": name}})

    def _judge(self, arrivals: list[tuple[float, int]]) -> None:
        off = [abs((at - before) - size / 8000) * 1000 for (before, _), (at, size) in pairwise(arrivals)]
        self.facts.frame_bytes = sorted({size for _, size in arrivals})[:10]
        shares = {"p50": quantile(off, 0.5), "p95": quantile(off, 0.95), "max": max(off, default=None)}
        self.facts.jitter_ms = {name: round(value, 1) for name, value in shares.items() if value is not None}


def _way(ways: list[str]) -> str:
    return "both" if len(set(ways)) > 1 else next(iter(ways), "")


def _answer(verbs: str) -> web.Response:
    return web.Response(text=f"<Response>{verbs}</Response>", content_type="text/xml")


async def record(recorder: LiveRecorder, host: str, port: int, wait_s: float) -> bool:
    """Serve until the call is over or `wait_s` have passed; whether there was one. Raises OSError for a taken port."""
    runner = web.AppRunner(recorder.app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        async with asyncio.timeout(wait_s):
            await recorder.over.wait()
        return True
    except TimeoutError:
        return False
    finally:
        await runner.cleanup()
