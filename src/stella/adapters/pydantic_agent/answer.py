"""A Pydantic AI agent as a function that answers: its text as it is made, its own tools and ours, the talk as heard.

Agents: https://pydantic.dev/docs/ai/core-concepts/agent/
Events of a run: https://pydantic.dev/docs/ai/core-concepts/agent/#streaming-all-events
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from stella.domain.transcript import Turn
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.own_brain import Answer, Talk

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.toolsets import FunctionToolset

NAME = "pydantic-ai"
REQUESTS_MOST = 6
"""Requests to the model in one turn; a caller waits for all of them."""
TURNS_MOST = 60
TEXT_MOST = 2_000


def is_agent(thing: object) -> bool:
    """Whether this is such an agent; without loading the library where nobody did."""
    library = sys.modules.get("pydantic_ai")
    return library is not None and isinstance(thing, library.Agent)


def answering(agent: Agent[Any, Any]) -> Answer:
    """The agent as a function. Raises TypeError for one that cannot answer in words, with the mend."""
    if agent.output_type is not str:
        raise TypeError("a Pydantic AI agent must answer in text here: leave its output_type away")
    if agent.deps_type not in (object, type(None), Talk):
        raise TypeError(
            "a Pydantic AI agent gets the Talk as its deps: use deps_type=Talk, or write an async function around it"
        )

    async def answer(talk: Talk) -> AsyncIterator[str]:
        try:
            async for piece in _run(agent, talk):
                yield piece
        except ProviderError:
            raise
        except Exception as fault:  # noqa: BLE001 whatever a library throws, the next brain answers
            raise failure_of(fault) from None

    return answer


async def _run(agent: Agent[Any, Any], talk: Talk) -> AsyncIterator[str]:
    from pydantic_ai import AgentRunResultEvent, UsageLimits
    from pydantic_ai.messages import (
        FunctionToolCallEvent,
        FunctionToolResultEvent,
        PartDeltaEvent,
        PartStartEvent,
        TextPart,
        TextPartDelta,
    )

    ours = _tools(agent, talk)
    called: dict[str, Any] = {}
    said = False
    async with agent.run_stream_events(
        _prompt(talk),
        message_history=_history(talk),
        instructions=talk.briefing,
        deps=talk if agent.deps_type is Talk else None,
        toolsets=[ours],
        usage_limits=UsageLimits(request_limit=REQUESTS_MOST),
    ) as events:
        async for event in events:
            match event:
                case PartStartEvent(part=TextPart(content=text)):
                    # Words of another answer of the model begin a sentence of their own.
                    yield f" {text}" if said else text
                    said = True
                case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                    yield text
                case FunctionToolCallEvent(part=part):
                    called[part.tool_call_id] = part.args_as_dict()
                case FunctionToolResultEvent(part=part) if part.tool_name and part.tool_name not in ours.tools:
                    error = None if part.outcome == "success" else part.outcome
                    talk.note(part.tool_name, called.get(part.tool_call_id, {}), part.model_response_str(), error)
                case AgentRunResultEvent(result=result):
                    used = result.usage
                    talk.spend("brain_tokens_sent", used.input_tokens)
                    talk.spend("brain_tokens_cached", used.cache_read_tokens)
                    talk.spend("brain_tokens_written", used.output_tokens)
                case _:
                    pass


def _tools(agent: Agent[Any, Any], talk: Talk) -> FunctionToolset[Any]:
    """STELLA's tools, but for names the agent has tools of its own for."""
    from pydantic_ai import Tool
    from pydantic_ai.toolsets import FunctionToolset

    taken = {name for toolset in agent.toolsets for name in getattr(toolset, "tools", ())}

    def tool(name: str, says: str, schema: dict[str, Any]) -> Tool[Any]:
        async def use(**arguments: Any) -> str:
            return await talk.use(name, **arguments)

        return Tool.from_schema(use, name, says, schema)

    specs = [spec for spec in talk.tools.specs if spec.name not in taken]
    return FunctionToolset([tool(spec.name, spec.description, dict(spec.parameters)) for spec in specs])


def _prompt(talk: Talk) -> str:
    said = talk.text[:TEXT_MOST]
    if talk.digits:
        said = f"{said} [pressed the keys {talk.digits[:40]}]".strip()
    if talk.begun:
        said = f"{said}\n[You already said: {talk.begun[:TEXT_MOST]} Go on behind it; repeat nothing.]"
    return said if said.strip() and not talk.silent else f"{said} [the caller says nothing]".strip()


def _history(talk: Talk) -> list[ModelMessage]:
    """The talk before this turn, ours as far as it was heard."""
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

    messages: list[ModelMessage] = []
    for turn in _before(talk):
        if turn.speaker == "agent":
            if turn.heard_text.strip():
                messages.append(ModelResponse([TextPart(turn.heard_text.strip()[:TEXT_MOST])]))
        elif turn.text.strip():
            messages.append(ModelRequest([UserPromptPart(turn.text.strip()[:TEXT_MOST])]))
    return messages


def _before(talk: Talk) -> Iterable[Turn]:
    turns = list(talk.heard)[-TURNS_MOST:]
    if turns and turns[-1].speaker == "caller" and turns[-1].text.strip() == talk.text.strip():
        turns.pop()
    return turns


def failure_of(fault: Exception) -> ProviderError:
    """How the library's exceptions read as failures of a provider. No message goes on: it may hold what was said."""
    from pydantic_ai import exceptions

    if isinstance(fault, exceptions.ModelHTTPError):
        code = f"http-{fault.status_code}"
        return Rejected(NAME, code) if fault.status_code in (401, 402, 403, 404) else Unavailable(NAME, code)
    if isinstance(fault, exceptions.UsageLimitExceeded):
        return Unavailable(NAME, "too-many-steps")
    if isinstance(fault, exceptions.UnexpectedModelBehavior | msgspec.DecodeError):
        return Malformed(NAME, "unexpected", type(fault).__name__)
    if isinstance(fault, exceptions.UserError):
        return Rejected(NAME, "set-up", type(fault).__name__)
    return Unavailable(NAME, "broken", type(fault).__name__)
