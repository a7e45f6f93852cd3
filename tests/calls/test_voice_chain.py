"""Voices in a row: no word is heard twice, none is lost, and the caller hardly notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.fakes import FakeVoice
from tests.conformance.text_to_speech import TextToSpeechConformance

from stella.calls.breaker import Breaker
from stella.calls.phrase_cache import PhraseCache
from stella.calls.voice_chain import VoiceChain, voice_of
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.speech import Sound, Switched, Word

Go = Callable[[Awaitable[Any]], Any]
TEXT = "Guten Tag, hier spricht die Ordination Gruber in Wien."
CHAR = 640


@dataclass
class ScriptedVoice:
    """80 ms a character. Byte n of its sound tells which character it is of: the caller's ear can read along."""

    name: str
    cut_at: int = -1
    first_s: float = 0.0
    times: bool = True
    piece: int = 1600
    code: str = "cut"
    fault: BaseException | None = None
    languages: frozenset[str] = frozenset({"de", "en"})
    spoken: list[tuple[str, str]] = field(default_factory=list)
    stopped: int = 0

    @property
    def word_times(self) -> bool:
        return self.times

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        del language
        self.spoken.append((text, voice))
        whole = b"".join(bytes([ord(char) & 0x7F]) * CHAR for char in text)
        ends = [at for at, char in enumerate(text + " ") if char == " " and at]
        at = 0
        try:
            await asyncio.sleep(self.first_s)
            while at < len(whole):
                if 0 <= self.cut_at < at + self.piece:
                    if self.cut_at > at:
                        yield self._sound(whole, at, self.cut_at, ends)
                    raise self.fault or Unavailable(self.name, self.code)
                yield self._sound(whole, at, at + self.piece, ends)
                at += self.piece
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped += 1
            raise

    def _sound(self, whole: bytes, start: int, end: int, ends: list[int]) -> Sound:
        now = tuple(Word(at, at * CHAR / 8000) for at in ends if start < at * CHAR <= end) if self.times else ()
        return Sound(whole[start:end], now)

    async def close(self) -> None:
        """Nothing."""


class TestVoiceChain(TextToSpeechConformance):
    """A row is a voice like any other."""

    @pytest.fixture
    def voice(self) -> VoiceChain:
        """Two scripted voices."""
        return VoiceChain([FakeVoice(), FakeVoice()], {})


async def heard(chain: VoiceChain, text: str = TEXT, voice: str = "") -> list[Sound]:
    """Everything."""
    return [sound async for sound in chain.speak(text, "de", voice)]


def letters(pieces: list[Sound]) -> str:
    """What the ear made of it: one letter for every 80 ms or part of it."""
    said, before, run = "", -1, 0
    for byte in b"".join(piece.mulaw for piece in pieces):
        run = run + 1 if byte == before else 1
        if byte != before or run > CHAR:
            said, run = said + chr(byte), 1
        before = byte
    return said


def test_the_first_speaks_and_the_second_is_never_asked(run: Go) -> None:
    """A healthy row costs one voice."""
    first, second = ScriptedVoice("a"), ScriptedVoice("b")
    pieces = run(heard(VoiceChain([first, second], {})))
    assert letters(pieces) == TEXT
    assert not second.spoken
    assert not any(piece.switched for piece in pieces)
    assert [word.chars for piece in pieces for word in piece.words][-1] == len(TEXT)


@pytest.mark.parametrize("fault", [ValueError("a fault of ours"), asyncio.CancelledError()])
@pytest.mark.parametrize("cut", [0, 1, 9_000])
def test_a_fault_that_no_port_foresees_costs_a_switch_like_any_other(run: Go, cut: int, fault: BaseException) -> None:
    """Before the first sound or in mid-sentence: the caller hears every word once, and the record says why."""
    first, second = ScriptedVoice("a", cut_at=cut, fault=fault), ScriptedVoice("b")
    pieces = run(heard(VoiceChain([first, second], {})))
    words = [word for piece in pieces for word in piece.words]
    assert [TEXT[: word.chars].rsplit(maxsplit=1)[-1] for word in words] == TEXT.split()
    assert [piece.switched.code for piece in pieces if piece.switched] == ["broken"]


@pytest.mark.parametrize("cut", [*range(0, 3000, 97), *range(0, len(TEXT) * CHAR, 1501)])
def test_wherever_the_first_breaks_off_every_word_is_heard_once(run: Go, cut: int) -> None:
    """The second goes on behind the last word that was heard whole."""
    first, second = ScriptedVoice("a", cut_at=cut), ScriptedVoice("b")
    pieces = run(heard(VoiceChain([first, second], {})))
    said = letters(pieces)
    if cut // CHAR > len("Guten"):
        # From the first word time on nothing is heard twice, not even a part of a word.
        assert said.replace(" ", "") == TEXT.replace(" ", "")
    else:
        assert said.replace(" ", "").endswith(TEXT.replace(" ", ""))
    assert sum(piece.switched is not None for piece in pieces) == 1
    words = [word for piece in pieces for word in piece.words]
    assert [TEXT[: word.chars].rsplit(maxsplit=1)[-1] for word in words] == TEXT.split()
    assert words == sorted(words, key=lambda word: (word.chars, word.end))


def test_a_voice_without_word_times_is_continued_by_its_pace(run: Go) -> None:
    """Known from the sentences that it finished; a word may be begun twice, none is left out."""

    async def call() -> list[Sound]:
        first, second = ScriptedVoice("a", times=False), ScriptedVoice("b")
        chain = VoiceChain([first, second], {})
        for _ in range(20):
            await heard(chain)
        first.cut_at = 30 * CHAR
        pieces = await heard(chain)
        ((rest, _),) = second.spoken
        assert TEXT.endswith(rest.strip())
        assert abs(TEXT.index(rest.strip()) - 30) <= len("Ordination")
        return pieces

    assert [one.switched for one in run(call()) if one.switched] == [Switched("tts", "a", "b", "cut", begun=True)]


