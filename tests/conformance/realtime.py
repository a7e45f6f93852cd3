"""The suite of models that hear and speak for pytest: three fixtures and a subclass.

`vendor` is a local server that speaks the vendor's protocol and can misbehave, `model` a Realtime that talks to it with
little patience, `wrong_key` the same with a key that the vendor does not know. The promises that a living vendor can be held
to are in `stella.ports.contract`, where `stella contract` runs them too.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from tests.adapters.realtime.server import CHAR, SECRET, Answer, RealtimeServer
from tests.conformance.speech_to_text import SILENCE, feed, until

from stella.ports.contract.realtime import BRIEFING, ONE, THREE, TWO, RealtimeContract, Ring, ring
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.language import Called, FromAgent, FromCaller, FromTool
from stella.ports.realtime import Metered, Realtime, Sounded
from stella.ports.speech import Final, Lost

__all__ = ["BRIEFING", "ONE", "SPEECH", "THREE", "TWO", "RealtimeConformance", "Ring", "fails", "ring"]

SPEECH = b"\x10\x90" * 6400


async def fails(it: Ring) -> ProviderError:
    """How an answer ends that does not come to its end."""
    with pytest.raises(ProviderError) as failure:
        await it.answers()
    assert SECRET not in str(failure.value)
    return failure.value


class RealtimeConformance(RealtimeContract):
    """The promises of the port, and those that need a vendor who misbehaves."""

    @pytest.fixture
    def speech(self) -> bytes:
        """A tone; the server is told what it means."""
        return SPEECH

    @pytest.fixture
    def said(self) -> str:
        """What it means."""
        return "hello"

    def believed(self, vendor: RealtimeServer) -> list[str]:
        """What the vendor believes that the caller said to it."""
        return [item.text for item in vendor.items if item.kind == "caller"]

    def in_order(self, texts: list[str], *told: str) -> bool:
        """Whether it knows these in their order; who cannot be told something in between, knows them at least."""
        return [text for text in texts if text in told] == [*told]

    async def test_words_and_sound_arrive_as_they_were_made(self, model: Realtime, vendor: RealtimeServer) -> None:
        """The main job: words of what was said, then an answer in words and sound."""
        vendor.hears = ["Grüß Gott, wann haben Sie geöffnet?"]
        vendor.answers = [Answer("Täglich ab neun – außer übermorgen.")]
        it = ring(model)
        await it.hears(ONE, SPEECH)
        assert it.ends[0] == Final(ONE, "Grüß Gott, wann haben Sie geöffnet?", it.heard[-1].took_ms)  # type: ignore[union-attr]
        assert (await it.answers()).strip() == "Täglich ab neun – außer übermorgen."
        spoken = CHAR * len("Täglich ab neun – außer übermorgen.")
        assert abs(it.size - spoken) < 400, "the sound is as long as it was made"
        assert len(it.of(Sounded)) > 3, "sound comes as it is made"
        await it.line.close()
        assert it.deaths == []

    async def test_no_sound_leaves_the_house_between_utterances(self, model: Realtime, vendor: RealtimeServer) -> None:
        """What a room says while nobody talks to us is nobody's business; 400 ms before an utterance belong to it."""
        it = ring(model)
        feed(it.line, SPEECH * 2)
        await it.hears(ONE, SPEECH)
        feed(it.line, SPEECH)
        await it.answers()
        assert 0 < len(vendor.sound) <= len(SPEECH) + 3600
        await it.line.close()

    async def test_what_is_dropped_was_never_said(self, model: Realtime, vendor: RealtimeServer) -> None:
        """A cough before its end, and an mm-hm behind it: neither is answered, neither is in the conversation."""
        it = ring(model)
        it.line.begin(ONE)
        feed(it.line, SPEECH)
        it.line.drop(ONE)
        await it.hears(TWO, SPEECH)
        it.line.drop(TWO)
        vendor.hears = ["Really"]
        await it.hears(THREE, SPEECH)
        await it.answers()
        assert self.believed(vendor) == ["Really"]
        assert [answer.utterance for answer in it.ends] == [TWO, THREE]  # type: ignore[union-attr]
        await it.line.close()

    async def test_what_was_said_without_it_stands_before_the_caller(
        self, model: Realtime, vendor: RealtimeServer
    ) -> None:
        """The greeting came from another voice; notes come with the caller's words."""
        it = ring(model)
        vendor.hears = ["Who are you?"]
        await it.hears(ONE, SPEECH)
        await it.answers(FromCaller("[It is noon.]"), before=(FromAgent("Good morning."),))
        texts = [item.text for item in vendor.items]
        assert self.in_order(texts, "Good morning.", "Who are you?", "[It is noon.]")
        await it.line.close()

    async def test_a_tool_is_called_and_its_result_answered(self, model: Realtime, vendor: RealtimeServer) -> None:
        """The call comes whole; the result goes back to it."""
        vendor.answers = [Answer("One moment.", (("look_up", '{"what":"Öffnung"}'),)), Answer("From nine.")]
        it = ring(model)
        await it.hears(ONE, SPEECH)
        await it.answers()
        call = it.of(Called)[0].call
        assert (call.name, call.arguments.replace(" ", "")) == ("look_up", '{"what":"Öffnung"}')
        assert (await it.answers(FromTool(call, "nine o'clock"))).strip() == "From nine."
        assert any("nine o'clock" in item.text for item in vendor.items)
        await it.line.close()

    async def test_what_it_costs_is_told_to_the_token(self, model: Realtime) -> None:
        """Tokens in and out, sound apart from text: their prices differ tenfold."""
        it = ring(model)
        await it.hears(ONE, SPEECH)
        await it.answers()
        assert it.of(Metered) == [Metered(100, 50, 40, 0, 20, 80)]
        await it.line.close()

    async def test_cancelling_stops_the_cost(self, model: Realtime, vendor: RealtimeServer) -> None:
        """Every barge-in does it. The vendor is told, and the next answer is the next answer's."""
        vendor.answers = [Answer("This goes on for quite a while, as you hear. " * 4), Answer("Yes?")]
        vendor.faults.piece_s = 0.02
        it = ring(model)
        await it.hears(ONE, SPEECH)
        async with aclosing(it.line.answer()) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Sounded):
                    break
        await it.hears(TWO, SPEECH)
        assert (await it.answers()).strip() == "Yes?"
        assert vendor.spoken < CHAR * 100, "it went on speaking to nobody"
        assert it.deaths == []
        await it.line.close()

    async def test_silence_of_the_vendor_has_an_end(self, model: Realtime, vendor: RealtimeServer) -> None:
        """A slow first piece, and one that never follows."""
        for knob in ("first_s", "hang_at"):
            setattr(vendor.faults, knob, 3600)
            it = ring(model)
            await it.hears(ONE, SPEECH)
            failure = await fails(it)
            assert isinstance(failure, Unavailable)
            assert failure.code == "timeout"
            await it.line.close()
            setattr(vendor.faults, knob, 0.0 if knob == "first_s" else -1)

    @pytest.mark.parametrize("knob", ["cut_at", "bye_at"])
    async def test_a_line_that_breaks_says_so_once(self, model: Realtime, vendor: RealtimeServer, knob: str) -> None:
        """Behind what came before it; and everything asked of it afterwards fails at once."""
        setattr(vendor.faults, knob, 3200)
        it = ring(model)
        await it.hears(ONE, SPEECH)
        failure = await fails(it)
        assert failure.code == "cut"
        assert it.size == 3200 or model.eager, "what came before it was handed over"
        await until(lambda: it.deaths, 10)
        assert not it.line.alive
        it.line.begin(TWO)
        it.line.finish(TWO)
        await until(lambda: len(it.ends) == 2, 10)
        assert isinstance(it.ends[1], Lost)
        await fails(it)
        assert len(it.deaths) == 1
        await it.line.close()

    async def test_what_cannot_be_read_ends_the_line(self, model: Realtime, vendor: RealtimeServer) -> None:
        """Half a message is no speech."""
        vendor.faults.garbage = True
        it = ring(model)
        await it.hears(ONE, SPEECH)
        assert isinstance(await fails(it), Malformed)
        await it.line.close()

    async def test_speech_without_end_is_stopped(self, model: Realtime, vendor: RealtimeServer) -> None:
        """Memory has one."""
        vendor.faults.endless = True
        it = ring(model)
        await it.hears(ONE, SPEECH)
        assert (await fails(it)).code == "endless"
        await it.line.close()

    @pytest.mark.parametrize(
        ("status", "kind", "code"),
        [
            (401, Rejected, "http-401"),
            (429, Unavailable, "http-429"),
            (503, Unavailable, "http-503"),
            (402, Rejected, "quota"),
        ],
    )
    async def test_a_refused_line_names_its_reason(
        self, model: Realtime, vendor: RealtimeServer, status: int, kind: type[ProviderError], code: str
    ) -> None:
        """A wrong key, too many calls, a fault over there, an empty account: each is another thing to mend."""
        vendor.faults.status, vendor.faults.retry_after = status, "7"
        it = ring(model)
        await until(lambda: it.deaths, 10)
        assert isinstance(it.deaths[0], kind)
        assert it.deaths[0].code == code
        assert not isinstance(it.deaths[0], Unavailable) or it.deaths[0].retry_after == 7
        await fails(it)
        await it.line.close()

    async def test_words_that_do_not_come_are_lost_and_the_line_lives(
        self, model: Realtime, vendor: RealtimeServer
    ) -> None:
        """The model heard the caller all the same, and answers."""
        vendor.faults.mute = True
        it = ring(model)
        await it.hears(ONE, SPEECH)
        assert isinstance(it.ends[0], Lost)
        assert it.line.alive
        assert await it.answers()
        await it.line.close()

    async def test_an_empty_answer_is_one(self, model: Realtime, vendor: RealtimeServer) -> None:
        """Nothing said, nothing raised: who asked decides what follows."""
        vendor.answers = [Answer("")]
        it = ring(model)
        await it.hears(ONE, SPEECH)
        assert await it.answers() == ""
        assert it.size == 0
        await it.line.close()

    async def test_a_line_that_is_closed_is_gone_over_there(self, model: Realtime, vendor: RealtimeServer) -> None:
        """A caller hangs up when it suits them. No death is told, and the vendor's line is gone."""
        vendor.faults.piece_s = 0.05
        it = ring(model)
        await it.hears(ONE, SPEECH)
        answer = asyncio.create_task(it.answers())
        await until(lambda: it.size, 10)
        it.line.begin(TWO)
        feed(it.line, SPEECH + SILENCE)
        await it.line.close()
        await it.line.close()
        await asyncio.gather(answer, return_exceptions=True)
        assert it.deaths == []
        await until(lambda: vendor.open == 0, 10)

    async def test_two_calls_do_not_hear_each_other(self, model: Realtime, vendor: RealtimeServer) -> None:
        """Each has a line of its own."""
        vendor.faults.piece_s = 0.01
        one, other = ring(model), ring(model)
        vendor.answers = [Answer("First answer."), Answer("Second answer, longer.")]
        await asyncio.gather(one.hears(ONE, SPEECH), other.hears(ONE, SPEECH))
        said = await asyncio.gather(one.answers(), other.answers())
        assert sorted(words.strip() for words in said) == ["First answer.", "Second answer, longer."]
        await one.line.close()
        await other.line.close()

    async def test_a_key_is_checked_for_nothing(self, model: Realtime, wrong_key: Realtime) -> None:
        """A wrong one is known before a caller hears of it."""
        await model.check()
        with pytest.raises(Rejected):
            await wrong_key.check()

    async def test_a_slow_listener_loses_nothing(self, model: Realtime, vendor: RealtimeServer) -> None:
        """The vendor is done long before the caller has heard it: what is made waits, within bounds."""
        vendor.answers = [Answer("A rather long answer. " * 20)]
        it = ring(model)
        await it.hears(ONE, SPEECH)
        async with aclosing(it.line.answer()) as events:  # type: ignore[type-var]
            async for event in events:
                it.events.append(event)
                if len(it.events) == 1:
                    await until(lambda: vendor.spoken >= CHAR * 440)
        assert abs(it.size - CHAR * 440) < 400
        assert it.words.strip() == ("A rather long answer. " * 20).strip()
        await it.line.close()
