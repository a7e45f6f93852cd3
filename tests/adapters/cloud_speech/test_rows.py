"""Vendors in a row over real sockets: one breaks in the middle, the other goes on."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from tests.adapters.cloud_speech.server import KEY, VendorServer
from tests.adapters.cloud_speech.test_voices import make
from tests.conformance.speech_to_text import ONE, SILENCE, ends, feed, until

from stella.adapters.cloud_speech import CloudEars, Nova
from stella.calls.ears_chain import EarsChain
from stella.calls.voice_chain import VoiceChain
from stella.ports.speech import Final, Heard

TEXT = "Guten Tag, hier spricht die Ordination Gruber in Wien."
SPEECH = b"\x10\x90" * 6400


@pytest.mark.parametrize("cut", [0, 1600, 8000, 12_345, 20_000, 30_000])
@pytest.mark.parametrize("knob", ["cut_at", "hang_at"])
async def test_a_voice_that_breaks_in_a_sentence_is_continued_by_another(
    vendors: VendorServer, session: aiohttp.ClientSession, cut: int, knob: str
) -> None:
    """Every word is in the sound once, in order, whoever says it."""
    sick = replace(vendors, asked=[])
    setattr(sick.faults, knob, cut)
    vendors.faults = type(vendors.faults)()
    doors = TestServer(sick.app())
    await doors.start_server()
    sick.url = str(doors.make_url("")).rstrip("/")
    row = VoiceChain([make("elevenlabs", sick, session), make("cartesia", vendors, session)], {}, hedge_s=0.4)
    async with aclosing(row.speak(TEXT, "de")) as sounds:
        words = [word for sound in [one async for one in sounds] for word in sound.words]
    assert [TEXT[: word.chars].rsplit(maxsplit=1)[-1] for word in words] == TEXT.split()
    (_, _, rest), *_ = vendors.asked
    assert TEXT.endswith(rest)
    await doors.close()


async def test_what_one_line_loses_another_hears_whole(vendors: VendorServer, session: aiohttp.ClientSession) -> None:
    """The bytes that the second gets are all the bytes there were."""
    vendors.always = "Ich möchte einen Termin"
    vendors.faults.cut_at = 4000
    ears = CloudEars(Nova(KEY, vendors.url), session)
    heard: list[Heard] = []
    stream = await EarsChain([ears], {}).open("de", heard.append)
    stream.begin(ONE)
    feed(stream, SPEECH)
    await until(lambda: ears.losses, 5)
    vendors.faults.cut_at = -1
    vendors.sound.clear()
    feed(stream, SILENCE)
    stream.finish(ONE)
    await until(lambda: ends(heard), 5)
    assert [one.text for one in heard if isinstance(one, Final)] == ["Ich möchte einen Termin"]
    assert bytes(vendors.sound) == SPEECH + SILENCE
    await stream.close()
    await ears.close()
