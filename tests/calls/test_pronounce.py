"""Words are said as the agent file wants them, and told as they were meant."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.fakes import FakeVoice
from tests.conformance.text_to_speech import TextToSpeechConformance

from stella.calls.pronounce import PronouncedVoice, Respelling
from stella.calls.voice_chain import VoiceChain
from stella.ports.failure import Unavailable
from stella.ports.speech import Word

WORDS = {
    "Vintaro": "Winn taro",
    "AG": "A Ge",
    "Vintaro AG": "Winntaro Aktiengesellschaft",
    "Müller & Söhne": "Müller und Söhne",
}


class Recorded(FakeVoice):
    """Remembers what it was asked to say."""

    def __init__(self, *, fails_after: int = -1) -> None:
        super().__init__()
        self.said: list[str] = []
        self.fails_after = fails_after

    async def speak(self, text: str, language: str, voice: str = ""):  # type: ignore[no-untyped-def]
        """As the port, and breaks off where it is told to."""
        self.said.append(text)
        pieces = 0
        async with aclosing(super().speak(text, language, voice)) as sounds:
            async for sound in sounds:
                if pieces == self.fails_after:
                    raise Unavailable("fake", "cut")
                pieces += 1
                yield sound


class TestPronouncedVoice(TextToSpeechConformance):
    """A voice with a pronunciation is a voice."""

    @pytest.fixture
    def voice(self) -> PronouncedVoice:
        """With a word of the suite's own sentence respelled."""
        return PronouncedVoice(FakeVoice(), {"en": {"morning": "mor ning"}})


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hier ist Vintaro.", "Hier ist Winn taro."),
        ("Vintaro AG, guten Tag", "Winntaro Aktiengesellschaft, guten Tag"),
        ("Die AG ist keine AGB", "Die A Ge ist keine AGB"),
        ("vintaro", "vintaro"),
        ("bei Müller & Söhne", "bei Müller und Söhne"),
        ("", ""),
    ],
)
def test_whole_words_are_respelled_and_nothing_else(text: str, spoken: str) -> None:
    """Capitals count, the longest word wins, and no part of another word is touched."""
    assert Respelling(WORDS).of(text)[0] == spoken


async def test_the_times_of_words_are_those_of_the_text() -> None:
    """The record cuts at them: a word that is written as two for the voice has sounded when both have."""
    inner = Recorded()
    voice = PronouncedVoice(inner, {"de": WORDS})
    text = "Hier ist Vintaro, guten Tag"
    words = [word async for sound in voice.speak(text, "de") for word in sound.words]
    assert inner.said == ["Hier ist Winn taro, guten Tag"]
    assert [text[: word.chars].rsplit(maxsplit=1)[-1] for word in words] == ["Hier", "ist", "Vintaro,", "guten", "Tag"]
    assert words == sorted(words, key=lambda word: word.end)
    assert words[2].end == pytest.approx(0.08 * len("Hier ist Winn taro,"))


async def test_other_languages_and_other_texts_are_left_alone() -> None:
    """And so are their word times."""
    inner = Recorded()
    voice = PronouncedVoice(inner, {"de": WORDS})
    words = [word async for sound in voice.speak("Vintaro speaking", "en") for word in sound.words]
    assert inner.said == ["Vintaro speaking"]
    assert words[0] == Word(7, pytest.approx(0.56))


async def test_a_voice_that_breaks_in_a_respelled_sentence_is_continued_behind_the_last_word() -> None:
    """The row inside never sees the text; no word is said twice or left out all the same."""
    first, second = Recorded(fails_after=3), Recorded()
    second.name = "second"
    row = PronouncedVoice(VoiceChain([first, second], {}), {"de": WORDS})
    text = "Hier ist Vintaro AG in Wien, guten Tag und willkommen"
    words = [word async for sound in row.speak(text, "de") for word in sound.words]
    assert [text[: word.chars].rsplit(maxsplit=1)[-1] for word in words] == [
        "Hier", "ist", "AG", "in", "Wien,", "guten", "Tag", "und", "willkommen",
    ]  # fmt: skip
    assert first.said[0].endswith(second.said[0])


@given(st.lists(st.sampled_from(["Vintaro", "AG", "ist", "da,", "& Co"]), max_size=8), st.integers(0, 200))
def test_every_place_leads_back_into_the_text_in_order(parts: list[str], chars: int) -> None:
    """Never before what was said already, never behind the end."""
    text = " ".join(parts)
    spoken, places = Respelling(WORDS).of(text)
    back = [place for at in range(len(spoken) + 1) if (place := places.back(at)) is not None]
    assert back == sorted(back)
    assert back[0] == 0
    assert back[-1] == len(text)
    assert all(0 <= at <= len(text) for at in back), chars
