"""What a brain may use besides words. A tool is asked by name with checked arguments; it never sees a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from stella.domain.acts import Act
from stella.domain.agent import Agent


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
    the call's record in place of the arguments; `error` is a short stable word, and `text` then says what to do."""

    text: str
    acts: tuple[Act, ...] = ()
    error: str | None = None
    record: Mapping[str, Any] | None = None


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

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """Do it. Raises ProviderError; anything else it raises is taken as a failure of the tool, not of the call."""