def test_a_slow_first_is_overtaken_and_stopped(run: Go) -> None:
    """The second is asked when the budget is over, and the first costs nothing more."""

    async def call() -> float:
        first, second = ScriptedVoice("a", first_s=10.0), ScriptedVoice("b", first_s=0.2)
        before = asyncio.get_running_loop().time()
        pieces = await heard(VoiceChain([first, second], {}, hedge_s=0.5))
        assert letters(pieces) == TEXT
        assert first.stopped == 1
        assert pieces[0].switched == Switched("tts", "a", "b", "slow")
        return asyncio.get_running_loop().time() - before

    assert run(call()) == pytest.approx(0.7, abs=0.05)


def test_a_second_that_is_slower_still_is_stopped(run: Go) -> None:
    """Whoever sounds first speaks."""

    async def call() -> None:
        first, second = ScriptedVoice("a", first_s=0.8), ScriptedVoice("b", first_s=5.0)
        assert letters(await heard(VoiceChain([first, second], {}, hedge_s=0.5))) == TEXT
        assert second.stopped == 1

    run(call())


def test_two_that_sound_in_the_same_moment_do_not_both_go_on(run: Go) -> None:
    """The one that is not heard is stopped too."""

    async def call() -> None:
        first, second = ScriptedVoice("a", first_s=0.75), ScriptedVoice("b", first_s=0.25)
        assert letters(await heard(VoiceChain([first, second], {}, hedge_s=0.5))) == TEXT
        assert first.stopped + second.stopped == 1

    run(call())


def test_when_all_fail_the_last_reason_is_raised(run: Go) -> None:
    """The conversation then knows what was heard."""
    with pytest.raises(ProviderError) as failure:
        run(heard(VoiceChain([ScriptedVoice("a", 0), ScriptedVoice("b", 0, code="quota")], {})))
    assert failure.value.code == "quota"


def test_a_voice_that_keeps_failing_is_left_alone_and_comes_back(run: Go) -> None:
    """No sentence waits for it meanwhile."""

    async def call() -> None:
        first, second = ScriptedVoice("a", 0), ScriptedVoice("b")
        chain = VoiceChain([first, second], {"a": Breaker(asyncio.get_running_loop().time, lambda: 0.0)})
        for _ in range(5):
            assert letters(await heard(chain)) == TEXT
        assert len(first.spoken) == 2
        first.cut_at = -1
        await asyncio.sleep(10)
        pieces = await heard(chain)
        assert pieces[0].switched is not None
        assert (pieces[0].switched.before, pieces[0].switched.after) == ("b", "a")
        assert len(second.spoken) == 5

    run(call())


def test_a_phrase_that_is_kept_needs_no_vendor_and_says_nothing_about_one(run: Go) -> None:
    """A greeting rendered at the start is said in the same voice while its vendor is down."""

    async def call() -> None:
        first, second = ScriptedVoice("a"), ScriptedVoice("b")
        health = {"a": Breaker(asyncio.get_running_loop().time, lambda: 0.0)}
        chain = VoiceChain([PhraseCache(first), second], health)
        await heard(chain)
        first.cut_at = 0
        for _ in range(2):
            await heard(chain, "Noch etwas anderes.")
        assert health["a"].open
        assert letters(await heard(chain)) == TEXT
        assert len(second.spoken) == 2
        assert health["a"].open

    run(call())


def test_closing_in_the_middle_stops_whoever_speaks(run: Go) -> None:
    """A barge-in, quietly."""

    async def call() -> None:
        first = ScriptedVoice("a")
        async with aclosing(VoiceChain([first, ScriptedVoice("b")], {}).speak(TEXT, "de")) as sounds:  # type: ignore[type-var]
            async for _ in sounds:
                break
        assert first.stopped == 1

    run(call())


def test_each_voice_is_called_by_its_own_name() -> None:
    """One line of the agent file names the voice of every engine."""
    line = "Rachel deepgram=aura-2-lara-de"
    assert voice_of("elevenlabs", "elevenlabs", line, "de") == "Rachel"
    assert voice_of("deepgram", "elevenlabs", line, "de") == "aura-2-lara-de"
    assert voice_of("embedded", "elevenlabs", line, "de") == ""
    assert voice_of("elevenlabs", "elevenlabs", "de", "de") == ""


def test_a_language_that_nobody_speaks_is_refused(run: Go) -> None:
    """As every voice does."""

    async def call() -> None:
        async for _ in VoiceChain([ScriptedVoice("a")], {}).speak(TEXT, "xx"):
            pass

    with pytest.raises(Rejected):
        run(call())


@given(
    st.lists(st.text("abc", min_size=1, max_size=6), min_size=2, max_size=6),
    st.integers(0, 20_000),
    st.integers(200, 5000),
)
def test_any_text_cut_anywhere_loses_no_word(words: list[str], cut: int, piece: int) -> None:
    """Whatever the vendor's pieces are."""
    text = " ".join(f"{number}{word}" for number, word in enumerate(words))
    first, second = ScriptedVoice("a", cut_at=cut, piece=piece), ScriptedVoice("b", piece=piece)
    pieces = asyncio.run(heard(VoiceChain([first, second], {}), text))
    ends = [word.chars for sound in pieces for word in sound.words]
    assert ends == sorted(set(ends))
    assert [text[:end].split()[-1] for end in ends] == text.split()
