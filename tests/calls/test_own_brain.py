"""A function of the operator's as a brain keeps the port's promises, and its faults cost a switch and not a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from tests.adapters.chat.conftest import KeptOutbox
from tests.conformance.brain import AGENT, FACTS, NOW, BrainConformance, asked, reply

from stella.adapters.receptionist import Knowledge, Receptionist
from stella.app.company import AgentCompany
from stella.calls import own_brain
from stella.calls.brain_chain import BrainChain
from stella.calls.builtin_tools import built_in
from stella.calls.own_brain import OwnBrain
from stella.domain.acts import BeganTool, ChangeLanguage, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Said
from stella.ports.failure import Rejected, Unavailable
from stella.ports.function_tool import tool
from stella.ports.own_brain import Talk
from stella.ports.tool import Tool


@tool()
def order(dish: str) -> str:
    """Orders a dish."""
    return f"{dish} is ordered"


def own(answer: Any, *more: Tool) -> OwnBrain:
    """The function as a brain, with the built-in tools."""
    company = AgentCompany(AGENT, Knowledge(()))
    ours: Callable[[], Sequence[Tool]] = built_in(AGENT, company, KeptOutbox())
    return OwnBrain(answer, company, lambda: [*ours(), *more], asyncio.get_running_loop().time)


class TestAStream(BrainConformance):
    """Words as they come."""

    @pytest.fixture
    async def brain(self) -> OwnBrain:
        async def answer(talk: Talk) -> AsyncIterator[str]:
            yield "We are **open** "
            await asyncio.sleep(0)
            yield "from nine to five."

        return own(answer)


class TestAWhole(BrainConformance):
    """One text."""

    @pytest.fixture
    async def brain(self) -> OwnBrain:
        async def answer(talk: Talk) -> str:
            await asyncio.sleep(0)
            return "From nine to five."

        return own(answer)


async def test_acts_come_behind_the_words_and_tools_into_the_record() -> None:
    """Whoever says goodbye and hangs up must be heard saying it."""

    async def answer(talk: Talk) -> str:
        told = await talk.use("order", dish="soup")
        talk.hang_up()
        talk.transfer_to("Anna Berger")
        talk.change_language("de")
        talk.expect("yes-no")
        return f"Done: {told}."

    session = own(answer, order).open(FACTS)
    words, acts = await reply(session, asked("Soup, please"))
    assert words == "Done: soup is ordered."
    used = [act for act in acts if isinstance(act, UsedTool)]
    assert [use.use.name for use in used] == ["order"] and used[0].use.result == "soup is ordered"
    assert acts[0] == BeganTool("order") and acts[2] == ExpectAnswer("yes-no")
    assert acts[3:] == [EndCall(), TransferTo("Anna Berger"), ChangeLanguage("de")]


async def test_what_a_function_may_not_do_is_refused() -> None:
    """A number is never dialled, a language nobody speaks is not spoken, wrong arguments are told in words."""

    async def answer(talk: Talk) -> str:
        for wrong in (
            lambda: talk.transfer_to("+43900123456"),
            lambda: talk.change_language("fr"),
            lambda: talk.expect("anything"),
        ):
            with pytest.raises(ValueError, match=r".+"):
                wrong()
        return await talk.use("order", food="soup") + await talk.use("fly")

    words, _ = await reply(own(answer, order).open(FACTS), asked("Well?"))
    assert "Wrong arguments" in words and "no such tool" in words


async def test_a_talk_tells_what_was_heard_and_keeps_a_memory() -> None:
    """A function must see the call as the caller did, and go on elsewhere where it left off."""
    seen: list[Talk] = []

    async def answer(talk: Talk) -> str:
        seen.append(talk)
        talk.memory["turns"] = talk.memory.get("turns", 0) + 1
        return f"Turn {talk.memory['turns']}."

    brain = own(answer)
    session = brain.open(FACTS)
    heard = Turn(1, "agent", "We have many rooms.", 0.0, 1.0, True, "We have")
    await reply(session, asked("stop"), [heard])
    words, _ = await reply(brain.open(FACTS, session.state()), asked("and now?", 2))
    assert words == "Turn 2."
    assert seen[0].heard[0].heard_text == "We have"
    assert seen[0].caller == FACTS.caller and seen[0].language == "en"
    assert "Speak English" in seen[0].briefing and "Anna Berger" in seen[0].briefing
    assert "+431111111" not in seen[0].briefing


@tool(changes=True)
def pay(amount: int) -> str:
    """Pays."""
    return f"{amount} paid"


async def test_what_wants_a_yes_is_asked_in_our_words_and_done_in_the_next_turn() -> None:
    """A function may be a language model in disguise: it can neither ask something else nor answer for the caller."""

    async def answer(talk: Talk) -> AsyncIterator[str]:
        yield "Gladly. "
        yield f"Done: {await talk.use('pay', amount=5)}."

    session = own(answer, pay).open(FACTS)
    words, acts = await reply(session, asked("Pay five"))
    assert words.startswith("Gladly.") and words.endswith("Shall I do that?") and "Done" not in words
    assert acts[-1] == ExpectAnswer("yes-no", heard_out=True)
    assert [act.use.error for act in acts if isinstance(act, UsedTool)] == ["unconfirmed"]
    heard = [Turn(1, "caller", "Pay five", 0, 1, False, "Pay five"), Turn(2, "agent", words, 1, 2, False, words)]
    words, _ = await reply(session, asked("Yes", 3), heard)
    assert words == "Gladly. Done: 5 paid."


@pytest.mark.parametrize("kept", [object(), "x" * 9000])
async def test_a_memory_that_cannot_travel_is_left_behind(kept: object) -> None:
    """Going on without it is better than not going on."""

    async def answer(talk: Talk) -> str:
        talk.memory["kept"] = kept
        return "Yes."

    session = own(answer).open(FACTS)
    await reply(session, asked("Well?"))
    assert session.state() == b'{"language":"en","memory":{},"once":{}}'


async def test_an_interruption_closes_the_function() -> None:
    """What it holds open (a model's answer, a lock) is let go in the moment the caller speaks."""
    closed = asyncio.Event()

    async def answer(talk: Talk) -> AsyncIterator[str]:
        try:
            yield "A long story. "
            yield "It goes on. "
        finally:
            closed.set()

    session = own(answer).open(FACTS)
    async with aclosing(session.reply(asked("Tell me"), (), NOW)) as events:  # type: ignore[type-var]
        async for _ in events:
            break
    assert closed.is_set()


async def test_a_tool_that_works_is_known_while_it_works() -> None:
    """So the caller is told that it takes a moment, before it is done."""
    go_on = asyncio.Event()

    @tool(changes=False)
    async def slow() -> str:
        """Takes its time."""
        await go_on.wait()
        return "there"

    async def answer(talk: Talk) -> AsyncIterator[str]:
        yield await talk.use("slow")

    events = own(answer, slow).open(FACTS).reply(asked("Well?"), (), NOW)
    first = await anext(events)
    assert first == Acted(BeganTool("slow"))
    go_on.set()
    rest = [event async for event in events]
    assert Said("there") in rest and isinstance(rest[0], Acted)


async def test_a_function_runs_in_one_task_and_is_not_far_ahead() -> None:
    """Libraries with scopes of their own need the one; what nobody hears any more should not be thought, the other."""
    tasks, made = set(), []

    async def answer(talk: Talk) -> AsyncIterator[str]:
        for number in range(100):
            tasks.add(asyncio.current_task())
            made.append(number)
            yield f"{number}. "

    events = own(answer).open(FACTS).reply(asked("Count"), (), NOW)
    for _ in range(3):
        await anext(events)
    assert len(tasks) == 1 and asyncio.current_task() not in tasks and len(made) < 20
    await events.aclose()  # type: ignore[attr-defined]


async def breaks(talk: Talk) -> AsyncIterator[str]:
    """Half a reply."""
    yield "Gladly. We are op"
    raise RuntimeError(talk.text)


async def hangs(talk: Talk) -> str:
    """Nothing, ever."""
    await asyncio.Event().wait()
    return ""


async def numbers(talk: Talk) -> AsyncIterator[Any]:
    """No text."""
    yield 42


@pytest.mark.parametrize(
    ("answer", "code"),
    [(breaks, "broken"), (hangs, "timeout"), (numbers, "no-text")],
    ids=["breaks", "hangs", "numbers"],
)
async def test_the_next_brain_goes_on(answer: Any, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's mistake costs a switch, half a sentence is never spoken, and the record says why."""
    monkeypatch.setattr(own_brain, "FIRST_S", 0.1)
    chain = BrainChain([own(answer), Receptionist(AGENT, Knowledge(()), KeptOutbox())], {})
    words, acts = await reply(chain.open(FACTS), asked("When are you open?"))
    assert words.strip() and "op\n" not in words
    use = next(act.use for act in acts if isinstance(act, UsedTool))
    assert (use.name, use.arguments["to"], use.result) == ("engine_switch", "receptionist", code)


async def test_a_function_that_goes_on_and_on_is_stopped() -> None:
    """Nobody listens to an endless reply, and it costs."""

    async def answer(talk: Talk) -> AsyncIterator[str]:
        while True:
            yield "And on and on it goes. "

    words, _ = await reply(own(answer).open(FACTS), asked("Tell me"))
    assert own_brain.WORDS_MOST <= len(words) <= own_brain.WORDS_MOST + 200


@pytest.mark.parametrize("wrong", [lambda talk: "yes", "yes", order, None])
def test_what_cannot_be_a_brain_is_refused_with_the_mend(wrong: object) -> None:
    """A plain function would hold up every other call."""
    with pytest.raises(TypeError, match="async def answer"):
        OwnBrain(wrong, AgentCompany(AGENT, Knowledge(())), list, lambda: 0.0)  # type: ignore[arg-type]


async def test_a_hanging_function_is_a_failure_of_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port knows no other way to fail."""
    monkeypatch.setattr(own_brain, "FIRST_S", 0.05)
    with pytest.raises(Unavailable, match="timeout"):
        await reply(own(hangs).open(FACTS), asked("Well?"))


async def test_where_nothing_more_may_be_paid_for_a_function_is_not_asked() -> None:
    """Only it knows what it costs; the next brain of the row answers."""

    async def answer(talk: Talk) -> str:
        raise AssertionError(talk)

    broke = replace(FACTS, may_spend=lambda: False)
    with pytest.raises(Rejected, match="budget"):
        await reply(own(answer).open(broke), asked("hello"))
