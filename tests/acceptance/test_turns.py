"""Who has the floor, on real audio through a whole STELLA: coughs, "okay", interruptions of every kind.

All calls are rung at the same time, once; the tests look at what came of them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterator
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import pytest

from stella.app.child_server import serve
from stella.app.voices import caller_voice, recogniser
from stella.audio.mulaw import encode_float
from stella.phone import Interrupt, LineFaults, Speak

from .conftest import Exchange, Inbox, Rung, agent_file

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.flite, pytest.mark.timeout(200)]

QUIET = LineFaults(snr_db=30)
AT_ONCE = 14
SERVICES = "What services do you offer?"
HOURS = "Stop please. What are your opening hours?"


def cough() -> bytes:
    """A tenth of a second of noise that swells and dies, as loud as speech."""
    generator = np.random.default_rng(3)
    length = 1200
    return encode_float(generator.standard_normal(length) * np.hanning(length) * 0.35)


def yeah() -> bytes:
    """A third of a second of a soft voice, as people hum "yeah" while they listen; the embedded ears hear other words."""
    time = np.arange(2600) / 8000
    pitch = 2 * np.pi * (150 * time - 90 * time * time)
    voice = sum(np.sin(harmonic * pitch) / harmonic for harmonic in range(1, 10))
    return encode_float(voice * np.hanning(len(time)) * 0.12)


def environment() -> dict[str, str]:
    """What the agent file of acceptance asks for."""
    return {"NOTIFY_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="}


@pytest.fixture(scope="module")
def exchange(models: Any, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """A STELLA that waits for words however slow the machine is: who has the floor is tested here, not how fast it hears."""
    path = agent_file(tmp_path_factory.mktemp("patient"), inbox, policy="stt_deadline = 15.0\nwatchdog = 15.0")
    with serve(str(path), models, mode="dev", environ=environment()) as server:
        recognise = recogniser(models)
        assert recognise is not None
        yield Exchange(server, caller_voice(models=models), recognise, inbox)


@pytest.fixture(scope="module")
def asking(models: Any, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """A STELLA that asks before it records."""
    path = agent_file(tmp_path_factory.mktemp("asking"), inbox, preset='preset = "ask-recording"')
    with serve(str(path), models, mode="dev", environ=environment()) as server:
        recognise = recogniser(models)
        assert recognise is not None
        yield Exchange(server, caller_voice(models=models), recognise, inbox)


def scripts(exchange: Exchange, asking: Exchange) -> dict[str, Coroutine[Any, Any, Rung]]:
    """Every call of this file, by name."""
    ring = exchange.ring
    okay = exchange.voice("Okay.", "en")
    return {
        "cough": ring([Speak(SERVICES), Interrupt("", 1.5, cough())], faults=QUIET),
        "okay": ring([Speak(SERVICES), Interrupt("Okay.", 1.5, okay)], faults=QUIET),
        "yeah": ring([Speak(SERVICES), Interrupt("Yeah.", 1.5, exchange.voice("Yeah.", "en"))], faults=QUIET),
        "hum": ring([Speak(SERVICES), Interrupt("Mhm.", 1.5, yeah())], faults=QUIET),
        "key": ring([Speak(SERVICES), Interrupt(keys="5", at_s=2.0)], faults=QUIET),
        "interruption": ring([Speak(SERVICES), Interrupt(HOURS, 1.5)], faults=QUIET),
        "twice": ring([Speak(SERVICES), Interrupt(HOURS, 1.5), Interrupt(SERVICES, 0.8)], faults=QUIET),
        "at once": ring([Speak(SERVICES), Interrupt(HOURS, 0.15)], faults=QUIET),
        "between": ring([Speak("Can I leave a message?"), Interrupt(HOURS, 1.15)], faults=QUIET),
        "farewell": ring([Speak("Thank you, goodbye."), Interrupt(HOURS, 0.8)], faults=QUIET),
        "consent": asking.ring([Interrupt("What are your opening hours?", 1.0), Speak("Yes please.")], faults=QUIET),
    }


@pytest.fixture(scope="module")
def rung(exchange: Exchange, asking: Exchange) -> dict[str, Rung]:
    """All calls, rung once."""

    async def ring_all() -> dict[str, Rung]:
        free = asyncio.Semaphore(AT_ONCE)

        async def one(call: Coroutine[Any, Any, Rung]) -> Rung:
            async with free:
                return await call

        calls = scripts(exchange, asking)
        return dict(zip(calls, await asyncio.gather(*map(one, calls.values())), strict=True))

    return asyncio.run(ring_all())


def plain(text: str) -> list[str]:
    """Words to compare by ear."""
    return re.findall(r"[a-z']+", text.lower())


def alike(one: str, other: str) -> float:
    """How far two texts have the same words, 0 to 1."""
    return SequenceMatcher(None, plain(one), plain(other)).ratio()


def agent_turns(rung: Rung) -> list[dict[str, Any]]:
    """What the agent said, in order."""
    return [turn for turn in rung.record["turns"] if turn["speaker"] == "agent"]


def caller_said(rung: Rung) -> str:
    """What was understood of the caller."""
    return " ".join(turn["text"] for turn in rung.record["turns"] if turn["speaker"] == "caller")


def services(rung: Rung) -> dict[str, Any]:
    """The first reply about the company's services."""
    return next(turn for turn in agent_turns(rung) if turn["text"].startswith("Vintaro"))


