"""Deepgram's ears over a real WebSocket: the port's suite, and every way the line may fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.cloud_speech.server import KEY, SECRET, VendorServer
from tests.conformance.speech_to_text import ONE, SILENCE, TWO, SpeechToTextConformance, ends, feed, lost, until

from stella.adapters.cloud_speech import DeepgramEars
from stella.adapters.cloud_speech import deepgram_ears as module
from stella.adapters.cloud_speech.deepgram_words import Message, Transcript, read
from stella.domain.ids import UtteranceId
from stella.ports.failure import Malformed, Rejected, Unavailable
from stella.ports.speech import Final, Heard, Hypothesis

SPEECH = b"\x10\x90" * 6400


@pytest.fixture
async def ears(vendors: VendorServer, session: aiohttp.ClientSession) -> AsyncIterator[DeepgramEars]:
    """Ears with little patience; they hear `hello there` whatever is said."""
    vendors.always = "Hello there"
    one = DeepgramEars(KEY, session, vendors.url, patience=0.6)
    yield one
    await one.close()


class TestDeepgram(SpeechToTextConformance):
    """The port's own suite."""

    @pytest.fixture
    def speech(self) -> bytes:
        """A tone; the server is told what it means."""
        return SPEECH

    @pytest.fixture
    def said(self) -> str:
        """What it means."""
        return "hello"


async def utter(ears: DeepgramEars, sound: bytes = SPEECH, hints: tuple[str, ...] = ()) -> list[Heard]:
    """One utterance on a line of its own, until it is answered."""
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append, hints)
    stream.begin(ONE)
    feed(stream, sound + SILENCE)
    stream.finish(ONE)
    await until(lambda: ends(heard), 5)
    await stream.close()
    return heard


async def test_it_is_asked_for_mulaw_as_it_came_and_for_the_names_of_the_house(
    ears: DeepgramEars, vendors: VendorServer
) -> None:
    """No resampling: the bytes of the telephone are the bytes on the wire."""
    await utter(ears, hints=("Gruber & Söhne", "  ", "Frau Müller"))
    _, query, _ = vendors.asked[0]
    assert (query["model"], query["language"], query["interim_results"]) == ("nova-3", "en", "true")
    assert query["keyterms"] == "Gruber & Söhne,Frau Müller"
    assert bytes(vendors.sound) == SPEECH + SILENCE


async def test_only_speech_is_sent_with_a_little_before_it(ears: DeepgramEars, vendors: VendorServer) -> None:
    """Listening to our own voice would be paid for."""
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    feed(stream, SILENCE * 10)
    stream.begin(ONE)
    feed(stream, SPEECH)
    stream.finish(ONE)
    await until(lambda: ends(heard), 5)
    feed(stream, SILENCE * 10)
    await asyncio.sleep(0.02)
    assert len(vendors.sound) == 3200 + len(SPEECH)
    await stream.close()
    assert vendors.control[-1] == "CloseStream"


async def test_words_grow_while_they_are_said(ears: DeepgramEars) -> None:
    """Early hypotheses let the conversation tell words from a cough."""
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    stream.begin(ONE)
    feed(stream, SPEECH)
    await until(lambda: heard, 5)
    assert heard == [Hypothesis(ONE, "Hello")]
    await stream.close()


async def test_a_finalize_without_a_reply_is_answered_all_the_same(ears: DeepgramEars, vendors: VendorServer) -> None:
    """The vendor promises none where it had made everything final before."""
    vendors.faults.early = True
    (answer,) = ends(await utter(ears))
    assert isinstance(answer, Final)
    assert answer.text == "Hello there"


async def test_each_utterance_has_its_own_words(ears: DeepgramEars, vendors: VendorServer) -> None:
    """The words of one turn must not be said again in the next."""
    vendors.script = ["Guten Tag", "Ich möchte einen Termin"]
    heard: list[Heard] = []
    stream = await ears.open("de", heard.append)
    for number in (1, 2):
        stream.begin(UtteranceId(number))
        feed(stream, SPEECH + SILENCE)
        stream.finish(UtteranceId(number))
        await until(lambda number=number: len(ends(heard)) == number, 5)
    assert [answer.text for answer in ends(heard) if isinstance(answer, Final)] == [
        "Guten Tag",
        "Ich möchte einen Termin",
    ]
    await stream.close()


