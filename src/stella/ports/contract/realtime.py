"""What every model that hears and speaks keeps. `model` understands at least `en`; `said` is a word that `speech` says."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from stella.domain.ids import UtteranceId
from stella.ports.contract.promise import promised, until
from stella.ports.failure import ProviderError
from stella.ports.language import FromAgent, FromCaller, Grew, Message, ToolSpec
from stella.ports.realtime import Briefing, Metered, Realtime, RealtimeEvent, RealtimeLine, Sounded
from stella.ports.speech import Final, Heard, Hypothesis, Lost

FRAME = 160
SILENCE = b"\xff" * 4000
ONE, TWO, THREE = UtteranceId(1), UtteranceId(2), UtteranceId(3)
BRIEFING = Briefing(
    "You answer the telephone. Answer every caller in one short sentence.", "en",
    (ToolSpec("look_up", "Looks something up in the house's pages.", {"type": "object", "properties": {}}),),
)  # fmt: skip


@dataclass
class Ring:
    """One line, and what came of it."""

    line: RealtimeLine
    heard: list[Heard]
    deaths: list[ProviderError]
    events: list[RealtimeEvent] = field(default_factory=list)

    def says(self, utterance: UtteranceId, speech: bytes) -> None:
        """The caller says something, frame by frame."""
        self.line.begin(utterance)
        for start in range(0, len(speech), FRAME):
            self.line.feed(speech[start : start + FRAME])
        self.line.finish(utterance)

    async def hears(self, utterance: UtteranceId, speech: bytes) -> None:
        """The same, until its words are there."""
        before = len(self.ends)
        self.says(utterance, speech)
        await until(lambda: len(self.ends) > before, 20, "the words of an utterance")

    async def answers(self, *behind: Message, before: tuple[Message, ...] = ()) -> str:
        """The words of an answer that is heard to its end."""
        self.events.clear()
        async with aclosing(self.line.answer(before, behind)) as events:  # type: ignore[type-var]
            async for event in events:
                self.events.append(event)
        return self.words

    async def answers_in_part(self) -> None:
        """An answer that is not wanted any more after its first sound."""
        async with aclosing(self.line.answer()) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Sounded):
                    return

    @property
    def ends(self) -> list[Final | Lost]:
        """The answers to `finish`."""
        return [what for what in self.heard if isinstance(what, Final | Lost)]

    @property
    def hypotheses(self) -> list[Hypothesis]:
        """What was thought before."""
        return [what for what in self.heard if isinstance(what, Hypothesis)]

    @property
    def words(self) -> str:
        """Of the answer."""
        return "".join(event.text for event in self.events if isinstance(event, Grew))

    @property
    def size(self) -> int:
        """Bytes of its sound."""
        return sum(len(event.mulaw) for event in self.events if isinstance(event, Sounded))

    def of(self, kind: type[Any]) -> list[Any]:
        """Its events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def ring(model: Realtime, briefing: Briefing = BRIEFING) -> Ring:
    """Open a line."""
    heard: list[Heard] = []
    deaths: list[ProviderError] = []
    return Ring(model.open(briefing, heard.append, deaths.append), heard, deaths)


