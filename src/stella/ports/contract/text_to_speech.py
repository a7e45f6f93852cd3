"""What every TextToSpeech keeps. `voice` speaks at least `en`."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from stella.ports.contract.promise import NotOffered, promised, refused
from stella.ports.speech import Sound, TextToSpeech

HELLO = "Good morning, how can I help you today?"
BYE = "Goodbye, and thank you for calling us."
NOTHING = ("", "   ", "\n", "…", "–")


async def spoken(voice: TextToSpeech, text: str, language: str = "en") -> list[Sound]:
    """All pieces of a text."""
    return [piece async for piece in voice.speak(text, language)]


def length(pieces: list[Sound]) -> int:
    """Bytes in all."""
    return sum(len(piece.mulaw) for piece in pieces)


def alike(one: list[Sound], other: list[Sound], within: float = 0.1) -> bool:
    """The same text, as far as length tells: engines put a little noise into every rendering."""
    return abs(length(one) - length(other)) < within * length(one)


class TextToSpeechContract:
    """The promises of the port."""

    within = 0.1
    """How far two renderings of one text may differ in length."""

    async def test_a_sentence_is_sound(self, voice: TextToSpeech) -> None:
        """Mu-law at 8 kHz: a sentence of eight words lasts 1 to 8 s, and most of it is not silence."""
        mulaw = b"".join(piece.mulaw for piece in await spoken(voice, HELLO))
        promised(8_000 <= len(mulaw) <= 64_000, f"eight words last {len(mulaw) / 8000:.1f} s")
        promised(sum(byte not in (0xFF, 0x7F) for byte in mulaw) > len(mulaw) / 2, "most of it is silence")

    async def test_no_piece_is_empty(self, voice: TextToSpeech) -> None:
        """An empty piece would be a message on the wire for nothing."""
        promised(all(piece.mulaw for piece in await spoken(voice, HELLO)), "there is an empty piece")

    async def test_words_are_in_order_and_inside_the_sound(self, voice: TextToSpeech) -> None:
        """The record cuts at them; an engine that does not know gives none."""
        pieces = await spoken(voice, HELLO)
        words = [word for piece in pieces for word in piece.words]
        seconds = length(pieces) / 8000
        promised(words == sorted(words, key=lambda word: (word.chars, word.end)), "the words are not in order")
        inside = all(0 < word.chars <= len(HELLO) and 0 <= word.end <= seconds + 0.1 for word in words)
        promised(inside, "a word ends outside of the text or its sound")

    async def test_word_times_reach_the_end_of_the_text(self, voice: TextToSpeech) -> None:
        """Where an engine claims them: a failover continues behind the last of them, and the record is cut there."""
        if not getattr(voice, "word_times", False):
            raise NotOffered("it tells no word times")
        words = [word for piece in await spoken(voice, HELLO) for word in piece.words]
        promised(len(words) >= len(HELLO.split()) // 2, f"of {len(HELLO.split())} words it timed {len(words)}")
        promised(words[-1].chars >= len(HELLO.rstrip("?")), "the last word has no time")

    async def test_nothing_to_say_is_no_sound_and_no_error(self, voice: TextToSpeech) -> None:
        """A model now and then ends on a lone dash."""
        for text in NOTHING:
            promised(await spoken(voice, text) == [], f"{text!r} was spoken")

    async def test_signs_of_markup_are_words_to_nobody(self, voice: TextToSpeech) -> None:
        """What looks like an order to an engine (SSML) comes from a model or a caller, and is only text."""
        pieces = await spoken(voice, 'Smith & Sons say "hello" <break time="9s"/> to you')
        promised(4_000 <= length(pieces) <= 80_000, f"it lasts {length(pieces) / 8000:.1f} s")

    async def test_closing_early_is_quiet_and_the_voice_goes_on(self, voice: TextToSpeech) -> None:
        """Every barge-in does it."""
        async with aclosing(voice.speak(HELLO * 4, "en")) as pieces:  # type: ignore[type-var]
            async for _ in pieces:
                break
        promised(await spoken(voice, HELLO), "it does not speak any more")

    async def test_a_cancelled_speaker_leaves_the_voice_in_order(self, voice: TextToSpeech) -> None:
        """A call that ends cancels the task in the middle of a wait; the next call's text must not get its sound."""
        before = await spoken(voice, HELLO)
        task = asyncio.get_running_loop().create_task(
            spoken(voice, "Another text altogether, and a rather long one at that.")
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        promised(alike(await spoken(voice, HELLO), before, self.within), "the same text sounds otherwise afterwards")

    async def test_two_calls_speak_at_once(self, voice: TextToSpeech) -> None:
        """Each gets its own text whole."""
        alone = await spoken(voice, HELLO), await spoken(voice, BYE)
        together = await asyncio.gather(spoken(voice, HELLO), spoken(voice, BYE))
        for one, other in zip(together, alone, strict=True):
            promised(alike(one, other, self.within), "a text spoken beside another has another length")

    async def test_a_language_that_it_does_not_know_is_refused(self, voice: TextToSpeech) -> None:
        """Better the fallback than German read as English."""
        await refused(spoken(voice, HELLO, "xx"), "a language that nobody speaks")

    async def test_closing_twice_is_quiet(self, voice: TextToSpeech) -> None:
        """Shutdown paths meet."""
        await voice.close()
        await voice.close()
