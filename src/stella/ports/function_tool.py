"""Python functions as tools: `@tool` over a function with type hints is all there is to it."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, get_type_hints

import msgspec

from stella.ports.tool import Care, ToolAnswer, ToolFacts

THREADS_MOST = 16
"""Plain functions that run at once. They have threads of their own: one that hangs keeps its thread for ever, and whoever finds
addresses and reads files must not wait behind it."""
_THREADS = ThreadPoolExecutor(THREADS_MOST, "tool")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


class FunctionTool:
    """Keeps `Tool` for a function. Its hints are the schema, its docstring is what the model reads.

    A parameter with the hint `ToolFacts` gets the call's facts and is not shown to the model. A plain function runs in a
    thread, so that it cannot hold up other calls; an `async` one must not block.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str = "",
        *,
        deadline_s: float = 5.0,
        changes: bool | None = None,
        care: Care | None = None,
    ) -> None:
        """`changes` True: it costs something or cannot be undone, so the caller is asked first; False: it only looks
        something up. Unless False, the same arguments are carried out once a call. `care` says more exactly.

        Raises TypeError for a function that cannot be a tool, with the mend.
        """
        self.name = name or function.__name__
        self.description = " ".join((inspect.getdoc(function) or "").split())
        self.deadline_s, self.outside = deadline_s, changes is not False
        self.care = care or Care(confirm=changes is True)
        self._changes = changes
        self._function = function
        if not _NAME.fullmatch(self.name):
            raise TypeError(f"{self.name!r} is not a tool's name: letters, digits and underscores, 40 at most")
        if not self.description:
            raise TypeError(f"{self.name} has no docstring: the model must know when to use it")
        self._wants_facts, fields = _fields(function, self.name)
        self.arguments: type[msgspec.Struct] = msgspec.defstruct(f"Arguments_{self.name}", fields)
        try:
            msgspec.json.schema(self.arguments)
        except TypeError as fault:
            raise TypeError(f"{self.name}: a hint cannot be shown to a model ({fault})") from None

    def named(self, name: str, care: Care | None = None) -> FunctionTool:
        """The same function under another name, and with other care where that is given."""
        return FunctionTool(
            self._function, name, deadline_s=self.deadline_s, changes=self._changes, care=care or self.care
        )

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port. What is returned is told as text, or as JSON; a ToolAnswer stands as it is."""
        given: dict[str, Any] = {name: getattr(arguments, name) for name in self.arguments.__struct_fields__}
        if self._wants_facts:
            given[self._wants_facts] = facts
        if inspect.iscoroutinefunction(self._function):
            told = await self._function(**given)
        else:
            work = partial(copy_context().run, self._function, **given)
            told = await asyncio.get_running_loop().run_in_executor(_THREADS, work)
        if isinstance(told, ToolAnswer):
            return told
        return ToolAnswer(told if isinstance(told, str) else msgspec.json.encode(told).decode())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function itself, as if nothing had been written over it."""
        return self._function(*args, **kwargs)


def _fields(function: Callable[..., Any], name: str) -> tuple[str, list[Any]]:
    """The name of the parameter that wants the facts, and the others as a struct's fields, the required ones first."""
    hints = get_type_hints(function, include_extras=True)
    wants, required, optional = "", [], []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{name}: {parameter.name} must be an ordinary parameter")
        hint = hints.get(parameter.name)
        if hint is None:
            raise TypeError(f"{name}: {parameter.name} has no type hint")
        if hint is ToolFacts:
            wants = parameter.name
        elif parameter.default is parameter.empty:
            required.append((parameter.name, hint))
        else:
            optional.append((parameter.name, hint, parameter.default))
    return wants, [*required, *optional]


def tool(
    *, name: str = "", deadline_s: float = 5.0, changes: bool | None = None, care: Care | None = None
) -> Callable[[Callable[..., Any]], FunctionTool]:
    """Make a function a tool: `@tool()`, `@tool(changes=False)` for a look-up, `@tool(changes=True)` to ask the caller first."""
    return lambda function: FunctionTool(function, name, deadline_s=deadline_s, changes=changes, care=care)
