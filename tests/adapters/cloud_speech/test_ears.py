"""Ears over a real WebSocket, every vendor's: the port's suite, and every way the line may fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.cloud_speech.server import KEY, SECRET, VendorServer
from tests.conformance.speech_to_text import ONE, SILENCE, TWO, SpeechToTextConformance, ends, feed, lost, until

from stella.adapters.cloud_speech import AssemblyAI, CloudEars, Flux, Nova
from stella.adapters.cloud_speech import listening as module
from stella.adapters.cloud_speech.transcript import Timed, Told, Transcript
from stella.domain.ids import UtteranceId
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.speech import Final, Heard, Hypothesis

SPEECH = b"\x10\x90" * 6400


DIALECTS: dict[str, Any] = {"deepgram": Nova, "deepgram-flux": Flux, "assemblyai": AssemblyAI}


def make(kind: str, vendors: VendorServer, session: aiohttp.ClientSession, key: str = KEY) -> CloudEars:
    """Ears with little patience; they hear `hello there` whatever is said."""
    vendors.always = "Hello there"
    return CloudEars(DIALECTS[kind](key, vendors.url), session, patience=0.9)


@pytest.fixture(params=list(DIALECTS))
async def ears(
    request: pytest.FixtureRequest, vendors: VendorServer, session: aiohttp.ClientSession
) -> AsyncIterator[CloudEars]:
    """Each vendor in turn."""
    one = make(request.param, vendors, session)
    yield one
    await one.close()


@pytest.fixture
async def nova(vendors: VendorServer, session: aiohttp.ClientSession) -> AsyncIterator[CloudEars]:
    """Deepgram Nova-3."""
    one = make("deepgram", vendors, session)
    yield one
    await one.close()


@pytest.fixture
async def flux(vendors: VendorServer, session: aiohttp.ClientSession) -> AsyncIterator[CloudEars]:
    """Deepgram Flux."""
    one = make("deepgram-flux", vendors, session)
    yield one
    await one.close()


@pytest.fixture
async def assemblyai(vendors: VendorServer, session: aiohttp.ClientSession) -> AsyncIterator[CloudEars]:
    """AssemblyAI."""
    one = make("assemblyai", vendors, session)
    yield one
    await one.close()


class TestEars(SpeechToTextConformance):
    """The port's own suite."""

    @pytest.fixture
    def speech(self) -> bytes:
        """A tone; the server is told what it means."""
        return SPEECH

    @pytest.fixture
    def said(self) -> str:
        """What it means."""
        return "hello"


async def utter(ears: CloudEars, sound: bytes = SPEECH, hints: tuple[str, ...] = ()) -> list[Heard]:
    """One utterance on a line of its own, until it is answered."""
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append, hints)
    stream.begin(ONE)
    feed(stream, sound + SILENCE)
    stream.finish(ONE)
    await until(lambda: ends(heard), 5)
    await stream.close()
    return heard


HINTS = ("Gruber & Söhne", "  ", "Frau Müller")


async def test_nova_is_asked_for_mulaw_and_for_the_names_of_the_house(nova: CloudEars, vendors: VendorServer) -> None:
    """No resampling: the bytes of the telephone are the bytes on the wire."""
    await utter(nova, hints=HINTS)
    _, query, _ = vendors.asked[0]
    assert (query["model"], query["language"], query["interim_results"]) == ("nova-3", "en", "true")
    assert query["keyterms"] == "Gruber & Söhne,Frau Müller"
    assert bytes(vendors.sound) == SPEECH + SILENCE


