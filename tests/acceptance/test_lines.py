"""Lines without a person, and callers who never stop: rung with real sound, asked, and let go in words.

Calls take the time they take, so all are rung at the same time, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import numpy as np
import pytest

from stella.app.child_server import serve
from stella.app.voices import caller_voice, recogniser
from stella.audio.energy import dbfs
from stella.audio.mulaw import encode_float
from stella.phone import LineFaults, Speak

from .conftest import Exchange, Inbox, Rung, agent_file
from .test_turns import agent_turns, alike, caller_said, environment

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.flite, pytest.mark.timeout(260)]

QUIET = LineFaults(snr_db=30)
PITCH = "What are your opening hours on Monday?"
HASTY = "monologue = 8.0\nmonologue_patience = 4.0\nline_music = 12.0\nsilence = 4.0\nline_repeats = 2"
"""What suits a telephone, made shorter: nobody waits a minute in a test."""


def melody(seconds: float) -> bytes:
    """Hold music: chords of an organ, one every half second."""
    chords = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
    time = np.arange(4000) / 8000
    tones = [sum(np.sin(2 * np.pi * hertz * time) for hertz in chord) * np.exp(-0.8 * time) for chord in chords]
    bars = [tones[place % 4] for place in range(int(seconds * 2))]
    return encode_float(np.concatenate(bars) * 0.08)


def without_a_gap(voice: Any, seconds: float) -> bytes:
    """Somebody who talks and talks: sentences with their silence taken away."""
    said = b"".join(
        voice(f"I have told them {place} times and they have never called me back", "en") for place in range(2, 9)
    )
    frames = [said[at : at + 160] for at in range(0, len(said) - 160, 160)]
    return b"".join(frame for frame in frames if dbfs(frame) > -38.0)[: int(seconds * 8000)]


@pytest.fixture(scope="module")
def hasty(models: Any, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """A STELLA with little patience."""
    path = agent_file(tmp_path_factory.mktemp("hasty"), inbox, policy=HASTY)
    with serve(str(path), models, mode="dev", environ=environment()) as server:
        recognise = recogniser(models)
        assert recognise is not None
        yield Exchange(server, caller_voice(models=models), recognise, inbox)


def scripts(hasty: Exchange) -> dict[str, Coroutine[Any, Any, Rung]]:
    """Every call of this file, by name."""
    ring = hasty.ring
    talk = without_a_gap(hasty.voice, 22.0)
    return {
        "music": ring([Speak("", melody(90.0), wait_for=0.5)], faults=QUIET),
        "machine": ring([Speak(PITCH)] * 9, faults=QUIET),
        "open": ring([Speak("", b"\xff" * 8000 * 90, wait_for=0.5)], faults=LineFaults(snr_db=15)),
        "talker": ring([Speak("a long story", talk)], faults=QUIET),
    }


@pytest.fixture(scope="module")
def rung(hasty: Exchange) -> dict[str, Rung]:
    """All calls, rung once."""

    async def ring_all() -> dict[str, Rung]:
        calls = scripts(hasty)
        return dict(zip(calls, await asyncio.gather(*calls.values()), strict=True))

    return asyncio.run(ring_all())


def is_let_go(call: Rung, exchange: Exchange, reason: str | None) -> None:
    """The call was ended by us, in words that were heard, well before the caller would have; the record says why."""
    farewell = agent_turns(call)[-1]
    assert farewell["heard_text"] == farewell["text"] == "Thank you for calling. Goodbye!"
    assert alike("thank you for calling goodbye", exchange.words(call)[-60:]) > 0.4
    assert call.record["error"] == reason
    assert call.report.ended_by != "caller"
    assert call.record["duration_s"] < 88


def test_music_is_asked_and_let_go(rung, hasty):
    """Nobody sings along: once asked whether a person is there, then the farewell."""
    call = rung["music"]
    is_let_go(call, hasty, "no-person:music")
    assert call.record["ended_by"] == "agent"
    assert any(turn["text"].startswith("I am not sure") for turn in agent_turns(call))
    assert alike("I am not sure that I am speaking with a person", hasty.words(call)) > 0.2
    assert caller_said(call) == ""


def test_another_machine_is_asked_and_let_go(rung, hasty):
    """It says the same again and again, heard a little differently each time."""
    call = rung["machine"]
    is_let_go(call, hasty, "no-person:repeats")
    said = [turn["text"] for turn in agent_turns(call)]
    assert sum("open" in text.lower() for text in said) <= 4
    assert said[-2].startswith("I am not sure")


def test_an_open_line_is_asked_and_let_go(rung, hasty):
    """Noise and no voice: the prompts for silence, then the farewell."""
    call = rung["open"]
    is_let_go(call, hasty, None)
    assert call.record["ended_by"] == "silence"
    assert len(agent_turns(call)) == 4


def test_who_never_stops_is_interrupted_politely(rung, hasty):
    """She speaks although nobody let her, and what was said before is written down."""
    call = rung["talker"]
    assert "told them" in caller_said(call).lower() or "never called" in caller_said(call).lower()
    assert len(agent_turns(call)) >= 2
    began = agent_turns(call)[1]["started_s"]
    assert began < 22.0 + 5.0
    assert call.record["error"] is None


def test_nothing_is_in_these_records_that_was_not_heard(rung):
    """Also of lines that nobody speaks on."""
    for name, call in rung.items():
        played = sum(mark.how == "played" for mark in call.report.marks)
        assert 0 < call.record["media"]["marks_heard"] <= played, name
