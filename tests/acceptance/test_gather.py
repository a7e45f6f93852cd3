"""Calls on the `gather` path: a brain slower than Twilio waits, and a media stream that is lost twice."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stella.app.child_server import serve
from stella.phone import LineFaults, Press, Speak, Wait, Wire

from .conftest import Exchange, Inbox, Rung, agent_file
from .test_relay import tone, turns

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.timeout(300)]

SLOW_BRAIN = """
import asyncio


async def answer(talk):
    await asyncio.sleep(8)
    yield f"You said {talk.text or talk.digits}. "
    await asyncio.sleep(5)
    yield "That was all."
"""
TWILIO_WAITS_S = 15.0


@pytest.fixture(scope="module")
def slow(models: Path, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An agent on the gather path whose brain takes eight seconds for its first word and thirteen for all of them."""
    folder = tmp_path_factory.mktemp("slow")
    (folder / "slow_brain.py").write_text(SLOW_BRAIN)
    path = agent_file(folder, inbox, voice_path='voice_path = "gather"')
    path.write_text(path.read_text() + '\n[engines]\nbrain = ["python:slow_brain:answer"]\n')
    environ = {"NOTIFY_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=", "PYTHONPATH": str(folder)}
    with serve(str(path), models, mode="dev", environ=environ) as server:
        yield Exchange(server, tone, None, inbox)


class KilledWhenQuiet(Wire):
    """Kills the first sockets of a call, each when the agent has fallen silent so many times on it."""

    QUIET_S = 0.4

    def __init__(self, *silences: int) -> None:
        self._silences, self._left = list(silences), 0
        self._raw: Any = None
        self._quiet: asyncio.TimerHandle | None = None

    def connected(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._raw = socket.get_extra_info("socket")
        self._left = self._silences.pop(0) if self._silences else 0

    def outgoing(self, kind: str, message: bytes) -> tuple[bytes, ...]:
        if kind == "mark":
            if self._quiet is not None:
                self._quiet.cancel()
            self._quiet = asyncio.get_running_loop().call_later(self.QUIET_S, self._fell_silent)
        return (message,)

    def _fell_silent(self) -> None:
        if self._left:
            self._left -= 1
            if not self._left:
                self._raw.shutdown(sockets.SHUT_RDWR)


def test_a_slow_brain_never_meets_twilios_limit(slow):
    """The caller hears that it takes a moment, then the reply as it is made; no request comes near fifteen seconds."""
    call: Rung = asyncio.run(slow.ring([Speak("Are you there"), Wait(1), Press("1"), Wait(30)]))
    asked = [exchange for exchange in call.report.exchanges if "/gather" in exchange.url]
    assert len(asked) >= 4
    assert max(exchange.took_s for exchange in asked) < TWILIO_WAITS_S / 2
    ear = call.report.heard_text
    assert "One moment, please." in ear
    assert "You said Are you there" in ear
    assert "That was all." in ear
    reply = next(turn for turn in turns(call, "agent") if turn["text"].startswith("You said Are"))
    assert reply["heard_text"] == reply["text"] == "You said Are you there. That was all."
    assert call.report.ok, call.report.faults
    assert [key["digit"] for key in call.record["dtmf"]] == ["1"]


@pytest.mark.flite
def test_a_stream_lost_twice_goes_on_by_gather_with_the_conversation(exchange):
    """The words of all three ways stand in one record; nobody is greeted or asked anew."""
    script = [
        Speak("What are your opening hours?"),
        Speak("What services do you offer?"),
        Speak("Thank you, goodbye."),
    ]
    call: Rung = asyncio.run(exchange.ring(script, wire=KilledWhenQuiet(2, 2), faults=LineFaults(snr_db=30)))
    record = call.record
    assert len(record["stream_sids"]) == 2
    assert record["voice_path"] == "gather"
    assert any(verb.name == "Gather" for verb in call.report.verbs)
    assert len(turns(call, "caller")) >= 2
    assert any("open" in turn["heard_text"].lower() for turn in turns(call, "agent"))
    assert turns(call, "caller")[-1]["text"] == "Thank you, goodbye."
    numbers = [turn["turn"] for turn in record["turns"]]
    assert numbers == sorted(set(numbers))
    assert record["status"] == "completed"
