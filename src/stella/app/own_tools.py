"""The tools an agent file adds: HTTP interfaces, and Python functions of the operator's."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from stella.adapters.http_tool import HttpTool, ToolSessions
from stella.domain.agent import Agent, PythonToolSetup
from stella.domain.errors import ConfigError
from stella.ports.function_tool import FunctionTool
from stella.ports.tool import Tool, care_of


def own_tools(agent: Agent, sessions: ToolSessions | None) -> Sequence[Tool]:
    """Made once for all calls of this version of an agent. Raises ConfigError with the tool's name and the mend."""
    tools: list[Tool] = [_function(setup) for setup in agent.python_tools]
    if agent.http_tools and sessions is None:
        raise ConfigError("tools: an HTTP tool needs a network")
    return tools + [HttpTool(setup, sessions) for setup in agent.http_tools if sessions is not None]


def _function(setup: PythonToolSetup) -> FunctionTool:
    module, _, name = setup.function.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as fault:  # noqa: BLE001 importing runs code of somebody else's
        raise ConfigError(
            f"tools: {setup.name}: {setup.function} cannot be loaded ({type(fault).__name__}); "
            "its folder must be in PYTHONPATH, and it must import without an error"
        ) from None
    try:
        care = care_of(setup.care) if setup.care is not None else None
        made = found if isinstance(found, FunctionTool) else FunctionTool(found, setup.name)
        return made.named(setup.name, care)
    except TypeError as fault:
        raise ConfigError(f"tools: {setup.name} ({setup.function}): {fault}") from None
