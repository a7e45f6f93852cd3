"""What tells one vendor from another: how a question is written and how an answer is read. Nothing here touches a socket."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.language import Message, ModelEvent, ToolCall, ToolSpec

ARGUMENTS_MOST = 20_000
"""Characters of one call's arguments; a model that writes more is not asking for a tool."""
CALLS_MOST = 32

_WORD = re.compile(r"[A-Za-z0-9_.-]{1,60}")


@dataclass(frozen=True, slots=True)
class Question:
    """One request. A `body` makes it a POST, none a GET. `plain` is the same without what some servers refuse."""

    url: str
    headers: dict[str, str]
    body: bytes = b""
    plain: bytes = b""


class Reader(Protocol):
    """Reads one answer. `steps` grows with every piece of content, so that a stream of mere keep-alives is seen as one."""

    steps: int

    def read(self, data: str) -> list[ModelEvent]:
        """Take the data of one server-sent event. Raises ProviderError."""

    @property
    def done(self) -> bool:
        """Whether the vendor said that nothing follows."""

    def end(self) -> list[ModelEvent]:
        """The stream has ended: what remains. Raises Unavailable (`cut`) when the answer was not complete."""


class Dialect(Protocol):
    """One vendor's way to talk."""

    vendor: str

    def ask(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSpec], most_tokens: int) -> Question:
        """The request for an answer."""

    def check(self) -> Question:
        """A request that costs nothing and needs a right key."""

    def reader(self) -> Reader:
        """For one answer."""


def decode(vendor: str, data: str, kind: Any) -> Any:
    """JSON of a known shape. Raises Malformed."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Malformed(vendor, "json") from None


def word(text: object) -> str:
    """A vendor's error code if it is one; its sentences may quote a key or a prompt and are never passed on."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else ""


def failure(vendor: str, status: int, code: str = "", retry_after: float | None = None) -> ProviderError:
    """What a status and a vendor's error code mean."""
    name = f"http-{status}" if status else (code or "error")
    if "quota" in code or "billing" in code or "credit" in code or status == 402:
        return Rejected(vendor, "quota", code)
    if status in (408, 409, 425, 429) or status >= 500 or (not status and _passing(code)):
        return Unavailable(vendor, name, code, retry_after)
    return Rejected(vendor, name, code)


def _passing(code: str) -> bool:
    """Whether a code inside a stream, which has no status, is of those that pass."""
    return not any(bad in code.lower() for bad in ("invalid", "authentication", "permission", "not_found", "denied"))


@dataclass(slots=True)
class Growing:
    """A tool call that is still being written."""

    id: str
    name: str
    arguments: str = ""
    seal: str = ""

    def add(self, vendor: str, more: str) -> None:
        """More of the arguments. Raises Malformed when there is no end to them."""
        self.arguments += more
        if len(self.arguments) > ARGUMENTS_MOST:
            raise Malformed(vendor, "arguments-size")

    def whole(self, number: int) -> ToolCall:
        """The call; one without an id gets its place as one."""
        return ToolCall(self.id or f"call_{number}", self.name, self.arguments or "{}", self.seal)
