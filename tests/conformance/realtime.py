"""What every speech-to-speech model keeps. A test of an adapter is three fixtures and a subclass.

`vendor` is a local server that speaks the vendor's protocol and can misbehave, `model` a Realtime that talks to it with
little patience, `wrong_key` the same with a key that the vendor does not know.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.adapters.realtime.server import CHAR, SECRET, Answer, RealtimeServer
from tests.conformance.speech_to_text import ONE, SILENCE, TWO, ends, feed, until

from stella.domain.ids import UtteranceId
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.language import Called, FromAgent, FromCaller, FromTool, Grew, Message, ToolSpec
from stella.ports.realtime import Briefing, Metered, Realtime, RealtimeEvent, RealtimeLine, Sounded
from stella.ports.speech import Final, Heard, Lost

SPEECH = b"\x10\x90" * 6400
BRIEFING = Briefing(
    "You answer the telephone.", "en", (ToolSpec("look_up", "Looks up.", {"type": "object", "properties": {}}),)
)


@dataclass
class Ring:
    """One line, and what came of it."""

    line: RealtimeLine
    heard: list[Heard]
    deaths: list[ProviderError]
    events: list[RealtimeEvent] = field(default_factory=list)

    async def hears(self, utterance: UtteranceId = ONE) -> None:
        """The caller says something, and its words come back."""
        before = len(ends(self.heard))
        self.line.begin(utterance)
        feed(self.line, SPEECH)
        self.line.finish(utterance)
        await until(lambda: len(ends(self.heard)) > before, 10)

    async def answers(self, *behind: Message, before: tuple[Message, ...] = ()) -> str:
        """The words of an answer that is heard to its end."""
        self.events.clear()
        async with aclosing(self.line.answer(before, behind)) as events:  # type: ignore[type-var]
            async for event in events:
                self.events.append(event)
        return self.words

    @property
    def words(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Grew))

    @property
    def size(self) -> int:
        return sum(len(event.mulaw) for event in self.events if isinstance(event, Sounded))

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def ring(model: Realtime, briefing: Briefing = BRIEFING) -> Ring:
    """Open a line."""
    heard: list[Heard] = []
    deaths: list[ProviderError] = []
    return Ring(model.open(briefing, heard.append, deaths.append), heard, deaths)


async def fails(it: Ring) -> ProviderError:
    """How an answer ends that does not come to its end."""
    with pytest.raises(ProviderError) as failure:
        await it.answers()
    assert SECRET not in str(failure.value)
    return failure.value


class RealtimeConformance:
    """The promises of the port."""

    def believed(self, vendor: RealtimeServer) -> list[str]:
        """What the vendor believes that the caller said to it."""
        return [item.text for item in vendor.items if item.kind == "caller"]

    def in_order(self, texts: list[str], *told: str) -> bool:
        """Whether it knows these in their order; who cannot be told something in between, knows them at least."""
        return [text for text in texts if text in told] == [*told]

    async def test_a_caller_is_heard_and_answered(self, model: Realtime, vendor: RealtimeServer) -> None:
        """The main job: words of what was said, then an answer in words and sound."""
        vendor.hears = ["Grüß Gott, wann haben Sie geöffnet?"]
        vendor.answers = [Answer("Täglich ab neun – außer übermorgen.")]
        it = ring(model)
        await it.hears()
        assert ends(it.heard)[0] == Final(ONE, "Grüß Gott, wann haben Sie geöffnet?", it.heard[-1].took_ms)  # type: ignore[union-attr]
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
        await it.hears()
        feed(it.line, SPEECH)
        await it.answers()
        assert 0 < len(vendor.sound) <= len(SPEECH) + 3600
        await it.line.close()

    async def test_every_finish_is_answered_once(self, model: Realtime) -> None:
        """A turn waits for it; an utterance without sound is answered too."""
        it = ring(model)
        it.line.begin(ONE)
        it.line.finish(ONE)
        await until(lambda: ends(it.heard), 10)
        await it.hears(TWO)
        await it.answers()
        assert [answer.utterance for answer in ends(it.heard)] == [ONE, TWO]  # type: ignore[union-attr]
        await it.line.close()

    async def test_what_is_dropped_was_never_said(self, model: Realtime, vendor: RealtimeServer) -> None:
        """A cough before its end, and an mm-hm behind it: neither is answered, neither is in the conversation."""
        it = ring(model)
        it.line.begin(ONE)
        feed(it.line, SPEECH)
        it.line.drop(ONE)
        await it.hears(TWO)
        it.line.drop(TWO)
        vendor.hears = ["Really"]
        await it.hears(UtteranceId(3))
        await it.answers()
        assert self.believed(vendor) == ["Really"]
        assert [answer.utterance for answer in ends(it.heard)] == [TWO, 3]  # type: ignore[union-attr]
        await it.line.close()

    async def test_what_was_said_without_it_stands_before_the_caller(
        self, model: Realtime, vendor: RealtimeServer
    ) -> None:
        """The greeting came from another voice; notes come with the caller's words."""
        it = ring(model)
        vendor.hears = ["Who are you?"]
        await it.hears()
        await it.answers(FromCaller("[It is noon.]"), before=(FromAgent("Good morning."),))
        texts = [item.text for item in vendor.items]
        assert self.in_order(texts, "Good morning.", "Who are you?", "[It is noon.]")
        await it.line.close()

    async def test_a_tool_is_called_and_its_result_answered(self, model: Realtime, vendor: RealtimeServer) -> None:
        """The call comes whole; the result goes back to it."""
        vendor.answers = [Answer("One moment.", (("look_up", '{"what":"Öffnung"}'),)), Answer("From nine.")]
        it = ring(model)
        await it.hears()
        await it.answers()
        call = it.of(Called)[0].call
        assert (call.name, call.arguments.replace(" ", "")) == ("look_up", '{"what":"Öffnung"}')
        assert (await it.answers(FromTool(call, "nine o'clock"))).strip() == "From nine."
        assert any("nine o'clock" in item.text for item in vendor.items)
        await it.line.close()

    async def test_what_it_costs_is_told(self, model: Realtime) -> None:
        """Tokens in and out, sound apart from text: their prices differ tenfold."""
        it = ring(model)
        await it.hears()
        await it.answers()
        assert it.of(Metered) == [Metered(100, 50, 40, 0, 20, 80)]
        await it.line.close()

    async def test_cancelling_is_quiet_and_stops_the_cost(self, model: Realtime, vendor: RealtimeServer) -> None:
        """Every barge-in does it. The vendor is told, and the next answer is the next answer's."""
        vendor.answers = [Answer("This goes on for quite a while, as you hear. " * 4), Answer("Yes?")]
        vendor.faults.piece_s = 0.02
        it = ring(model)
        await it.hears()
        async with aclosing(it.line.answer()) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Sounded):
                    break
        await it.hears(TWO)
        assert (await it.answers()).strip() == "Yes?"
        assert vendor.spoken < CHAR * 100, "it went on speaking to nobody"
        assert it.deaths == []
        await it.line.close()

    async def test_a_cancel_behind_the_end_is_no_fault(self, model: Realtime, vendor: RealtimeServer) -> None:
        """The vendor is faster than the telephone: mostly its answer is whole when the caller interrupts."""
        it = ring(model)
        await it.hears()
        async with aclosing(it.line.answer()) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Metered):
                    break
        await it.hears(TWO)
        assert await it.answers()
        assert vendor.open == 1
        await it.line.close()

    async def test_silence_of_the_vendor_has_an_end(self, model: Realtime, vendor: RealtimeServer) -> None:
        """A slow first piece, and one that never follows."""
        for knob in ("first_s", "hang_at"):
            setattr(vendor.faults, knob, 3600)
            it = ring(model)
            await it.hears()
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
        await it.hears()
        failure = await fails(it)
        assert failure.code == "cut"
        assert it.size == 3200 or model.eager, "what came before it was handed over"
        await until(lambda: it.deaths, 10)
        assert not it.line.alive
        it.line.begin(TWO)
        it.line.finish(TWO)
        await until(lambda: len(ends(it.heard)) == 2, 10)
        assert isinstance(ends(it.heard)[1], Lost)
        await fails(it)
        assert len(it.deaths) == 1
        await it.line.close()

    async def test_what_cannot_be_read_ends_the_line(self, model: Realtime, vendor: RealtimeServer) -> None:
        """Half a message is no speech."""
        vendor.faults.garbage = True
        it = ring(model)
        await it.hears()
        assert isinstance(await fails(it), Malformed)
        await it.line.close()

    async def test_speech_without_end_is_stopped(self, model: Realtime, vendor: RealtimeServer) -> None:
        """Memory has one."""
        vendor.faults.endless = True
        it = ring(model)
        await it.hears()
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
        await it.hears()
        assert isinstance(ends(it.heard)[0], Lost)
        assert it.line.alive
        assert await it.answers()
        await it.line.close()

    async def test_an_empty_answer_is_one(self, model: Realtime, vendor: RealtimeServer) -> None:
        """Nothing said, nothing raised: who asked decides what follows."""
        vendor.answers = [Answer("")]
        it = ring(model)
        await it.hears()
        assert await it.answers() == ""
        assert it.size == 0
        await it.line.close()

    async def test_closing_is_quiet_in_the_middle_of_everything(self, model: Realtime, vendor: RealtimeServer) -> None:
        """A caller hangs up when it suits them. No death is told, and the vendor's line is gone."""
        vendor.faults.piece_s = 0.05
        it = ring(model)
        await it.hears()
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
        await asyncio.gather(one.hears(), other.hears())
        said = await asyncio.gather(one.answers(), other.answers())
        assert sorted(words.strip() for words in said) == ["First answer.", "Second answer, longer."]
        await one.line.close()
        await other.line.close()

    async def test_a_key_is_checked_for_nothing(self, model: Realtime, wrong_key: Realtime) -> None:
        """A wrong one is known before a caller hears of it."""
        await model.check()
        with pytest.raises(Rejected):
            await wrong_key.check()
