"""When a brain fails, the next goes on: no half sentence, no repetition, and the record says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from stella.calls.brain_chain import BrainChain
from stella.calls.breaker import Breaker
from stella.domain.acts import Act, EndCall, UsedTool
from stella.domain.agent import Agent, LanguageSetup
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
            if isinstance(piece, Exception):
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
