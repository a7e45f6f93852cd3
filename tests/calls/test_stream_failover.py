"""The brain dies while the caller listens: on the stream the next one goes on, and nobody hears a seam."""

from __future__ import annotations

import asyncio

import pytest
from tests.calls.conftest import ScriptedBrain

from stella.calls.brain_chain import BrainChain
from stella.ports.failure import Unavailable

TEXT = "We have fourteen rooms here. You can see the lake from all. Shall I book one for you?"
DOWN = Unavailable("first", "cut")


@pytest.mark.parametrize("cut", [0, 1, 10, 28, 29, 30, 45, 59, 61, 80, 84])
@pytest.mark.parametrize("hangs", [0.0, 1.0])
def test_no_word_is_lost_or_doubled_and_the_silence_is_short(run, house, cut, hangs):
    """FAULTS G03: words repeated 0, words lost 0, extra silence at most 1.5 s of the caller's time."""

    async def call():
        h = house()
        first = ScriptedBrain(lambda _asked: [*TEXT[:cut], hangs, DOWN])
        second = ScriptedBrain(lambda _asked: [TEXT])
        first.name, second.name = "first", "second"
        h.switchboard._engines._brain = BrainChain((first, second), {})
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("how many rooms do you have")
        asked_at = asyncio.get_running_loop().time()
        await asyncio.sleep(8)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h, line, asked_at, second

    h, line, asked_at, second = run(call())
    answer = h.record.turns[2]
    assert (answer.speaker, answer.text, answer.heard_text) == ("agent", TEXT, TEXT)
    assert len(second.asked) == 1
    assert TEXT.startswith(second.asked[0].begun)
    played = [asked_at, *(edge for span in line.played if span[0] >= asked_at for edge in span)]
    silences = [start - end for end, start in zip(played[0::2], played[1::2], strict=False)]
    assert max(silences) <= 1.5 + hangs * (cut < 29)
    (switch,) = [tool for tool in h.record.tools if tool.name == "engine_switch"]
    assert switch.arguments == {
        "kind": "brain",
        "from": "first",
        "to": "second",
        "mid_reply": bool(second.asked[0].begun),
    }
    assert switch.started_s == switch.ended_s


def test_everything_dead_ends_in_the_carriers_own_voice(run, house):
    """Both brains down: an apology, and the call goes on at another door, with the reason in its record."""

    async def call():
        h = house()
        dead = ScriptedBrain(lambda _asked: [DOWN]), ScriptedBrain(lambda _asked: [DOWN])
        h.switchboard._engines._brain = BrainChain(dead, {})
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("how many rooms do you have")
        await asyncio.sleep(14)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h, line

    h, line = run(call())
    assert line.closed_at is not None
    assert h.record.error == "brain-failed"
    assert h.record.turns[-1].text == h.agent.language("en").phrases.apology
