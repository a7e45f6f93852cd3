"""When a brain fails, the next goes on: no half sentence, no repetition, and the record says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from unittest.mock import ANY

import pytest

from stella.calls.brain_chain import BrainChain, ChainSession
from stella.calls.breaker import Breaker
from stella.domain.acts import Act, EndCall, UsedTool
from stella.domain.agent import Agent, LanguageSetup
from stella.domain.call import ToolUse
from stella.domain.ids import TurnId
from stella.domain.phrases import PHRASES_EN
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Asked, BrainEvent, CallFacts, Said
from stella.ports.failure import ProviderError, Rejected, Unavailable

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AGENT = Agent("office", "Vintaro", (LanguageSetup("en", "en-GB", "", "", PHRASES_EN),))
FACTS = CallFacts("CA1", AGENT, "", "en", "stream", NOW)


class Scripted:
    """Says its pieces; an exception among them is raised."""

    def __init__(self, name: str, *pieces: str | Act | Exception) -> None:
        self.name, self.pieces = name, pieces
        self.asked: list[Asked] = []
        self.states: list[bytes] = []
        self.switched: list[str] = []
        self.closed = 0

    def open(self, facts: CallFacts, state: bytes = b"") -> Scripted:
        """As the port."""
        self.states.append(state)
        return self

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """As the port."""
        self.asked.append(asked)
        for piece in self.pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield Said(piece) if isinstance(piece, str) else Acted(piece)

    def switch(self, language: str) -> None:
        """As the port."""
        self.switched.append(language)

    def state(self) -> bytes:
        """As the port."""
        return self.name.encode()

    async def close(self) -> None:
        """As the port."""
        self.closed += 1


class Counted:
    """Metrics that remember what was given up."""

    def __init__(self) -> None:
        self.what: list[str] = []

    def dropped(self, what: str, count: int = 1) -> None:
        """Remember."""
        self.what.append(what)


DOWN = Unavailable("a", "http-503")


async def run(*brains: Scripted, health: dict[str, Breaker] | None = None) -> tuple[str, list[Act]]:
    """One reply of the chain: words with a bar between sentences, and acts."""
    session = BrainChain(brains, health or {}).open(FACTS)
    words, acts = "", []
    async with aclosing(session.reply(Asked(TurnId(1), "hello"), (), NOW)) as events:
        async for event in events:
            if isinstance(event, Said):
                words += event.text
            else:
                acts.append(event.act)
    return words.strip().replace("\n", "|"), acts


async def test_the_first_answers_alone_while_it_is_well() -> None:
    """Nobody pays for two."""
    second = Scripted("b", "Second.")
    assert await run(Scripted("a", "We are ", "open. Any", "thing else?"), second) == (
        "We are open.|Anything else?",
        [],
    )
    assert second.asked == []


async def test_the_next_answers_when_the_first_fails_before_a_word() -> None:
    """The caller hears one answer, a little later."""
    words, acts = await run(Scripted("a", DOWN), Scripted("b", "We are open."))
    assert words == "We are open."
    assert isinstance(acts[0], UsedTool)
    assert acts[0].use.name == "engine_switch"
    assert acts[0].use.arguments == {"kind": "brain", "from": "a", "to": "b", "mid_reply": False}
    assert acts[0].use.result == "http-503"


async def test_the_next_goes_on_in_the_middle_without_half_sentences_or_repetition() -> None:
    """Words lost 0, words doubled 0 (FAULTS G03)."""
    second = Scripted("b", "We are open from nine. ", "Until five.")
    words, acts = await run(Scripted("a", "We are open from nine. We cl", DOWN), second)
    assert words == "We are open from nine.|Until five."
    assert second.asked[0].begun == "We are open from nine."
    assert acts[0].use.arguments["mid_reply"] is True  # type: ignore[union-attr]


@pytest.mark.parametrize("cut", range(1, 40))
async def test_wherever_it_breaks_the_caller_hears_each_sentence_once(cut: int) -> None:
    """Cut after any letter of the first's answer."""
    text = "We are open. You can come today. Bye now."
    second = Scripted("b", text)
    words, _ = await run(Scripted("a", *text[:cut], DOWN), second)
    assert words == "We are open.|You can come today.|Bye now."


async def test_a_brain_that_breaks_or_says_nothing_costs_a_switch_not_the_turn() -> None:
    """An answer without a word is no answer; a fault of somebody's code is a failure."""
    words, acts = await run(Scripted("a"), Scripted("b", ValueError("x")), Scripted("c", "Here I am."))
    assert words == "Here I am."
    assert [act.use.result for act in acts if isinstance(act, UsedTool)] == ["empty", "broken"]


