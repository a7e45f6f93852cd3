"""A phone call works, end to end: ring it, talk to it, interrupt it, read the record."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from difflib import SequenceMatcher
from typing import Any

import pytest

from stella.phone import Habits, HangUp, Interrupt, LineFaults, Press, Speak, Wait

from .conftest import AUSTRIAN, Exchange, Rung

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.timeout(300)]

QUIET = LineFaults(snr_db=30)
AT_ONCE = 3
"""Calls under way at a time: recognition shares two cores with the callers."""


def scripts(exchange: Exchange) -> dict[str, Coroutine[Any, Any, Rung]]:
    """Every call of this file, by name."""
    ring = exchange.ring
    return {
        "question": ring([Speak("What are your opening hours?"), Speak("Thank you, goodbye.")], faults=QUIET),
        "interrupted": ring(
            [Speak("What services do you offer?"), Interrupt("Stop please. What are your opening hours?", 1.0)],
            faults=QUIET,
        ),
        "message": ring(
            [
                Speak("Can I leave a message?"),
                Speak("My name is Peter Miller."),
                Speak("Yes."),
                Speak("Yes, that is right."),
                Speak("Please send me an offer for the new project."),
                Speak("Yes, that is correct."),
            ],
            faults=QUIET,
        ),
        "person": ring([Press("0"), Wait(8)], faults=QUIET, habits=Habits(person="answers")),
        "nobody there": ring(
            [Speak("Please connect me with Anna."), Wait(6)], faults=QUIET, habits=Habits(person="no-answer")
        ),
        "german": ring(
            [Speak("Wann haben Sie geöffnet?"), Speak("Danke, auf Wiederhören.")], from_=AUSTRIAN, lang="de"
        ),
        "hung up": ring([Speak("I would like to know"), HangUp(at_s=4.0)], faults=QUIET),
        "dropped": ring([Speak("What are your opening hours?"), HangUp(at_s=6.0, abrupt=True)], faults=QUIET),
        "noise": ring([Speak("What are your opening hours?")], faults=LineFaults(snr_db=25, loss=0.04, jitter_ms=40)),
    }


@pytest.fixture(scope="module")
def rung(exchange: Exchange) -> dict[str, Rung]:
    """All calls, rung once."""

    async def ring_all() -> dict[str, Rung]:
        free = asyncio.Semaphore(AT_ONCE)

        async def one(call: Coroutine[Any, Any, Rung]) -> Rung:
            async with free:
                return await call

        calls = scripts(exchange)
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


@pytest.mark.flite
def test_a_question_is_understood_answered_and_recorded_as_heard(rung, exchange):
    """The main job, on real audio: the answer fits, and the record equals what a second pair of ears heard."""
    call = rung["question"]
    assert call.report.ok, call.report.faults
    said = " ".join(turn["text"] for turn in call.record["turns"] if turn["speaker"] == "caller")
    assert alike(said, "What are your opening hours? Thank you, goodbye.") > 0.6
    heard = " ".join(turn["heard_text"] for turn in agent_turns(call))
    assert "open" in heard.lower()
    assert alike(heard, exchange.words(call)) > 0.6
    assert call.record["ended_by"] == "agent"
    assert call.record["status"] == "completed"
    assert call.record["disclosure"]["heard_at"]


@pytest.mark.flite
def test_the_farewell_is_heard_to_its_end_before_the_line_closes(rung):
    """Nothing is still queued when the stream ends."""
    call = rung["question"]
    last = agent_turns(call)[-1]
    assert last["heard_text"] == last["text"]
    assert [verb.name for verb in call.report.verbs][-1] == "Hangup"


def test_an_interruption_clears_the_line_and_the_rest_is_never_played(rung, exchange):
    """`clear` on the wire, silence at the ear, and a record cut at what the marks prove."""
    call = rung["interrupted"]
    assert call.report.clears
    cut = next(turn for turn in agent_turns(call) if turn["interrupted"])
    assert len(cut["heard_text"]) < len(cut["text"])
    played = exchange.words(call)
    rest = cut["text"][len(cut["heard_text"]) + 60 :]
    assert alike(rest, played) < 0.5
    assert any("open" in turn["heard_text"].lower() for turn in agent_turns(call)[1:])
    assert call.report.barge_ins_ms
    assert call.record["media"]["clears"] == len(call.report.clears)


def test_no_word_in_any_record_was_unheard(rung):
    """Agent turns in records are never longer than the sound that reached the ear."""
    for name, call in rung.items():
        ear_s = sum(spurt.end_s - spurt.start_s for spurt in call.report.heard)
        chars = sum(len(turn["heard_text"]) for turn in agent_turns(call))
        assert chars <= 25 * ear_s + 40, name


@pytest.mark.flite
def test_a_message_is_taken_and_delivered_at_once(rung, exchange):
    """Name, number and concern, confirmed, and the company's webhook has it when the caller hangs up."""
    call = rung["message"]
    notices = [notice for notice in exchange.inbox.received if notice["data"]["call_sid"] == call.report.call_sid]
    assert notices, [turn["text"] for turn in call.record["turns"]]
    assert any(tool["name"] == "take_message" for tool in call.record["tools"])


def test_key_zero_leads_to_a_person(rung):
    """Dialled by name from the agent file, and the call ends with the person."""
    call = rung["person"]
    assert any(verb.name == "Dial" for verb in call.report.verbs)
    assert call.record["ended_by"] == "transfer"
    assert [key["digit"] for key in call.record["dtmf"]] == ["0"]


def test_a_person_who_does_not_answer_brings_the_caller_back(rung):
    """The conversation resumes on a second stream of the same call."""
    call = rung["nobody there"]
    assert any(verb.name == "Dial" for verb in call.report.verbs)
    assert len(call.record["stream_sids"]) == 2


def test_a_german_caller_is_understood_without_any_key(rung):
    """By the carrier's own ears and voice, with the same brain and the same record."""
    call = rung["german"]
    assert call.record["voice_path"] == "gather"
    assert call.record["language"] == "de"
    assert any("geöffnet" in turn["heard_text"] or "offen" in turn["heard_text"] for turn in agent_turns(call))
    assert call.record["turns"][0]["text"].startswith("Hier spricht eine Maschine.")


def test_hanging_up_in_mid_word_commits_the_call(rung):
    """One finished record, ended by the caller."""
    assert rung["hung up"].record["ended_by"] == "caller"
    assert rung["hung up"].record["status"] == "completed"


def test_a_line_that_drops_without_stop_is_finished_too(rung):
    """No `stop`, no status: the record ends all the same."""
    assert rung["dropped"].record["status"] in ("completed", "failed")
    assert rung["dropped"].record["ended_at"]


def test_a_poor_line_is_still_answered(rung):
    """4 % loss, 40 ms jitter, 25 dB: an answer comes, and what was missing is counted."""
    call = rung["noise"]
    assert call.report.response_gaps_s
    assert call.record["media"]["frames_missing"] > 0


def test_nothing_is_left_when_all_calls_are_over(rung, exchange):
    """No call, no socket."""
    metrics = exchange.server.get("/metrics").decode()
    assert "stella_calls_live 0.0" in metrics
    assert "stella_media_sockets 0.0" in metrics


def test_no_log_line_holds_a_number_a_name_or_a_key(rung, exchange):
    """The marked caller of these tests is nowhere in the log."""
    log = exchange.server.log.read_text()
    for secret in ("7700900123", "6601234567", "Miller", "0123456789abcdef", "whsec_"):
        assert secret not in log