@pytest.mark.parametrize(
    ("language", "model", "asked"), [("en", "flux-general-en", ""), ("de", "flux-general-multi", "de")]
)
async def test_flux_has_a_model_of_its_own_for_english(
    flux: CloudEars, vendors: VendorServer, language: str, model: str, asked: str
) -> None:
    """German is heard by the multilingual one, which is told what to expect."""
    stream = await flux.open(language, lambda _heard: None, HINTS)
    await until(lambda: vendors.lines, 5)
    path, query, _ = vendors.asked[0]
    assert (path, query["model"], query["language_hints"]) == ("/v2/listen", model, asked)
    assert query["keyterms"] == "Gruber & Söhne,Frau Müller"
    assert "language_hint" not in query or asked
    await stream.close()


async def test_assemblyai_is_asked_with_its_key_terms(assemblyai: CloudEars, vendors: VendorServer) -> None:
    """As the vendor wants them: a list in JSON."""
    await utter(assemblyai, hints=HINTS)
    _, query, _ = vendors.asked[0]
    assert json.loads(query["keyterms_prompt"]) == ["Gruber & Söhne", "Frau Müller"]
    assert "language_detection" not in query
    assert bytes(vendors.sound) == SPEECH + SILENCE


async def test_no_sound_is_sent_faster_than_assemblyai_takes_it(
    assemblyai: CloudEars, vendors: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the session of whoever does: what another engine lost goes to this one at its pace, in pieces of its size."""
    monkeypatch.setattr(AssemblyAI, "lead_s", 0.5)
    (answer,) = ends(await utter(assemblyai, SPEECH + b"\x10"))
    assert isinstance(answer, Final)
    assert max(vendors.paces) < 0.7


async def test_a_flux_that_does_not_know_to_end_a_turn_is_believed_in_its_last_update(
    flux: CloudEars, vendors: VendorServer
) -> None:
    """`ForceEndTurn` is newer than Flux: without it every utterance would end in a timeout."""
    vendors.faults.early = True
    (answer,) = ends(await utter(flux))
    assert isinstance(answer, Final)
    assert (answer.text, answer.turn_over) == ("Hello there", False)
    assert flux.timeouts == 0


async def test_long_noise_is_no_failure_of_a_vendor_that_says_nothing_of_it(
    vendors: VendorServer, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cough, or a car: an answer without words, over the same line, and nobody's health is touched."""
    monkeypatch.setattr(AssemblyAI, "noise_s", 0.3)
    ears = make("assemblyai", vendors, session)
    (answer,) = ends(await utter(ears, SILENCE * 4))
    assert isinstance(answer, Final)
    assert answer.text == ""
    assert (ears.timeouts, ears.losses, vendors.lines) == (0, 0, 1)
    await ears.close()


async def test_a_language_that_is_heard_is_told(ears: CloudEars, vendors: VendorServer) -> None:
    """Only where several were listened for; and one word alone tells nothing."""
    vendors.language = "de"
    vendors.script = ["Guten Tag, ich brauche einen Termin", "Hallo"]
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append, (), ("de", "xx"))
    for number in (1, 2):
        stream.begin(UtteranceId(number))
        feed(stream, SPEECH + SILENCE)
        stream.finish(UtteranceId(number))
        await until(lambda number=number: len(ends(heard)) == number, 8)
    assert [answer.language for answer in ends(heard) if isinstance(answer, Final)] == ["de", ""]
    _, query, _ = vendors.asked[0]
    asked = (query.get("language"), query.get("language_hints"), query.get("language_detection"))
    assert asked in [("multi", "en,de", None), (None, "en,de", None), (None, "", "true")]
    await stream.close()


async def test_words_have_times_inside_the_utterance(ears: CloudEars) -> None:
    """Counted from where the utterance begins, whatever was said before on this line."""
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    for number in (1, 2):
        feed(stream, SILENCE)
        stream.begin(UtteranceId(number))
        feed(stream, SPEECH + SILENCE)
        stream.finish(UtteranceId(number))
        await until(lambda number=number: len(ends(heard)) == number, 8)
    for final in ends(heard):
        assert isinstance(final, Final)
        assert [word.text for word in final.words] == ["Hello", "there"]
        assert 0.3 < final.words[0].start < final.words[0].end <= final.words[1].start < final.words[1].end < 2.1
    guesses = [one for one in heard if isinstance(one, Hypothesis)]
    assert all(guess.words[0].text == "Hello" for guess in guesses)
    await stream.close()


