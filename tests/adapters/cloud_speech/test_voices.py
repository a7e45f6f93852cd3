"""Every vendor's voice over real HTTP: the port's suite, and every way a stream may fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.cloud_speech.server import KEY, SECRET, VendorServer
from tests.conformance.speech_to_text import until
from tests.conformance.text_to_speech import HELLO, TextToSpeechConformance, length

from stella.adapters.cloud_speech import (
    AzureVoice,
    CartesiaVoice,
    CloudVoice,
    DeepgramVoice,
    ElevenLabsVoice,
    OpenAIVoice,
    Patience,
)
from stella.adapters.cloud_speech.sounds import AlignedLines, TimedEvents
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.speech import Sound

DIALECTS: dict[str, Any] = {
    "deepgram": DeepgramVoice,
    "elevenlabs": ElevenLabsVoice,
    "cartesia": CartesiaVoice,
    "azure": AzureVoice,
    "openai": OpenAIVoice,
}
TIMED = ("elevenlabs", "cartesia")


def make(kind: str, vendors: VendorServer, session: aiohttp.ClientSession, key: str = KEY, **wait: float) -> CloudVoice:
    """A voice with little patience."""
    base = f"{vendors.url}/v1" if kind == "openai" else vendors.url
    return CloudVoice(DIALECTS[kind](key, base), session, Patience(**({"first": 0.5, "gap": 0.2} | wait)))


@pytest.fixture(params=list(DIALECTS))
async def voice(
    request: pytest.FixtureRequest, vendors: VendorServer, session: aiohttp.ClientSession
) -> AsyncIterator[CloudVoice]:
    """Each vendor in turn."""
    one = make(request.param, vendors, session)
    yield one
    await one.close()


class TestVoices(TextToSpeechConformance):
    """The port's own suite."""


async def collect(voice: CloudVoice, text: str = HELLO) -> tuple[list[Sound], ProviderError | None]:
    """What came, and how it ended."""
    pieces: list[Sound] = []
    try:
        async with aclosing(voice.speak(text, "de")) as sounds:
            async for piece in sounds:
                pieces.append(piece)  # noqa: PERF401 what came before an error counts
    except ProviderError as failure:
        assert SECRET not in str(failure)
        return pieces, failure
    return pieces, None


@pytest.mark.parametrize("kind", TIMED)
async def test_word_times_cover_the_text(kind: str, vendors: VendorServer, session: aiohttp.ClientSession) -> None:
    """The record and the failover cut at them."""
    text = "Grüß Gott, hier ist die Ordination."
    pieces, _ = await collect(make(kind, vendors, session), text)
    words = [word for piece in pieces for word in piece.words]
    assert [text[: word.chars].rsplit(maxsplit=1)[-1] for word in words] == text.split()
    assert all(abs(word.end - word.chars * 0.08) < 0.09 for word in words)
    assert len(b"".join(piece.mulaw for piece in pieces)) == len(text) * 640


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, Rejected, "http-401"), (402, Rejected, "quota"), (403, Rejected, "http-403"),
        (408, Unavailable, "http-408"), (429, Unavailable, "http-429"), (500, Unavailable, "http-500"),
        (503, Unavailable, "http-503"), (529, Unavailable, "http-529"),
    ],
)  # fmt: skip
async def test_a_refusal_is_named(
    voice: CloudVoice, vendors: VendorServer, status: int, kind: type[ProviderError], code: str
) -> None:
    """What to do next depends on it: try again, try the next, or never again."""
    vendors.faults.status, vendors.faults.retry_after = status, "7"
    pieces, failure = await collect(voice)
    assert not pieces
    assert isinstance(failure, kind)
    assert failure.code == code
    if isinstance(failure, Unavailable):
        assert failure.retry_after == 7.0


async def test_a_spent_quota_is_told_from_a_wrong_key(voice: CloudVoice, vendors: VendorServer) -> None:
    """ElevenLabs says 401 to both."""
    vendors.faults.status, vendors.faults.code = 401, "quota_exceeded"
    _, failure = await collect(voice)
    assert failure is not None
    assert failure.code == "quota"


@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        ({"first_s": 1.0}, "timeout"),
        ({"hang_at": 8000}, "timeout"),
        ({"cut_at": 8000}, "cut"),
        ({"cut_at": 0}, "cut"),
        ({"content_type": "audio/mpeg"}, "format"),
        ({"content_type": "text/html"}, "format"),
    ],
)
async def test_a_stream_that_fails_says_how(
    voice: CloudVoice, vendors: VendorServer, knobs: dict[str, Any], code: str
) -> None:
    """Slow, hanging, cut and wrong: none of it is waited for, or played."""
    for name, value in knobs.items():
        setattr(vendors.faults, name, value)
    pieces, failure = await collect(voice)
    assert failure is not None
    assert failure.code == code
    assert length(pieces) <= 8000


@pytest.mark.parametrize("kind", list(DIALECTS))
async def test_silence_is_no_speech(kind: str, vendors: VendorServer, session: aiohttp.ClientSession) -> None:
    """A voice that says nothing for 1.5 s is as good as none, and the caller need not sit through it."""
    vendors.faults.silence = True
    pieces, failure = await collect(make(kind, vendors, session))
    assert not pieces
    assert isinstance(failure, Malformed)
    assert failure.code == "silence"


