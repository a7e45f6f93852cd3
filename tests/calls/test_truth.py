"""What the record says of a call is what happened: marks that counted, sentences that broke off, time that is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from stella.domain.call import EndedBy
from stella.ports.failure import Unavailable
from stella.ports.speech import Sound


def test_the_record_counts_the_marks_that_were_heard(run, house):
    """Marks proven by playout count, those a clear brought back do not."""

    async def call():
        h = house(lambda _asked: ["This is a long answer that is going to be interrupted by the caller in a moment."])
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("tell me everything")
        await asyncio.sleep(1.5)
        await h.ears.says("stop that please", 1.0)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h, line

    h, line = run(call())
    assert line.clears
    played = sum(end - start for start, end in line.played)
    assert 0 < h.record.media.marks_heard <= played / 0.2 + 1


def test_a_sentence_whose_voice_breaks_off_is_played_and_not_claimed_whole(run, house):
    """The half that was made is heard, the call goes on, and the record does not hold the other half."""

    class HalfVoice:
        name, languages = "half", frozenset({"de", "en"})

        async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
            del language, voice
            yield Sound(b"\x7f" * 8000)
            if text.startswith("We are open"):
                raise Unavailable("half", "refused")

        async def close(self) -> None:
            """Nothing."""

    async def call():
        h = house()
        h.voice.speak = HalfVoice().speak
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        before = line.heard_s
        await h.ears.says("what are your opening hours")
        await asyncio.sleep(5)
        still_open, played = line.closed_at is None, line.heard_s - before
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h, still_open, played

    h, still_open, played = run(call())
    assert still_open
    assert round(played, 3) == 1.0
    assert h.record.turns[-1].text == "We are open from nine to five."
    assert h.record.turns[-1].heard_text == ""


def test_a_later_leg_has_what_is_left_of_the_calls_length(run, house):
    """A call that changes its stream does not become longer by it."""

    async def call():
        plain = house().agent
        h = house(agent=replace(plain, limits=replace(plain.limits, call_s=60.0, warn_before_s=0.0)))
        first, _ = h.connect(await h.voice_webhook())
        for _ in range(4):
            await asyncio.sleep(8)
            await h.ears.says("hello there")
        first.gone()
        await asyncio.sleep(0.5)
        began = asyncio.get_running_loop().time()
        _, line = h.connect(await h.after())
        while line.closed_at is None:
            await asyncio.sleep(4)
            if line.closed_at is None:
                await h.ears.says("hello there", 0.5)
        return h, line.closed_at - began

    h, lasted = run(call())
    assert h.record.ended_by is EndedBy.LIMIT
    assert lasted < 40