async def test_flux_says_when_a_turn_seems_over_and_when_it_is(flux: CloudEars, vendors: VendorServer) -> None:
    """The first may begin a reply, the second may end the caller's turn; neither is waited for."""
    heard: list[Heard] = []
    stream = await flux.open("en", heard.append)
    stream.begin(ONE)
    feed(stream, SPEECH + SILENCE)
    await until(lambda: any(isinstance(one, Hypothesis) and one.settled for one in heard), 5)
    settled = next(one for one in heard if isinstance(one, Hypothesis) and one.settled)
    assert settled.text == "Hello there"
    feed(stream, SILENCE)
    await asyncio.sleep(0.05)
    stream.finish(ONE)
    await until(lambda: ends(heard), 5)
    (final,) = ends(heard)
    assert isinstance(final, Final)
    assert (final.text, final.turn_over) == ("Hello there", True)
    assert "ForceEndTurn" in vendors.control
    await stream.close()


async def test_a_turn_that_we_ended_is_not_over_by_fluxs_judgement(flux: CloudEars) -> None:
    """Our own asking proves nothing."""
    (final,) = ends(await utter(flux))
    assert isinstance(final, Final)
    assert not final.turn_over


async def test_an_empty_turn_of_flux_is_answered_although_it_says_nothing(flux: CloudEars) -> None:
    """`ForceEndTurn` without a turn under way is ignored: noise would hang the caller's turn."""
    (final,) = ends(await utter(flux, SILENCE))
    assert isinstance(final, Final)
    assert final.text == ""


async def test_only_speech_is_sent_with_a_little_before_it(ears: CloudEars, vendors: VendorServer) -> None:
    """Listening to our own voice would be paid for. And whoever is left is told so."""
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
    await until(lambda: vendors.control and vendors.control[-1] in ("CloseStream", "Terminate"), 5)


async def test_words_grow_while_they_are_said(ears: CloudEars) -> None:
    """Early hypotheses let the conversation tell words from a cough."""
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    stream.begin(ONE)
    feed(stream, SPEECH)
    await until(lambda: heard, 5)
    guess = heard[0]
    assert isinstance(guess, Hypothesis)
    assert (guess.utterance, guess.text, guess.settled) == (ONE, "Hello", False)
    await stream.close()


async def test_a_finalize_without_a_reply_is_answered_all_the_same(nova: CloudEars, vendors: VendorServer) -> None:
    """The vendor promises none where it had made everything final before."""
    vendors.faults.early = True
    (answer,) = ends(await utter(nova))
    assert isinstance(answer, Final)
    assert answer.text == "Hello there"


async def test_each_utterance_has_its_own_words(ears: CloudEars, vendors: VendorServer) -> None:
    """The words of one turn must not be said again in the next."""
    vendors.script = ["Guten Tag", "Ich möchte einen Termin"]
    heard: list[Heard] = []
    stream = await ears.open("de", heard.append)
    for number in (1, 2):
        stream.begin(UtteranceId(number))
        feed(stream, SPEECH + SILENCE)
        stream.finish(UtteranceId(number))
        await until(lambda number=number: len(ends(heard)) == number, 8)
    assert [answer.text for answer in ends(heard) if isinstance(answer, Final)] == [
        "Guten Tag",
        "Ich möchte einen Termin",
    ]
    await stream.close()


@pytest.mark.parametrize(
    ("status", "code"), [(401, "http-401"), (403, "http-403"), (402, "quota"), (429, "http-429"), (503, "http-503")]
)
async def test_a_refusal_loses_the_utterance_with_its_reason(
    ears: CloudEars, vendors: VendorServer, status: int, code: str
) -> None:
    """A greeting need not wait for the connection, so the refusal shows with the first utterance."""
    vendors.faults.status = status
    assert lost(await utter(ears)) == [code]


