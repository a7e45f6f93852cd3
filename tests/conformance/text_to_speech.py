"""What every TextToSpeech keeps. A test of an adapter is a fixture `voice` and a subclass."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from stella.ports.failure import ProviderError
from stella.ports.speech import Sound, TextToSpeech

HELLO = "Good morning, how can I help you today?"


async def spoken(voice: TextToSpeech, text: str, language: str = "en") -> list[Sound]:
    """All pieces of a text."""
    return [piece async for piece in voice.speak(text, language)]


def length(pieces: list[Sound]) -> int:
    """Bytes in all."""
    return sum(len(piece.mulaw) for piece in pieces)


def alike(one: list[Sound], other: list[Sound]) -> bool:
    """The same text, as far as length tells: engines put a little noise into every rendering."""
    return abs(length(one) - length(other)) < 0.1 * length(one)


class TextToSpeechConformance:
    """The promises of the port."""

    async def test_a_sentence_is_sound(self, voice: TextToSpeech) -> None:
        """Mu-law at 8 kHz: a sentence of eight words lasts 1 to 8 s, and most of it is not silence."""
        mulaw = b"".join(piece.mulaw for piece in await spoken(voice, HELLO))
        assert 8_000 <= len(mulaw) <= 64_000
        assert sum(byte not in (0xFF, 0x7F) for byte in mulaw) > len(mulaw) / 2

    async def test_no_piece_is_empty(self, voice: TextToSpeech) -> None:
        """An empty piece would be a message on the wire for nothing."""
        assert all(piece.mulaw for piece in await spoken(voice, HELLO))

    async def test_words_are_in_order_and_inside_the_sound(self, voice: TextToSpeech) -> None:
        """The record cuts at them; an engine that does not know gives none."""
        pieces = await spoken(voice, HELLO)
        words = [word for piece in pieces for word in piece.words]
        seconds = sum(len(piece.mulaw) for piece in pieces) / 8000
        assert words == sorted(words, key=lambda word: (word.chars, word.end))
        assert all(0 < word.chars <= len(HELLO) and 0 <= word.end <= seconds + 0.1 for word in words)

    @pytest.mark.parametrize("text", ["", "   ", "\n", "…", "–"])
    async def test_nothing_to_say_is_no_sound_and_no_error(self, voice: TextToSpeech, text: str) -> None:
        """A model now and then ends on a lone dash."""
        assert await spoken(voice, text) == []

    async def test_closing_early_is_quiet_and_the_voice_goes_on(self, voice: TextToSpeech) -> None:
        """Every barge-in does it."""
        async with aclosing(voice.speak(HELLO * 4, "en")) as pieces:
            async for _ in pieces:
                break
        assert await spoken(voice, HELLO)

    async def test_a_cancelled_speaker_leaves_the_voice_in_order(self, voice: TextToSpeech) -> None:
        """A call that ends cancels the task in the middle of a wait; the next call's text must not get its sound."""
        before = await spoken(voice, HELLO)
        task = asyncio.create_task(spoken(voice, "Another text altogether, and a rather long one at that."))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert alike(await spoken(voice, HELLO), before)

    async def test_two_calls_speak_at_once(self, voice: TextToSpeech) -> None:
        """Each gets its own text whole."""
        alone = await spoken(voice, HELLO), await spoken(voice, "Goodbye, and thank you for calling us.")
        together = await asyncio.gather(spoken(voice, HELLO), spoken(voice, "Goodbye, and thank you for calling us."))
        assert alike(together[0], alone[0])
        assert alike(together[1], alone[1])

    async def test_a_language_that_it_does_not_know_is_refused(self, voice: TextToSpeech) -> None:
        """Better the fallback than German read as English."""
        with pytest.raises(ProviderError):
            await spoken(voice, HELLO, "xx")

    async def test_closing_twice_is_quiet(self, voice: TextToSpeech) -> None:
        """Shutdown paths meet."""
        await voice.close()
        await voice.close()
