"""What every SpeechToText keeps. A test of an adapter is a fixture `ears` and a subclass; `said` is what `speech` says.

The fixture yields a SpeechToText for at least the language `en`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stella.domain.ids import UtteranceId
from stella.ports.failure import ProviderError
from stella.ports.speech import Final, Heard, Hypothesis, Lost, SpeechToText, SpeechToTextStream

FRAME = 160
SILENCE = b"\xff" * 4000
ONE, TWO = UtteranceId(1), UtteranceId(2)


def feed(stream: SpeechToTextStream, mulaw: bytes) -> None:
    """Frame by frame."""
    for start in range(0, len(mulaw), FRAME):
        stream.feed(mulaw[start : start + FRAME])


async def until(true: Callable[[], Any], patience: float = 50.0) -> None:
    """Wait for something that comes from elsewhere."""
    async with asyncio.timeout(patience):
        while not true():
            await asyncio.sleep(0.005)


def ends(heard: list[Heard]) -> list[Heard]:
    """The answers to `finish`."""
    return [what for what in heard if not isinstance(what, Hypothesis)]


class SpeechToTextConformance:
    """The promises of the port."""

    @pytest.fixture
    def speech(self) -> bytes:
        """Mu-law speech that the engine understands."""
        raise NotImplementedError

    @pytest.fixture
    def said(self) -> str:
        """A word that is in it."""
        raise NotImplementedError

    async def test_a_finish_is_answered_by_what_was_said(self, ears: SpeechToText, speech: bytes, said: str) -> None:
        """The main job."""
        heard: list[Heard] = []
        stream = await ears.open("en", heard.append)
        feed(stream, SILENCE + speech[:1600])
        stream.begin(ONE)
        feed(stream, speech[1600:] + SILENCE)
        stream.finish(ONE)
        await until(lambda: ends(heard))
        final = ends(heard)[0]
        assert isinstance(final, Final)
        assert final.utterance == ONE
        assert said in final.text.lower()
        assert final.text == final.text.strip()
        assert final.took_ms >= 0
        await stream.close()

    async def test_every_finish_has_exactly_one_answer(self, ears: SpeechToText, speech: bytes) -> None:
        """A turn waits for this answer: none would hang it, two would answer twice."""
        heard: list[Heard] = []
        stream = await ears.open("en", heard.append)
        for number in (1, 2, 3):
            stream.begin(UtteranceId(number))
            feed(stream, speech + SILENCE)
            stream.finish(UtteranceId(number))
        await until(lambda: len(ends(heard)) == 3)
        await asyncio.sleep(0.05)
        assert sorted(what.utterance for what in ends(heard)) == [1, 2, 3]
        await stream.close()

    async def test_a_finish_without_sound_is_answered_too(self, ears: SpeechToText) -> None:
        """Noticing speech and ending it within one frame happens."""
        heard: list[Heard] = []
        stream = await ears.open("en", heard.append)
        stream.begin(ONE)
        stream.finish(ONE)
        await until(lambda: ends(heard))
        assert ends(heard)[0].utterance == ONE
        await stream.close()

    async def test_what_is_dropped_is_never_answered(self, ears: SpeechToText, speech: bytes) -> None:
        """A cough that took no floor must not become words later."""
        heard: list[Heard] = []
        stream = await ears.open("en", heard.append)
        stream.begin(ONE)
        feed(stream, speech)
        stream.drop(ONE)
        stream.begin(TWO)
        feed(stream, speech)
        stream.finish(TWO)
        stream.drop(TWO)
        stream.drop(UtteranceId(99))
        await asyncio.sleep(0.05)
        assert ends(heard) == []
        await stream.close()

    async def test_no_answer_comes_from_within_finish(self, ears: SpeechToText, speech: bytes) -> None:
        """A session must not be re-entered while it carries out an order."""
        inside, seen = False, []
        stream = await ears.open("en", lambda _heard: seen.append(inside))
        stream.begin(ONE)
        feed(stream, speech)
        inside = True
        stream.finish(ONE)
        inside = False
        await until(lambda: seen)
        assert not any(seen)
        await stream.close()

    async def test_close_in_the_middle_of_work_is_quiet(self, ears: SpeechToText, speech: bytes) -> None:
        """Callers hang up while their last words are being recognised."""
        heard: list[Heard] = []
        stream = await ears.open("en", heard.append)
        stream.begin(ONE)
        feed(stream, speech)
        stream.finish(ONE)
        await stream.close()
        await stream.close()
        stream.feed(speech)
        stream.begin(TWO)
        stream.finish(TWO)
        await asyncio.sleep(0.05)
        assert heard == []

    async def test_two_calls_each_hear_their_own(self, ears: SpeechToText, speech: bytes) -> None:
        """One engine serves all calls; nothing may cross."""
        first: list[Heard] = []
        second: list[Heard] = []
        streams = [await ears.open("en", first.append), await ears.open("en", second.append)]
        for number, stream in enumerate(streams, 1):
            stream.begin(UtteranceId(number))
            feed(stream, speech)
            stream.finish(UtteranceId(number))
        await until(lambda: ends(first) and ends(second))
        assert [what.utterance for what in ends(first)] == [1]
        assert [what.utterance for what in ends(second)] == [2]
        for stream in streams:
            await stream.close()

    async def test_a_language_that_it_does_not_know_is_refused(self, ears: SpeechToText) -> None:
        """Better the gather path than words made up in another language."""
        with pytest.raises(ProviderError):
            await ears.open("xx", lambda _heard: None)

    async def test_closing_twice_is_quiet(self, ears: SpeechToText) -> None:
        """Shutdown paths meet."""
        await ears.close()
        await ears.close()


def lost(heard: list[Heard]) -> list[str]:
    """The codes of what was lost."""
    return [what.code for what in heard if isinstance(what, Lost)]