async def test_a_line_that_breaks_in_the_middle_loses_the_utterance_and_the_next_has_a_new_one(
    ears: CloudEars, vendors: VendorServer
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
    ears: CloudEars, vendors: VendorServer, knob: str, code: str
) -> None:
    """Endless silence, broken JSON and an error in words each end in a reason, never in a wait."""
    setattr(vendors.faults, knob, True)
    assert lost(await utter(ears)) == [code]


async def test_the_greeting_does_not_wait_for_a_slow_connection(ears: CloudEars, vendors: VendorServer) -> None:
    """What is said before the line stands is kept and sent."""
    vendors.faults.first_s = 0.05
    assert isinstance(ends(await utter(ears))[0], Final)


async def test_a_vendor_that_takes_nothing_is_given_up(
    nova: CloudEars, vendors: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits to be sent has a bound."""
    vendors.faults.first_s = 0.05
    monkeypatch.setattr("stella.adapters.cloud_speech.socket.WAITING_MOST", 8000)
    assert lost(await utter(nova)) == ["back-pressure"]


async def test_silence_between_utterances_keeps_the_line(
    nova: CloudEars, flux: CloudEars, vendors: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor closes after 10 s without a word from us; Flux has no such word, so a little silence is sent."""
    monkeypatch.setattr(module, "KEEP_ALIVE_S", 0.02)
    stream = await nova.open("en", lambda _heard: None)
    await until(lambda: "KeepAlive" in vendors.control, 5)
    await stream.close()
    assert not vendors.sound
    stream = await flux.open("en", lambda _heard: None)
    await until(lambda: vendors.sound, 5)
    assert not bytes(vendors.sound).strip(b"\xff")
    await stream.close()


async def test_an_account_that_is_refused_once_the_line_stands_is_rejected(
    assemblyai: CloudEars, vendors: VendorServer
) -> None:
    """AssemblyAI says so by closing with 1008: trying again would not help."""
    vendors.faults.close_code = 1008
    assert lost(await utter(assemblyai)) == ["policy"]


async def test_the_key_is_checked_without_cost(
    ears: CloudEars, vendors: VendorServer, session: aiohttp.ClientSession
) -> None:
    """A wrong key is named at start, not in a call; and nobody prints it."""
    await ears.check()
    with pytest.raises(Rejected) as wrong:
        await CloudEars(type(ears.dialect)("wrong", vendors.url), session).check()  # type: ignore[call-arg]
    assert SECRET not in str(wrong.value)
    with pytest.raises(Unavailable):
        await CloudEars(type(ears.dialect)(KEY, "http://127.0.0.1:9"), session).check()  # type: ignore[call-arg]


@pytest.mark.parametrize("dialect", list(DIALECTS.values()))
@given(
    text=st.text(max_size=60)
    | st.from_regex(r'\{"type":"(Results|TurnInfo|Turn)","(channel|words|event|end_of_turn)":.{0,20}\}')
)
def test_whatever_comes_is_read_or_malformed(dialect: Any, text: str) -> None:
    """A vendor's surprise must not be ours."""
    try:
        told = dialect(KEY).read(text)
    except ProviderError:
        return
    assert told is None or isinstance(told, Told)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=8))
def test_certain_words_are_never_lost_or_doubled(results: list[tuple[bool, int]]) -> None:
    """Interim results come and go; final ones stay, once."""
    transcript, at, certain = Transcript(), 0.0, 0
    for final, count in results:
        words = tuple(Timed(f"w{certain + n}", at + n, at + n + 0.9) for n in range(count))
        transcript.take(Told(words, final, at + count if final else 0.0))
        if final:
            at, certain = at + count, certain + count
    assert transcript.between(0, at).split() == [f"w{n}" for n in range(certain)]
