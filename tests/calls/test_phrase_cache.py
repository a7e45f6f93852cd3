"""Sound that was made once is not made twice."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from tests.conformance.fakes import FakeVoice
from tests.conformance.text_to_speech import TextToSpeechConformance, spoken

from stella.calls.phrase_cache import PhraseCache
from stella.ports.failure import ProviderError, Unavailable


class TestPhraseCache(TextToSpeechConformance):
    """It is a voice like any other."""

    @pytest.fixture
    def voice(self) -> PhraseCache:
        """Under test."""
        return PhraseCache(FakeVoice())


async def test_the_second_time_the_engine_is_not_asked() -> None:
    """Cost and latency of a greeting are paid once."""
    inner = FakeVoice()
    cache = PhraseCache(inner)
    first = await spoken(cache, "Good morning.")
    assert await spoken(cache, "Good morning.") == first
    assert len(inner.spoken) == 1
    assert (cache.hits, cache.misses) == (1, 1)


async def test_language_and_voice_are_part_of_the_phrase() -> None:
    """`Hallo` in an English voice is another sound."""
    inner = FakeVoice()
    cache = PhraseCache(inner)
    for language, voice in (("de", ""), ("en", ""), ("en", "other")):
        assert [piece async for piece in cache.speak("Hallo", language, voice)]
    assert len(inner.spoken) == 3


async def test_calls_that_want_the_same_at_once_share_one_rendering() -> None:
    """A hundred calls greet at the same second after a restart."""
    inner = FakeVoice()
    cache = PhraseCache(inner)
    all_of_them = await asyncio.gather(*(spoken(cache, "Good morning.") for _ in range(20)))
    assert len(inner.spoken) == 1
    assert all(pieces == all_of_them[0] for pieces in all_of_them)


async def test_one_who_goes_away_does_not_take_the_sound_from_the_others() -> None:
    """The first to ask may be the first to hang up."""
    inner = FakeVoice()
    cache = PhraseCache(inner)

    async def leaves() -> None:
        async with aclosing(cache.speak("Good morning, all.", "en")) as pieces:
            async for _ in pieces:
                return

    _, whole = await asyncio.gather(leaves(), spoken(cache, "Good morning, all."))
    assert sum(len(piece.mulaw) for piece in whole) == 640 * len("Good morning, all.")
    assert inner.stopped == []


async def test_the_last_to_leave_stops_the_cost_and_nothing_half_is_kept() -> None:
    """A paid engine counts every character; a cut greeting must never be played later."""
    inner = FakeVoice(between=0.005)
    cache = PhraseCache(inner)
    async with aclosing(cache.speak("Good morning, all of you.", "en")) as pieces:
        async for _ in pieces:
            break
    await asyncio.sleep(0.01)
    assert inner.stopped == ["Good morning, all of you."]
    assert cache.bytes == 0
    whole = await spoken(cache, "Good morning, all of you.")
    assert sum(len(piece.mulaw) for piece in whole) == 640 * len("Good morning, all of you.")


async def test_the_least_recently_used_goes_first() -> None:
    """Memory is bounded; the greeting stays."""
    inner = FakeVoice()
    cache = PhraseCache(inner, most_bytes=640 * 10)
    for text in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb"):
        await spoken(cache, text)
        assert cache.bytes <= 6400
    assert [text for text, _, _ in inner.spoken] == ["aaaa", "bbbb", "cccc", "bbbb"]


async def test_what_is_larger_than_the_cache_is_spoken_all_the_same() -> None:
    """And not kept."""
    cache = PhraseCache(FakeVoice(), most_bytes=100)
    assert await spoken(cache, "Good morning.")
    assert cache.bytes == 0


async def test_a_failure_reaches_everybody_and_is_not_kept() -> None:
    """The next call tries again."""
    inner = FakeVoice({"Hello.": Unavailable("fake", "died")})
    cache = PhraseCache(inner)
    results = await asyncio.gather(*(spoken(cache, "Hello.") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    inner.failures.clear()
    assert await spoken(cache, "Hello.")


async def test_warming_tells_how_far_it_is_and_what_failed() -> None:
    """The start shows a bar, and one phrase that cannot be voiced must not stop it."""
    inner = FakeVoice({"bad": Unavailable("fake", "died")})
    cache, told = PhraseCache(inner), []
    failed = await cache.warm(
        [("one", "en", ""), ("bad", "en", ""), ("one", "en", ""), ("zwei", "de", "")],
        lambda *so_far: told.append(so_far),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [(phrase, type(fault)) for phrase, fault in failed] == [(("bad", "en", ""), Unavailable)]
    await spoken(cache, "one")
    assert len(inner.spoken) == 3


async def test_close_stops_what_is_being_voiced() -> None:
    """And closes the engine."""
    inner = FakeVoice(between=0.01)
    cache = PhraseCache(inner)
    task = asyncio.create_task(spoken(cache, "Good morning, all of you."))
    await asyncio.sleep(0.015)
    await cache.close()
    assert inner.closed
    async with asyncio.timeout(1):
        with pytest.raises(ProviderError):
            await task
