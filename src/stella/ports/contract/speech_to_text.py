"""What every SpeechToText keeps. `ears` know at least `en`; `said` is a word that is in the mu-law of `speech`."""

from __future__ import annotations

import asyncio

from stella.domain.ids import UtteranceId
from stella.ports.contract.promise import NotOffered, promised, refused, until
from stella.ports.speech import Final, Heard, Hypothesis, Lost, SpeechToText, SpeechToTextStream, Switched

FRAME = 160
SILENCE = b"\xff" * 4000
ONE, TWO = UtteranceId(1), UtteranceId(2)
SETTLE_S = 0.05


def feed(stream: SpeechToTextStream, mulaw: bytes) -> None:
    """Frame by frame."""
    for start in range(0, len(mulaw), FRAME):
        stream.feed(mulaw[start : start + FRAME])


def ends(heard: list[Heard]) -> list[Final | Lost]:
    """The answers to `finish`."""
    return [what for what in heard if not isinstance(what, Hypothesis | Switched)]


def lost(heard: list[Heard]) -> list[str]:
    """The codes of what was lost."""
    return [what.code for what in heard if isinstance(what, Lost)]


class SpeechToTextContract:
    """The promises of the port."""

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
        promised(isinstance(final, Final), f"the utterance was lost: {getattr(final, 'code', '')}")
        promised(final.utterance == ONE, "the answer is of another utterance")
        text = final.text if isinstance(final, Final) else ""
        promised(said in text.lower(), f"“{said}” was said, and other words were heard")
        promised(text == text.strip(), "the words have blanks around them")
        promised(isinstance(final, Final) and final.took_ms >= 0, "an answer cannot come before it was asked for")
        await stream.close()

    async def test_every_finish_has_exactly_one_answer(self, ears: SpeechToText, speech: bytes) -> None:
        """A turn waits for this answer: none would hang it, two would answer twice."""
        heard: list[Heard] = []
        stream = await ears.open("en", heard.append)
        for number in (1, 2, 3):
            stream.begin(UtteranceId(number))
            feed(stream, speech + SILENCE)
            stream.finish(UtteranceId(number))
        await until(lambda: len(ends(heard)) == 3, what="the third answer")
        await asyncio.sleep(SETTLE_S)
        promised(sorted(what.utterance for what in ends(heard)) == [1, 2, 3], "three were asked for, others came")
        await stream.close()

    async def test_a_finish_without_sound_is_answered_too(self, ears: SpeechToText) -> None:
        """Noticing speech and ending it within one frame happens."""
        heard: list[Heard] = []
        stream = await ears.open("en", heard.append)
        stream.begin(ONE)
        stream.finish(ONE)
        await until(lambda: ends(heard))
        promised(ends(heard)[0].utterance == ONE, "the answer is of another utterance")
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
        await asyncio.sleep(SETTLE_S)
        promised(ends(heard) == [], "what was dropped was answered")
        await stream.close()

    async def test_no_answer_comes_from_within_finish(self, ears: SpeechToText, speech: bytes) -> None:
        """A session must not be re-entered while it carries out an order."""
        inside = False
        seen: list[bool] = []
        stream = await ears.open("en", lambda _heard: seen.append(inside))
        stream.begin(ONE)
        feed(stream, speech)
        inside = True
        stream.finish(ONE)
        inside = False
        await until(lambda: seen)
        promised(not any(seen), "the callback was called from within `finish`")
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
        await asyncio.sleep(SETTLE_S)
        promised(ends(heard) == [], "something was heard after the end")

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
        promised([what.utterance for what in ends(first)] == [1], "the first call heard another's words")
        promised([what.utterance for what in ends(second)] == [2], "the second call heard another's words")
        for stream in streams:
            await stream.close()

    async def test_hints_are_taken_whatever_they_are(self, ears: SpeechToText, speech: bytes) -> None:
        """Names of people come with quotes, umlauts and in great number; an engine takes what it can."""
        heard: list[Heard] = []
        hints = ("Gruber & Söhne", "", '"Ordination"', *(f"Frau Müller-{number}" for number in range(200)))
        stream = await ears.open("en", heard.append, hints)
        stream.begin(ONE)
        feed(stream, speech + SILENCE)
        stream.finish(ONE)
        await until(lambda: ends(heard))
        promised(isinstance(ends(heard)[0], Final), f"the utterance was lost: {', '.join(lost(heard))}")
        await stream.close()

    async def test_word_times_are_those_of_the_utterance(self, ears: SpeechToText, speech: bytes) -> None:
        """Where an engine claims them; in order, inside what was said, and of the words of the answer."""
        if not getattr(ears, "word_times", False):
            raise NotOffered("it tells no word times")
        heard: list[Heard] = []
        stream = await ears.open("en", heard.append)
        feed(stream, SILENCE)
        stream.begin(ONE)
        feed(stream, speech + SILENCE)
        stream.finish(ONE)
        await until(lambda: ends(heard))
        final = ends(heard)[0]
        words = final.words if isinstance(final, Final) else ()
        promised(words, "it claims word times and gave none")
        text = final.text if isinstance(final, Final) else ""
        promised(" ".join(word.text for word in words) == text, "the words are others than the answer's")
        edges = [edge for word in words for edge in (word.start, word.end)]
        promised(edges == sorted(edges), "the words are not in order")
        most = (len(SILENCE) + len(speech) + len(SILENCE)) / 8000 + 0.2
        promised(edges[0] >= 0 and edges[-1] <= most, "a word was said outside of the utterance")
        await stream.close()

    async def test_several_languages_are_listened_for_at_once(
        self, ears: SpeechToText, speech: bytes, said: str
    ) -> None:
        """Where an engine claims that it can; and what it says it heard is one of them."""
        if not getattr(ears, "automatic", False):
            raise NotOffered("it listens for one language at a time")
        heard: list[Heard] = []
        stream = await ears.open("en", heard.append, (), ("de", "xx"))
        stream.begin(ONE)
        feed(stream, speech + SILENCE)
        stream.finish(ONE)
        await until(lambda: ends(heard))
        final = ends(heard)[0]
        promised(
            isinstance(final, Final) and said in final.text.lower(), f"“{said}” was said, and other words were heard"
        )
        promised(
            isinstance(final, Final) and final.language in ("", "de", "en"), "it heard a language nobody asked for"
        )
        await stream.close()

    async def test_a_language_that_it_does_not_know_is_refused(self, ears: SpeechToText) -> None:
        """Better the gather path than words made up in another language."""
        await refused(ears.open("xx", lambda _heard: None), "a language that nobody speaks")

    async def test_closing_twice_is_quiet(self, ears: SpeechToText) -> None:
        """Shutdown paths meet."""
        await ears.close()
        await ears.close()