@pytest.mark.parametrize(
    ("status", "code"), [(401, "http-401"), (403, "http-403"), (402, "quota"), (429, "http-429"), (503, "http-503")]
)
async def test_a_refusal_loses_the_utterance_with_its_reason(
    ears: DeepgramEars, vendors: VendorServer, status: int, code: str
) -> None:
    """A greeting need not wait for the connection, so the refusal shows with the first utterance."""
    vendors.faults.status = status
    assert lost(await utter(ears)) == [code]


async def test_a_line_that_breaks_in_the_middle_loses_the_utterance_and_the_next_has_a_new_one(
    ears: DeepgramEars, vendors: VendorServer
) -> None:
    """Whoever keeps the sound can have it heard again."""
    vendors.faults.cut_at = 4000
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    stream.begin(ONE)
    feed(stream, SPEECH)
    await until(lambda: ears.losses, 5)
    stream.finish(ONE)
    await until(lambda: lost(heard) == ["cut"], 5)
    vendors.faults.cut_at = -1
    stream.begin(TWO)
    feed(stream, SPEECH)
    stream.finish(TWO)
    await until(lambda: len(ends(heard)) == 2, 5)
    assert isinstance(ends(heard)[1], Final)
    assert vendors.lines == 2
    await stream.close()


@pytest.mark.parametrize(("knob", "code"), [("mute", "timeout"), ("garbage", "json"), ("error", "error")])
async def test_a_vendor_out_of_its_mind_loses_the_utterance(
    ears: DeepgramEars, vendors: VendorServer, knob: str, code: str
) -> None:
    """Endless silence, broken JSON and an error in words each end in a reason, never in a wait."""
    setattr(vendors.faults, knob, True)
    assert lost(await utter(ears)) == [code]


async def test_the_greeting_does_not_wait_for_a_slow_connection(ears: DeepgramEars, vendors: VendorServer) -> None:
    """What is said before the line stands is kept and sent."""
    vendors.faults.first_s = 0.05
    assert isinstance(ends(await utter(ears))[0], Final)


async def test_a_vendor_that_takes_nothing_is_given_up(
    ears: DeepgramEars, vendors: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits to be sent has a bound."""
    vendors.faults.first_s = 0.05
    monkeypatch.setattr("stella.adapters.cloud_speech.socket.WAITING_MOST", 8000)
    assert lost(await utter(ears)) == ["back-pressure"]


async def test_silence_between_utterances_keeps_the_line(
    ears: DeepgramEars, vendors: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor closes after 10 s without a word from us."""
    monkeypatch.setattr(module, "KEEP_ALIVE_S", 0.02)
    stream = await ears.open("en", lambda _heard: None)
    await until(lambda: "KeepAlive" in vendors.control, 5)
    await stream.close()


async def test_the_key_is_checked_without_cost(
    ears: DeepgramEars, vendors: VendorServer, session: aiohttp.ClientSession
) -> None:
    """A wrong key is named at start, not in a call; and nobody prints it."""
    await ears.check()
    with pytest.raises(Rejected) as wrong:
        await DeepgramEars("wrong", session, vendors.url).check()
    assert SECRET not in str(wrong.value)
    with pytest.raises(Unavailable):
        await DeepgramEars(KEY, session, "http://127.0.0.1:9").check()


@given(st.text(max_size=60) | st.from_regex(r'\{"type":"Results","channel":.{0,20}\}'))
def test_whatever_comes_is_read_or_malformed(text: str) -> None:
    """A vendor's surprise must not be ours."""
    try:
        message = read(text)
    except Malformed:
        return
    assert isinstance(message, Message)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=8))
def test_certain_words_are_never_lost_or_doubled(results: list[tuple[bool, int]]) -> None:
    """Interim results come and go; final ones stay, once."""
    transcript, at, certain = Transcript(), 0.0, 0
    for final, words in results:
        told = [{"word": f"w{certain + n}", "start": at + n, "end": at + n + 0.9} for n in range(words)]
        transcript.take(
            read(
                __import__("json").dumps(
                    {
                        "type": "Results", "start": at, "duration": words, "is_final": final,
                        "channel": {"alternatives": [{"transcript": "", "words": told}]},
                    }
                )
            )
        )  # fmt: skip
        if final:
            at, certain = at + words, certain + words
    said = transcript.between(0, at).split()
    assert said == [f"w{n}" for n in range(certain)]