class RealtimeContract:
    """The promises of the port."""

    async def test_a_caller_is_heard_and_answered_in_words_and_sound(
        self, model: Realtime, speech: bytes, said: str
    ) -> None:
        """The main job. Sound comes as it is made, and lasts as long as its words may."""
        it = ring(model)
        await it.hears(ONE, speech)
        final = it.ends[0]
        promised(isinstance(final, Final) and said in final.text.lower(), f"“{said}” was not understood")
        words = (await it.answers()).strip()
        promised(words, "it answered without words")
        promised(0.02 * len(words) <= it.size / 8000 <= 0.4 * len(words) + 2, f"its words last {it.size / 8000:.1f} s")
        promised(len(it.of(Sounded)) > 1, "the sound comes in one piece")
        promised(all(event.mulaw for event in it.of(Sounded)), "there is an empty piece")
        await it.line.close()
        promised(it.deaths == [], "a line that was closed says that it died")

    async def test_every_finish_is_answered_once(self, model: Realtime, speech: bytes) -> None:
        """A turn waits for it; an utterance without sound is answered too."""
        it = ring(model)
        it.line.begin(ONE)
        it.line.finish(ONE)
        await until(lambda: it.ends, 20)
        await it.hears(TWO, speech)
        await it.answers()
        promised([answer.utterance for answer in it.ends] == [ONE, TWO], "not every finish has its one answer")
        await it.line.close()

    async def test_what_was_dropped_is_never_answered(self, model: Realtime, speech: bytes) -> None:
        """A cough before its end, and an mm-hm behind it."""
        it = ring(model)
        it.line.begin(ONE)
        it.line.feed(speech)
        it.line.drop(ONE)
        it.says(TWO, speech)
        it.line.drop(TWO)
        await it.hears(THREE, speech)
        promised(await it.answers(), "it does not answer afterwards")
        promised([answer.utterance for answer in it.ends] == [THREE], "something dropped was answered")
        await it.line.close()

    async def test_no_answer_comes_from_within_a_call(self, model: Realtime, speech: bytes) -> None:
        """A session must not be re-entered while it carries out an order."""
        inside, seen = False, list[bool]()
        line = model.open(BRIEFING, lambda _heard: seen.append(inside), lambda _fault: seen.append(inside))
        line.begin(ONE)
        line.feed(speech)
        inside = True
        line.finish(ONE)
        inside = False
        await until(lambda: seen, 20)
        promised(not any(seen), "the callback is called from within")
        await line.close()

    async def test_what_it_is_told_besides_is_no_fault(self, model: Realtime, speech: bytes) -> None:
        """What was said without it, and notes beside the caller's words; and a turn without any sound at all."""
        it = ring(model)
        await it.hears(ONE, speech)
        promised(
            await it.answers(FromCaller("[It is noon.]"), before=(FromAgent("Good morning."),)), "it does not answer"
        )
        promised(await it.answers(FromCaller("What time is it?")), "it does not answer words")
        promised(it.deaths == [], "the line died")
        await it.line.close()

    async def test_what_it_costs_is_told(self, model: Realtime, speech: bytes) -> None:
        """Tokens in and out, sound apart from text: their prices differ tenfold."""
        it = ring(model)
        await it.hears(ONE, speech)
        await it.answers()
        spent = it.of(Metered)
        # A vendor may count behind the end of an answer: then it is told with the next.
        await it.hears(TWO, speech)
        await it.answers()
        spent += it.of(Metered)
        promised(spent, "it says nothing of its cost")
        promised(spent[0].audio_written > 0 and spent[0].text_sent > 0, f"it counted {spent[0]}")
        await it.line.close()

    async def test_cancelling_is_quiet_and_the_line_goes_on(self, model: Realtime, speech: bytes) -> None:
        """Every barge-in does it, early or behind the end: mostly the vendor is faster than the telephone."""
        it = ring(model)
        await it.hears(ONE, speech)
        await it.answers_in_part()
        it.line.truncate(0.1, "")
        await it.hears(TWO, speech)
        promised(await it.answers(), "it does not answer behind a cancelled answer")
        it.line.truncate(0.2, "")
        await it.hears(THREE, speech)
        promised(await it.answers(), "it does not answer behind one that was cut")
        promised(it.deaths == [], "the line died")
        await it.line.close()

    async def test_closing_is_quiet_in_the_middle_of_everything(self, model: Realtime, speech: bytes) -> None:
        """A caller hangs up when it suits them."""
        it = ring(model)
        await it.hears(ONE, speech)
        answer = asyncio.get_running_loop().create_task(it.answers())
        await until(lambda: it.size or answer.done(), 20, "a sound")
        promised(it.size, "it does not answer")
        it.line.begin(TWO)
        it.line.feed(speech)
        await it.line.close()
        await it.line.close()
        await asyncio.gather(answer, return_exceptions=True)
        promised(it.deaths == [], "a line that was closed says that it died")
        promised(not it.line.alive, "a closed line is alive")

    async def test_two_calls_are_answered_at_once(self, model: Realtime, speech: bytes) -> None:
        """Each has a line of its own."""
        one, other = ring(model), ring(model)
        await asyncio.gather(one.hears(ONE, speech), other.hears(ONE, speech))
        said = await asyncio.gather(one.answers(), other.answers())
        promised(all(said), "not both were answered")
        await one.line.close()
        await other.line.close()

    async def test_a_key_can_be_checked(self, model: Realtime) -> None:
        """Before a caller hears of it."""
        await model.check()