async def test_a_cancellation_that_nobody_asked_for_is_a_failure_like_any_other() -> None:
    """Somebody's code that awaits what was cancelled elsewhere raises it: the next brain goes on, at once."""
    lost = asyncio.CancelledError()
    async with asyncio.timeout(5):
        words, acts = await run(
            Scripted("a", lost),  # type: ignore[arg-type]
            Scripted("b", "We are open. We", lost),  # type: ignore[arg-type]
            Scripted("c", "We are open. Until five."),
        )
    assert words == "We are open.|Until five."
    assert [act.use.result for act in acts if isinstance(act, UsedTool)] == ["broken", "broken"]


async def test_when_all_fail_it_is_the_turn_that_fails() -> None:
    """Then the conversation apologises and another path goes on."""
    with pytest.raises(ProviderError, match="b: http-500"):
        await run(Scripted("a", DOWN), Scripted("b", Unavailable("b", "http-500")))


async def test_a_closing_act_ends_the_reply() -> None:
    """Whatever a model says after its goodbye is not said."""
    words, acts = await run(Scripted("a", "Goodbye. ", EndCall(), "And another thing."), Scripted("b"))
    assert words == "Goodbye." and acts == [EndCall()]


async def test_a_resting_brain_is_not_asked_and_its_return_is_in_the_record() -> None:
    """While it is left alone no caller waits for it."""
    now = [0.0]
    health = {"a": Breaker(lambda: now[0], lambda: 0.0)}
    first, second = Scripted("a", Rejected("a", "http-401")), Scripted("b", "Yes.")
    metrics = Counted()
    session = BrainChain((first, second), health, metrics).open(FACTS)  # type: ignore[arg-type]

    async def turn() -> list[Act]:
        async with aclosing(session.reply(Asked(TurnId(1), "hello"), (), NOW)) as events:
            return [event.act async for event in events if isinstance(event, Acted)]

    assert len(await turn()) == 1
    assert await turn() == [] and len(first.asked) == 1
    first.pieces = ("I am back.",)
    now[0] = 61.0
    (back,) = await turn()
    assert back.use.arguments["to"] == "a"  # type: ignore[union-attr]
    assert metrics.what == ["brain-reply", "brain-switch", "brain-switch"]


@pytest.mark.parametrize("code", ["http-400", "http-413", "http-422", "blocked"])
async def test_what_a_callers_own_words_cause_costs_no_other_caller_the_brain(code: str) -> None:
    """Somebody who says what a vendor refuses must not switch the model off for everybody."""
    health = {"a": Breaker(lambda: 0.0)}
    for _ in range(5):
        words, _ = await run(Scripted("a", Rejected("a", code)), Scripted("b", "Yes."), health=health)
        assert words == "Yes."
    assert health["a"].allows()


async def test_a_state_too_large_to_keep_loses_the_largest_part_alone() -> None:
    """The others still know where they were."""
    one, two = Scripted("a", "x."), Scripted("b", "y.")
    one.state = lambda: b"x" * 20_000  # type: ignore[method-assign]
    chain = BrainChain((one, two), {})
    state = chain.open(FACTS).state()
    assert len(state) <= 16_384
    chain.open(FACTS, state)
    assert one.states[-1] == b"" and two.states[-1] == b"b"


async def test_state_language_and_end_reach_every_brain() -> None:
    """Whoever goes on must know where."""
    one, two = Scripted("a", "x."), Scripted("b", "y.")
    chain = BrainChain((one, two), {})
    session = chain.open(FACTS)
    session.switch("de")
    state = session.state()
    chain.open(FACTS, state)
    assert one.states[-1] == b"a" and two.states[-1] == b"b" and two.switched == ["de"]
    chain.open(FACTS, b"\xff")
    assert two.states[-1] == b""
    await session.close()
    await chain.close()
    assert one.closed == two.closed == 2


class Gated(Scripted):
    """Begins when the test opens its gate; knows whether it was stopped before, and whether it did more than it was asked."""

    def __init__(self, name: str, *pieces: str | Act | Exception, open_: bool = False) -> None:
        super().__init__(name, *pieces)
        self.gate, self.begun, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.done: list[str | Act | Exception] = []
        if open_:
            self.gate.set()

    async def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """As the port."""
        self.begun.set()
        task = asyncio.current_task()
        try:
            await self.gate.wait()
            async for event in super().reply(asked, context, now):
                yield event
                self.done.append(event.text if isinstance(event, Said) else event.act)
                assert asyncio.current_task() is task, "a brain lives in one task, from its beginning to its end"
        finally:
            self.stopped.set()


def race(*brains: Scripted, health: dict[str, Breaker] | None = None, hedge_s: float = 0.01) -> ChainSession:
    """A session whose models may be asked beside each other."""
    models = [brain.name for brain in brains if isinstance(brain, Gated)]
    return BrainChain(brains, health or {}, models=models, hedge_s=hedge_s).open(FACTS)