async def test_speech_without_end_is_ended(voice: CloudVoice, vendors: VendorServer) -> None:
    """The text bounds how long its sound may be."""
    vendors.faults.endless = True
    pieces, failure = await collect(voice, "Hallo")
    assert isinstance(failure, Malformed)
    assert failure.code == "too-long"
    assert length(pieces) < 12 * 8000 + 16000


@pytest.mark.parametrize("kind", ["elevenlabs", "cartesia"])
async def test_garbage_is_malformed(kind: str, vendors: VendorServer, session: aiohttp.ClientSession) -> None:
    """Never a crash, never noise in a caller's ear."""
    vendors.faults.garbage = True
    pieces, failure = await collect(make(kind, vendors, session))
    assert not pieces
    assert isinstance(failure, Malformed)


async def test_a_file_instead_of_bare_sound_is_malformed(vendors: VendorServer, session: aiohttp.ClientSession) -> None:
    """A WAV header played as mu-law is a bang."""
    vendors.faults.raw = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(80)
    pieces, failure = await collect(make("deepgram", vendors, session))
    assert not pieces
    assert isinstance(failure, Malformed)


async def test_stopping_early_closes_the_connection(voice: CloudVoice, vendors: VendorServer) -> None:
    """A barge-in stops the cost: the vendor sees the line go."""
    vendors.faults.endless = True
    async with aclosing(voice.speak("Ein Satz, der gleich unterbrochen wird.", "de")) as sounds:
        async for _ in sounds:
            break
    await until(lambda: vendors.given_up, 5)


async def test_a_cancelled_wait_for_the_first_sound_closes_the_connection(
    voice: CloudVoice, vendors: VendorServer
) -> None:
    """The same before anything came."""
    vendors.faults.first_s = 0.4
    task = asyncio.create_task(collect(voice))
    await until(lambda: vendors.asked, 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: vendors.given_up, 5)


async def test_a_slow_listener_is_not_the_vendors_fault(voice: CloudVoice) -> None:
    """The gap between two pieces is counted while we wait for the vendor, not while somebody waits for us."""
    pieces = []
    async with aclosing(voice.speak(HELLO, "en")) as sounds:
        async for piece in sounds:
            pieces.append(piece)
            if len(pieces) < 3:
                await asyncio.sleep(0.05)
    assert length(pieces) >= 20_000


async def test_the_key_is_checked_without_cost(
    voice: CloudVoice, vendors: VendorServer, session: aiohttp.ClientSession
) -> None:
    """A wrong key is named at start, not in a call."""
    await voice.check()
    with pytest.raises(Rejected):
        await make(voice.name, vendors, session, key="wrong").check()


@pytest.mark.parametrize("reader", [AlignedLines, TimedEvents])
@given(pieces=st.lists(st.binary(max_size=40) | st.sampled_from([b"{}\n", b'data: {"type":"chunk","data":"!"}\n\n'])))
def test_whatever_comes_is_sound_or_an_error_of_ours(reader: Any, pieces: list[bytes]) -> None:
    """Readers of JSON survive anything."""
    one = reader("vendor", "Guten Tag")
    try:
        for piece in pieces:
            one.feed(piece)
        one.end()
    except ProviderError:
        return


async def test_azure_gets_the_text_as_text_whatever_signs_are_in_it(
    vendors: VendorServer, session: aiohttp.ClientSession
) -> None:
    """The server reads well-formed SSML with one voice and no order inside; a name of a voice is no markup either."""
    voice = make("azure", vendors, session)
    text = 'Müller & Söhne <break time="5s"/> sagt "ja" &amp; \'nein\''
    assert [piece async for piece in voice.speak(text, "de", 'de-AT-"Jonas"&Neural')]
    assert [piece async for piece in voice.speak("Grüß Gott", "de")]
    (_, _, spoken), *_ = vendors.asked
    assert spoken == text.translate({ord("<"): " ", ord(">"): " "})
    assert vendors.voices == ['de-AT-"Jonas"&Neural', "de-AT-IngridNeural"]


async def test_a_connection_stands_before_anybody_speaks_and_the_first_sentence_takes_it(
    voice: CloudVoice, vendors: VendorServer
) -> None:
    """One connection in all: nobody waits for a handshake. Asked again at once, nothing is opened."""
    await voice.stand_by()
    await voice.stand_by()
    assert [order.split()[0] for order in vendors.order] == ["HEAD"]
    await collect(voice)
    await collect(voice)
    await voice.stand_by()
    assert [order.split()[0] for order in vendors.order] == ["HEAD", "POST", "POST"]
    assert len(vendors.connections) == 1


async def test_standing_by_is_quiet_when_nobody_answers(session: aiohttp.ClientSession, vendors: VendorServer) -> None:
    """The sentence itself will say what is wrong."""
    await CloudVoice(DeepgramVoice(KEY, "http://127.0.0.1:9"), session).stand_by()
    vendors.faults.status = 503
    await make("deepgram", vendors, session).stand_by()
