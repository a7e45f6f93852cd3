"""The load generator against the scripted server, on real sockets."""

import numpy as np
import pytest

from stella.phone import Account
from stella.phone.load import LoadPlan, run_load, spread
from stella.phone.load_sound import repertoire
from stella.wire.signature import Signatures

TOKEN = "0123456789abcdef0123456789abcdef"


def voice(seconds: float) -> bytes:
    """A voice of sorts with 100 ms of silence around it."""
    from stella.audio.mulaw import encode

    t = np.arange(round(seconds * 8000)) / 8000
    sound = encode((np.sin(2 * np.pi * 440 * t) * 8000).astype(np.int16))
    return b"\xff" * 800 + sound + b"\xff" * 800


@pytest.mark.slow
async def test_two_callers_talk_interrupt_and_are_counted(stella):
    """One short real-time run: gaps, barge-in, marks and frames must all be there."""

    async def talk(stream):
        while True:
            await stream.speech()
            if stream.ws.closed or stream.received[-1]["event"] == "stop":
                return
            await stream.play(b"\x20" * 24000)
            await stream.mark("answer")
            await stream.onset()
            if stream.received[-1]["event"] == "stop":
                return
            await stream.clear()

    stella.talk = talk
    plan = LoadPlan(stella.base, Account(TOKEN), [voice(0.4)], calls=2, seconds=3.2, ramp_s=0.1, settle_s=0.1)
    result = await run_load(plan)
    assert result.failed == 0, result.failures
    assert result.response_gap_ms.count >= 2
    assert result.barge_in_ms.count >= 2
    assert result.clears >= 2
    assert result.marks >= 2
    assert result.frames_sent > 200
    assert len(stella.posted("/api/stella/call/status")) == 2
    for stream in stella.streams:
        chunks = [int(m["media"]["chunk"]) for m in stream.received if m["event"] == "media"]
        assert chunks == list(range(1, len(chunks) + 1))
        numbers = [int(m["sequenceNumber"]) for m in stream.received if m["event"] != "connected"]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_load_signs_as_the_official_validator_expects(stella):
    """A bench against a locked server must get in."""
    plan = LoadPlan(stella.base, Account(TOKEN), [voice(0.2)], calls=1, seconds=0.1, ramp_s=0)
    await run_load(plan)
    doors = Signatures([TOKEN], stella.base)
    _, path, fields, headers = stella.requests[0]
    assert doors.check_form(path, fields.items(), headers["x-twilio-signature"]).ok
    upgrade = stella.upgrades[0]
    assert doors.check_upgrade(upgrade["path"], upgrade["x-twilio-signature"]).ok


async def test_a_refused_handshake_is_a_failure_with_its_cause(stella):
    """A bench that hides failures measures nothing."""
    stella.refuse = 403
    result = await run_load(LoadPlan(stella.base, Account(TOKEN), [voice(0.2)], seconds=0.1, ramp_s=0))
    assert result.failed == 1
    assert any("403" in cause or "Handshake" in cause for cause in result.failures)


def test_silence_is_no_voice():
    """A load of silence would report the best figures of all."""
    with pytest.raises(ValueError, match="heard"):
        repertoire([b"\xff" * 8000])


def test_quantiles_are_nearest_rank():
    """p50 of two values is the lower, p95 of a hundred the ninety-fifth."""
    assert spread([1.0, 2.0]).p50 == 1.0
    assert spread([float(n) for n in range(1, 101)]).p95 == 95.0
    assert spread([]).p50 is None
