"""What a brain may use besides words. A tool is asked by name with checked arguments; it never sees a model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import msgspec

from stella.domain.acts import Act
from stella.domain.agent import Agent, ToolCare


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """The call a tool is used in. `key` is the same for the same call, tool and arguments: whoever changes something
    outside hands it on, so that twice is once."""

    call_sid: str
    caller: str
    language: str
    agent: Agent
    now: datetime
    key: str = ""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What came of it. `text` goes to the model (bounded by whoever calls), `acts` to the conversation, `record` into
    the call's record in place of the arguments; `error` is a short stable word, and `text` then says what to do. `undoes`
    are the keys of uses that no longer hold: asked again, they are carried out again."""

    text: str
    acts: tuple[Act, ...] = ()
    error: str | None = None
    record: Mapping[str, Any] | None = None
    undoes: tuple[str, ...] = ()


Asks = Callable[[msgspec.Struct, ToolFacts], str]
"""What is about to happen, in the call's language, as a sentence a caller can say yes or no to."""
First = Callable[[msgspec.Struct, ToolFacts], Awaitable[ToolAnswer | None]]
"""Looked at before the question is put: an answer here is the answer, and nobody is asked for what cannot be."""


@dataclass(frozen=True, slots=True)
class Care:
    """How carefully a tool is used; a model cannot talk its way around any of it.

    `confirm`: only after the caller said yes to what is about to happen, said by us in the words of `asks`. `most`: so many
    different uses in a call. `repeats`: twice with the same key is known to be once on the other side, so that a use whose
    outcome is unknown may be tried again.
    """

    confirm: bool = False
    most: int = 20
    repeats: bool = False
    asks: Asks | None = field(default=None, compare=False)
    first: First | None = field(default=None, compare=False)


CAREFREE = Care()


def care_of(setup: ToolCare, *, repeats: bool = False) -> Care:
    """An agent file's care for a tool, with its own words for the question where it has them in the language."""
    ready = {code: setup.asks.get(code, "") for code in ("de", "en")}

    def asks(given: msgspec.Struct, facts: ToolFacts) -> str:
        text = ready[facts.language if facts.language in ready else "en"]
        for name, value in msgspec.to_builtins(given).items():
            text = text.replace("{" + name + "}", "" if value is None else str(value))
        return text

    return Care(setup.confirm, setup.most, repeats, asks if all(ready.values()) else None)


class Tool(Protocol):
    """One thing that can be done. `arguments` is a msgspec struct: its schema is what a model sees, its types are checked.

    `outside`: it changes something beyond this call, so the same arguments are carried out once a call.
    """

    @property
    def name(self) -> str:
        """Letters, digits and underscores."""

    @property
    def description(self) -> str:
        """One or two sentences: what it does and when to use it."""

    @property
    def arguments(self) -> type[msgspec.Struct]:
        """The arguments' type."""

    @property
    def deadline_s(self) -> float:
        """How long a caller waits for it."""

    @property
    def outside(self) -> bool:
        """Whether it changes something outside."""

    @property
    def care(self) -> Care:
        """Whether the caller must agree first, and how often it may be used."""

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """Do it. Raises ProviderError; anything else it raises is taken as a failure of the tool, not of the call."""


@runtime_checkable
class Described(Protocol):
    """A tool that brings the schema a model sees, because it says more than the arguments' type."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """A JSON schema of type object, without references."""
