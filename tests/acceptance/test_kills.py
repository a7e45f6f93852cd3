"""The caller's network dies at every moment a call has. Each time: one finished record, and nothing left behind."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from yarl import URL

from stella.app.child_server import TOKEN
from stella.phone import Account
from stella.phone.form import CallForm, form_headers, new_sid
from stella.wire.signature import sign_form, sign_upgrade
from stella.wire.twilio_carrier import CarrierStream

from .conftest import ACCOUNT_SID, BRITISH, HOUSE, Exchange

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.timeout(180)]

QUIET = b"\xff" * 160
TOKEN_PARAMETER = re.compile(r'name="token" value="([^"]+)"')


class RawCall:
    """A call by hand: every step is taken on its own, and any of them may be the last."""

    def __init__(self, exchange: Exchange, http: aiohttp.ClientSession) -> None:
        self.exchange, self.http = exchange, http
        self.form = CallForm(Account(TOKEN, ACCOUNT_SID, BRITISH, HOUSE))
        self.stream = CarrierStream(ACCOUNT_SID, self.form.call_sid, new_sid("MZ"))
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.token, self.at_ms = "", 0

    async def post(self, path: str, **fields: str) -> str:
        url = f"{self.exchange.server.url}/api/stella/call/{path}"
        pairs = {**self.form.fields(), **fields}
        headers = form_headers(sign_form(TOKEN, url, pairs.items()))
        async with self.http.post(URL(url), data=pairs, headers=headers) as answer:
            assert answer.status < 400, await answer.text()
            return await answer.text()

    async def voice(self) -> None:
        found = TOKEN_PARAMETER.search(await self.post("voice"))
        assert found
        self.token = found.group(1)

    async def upgrade(self) -> None:
        url = self.exchange.server.url.replace("http", "ws") + "/api/stella/call/stream"
        self.socket = await self.http.ws_connect(url, headers={"X-Twilio-Signature": sign_upgrade(TOKEN, url)})

    async def send(self, message: bytes) -> None:
        assert self.socket is not None
        await self.socket.send_frame(message, aiohttp.WSMsgType.TEXT)

    async def connected(self) -> None:
        await self.send(self.stream.connected())

    async def start(self) -> None:
        await self.send(self.stream.start({"token": self.token}))

    async def sound(self, seconds: float, mulaw: bytes = b"") -> None:
        """Sound at real pace; silence where no speech is given."""
        for index in range(int(seconds * 50)):
            frame = mulaw[index * 160 : index * 160 + 160].ljust(160, b"\xff") if mulaw else QUIET
            self.at_ms += 20
            await self.send(self.stream.media(frame, self.at_ms))
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        await self.send(self.stream.stop())

    async def die(self) -> None:
        """As a network dies: no close, no goodbye."""
        if self.socket is not None:
            connection = self.socket._conn  # type: ignore[attr-defined]
            if connection is not None and connection.transport is not None:
                connection.transport.abort()


def moments(question: bytes) -> dict[str, list[Callable[[RawCall], Awaitable[Any]]]]:
    """Where a call may die, and the steps that lead there."""
    opened: list[Callable[[RawCall], Awaitable[Any]]] = [RawCall.voice, RawCall.upgrade, RawCall.connected]
    started = [*opened, RawCall.start]
    asked = [*started, lambda call: call.sound(3.0), lambda call: call.sound(len(question) / 8000, question)]
    return {
        "after the webhook": [RawCall.voice],
        "after the upgrade": opened[:2],
        "after connected": opened,
        "after start": started,
        "in the greeting": [*started, lambda call: call.sound(0.4)],
        "in the caller's word": [*started, lambda call: call.sound(3.0), lambda call: call.sound(0.6, question)],
        "while it listens": [*asked, lambda call: call.sound(0.1)],
        "while it thinks": [*asked, lambda call: call.sound(0.6)],
        "in the answer": [*asked, lambda call: call.sound(2.2)],
        "talking over it": [*asked, lambda call: call.sound(2.2), lambda call: call.sound(0.5, question)],
        "after stop": [*started, lambda call: call.sound(0.5), RawCall.stop],
    }


@pytest.fixture(scope="module")
def after(exchange: Exchange) -> dict[str, Any]:
    """All calls died; their records, and what the server still holds."""

    async def all_die() -> dict[str, Any]:
        question = exchange.voice("What are your opening hours?", "en")
        async with aiohttp.ClientSession() as http:
            first = RawCall(exchange, http)
            await first.voice()
            await first.post("status", CallStatus="completed")
        before = exchange.server.open_files()
        calls: dict[str, RawCall] = {}
        async with aiohttp.ClientSession() as http:

            async def one(name: str, steps: list[Callable[[RawCall], Awaitable[Any]]]) -> None:
                call = calls[name] = RawCall(exchange, http)
                for step in steps:
                    await step(call)
                await call.die()
                await asyncio.sleep(0.5)
                await call.post("status", CallStatus="completed", CallDuration="1")

            await asyncio.gather(*(one(name, steps) for name, steps in moments(question).items()))
        records = {name: await exchange.record(call.form.call_sid) for name, call in calls.items()}
        await asyncio.sleep(2)
        return {"records": records, "files": exchange.server.open_files() - before}

    return asyncio.run(all_die())


def test_every_death_leaves_one_finished_record(after):
    """Completed, with an end and a reason, whatever the moment."""
    for name, record in after["records"].items():
        assert record["status"] == "completed", name
        assert record["ended_by"] in ("caller", "carrier"), name
        assert record["ended_at"], name
        assert [turn["turn"] for turn in record["turns"]] == sorted({turn["turn"] for turn in record["turns"]}), name


def test_no_call_socket_or_file_is_left(after, exchange):
    """Back to where it was."""
    metrics = exchange.server.get("/metrics").decode()
    assert "stella_calls_live 0.0" in metrics
    assert "stella_media_sockets 0.0" in metrics
    assert after["files"] <= 2


def test_nothing_unheard_is_recorded_when_the_line_dies_in_an_answer(after):
    """The marks end where the line did."""
    for name in ("in the greeting", "in the answer"):
        last = [turn for turn in after["records"][name]["turns"] if turn["speaker"] == "agent"][-1]
        assert last["heard_text"] == "" or len(last["heard_text"]) < len(last["text"]) or name == "in the answer"
