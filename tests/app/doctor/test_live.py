"""What a real call shows is written down as it was, and the telephone can be set to it."""

from __future__ import annotations

import asyncio
import json
import socket

import aiohttp
import pytest

from stella.app import doctor_live
from stella.app.doctor_live import LiveRecorder, record
from stella.domain.errors import ConfigError
from stella.phone import Account, Habits, LineFaults, Telephony
from stella.phone.facts import TwilioFacts, habits_of
from stella.wire.signature import Signatures

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def port() -> int:
    """A free one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def recorded(port: int, habits: Habits) -> TwilioFacts:
    """The facts of one call of a telephone with these habits."""
    url = f"http://127.0.0.1:{port}"
    recorder = LiveRecorder(Signatures([TOKEN], url), url, lambda _words: None)
    phone = Telephony(
        url, Account(TOKEN), voice=lambda _text, _language: b"\xff" * 80, habits=habits,
        faults=LineFaults(snr_db=None), timeout_s=30,
    )  # fmt: skip
    async with asyncio.TaskGroup() as tasks:
        done = tasks.create_task(record(recorder, "127.0.0.1", port, 20))
        await asyncio.sleep(0.05)
        report = await phone.ring([])
    assert done.result()
    assert report.status == "completed"
    return recorder.facts


@pytest.mark.parametrize("way", ["action", "next"])
async def test_where_twilio_goes_is_recorded_as_it_was(port, monkeypatch, way):
    """No document says whether `action` fires after a broken or refused stream."""
    monkeypatch.setattr(doctor_live, "LISTEN_S", 0.9)
    monkeypatch.setattr(doctor_live, "CLEAR_AT_S", 0.5)
    facts = await recorded(port, Habits(after_loss=way, after_failed_handshake=way))
    assert (facts.after_loss, facts.after_failed_handshake) == (way, way)
    assert facts.signed_as == f"ws://HOST:{port}/api/stella/call/stream"
    assert facts.frame_bytes == [160]
    assert set(facts.jitter_ms) == {"p50", "p95", "max"}
    names = [name for name, _ in facts.marks_after_clear]
    assert names == ["first", "second", "third", "fence"]
    before = [at < 0 for _, at in facts.marks_after_clear]
    assert before == [True, False, False, False]


async def test_a_stranger_records_nothing(port):
    """For that minute it stands on the internet."""
    url = f"http://127.0.0.1:{port}"
    recorder = LiveRecorder(Signatures([TOKEN], url), url, lambda _words: None)
    async with asyncio.TaskGroup() as tasks, aiohttp.ClientSession() as session:
        done = tasks.create_task(record(recorder, "127.0.0.1", port, 0.4))
        await asyncio.sleep(0.05)
        for path in ("voice", "after?way=loss-action", "status"):
            async with session.post(f"{url}/api/stella/call/{path}", data={"CallSid": "CA1"}) as answer:
                assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{url}/api/stella/call/stream")
    assert done.result() is False
    assert recorder.facts == TwilioFacts()


def test_the_telephone_takes_up_what_was_recorded(tmp_path):
    """Figures then no longer say "against our simulator" where a fact stands against it."""
    path = tmp_path / "data/twilio-facts.json"
    assert habits_of(path) == Habits()
    TwilioFacts(after_loss="next", after_failed_handshake="both").write(path)
    assert habits_of(path, person="busy") == Habits("busy", after_loss="next", after_failed_handshake="both")
    TwilioFacts(after_loss="next").write(path)
    assert habits_of(path).after_failed_handshake == Habits().after_failed_handshake
    assert json.loads(path.read_text())["after_loss"] == "next"


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    """With the mend."""
    path = tmp_path / "twilio-facts.json"
    path.write_text("{")
    with pytest.raises(ConfigError, match="doctor --live"):
        habits_of(path)
