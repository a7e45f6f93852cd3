"""What a program brings that no agent file can hold: an agent as values, functions as tools, a function as a brain."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from stella.adapters.pydantic_agent import answering, is_agent
from stella.calls.own_brain import why_not_answer
from stella.domain.agent import Agent
from stella.domain.errors import ConfigError
from stella.ports.own_brain import Answer
from stella.ports.tool import Tool

OWN = "own"
"""The name of a program's own brain, in `engines.brain` and in records."""
PYTHON = "python:"
"""`python:module:function` is a brain that an agent file names."""


@dataclass(frozen=True, slots=True)
class Own:
    """A brain and tools of one's own, for every agent of the house."""

    brain: Answer | None = None
    tools: tuple[Tool, ...] = ()


NOTHING_OWN = Own()


@dataclass(frozen=True, slots=True)
class Program:
    """A house whose agent is a program's. `agent` is made anew whenever the pages of its folder may have changed."""

    agent: Callable[[], Agent]
    own: Own = field(default_factory=Own)


def answer_of(thing: object, name: str) -> Answer:
    """An async function, or a Pydantic AI agent, as a brain. Raises ConfigError with what it should be."""
    if is_agent(thing):
        try:
            return answering(cast("Any", thing))
        except TypeError as fault:
            raise ConfigError(f"engines.brain: {name}: {fault}") from None
    if why := why_not_answer(thing):
        raise ConfigError(f"engines.brain: {name}: {why}")
    return cast("Answer", thing)


def own_answer(name: str, own: Own) -> Answer | None:
    """The function behind a name of `engines.brain`; None where it is no such name. Raises ConfigError."""
    if name == OWN and own.brain is not None:
        return own.brain
    if not name.startswith(PYTHON):
        return None
    module, _, attribute = name.removeprefix(PYTHON).partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as fault:  # noqa: BLE001 importing runs code of somebody else's
        raise ConfigError(
            f"engines.brain: {name} cannot be loaded ({type(fault).__name__}); "
            "its folder must be in PYTHONPATH, and it must import without an error"
        ) from None
    return answer_of(found, name)
