"""flite and espeak-ng behind the port, with the real engines."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import pytest
from tests.adapters.conftest import absent
from tests.conformance.text_to_speech import HELLO, TextToSpeechConformance, alike, spoken

from stella.adapters.embedded import Espeak, Flite, TextToSpeech
from stella.adapters.embedded.espeak import render_once
from stella.adapters.embedded.flite import ascii_of
from stella.adapters.embedded.voice import PIECE
from stella.adapters.models.folder import ModelFolder
from stella.ports.failure import ProviderError, Unavailable

pytestmark = pytest.mark.speech


@pytest.fixture
def espeak(models: ModelFolder) -> Espeak:
    """The engine, not started."""
    try:
        return Espeak(models.espeak())
    except Unavailable as fault:
        absent(str(fault))


@pytest.fixture
def flite() -> Flite:
    """The engine."""
    try:
        return Flite()
    except Unavailable as fault:
        absent(str(fault))


@pytest.fixture
async def german(espeak: Espeak) -> AsyncIterator[TextToSpeech]:
    """A voice of espeak-ng alone."""
    voice = TextToSpeech(None, espeak)
    yield voice
    await voice.close()


class TestEmbedded(TextToSpeechConformance):
    """The suite, with both engines (English by flite)."""

    @pytest.fixture
    async def voice(self, flite: Flite, espeak: Espeak) -> AsyncIterator[TextToSpeech]:
        """Under test."""
        voice = TextToSpeech(flite, espeak)
        yield voice
        await voice.close()


class TestEspeakAlone(TextToSpeechConformance):
    """The suite where flite is missing."""

    @pytest.fixture
    def voice(self, german: TextToSpeech) -> TextToSpeech:
        """Under test."""
        return german


async def test_german_is_spoken(german: TextToSpeech) -> None:
    """The first company that uses this speaks German."""
    pieces = await spoken(german, "Guten Tag, wie kann ich Ihnen helfen? Wir haben Mo–Fr 9–17 Uhr offen.", "de")
    assert 24_000 < sum(len(piece.mulaw) for piece in pieces) < 80_000
    assert all(len(piece.mulaw) <= PIECE for piece in pieces)


async def test_a_dead_process_costs_at_most_one_segment(german: TextToSpeech, espeak: Espeak) -> None:
    """Nobody restarts a server for it."""
    await german.start()
    assert espeak._process is not None
    os.kill(espeak._process.pid, signal.SIGKILL)
    with suppress(Unavailable):
        await spoken(german, "Guten Tag.", "de")
    assert await spoken(german, "Guten Tag.", "de")
    assert espeak.restarts == 1


async def test_a_process_that_died_before_is_replaced_unnoticed(german: TextToSpeech, espeak: Espeak) -> None:
    """It may die in the night."""
    await german.start()
    assert espeak._process is not None
    process = espeak._process
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert await spoken(german, "Guten Tag.", "de")


async def test_the_process_ends_with_the_voice(german: TextToSpeech, espeak: Espeak) -> None:
    """No orphan after a drain."""
    await german.start()
    process = espeak._process
    assert process is not None
    await german.close()
    assert process.returncode is not None
    with pytest.raises(ProviderError):
        await spoken(german, "Guten Tag.", "de")


async def test_ctrl_c_in_the_terminal_does_not_reach_the_process(german: TextToSpeech, espeak: Espeak) -> None:
    """The server drains first, and the calls that are left still speak."""
    await german.start()
    assert espeak._process is not None
    assert os.getpgid(espeak._process.pid) != os.getpgid(0)


async def test_markup_is_read_as_text(german: TextToSpeech) -> None:
    """SSML from a model could switch voices or play files."""
    plain = await spoken(german, "Hallo", "de")
    marked = await spoken(german, '<audio src="/etc/passwd"/>Hallo', "de")
    assert sum(len(piece.mulaw) for piece in marked) > sum(len(piece.mulaw) for piece in plain) + 4000


async def test_two_texts_at_once_are_not_mixed(german: TextToSpeech) -> None:
    """The engine has one global state."""
    texts = ["Ja. " + "Das ist ein Satz. " * number for number in range(5)]
    alone = [await spoken(german, text, "de") for text in texts]
    together = await asyncio.gather(*(spoken(german, text, "de") for text in texts))
    assert all(alike(one, other) for one, other in zip(together, alone, strict=True))


async def test_a_long_text_is_heard_before_it_is_done(flite: Flite) -> None:
    """The first piece must not wait for the last."""
    voice = TextToSpeech(flite, None)
    rendered: list[str] = []
    render = flite.render
    flite.render = lambda text: (rendered.append(text), render(text))[1]  # type: ignore[method-assign]
    async with aclosing(voice.speak(f"{HELLO} " * 6, "en")) as pieces:
        async for _ in pieces:
            break
    assert len(rendered) == 1
    await voice.close()


async def test_every_clause_ends_with_its_place_in_the_text(flite: Flite) -> None:
    """An interrupted reply is recorded up to the last clause that was wholly heard."""
    voice = TextToSpeech(flite, None)
    text = "Certainly, we can do that for you.  Our office is open from nine to five. Goodbye!"
    pieces = await spoken(voice, text)
    words = [word for piece in pieces for word in piece.words]
    assert [text[: word.chars] for word in words] == [
        "Certainly, we can do that for you.", text,
    ]  # fmt: skip
    assert words[-1].end == sum(len(piece.mulaw) for piece in pieces) / 8000
    await voice.close()


async def test_a_text_has_a_longest(flite: Flite) -> None:
    """A model that does not stop must not speak for an hour."""
    voice = TextToSpeech(flite, None)
    pieces = await spoken(voice, "word " * 1000)
    assert sum(len(piece.mulaw) for piece in pieces) < 90 * 8000
    await voice.close()


def test_letters_flite_does_not_know_are_not_left_out() -> None:
    """Half of the names in Vienna have one."""
    assert ascii_of("Müller, Groß & Dvořák") == b"Muller, Gross & Dvorak"


def test_a_voice_without_any_engine_says_what_to_install() -> None:
    """The start of the server shows this line."""
    with pytest.raises(Unavailable, match="libespeak-ng1"):
        TextToSpeech(None, None)


def test_one_text_can_be_rendered_without_a_loop(models: ModelFolder) -> None:
    """The telephone in the terminal does."""
    pcm, rate = render_once("Guten Tag.", "de", models.espeak())
    assert rate / 2 < len(pcm) < rate * 3


async def test_the_same_words_always_sound_the_same(flite: Flite) -> None:
    """Whatever was said before, by whatever object, in whatever thread: a phrase that is understood once always is."""
    first = flite.render("Yes, please.")[0]
    other = Flite()

    def both(one: Flite) -> list[bytes]:
        return [one.render(text)[0].tobytes() for text in ("How are you?", "Yes, please.") * 5]

    said = await asyncio.gather(asyncio.to_thread(both, flite), asyncio.to_thread(both, other))
    assert {sound for every in said for sound in every[1::2]} == {first.tobytes()}
