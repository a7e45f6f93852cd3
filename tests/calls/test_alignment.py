"""Words over sound: rather late than early, whatever the pace; and nothing of the sound is lost or said twice."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stella.calls.alignment import RATE, Alignment
from stella.calls.spoken_reply import SpokenReply

TONE, QUIET = b"\x10\x90", b"\xff"
WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyzäöüß", min_size=1, max_size=14), min_size=1, max_size=60)


def spoken(words: list[str], paces: list[float], pauses: list[float]) -> tuple[str, bytes, list[tuple[int, float]]]:
    """A text, its sound, and where each word of it really ends: characters and seconds."""
    text, sound, ends = "", b"", []
    for place, word in enumerate(words):
        text += f" {word}" if text else word
        sound += TONE * int(len(word) / paces[place % len(paces)] * RATE / 2)
        ends.append((len(text), len(sound) / RATE))
        sound += QUIET * int(pauses[place % len(pauses)] * RATE)
    return text, sound, ends


@settings(deadline=None, max_examples=60)
@given(
    WORDS,
    st.lists(st.floats(12.5, 15.5), min_size=1, max_size=7),
    st.lists(st.sampled_from([0.0, 0.05, 0.4]), min_size=1),
)
def test_no_word_is_believed_before_it_has_sounded(words: list[str], paces: list[float], pauses: list[float]) -> None:
    """A record holds what was heard. The pace may drift, pauses may lie anywhere."""
    text, sound, ends = spoken(words, paces, pauses)
    it = Alignment()
    it.grew(text)
    it.sounded(sound)
    unknown = [it.end_of(chars) for chars, _ in ends]
    it.end()
    known = [it.end_of(chars) for chars, _ in ends]
    for early, late, (_, true) in zip(unknown, known, ends, strict=True):
        assert early is None or early >= true - 0.02
        assert late is not None
        assert late >= true - 0.02
    assert known == sorted(known)  # type: ignore[type-var]
    assert known[-1] == it.seconds


def test_an_even_pace_costs_a_word_or_two(tmp_path: object) -> None:
    """Late, but not so late that an interrupted answer was never heard."""
    text, sound, ends = spoken(["word"] * 40, [14.0], [0.0])
    it = Alignment()
    it.grew(text)
    it.sounded(sound)
    it.end()
    late = [(it.end_of(chars) or 0.0) - true for chars, true in ends]
    assert max(late) < 1.3
    assert min(late[:5]) < 0.7


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=120), st.integers(0, 40_000), st.integers(1, 5000), st.integers(0, 60))
def test_pieces_are_the_text_and_their_sound_is_the_sound(text: str, size: int, chunk: int, cut: int) -> None:
    """In order, once, without a gap; and every piece is one the thinker would cut in the same way."""
    sound = bytes(at % 251 for at in range(size))
    reply, said, heard = SpokenReply(), list[str](), bytearray()

    async def all_of_it() -> None:
        at, words = 0, 0
        while at < size or words < len(text):
            reply.grew(text[words : words + max(1, cut)])
            words += max(1, cut)
            if at < size:
                reply.sounded(sound[at : at + chunk])
                at += chunk
            said.extend(reply.ready())
        said.extend(reply.finish())
        for piece in said:
            assert reply.expects(piece)
            async for part in reply.voice():
                heard.extend(part.mulaw)

    asyncio.run(all_of_it())
    if text.strip():
        assert "".join("".join(said).split()) == "".join(text.split())
    assert bytes(heard) == (sound if said else b"")
    assert said or not size


@pytest.mark.parametrize("sounded", [0, 4000, 9000, 20_000])
async def test_what_has_no_sound_is_left_to_another_voice(sounded: int) -> None:
    """Broken off anywhere: the words with a voice and those without one are the text, at most one of them twice."""
    text = "We have fourteen rooms here. You can see the lake from"
    reply = SpokenReply()
    reply.grew(f"{text} a")
    reply.sounded(TONE * (sounded // 2))
    pieces = [*reply.ready(), *reply.leave_off()]
    assert " ".join(pieces) in (text, "We have fourteen rooms here.")
    rests = []
    for _ in pieces:
        async for _sound in reply.voice():
            pass
        rests.append(reply.rest())
    left = " ".join(rest for rest in rests if rest)
    assert " ".join(pieces).endswith(left)
    assert abs((len(" ".join(pieces)) - len(left)) - sounded / RATE * 12.8) < 20 or not left
