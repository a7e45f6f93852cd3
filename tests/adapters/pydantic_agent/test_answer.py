"""A Pydantic AI agent keeps the promises of a brain: streamed, cancelled, with tools, told what was heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, RunContext
from pydantic_ai.exceptions import ModelHTTPError, UnexpectedModelBehavior, UserError
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel
from pydantic_ai.models.test import TestModel as CannedModel
from tests.calls.test_own_brain import own
from tests.conformance.brain import FACTS, NOW, BrainConformance, asked, reply

from stella.adapters.pydantic_agent import answering, is_agent
from stella.calls.own_brain import OwnBrain
from stella.domain.acts import EndCall, UsedTool
from stella.domain.transcript import Turn
from stella.ports.brain import CallFacts
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.own_brain import Talk


def brain(stream: Any, **more: Any) -> OwnBrain:
    """An agent whose model is this function."""
    return own(answering(Agent(FunctionModel(stream_function=stream), **more)))


class TestAnAgent(BrainConformance):
    """All promises of the port."""

    @pytest.fixture
    async def brain(self) -> OwnBrain:
        return own(answering(Agent(CannedModel(custom_output_text="We are **open** from nine.", call_tools=[]))))


async def test_it_is_told_what_was_heard_and_what_the_telephone_needs() -> None:
    """A model that believes it was heard out answers past the caller."""
    told: list[list[ModelMessage]] = []
    instructions: list[str | None] = []

    async def thinks(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        told.append(messages)
        instructions.append(info.instructions)
        yield "Yes."

    heard = [
        Turn(1, "caller", "Rooms?", 0, 1, False, "Rooms?"),
        Turn(2, "agent", "We have fourteen rooms.", 1, 2, True, "We have"),
        Turn(3, "agent", "Never heard.", 2, 3, True, ""),
        Turn(4, "caller", "How many?", 3, 4, False, "How many?"),
    ]
    session = brain(thinks, instructions="You are the concierge.").open(FACTS)
    await reply(session, asked("How many?", digits="7"), heard)
    request, response, last = told[0]
    assert isinstance(request, ModelRequest) and request.parts[0].content == "Rooms?"
    assert isinstance(response, ModelResponse) and [part.content for part in response.parts] == ["We have"]  # type: ignore[union-attr]
    assert isinstance(last, ModelRequest) and last.parts[-1].content == "How many? [pressed the keys 7]"
    assert "You are the concierge." in str(instructions[0]) and "You are on the telephone" in str(instructions[0])


async def test_its_own_tools_run_inside_and_are_in_the_record_and_ours_are_offered() -> None:
    """Both kinds of deeds must be found again by whoever reads the call."""
    offered: list[str] = []

    async def thinks(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        offered[:] = [each.name for each in info.function_tools]
        done = [part.tool_name for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
        if not done:
            yield "One moment."
            yield {1: DeltaToolCall("rooms", '{"day": "2026-12-24"}', tool_call_id="1")}
        elif done == ["rooms"]:
            yield "Two are free."
            yield {1: DeltaToolCall("end_call", "{}", tool_call_id="2")}
        else:
            yield "Goodbye."

    agent = Agent(FunctionModel(stream_function=thinks), deps_type=Talk)

    @agent.tool
    def rooms(ctx: RunContext[Talk], day: str) -> str:
        """Free rooms."""
        return f"two on {day} for {ctx.deps.caller}"

    words, acts = await reply(own(answering(agent)).open(FACTS), asked("Rooms at Christmas?"))
    assert words == "One moment. Two are free. Goodbye."
    uses = [act.use for act in acts if isinstance(act, UsedTool)]
    assert [(use.name, use.arguments) for use in uses] == [("rooms", {"day": "2026-12-24"}), ("end_call", {})]
    assert uses[0].result == f"two on 2026-12-24 for {FACTS.caller}"
    assert acts[-1] == EndCall()
    assert {"rooms", "take_message", "end_call", "transfer_to", "knowledge_search"} <= set(offered)


async def test_a_name_the_agent_has_itself_is_the_agents() -> None:
    """Two tools of one name would stop every run."""

    async def thinks(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        done = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
        if done:
            yield str(done[0].content)
        else:
            yield {0: DeltaToolCall("end_call", "{}", tool_call_id="1")}

    agent = Agent(FunctionModel(stream_function=thinks))

    @agent.tool_plain
    def end_call() -> str:
        """Ours."""
        return "not yet"

    words, acts = await reply(own(answering(agent)).open(FACTS), asked("Bye"))
    assert words == "not yet" and EndCall() not in acts


async def test_an_interruption_cancels_the_run() -> None:
    """The model stops writing, and costing, when the caller speaks."""
    closed = asyncio.Event()

    async def thinks(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        try:
            yield "A long story. "
            await asyncio.Event().wait()
        finally:
            closed.set()

    session = brain(thinks).open(FACTS)
    async with aclosing(session.reply(asked("Tell me"), (), NOW)) as events:  # type: ignore[type-var]
        async for _ in events:
            break
    async with asyncio.timeout(20):
        await closed.wait()


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (ModelHTTPError(401, "m", "the caller said x"), Rejected, "http-401"),
        (ModelHTTPError(503, "m"), Unavailable, "http-503"),
        (UnexpectedModelBehavior("the caller said x"), Malformed, "unexpected"),
        (UserError("no key"), Rejected, "set-up"),
        (OSError("the caller said x"), Unavailable, "broken"),
    ],
)
async def test_its_failures_are_those_of_a_provider(fault: Exception, kind: type[ProviderError], code: str) -> None:
    """So the next brain goes on, and no word of a caller is in the failure."""

    async def thinks(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        yield "Well. "
        raise fault

    with pytest.raises(kind) as caught:
        await reply(brain(thinks).open(FACTS), asked("Well?"))
    assert caught.value.code == code and "caller" not in str(caught.value)


async def test_it_cannot_go_round_in_circles() -> None:
    """A model that asks for tools without end is stopped."""

    async def thinks(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        yield {0: DeltaToolCall("knowledge_search", '{"question": "x"}', tool_call_id=str(len(messages)))}

    with pytest.raises(Unavailable, match="too-many-steps"):
        await reply(brain(thinks).open(FACTS), asked("Well?"))


async def test_what_it_spends_is_counted() -> None:
    """Tokens belong into the call's cost, whoever asked for them."""
    spent: dict[str, float] = {}

    def spend(what: str, amount: float) -> None:
        spent[what] = spent.get(what, 0) + amount

    facts = CallFacts(FACTS.call_sid, FACTS.agent, FACTS.caller, "en", "stream", NOW, spend)
    made = own(answering(Agent(CannedModel(custom_output_text="Yes.", call_tools=[]))))
    await reply(made.open(facts), asked("Well?"))
    assert spent["brain_tokens_sent"] > 0 and spent["brain_tokens_written"] > 0


def test_an_agent_that_cannot_answer_in_words_is_refused() -> None:
    """At the start, with the mend."""

    class Form(BaseModel):
        field: str

    with pytest.raises(TypeError, match="output_type"):
        answering(Agent(CannedModel(), output_type=Form))
    with pytest.raises(TypeError, match="deps_type=Talk"):
        answering(Agent(CannedModel(), deps_type=dict))
    assert is_agent(Agent(CannedModel())) and not is_agent(test_an_agent_that_cannot_answer_in_words_is_refused)