async def turn(session: ChainSession) -> tuple[str, list[Act]]:
    """One reply: words and acts."""
    words, acts = "", []
    async with asyncio.timeout(5), aclosing(session.reply(Asked(TurnId(1), "hello"), (), NOW)) as events:
        async for event in events:
            if isinstance(event, Said):
                words += event.text
            else:
                acts.append(event.act)
    return words.strip().replace("\n", "|"), acts


def switches(acts: list[Act]) -> list[tuple[str, str, str]]:
    """From, to, why."""
    used = [act.use for act in acts if isinstance(act, UsedTool)]
    return [(use.arguments["from"], use.arguments["to"], use.result) for use in used]


async def test_a_slow_first_has_the_second_asked_beside_it_and_is_stopped_when_that_begins() -> None:
    """The caller waits for whoever is quicker; what the slower one would still have cost is not spent."""
    first, second = Gated("a", "First."), Gated("b", "Second. ", "Really.", open_=True)
    assert await turn(race(first, second)) == ("Second.|Really.", [UsedTool(ToolUse("engine_switch", ANY, "slow"))])
    assert first.stopped.is_set() and first.done == []


async def test_a_first_that_begins_while_the_second_is_asked_answers() -> None:
    """And the second has done nothing: it is stopped at its first event, before it could use a tool."""
    first, second = Gated("a", "First. ", "Indeed."), Gated("b", EndCall(), "Second.")
    session = race(first, second)
    answered = asyncio.create_task(turn(session))
    await second.begun.wait()
    first.gate.set()
    assert await answered == ("First.|Indeed.", [])
    assert second.stopped.is_set() and second.done == []


async def test_of_two_slow_ones_there_are_never_three() -> None:
    """What is asked beside is bounded."""
    first, second, third = Gated("a", "First."), Gated("b", "Second."), Gated("c", "Third.", open_=True)
    answered = asyncio.create_task(turn(race(first, second, third)))
    await second.begun.wait()
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert not third.begun.is_set()
    second.gate.set()
    assert (await answered)[0] == "Second."


async def test_when_one_of_two_fails_the_other_goes_on_and_when_both_do_the_next_is_asked() -> None:
    """A failure is not waited for twice."""
    first, second = Gated("a", DOWN), Gated("b", Unavailable("b", "http-500"))
    last = Scripted("c", "Here I am.")
    answered = asyncio.create_task(turn(race(first, second, last)))
    await second.begun.wait()
    first.gate.set()
    await first.stopped.wait()
    second.gate.set()
    words, acts = await answered
    assert words == "Here I am." and switches(acts)[-1][1:] == ("c", "http-500")


async def test_what_needs_no_network_is_never_asked_beside() -> None:
    """It answers at once and would always win against a model that thinks."""
    first, last = Gated("a", "First."), Scripted("receptionist", "Rules.")
    answered = asyncio.create_task(turn(race(first, last)))
    await first.begun.wait()
    for _ in range(10):
        await asyncio.sleep(0.005)
    assert last.asked == []
    first.gate.set()
    assert (await answered)[0] == "First."


async def test_one_that_is_always_slow_is_left_alone_for_a_while() -> None:
    """Twice is enough; the third caller does not wait for it at all."""
    health = {"a": Breaker(lambda: 0.0), "b": Breaker(lambda: 0.0)}
    first, second = Gated("a", "First."), Gated("b", "Second.", open_=True)
    session = race(first, second, health=health)
    for _ in range(2):
        assert (await turn(session))[0] == "Second."
    first.begun.clear()
    assert (await turn(session))[0] == "Second." and not first.begun.is_set()
    assert not health["a"].allows() and health["b"].allows()


async def test_hanging_up_while_two_are_asked_stops_both() -> None:
    """Nobody pays for an answer nobody hears."""
    first, second = Gated("a", "First."), Gated("b", "Second.")
    answered = asyncio.create_task(turn(race(first, second)))
    await second.begun.wait()
    answered.cancel()
    await asyncio.gather(answered, return_exceptions=True)
    assert first.stopped.is_set() and second.stopped.is_set()


async def test_a_winner_that_breaks_off_is_continued_behind_its_last_sentence() -> None:
    """As ever: no half sentence, none twice."""
    first = Gated("a", "First.")
    second = Gated("b", "We are open. And we cl", DOWN, open_=True)
    last = Scripted("c", "We are open. ", "Until five.")
    words, acts = await turn(race(first, second, last))
    assert words == "We are open.|Until five."
    assert switches(acts) == [("a", "b", "slow"), ("b", "c", "http-503")]
