"""What a language model does for a brain: text and tool calls as they grow. A model keeps nothing between answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it. `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool the model wants used. `arguments` is the JSON it wrote, whatever that is worth; `seal` is the vendor's own
    and goes back with the call unread."""

    id: str
    name: str
    arguments: str
    seal: str = ""


@dataclass(frozen=True, slots=True)
class FromCaller:
    """The caller's turn, with whatever a brain wants to tell the model beside it."""

    text: str


@dataclass(frozen=True, slots=True)
class FromAgent:
    """A turn of ours: words, and the tools that were asked for behind them."""

    text: str
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class FromTool:
    """What a tool answered to one of the calls before it."""

    call: ToolCall
    text: str
    failed: bool = False


Message: TypeAlias = FromCaller | FromAgent | FromTool


@dataclass(frozen=True, slots=True)
class Grew:
    """More of the reply's words."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call is complete."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class Spent:
    """What the answer cost, in tokens. `cached` of the `sent` ones were cheaper; `reckoned`: nobody told, it is a guess."""

    sent: int
    written: int
    cached: int = 0
    reckoned: bool = False


ModelEvent: TypeAlias = Grew | Called | Spent


class LanguageModel(Protocol):
    """One model of one vendor, shared by all calls."""

    @property
    def name(self) -> str:
        """As the agent file has it, such as `openai:gpt-5-mini`."""

    def answer(
        self, system: str, messages: Sequence[Message], tools: Sequence[ToolSpec], most_tokens: int
    ) -> AsyncIterator[ModelEvent]:
        """Stream the next turn of ours. Closing the iterator early closes the connection and is quiet.

        An answer that was cut off raises, however much of it came. Raises ProviderError.
        """

    async def check(self) -> None:
        """Ask something that costs nothing: is the key right? Raises ProviderError (Rejected for a wrong key)."""