def test_a_cough_costs_nothing(rung, exchange):
    """She may pause, but goes on: every word of the reply is heard, and nobody is asked about a cough."""
    call = rung["cough"]
    reply = services(call)
    assert not reply["interrupted"]
    assert reply["heard_text"] == reply["text"]
    assert alike(reply["text"], exchange.words(call)) > 0.5
    assert len(agent_turns(call)) == 2
    assert alike(caller_said(call), SERVICES) > 0.6


@pytest.mark.parametrize("name", ["okay", "yeah", "hum"])
def test_a_backchannel_does_not_cut(rung, exchange, name):
    """An "okay", a "yeah", a hum while she talks mean: go on. She may pause; every word of the reply is heard, whenever the
    words of the caller come and whatever the embedded ears make of them."""
    call = rung[name]
    reply = services(call)
    assert not reply["interrupted"]
    assert reply["heard_text"] == reply["text"]
    assert alike(reply["text"], exchange.words(call)) > 0.5
    assert len(agent_turns(call)) == 2
    assert alike(caller_said(call), SERVICES) > 0.6


def test_a_key_interrupts_at_once(rung, exchange):
    """No window, no words: the reply is cut where it was, and the record holds no more of it than was heard."""
    call = rung["key"]
    cut = [turn for turn in agent_turns(call) if turn["interrupted"]]
    assert call.record["dtmf"][0]["digit"] == "5"
    assert len(cut) == 1 == len(call.report.clears)
    assert cut[0]["text"].startswith(cut[0]["heard_text"])
    assert len(cut[0]["heard_text"]) < len(cut[0]["text"])
    unheard = cut[0]["text"][len(cut[0]["heard_text"]) + 60 :]
    assert alike(unheard, exchange.words(call)) < 0.5


def test_a_real_interruption_takes_the_floor(rung, exchange):
    """The reply is cut, the record holds no more of it than was heard, hours are told."""
    call = rung["interruption"]
    reply = services(call)
    assert reply["interrupted"]
    assert len(reply["heard_text"]) < len(reply["text"])
    assert len(call.report.clears) == 1
    assert "open" in agent_turns(call)[-1]["heard_text"].lower()
    assert alike(reply["text"][len(reply["heard_text"]) + 60 :], exchange.words(call)) < 0.5


def test_she_can_be_interrupted_twice(rung):
    """Both replies are cut, and the last question is answered."""
    call = rung["twice"]
    cut = [turn for turn in agent_turns(call) if turn["interrupted"]]
    assert len(cut) == 2
    assert len(call.report.clears) == 2
    assert agent_turns(call)[-1]["text"].startswith("Vintaro")


def test_an_interruption_at_the_first_sound_is_heard(rung):
    """Nothing of the reply counts as heard, and the new question is answered."""
    call = rung["at once"]
    assert any("open" in turn["heard_text"].lower() for turn in agent_turns(call)[1:])
    assert len(services(call)["heard_text"]) < 40


def test_an_interruption_between_two_sentences_is_one(rung):
    """The second sentence is held back or cut."""
    call = rung["between"]
    assert "open" in agent_turns(call)[-1]["heard_text"].lower()
    assert "opening hours" in caller_said(call).lower()


def test_a_question_during_the_farewell_keeps_the_line(rung):
    """The line stays open and the question is answered."""
    call = rung["farewell"]
    assert any("open" in turn["heard_text"].lower() for turn in agent_turns(call)[1:])


def test_the_consent_question_cannot_be_talked_over(rung):
    """It is heard to its end, what was said into it counts for nothing, and the yes after it is recorded once."""
    call = rung["consent"]
    assert not call.report.clears
    question = agent_turns(call)[0]
    assert question["heard_text"] == question["text"]
    assert call.record["consent"]["answer"] == "yes"
    assert "opening" not in caller_said(call).lower()


def test_no_word_in_any_record_was_unheard(rung):
    """Agent turns in records are never longer than the sound that reached the ear."""
    for name, call in rung.items():
        ear_s = sum(spurt.end_s - spurt.start_s for spurt in call.report.heard)
        chars = sum(len(turn["heard_text"]) for turn in agent_turns(call))
        assert chars <= 25 * ear_s + 40, name


def test_the_record_says_what_the_ear_heard(rung, exchange):
    """All that the agent is said to have said, and all that a recogniser finds in the sound that was played, are alike."""
    for name, call in rung.items():
        said = " ".join(turn["heard_text"] for turn in agent_turns(call))
        assert alike(said, exchange.words(call)) > 0.4, name


def test_no_more_marks_count_as_heard_than_were_played(rung):
    """What the record calls heard, the telephone played; echoes of what a clear dropped prove nothing."""
    for name, call in rung.items():
        played = sum(mark.how == "played" for mark in call.report.marks)
        assert 0 < call.record["media"]["marks_heard"] <= played, name
