"""A Python function with hints is a tool: the schema, the checks and the thread come by themselves."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest

import stella
from stella.calls.tools import Toolbox, spec_of
from stella.domain.acts import UsedTool
from stella.domain.agent import Agent, LanguageSetup
from stella.domain.phrases import PHRASES_EN
from stella.ports.function_tool import THREADS_MOST, FunctionTool
from stella.ports.language import ToolCall
from stella.ports.tool import ToolAnswer, ToolFacts

AGENT = Agent("office", "Vintaro", (LanguageSetup("en", "en-GB", "", "", PHRASES_EN),))
FACTS = ToolFacts("CA1", "+442012345678", "en", AGENT, datetime(2026, 11, 23, tzinfo=UTC))
SEEN: list[Any] = []


@stella.tool()
def free_rooms(
    day: date, beds: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2, *, kind: Literal["calm", "view"] = "calm"
) -> str:
    """Says which rooms are free on a day."""
    SEEN.append((threading.current_thread() is threading.main_thread(), day, beds, kind))
    return f"{beds} {kind}"


@stella.tool(changes=False, deadline_s=0.02)
async def who_calls(facts: ToolFacts) -> dict[str, str]:
    """Says who calls."""
    return {"caller": facts.caller, "key": str(bool(facts.key))}


async def use(tool: FunctionTool, **arguments: Any) -> tuple[str, str | None]:
    """Text and error."""
    outcome = await Toolbox([tool], lambda: 0.0).use(ToolCall("c", tool.name, json.dumps(arguments)), FACTS)
    used = outcome.acts[-1]
    assert isinstance(used, UsedTool)
    return outcome.text, used.use.error


async def test_functions_that_hang_hold_up_nobody_but_each_other() -> None:
    """A server that never answers a plain function must not take the threads that find addresses and read files."""
    over, hung = threading.Event(), 0

    @stella.tool(changes=False, deadline_s=0.05)
    def hangs() -> str:
        """Waits for somebody who never answers."""
        over.wait()
        return "late"

    try:
        for error in [(await use(hangs))[1] for _ in range(THREADS_MOST + 4)]:
            hung += error == "timeout"
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(lambda: "free") == "free"
    finally:
        over.set()
    assert hung == THREADS_MOST + 4


async def test_hints_are_the_schema_and_the_check() -> None:
    """Nothing is written twice."""
    spec = spec_of(free_rooms)
    assert spec.name == "free_rooms" and spec.description == "Says which rooms are free on a day."
    assert spec.parameters["required"] == ["day"]
    assert spec.parameters["properties"]["beds"] == {"type": "integer", "minimum": 1, "maximum": 4, "default": 2}
    assert await use(free_rooms, day="2026-12-24", kind="view") == ("2 view", None)
    assert SEEN[-1] == (False, date(2026, 12, 24), 2, "view"), "a plain function runs in a thread"
    for bad in ({}, {"day": "tomorrow"}, {"day": "2026-12-24", "beds": 9}, {"day": "2026-12-24", "kind": "x"}):
        assert (await use(free_rooms, **bad))[1] == "arguments"


async def test_the_calls_facts_are_given_and_not_asked_for() -> None:
    """A model cannot say who calls."""
    assert spec_of(who_calls).parameters["properties"] == {}
    assert json.loads((await use(who_calls, facts={"caller": "me"}))[0]) == {"caller": "+442012345678", "key": "True"}


async def test_a_function_that_breaks_or_hangs_costs_a_use() -> None:
    """And its error's text, which may hold what the caller said, goes nowhere."""

    async def breaks() -> str:
        """Breaks."""
        raise ValueError("secret")

    async def hangs() -> str:
        """Hangs."""
        import asyncio

        await asyncio.Event().wait()
        return ""

    def answers() -> ToolAnswer:
        """Answers for itself."""
        return ToolAnswer("no", error="sold-out")

    text, error = await use(FunctionTool(breaks))
    assert error == "broken" and "secret" not in text
    assert (await use(FunctionTool(hangs, deadline_s=0.01)))[1] == "timeout"
    assert await use(FunctionTool(answers)) == ("no", "sold-out")


def test_the_function_itself_stays_what_it_was() -> None:
    """One's own code and tests go on calling it."""
    assert free_rooms(date(2026, 1, 1), 3) == "3 calm"


def test_what_cannot_be_a_tool_says_why() -> None:
    """At the start, with the mend."""

    def silent(x: int) -> None: ...

    def unhinted(x) -> None:  # type: ignore[no-untyped-def]
        """Has no hint."""

    def stars(*x: int) -> None:
        """Takes anything."""

    def strange(x: threading.Thread) -> None:
        """Cannot be shown."""

    for function, reason in ((silent, "docstring"), (unhinted, "hint"), (stars, "ordinary"), (strange, "shown")):
        with pytest.raises(TypeError, match=reason):
            FunctionTool(function)
    with pytest.raises(TypeError, match="name"):
        FunctionTool(free_rooms._function, "with space")
