"""OpenAI's ears over a real WebSocket: the port's suite, and the ways the line may fail."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from tests.adapters.cloud_speech.server import KEY, VendorServer
from tests.conformance.speech_to_text import ONE, SILENCE, TWO, SpeechToTextConformance, ends, feed, lost, until

from stella.adapters.cloud_speech import OpenAIEars
from stella.ports.failure import Rejected
from stella.ports.speech import Final, Heard

SPEECH = b"\x10\x90" * 6400


@pytest.fixture
async def ears(vendors: VendorServer, session: aiohttp.ClientSession) -> AsyncIterator[OpenAIEars]:
    """Ears with little patience; they hear `hello there` whatever is said."""
    vendors.always = "Hello there"
    one = OpenAIEars(KEY, session, f"{vendors.url}/v1", patience=0.5)
    yield one
    await one.close()


class TestOpenAI(SpeechToTextConformance):
    """The port's own suite."""

    @pytest.fixture
    def speech(self) -> bytes:
        """A tone; the server is told what it means."""
        return SPEECH

    @pytest.fixture
    def said(self) -> str:
        """What it means."""
        return "hello"


async def utter(ears: OpenAIEars) -> list[Heard]:
    """One utterance on a line of its own, until it is answered."""
    heard: list[Heard] = []
    stream = await ears.open("de", heard.append)
    stream.begin(ONE)
    feed(stream, SPEECH + SILENCE)
    stream.finish(ONE)
    await until(lambda: ends(heard), 5)
    await stream.close()
    return heard


async def test_mulaw_goes_as_it_came_and_turns_are_ours(ears: OpenAIEars, vendors: VendorServer) -> None:
    """No resampling, and no second opinion about when the caller has finished."""
    await utter(ears)
    _, asked, _ = vendors.asked[0]
    assert asked["format"] == {"type": "audio/pcmu"}
    assert asked["turn_detection"] is None
    assert asked["transcription"]["language"] == "de"
    assert bytes(vendors.sound) == SPEECH + SILENCE


@pytest.mark.parametrize(
    ("knob", "value", "code"),
    [
        ("status", 401, "http-401"), ("status", 503, "http-503"), ("mute", True, "timeout"),
        ("garbage", True, "json"), ("error", True, "error"), ("cut_at", 4000, "cut"),
    ],
)  # fmt: skip
async def test_whatever_fails_loses_the_utterance_with_its_reason(
    ears: OpenAIEars, vendors: VendorServer, knob: str, value: object, code: str
) -> None:
    """Whoever keeps the sound can have it heard elsewhere."""
    setattr(vendors.faults, knob, value)
    assert lost(await utter(ears)) == [code]


async def test_the_next_utterance_has_a_new_line(ears: OpenAIEars, vendors: VendorServer) -> None:
    """One break costs one utterance."""
    vendors.faults.cut_at = 4000
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    stream.begin(ONE)
    feed(stream, SPEECH)
    await until(lambda: ears.losses, 5)
    stream.finish(ONE)
    await until(lambda: lost(heard) == ["cut"], 5)
    vendors.faults.cut_at = -1
    stream.begin(TWO)
    feed(stream, SPEECH)
    stream.finish(TWO)
    await until(lambda: len(ends(heard)) == 2, 5)
    assert isinstance(ends(heard)[1], Final)
    await stream.close()


async def test_the_key_is_checked_without_cost(
    ears: OpenAIEars, vendors: VendorServer, session: aiohttp.ClientSession
) -> None:
    """A wrong key is named at start."""
    await ears.check()
    with pytest.raises(Rejected):
        await OpenAIEars("wrong", session, f"{vendors.url}/v1").check()
