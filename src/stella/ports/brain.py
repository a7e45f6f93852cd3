"""What answers a caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from stella.domain.acts import Act
from stella.domain.agent import Agent
from stella.domain.ids import TurnId
from stella.domain.transcript import Turn


def nobody_counts(what: str, amount: float) -> None:
    """The do-nothing way to hear of costs."""


def nobody_forbids() -> bool:
    """The do-nothing way to ask whether there is money."""
    return True


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What a brain may know of the call it is in, and where it says what it spends (`brain_usd`, `brain_tokens_sent` …).

    A brain that costs something asks `may_spend` before every request, and raises Rejected (`budget`) where it may not.
    """

    call_sid: str
    agent: Agent
    caller: str
    language: str
    voice_path: str
    now: datetime
    spend: Callable[[str, float], None] = field(default=nobody_counts, compare=False, repr=False)
    may_spend: Callable[[], bool] = field(default=nobody_forbids, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller did in this turn: said `text`, keyed `digits`, or was `silent`.

    `begun`: what another brain already said of this reply before it failed; go on behind it and repeat nothing.
    `turn_over` is there when this was asked ahead, before the caller is known to be done, and is set when they are. Until
    then the reply may be thrown away, so whoever would change something outside waits for it.
    """

    turn: TurnId
    text: str
    digits: str = ""
    silent: bool = False
    begun: str = ""
    turn_over: asyncio.Event | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """The next piece of the reply; pieces are joined as they are and cut into sentences by the shell."""

    text: str


@dataclass(frozen=True, slots=True)
class Acted:
    """The brain wants an act; it is carried out when the words before it have been heard."""

    act: Act


BrainEvent: TypeAlias = Said | Acted


class BrainSession(Protocol):
    """One call's conversation partner."""

    def reply(self, asked: Asked, context: Sequence[Turn], now: datetime) -> AsyncIterator[BrainEvent]:
        """Answer a turn. `context` is the transcript as heard. Closing the iterator early is quiet.

        Raises ProviderError.
        """

    def switch(self, language: str) -> None:
        """The call goes on in another language."""

    def state(self) -> bytes:
        """Everything needed to go on elsewhere (another path, another process); at most 16 kB."""

    async def close(self) -> None:
        """The call is over."""


class Brain(Protocol):
    """A conversation partner for every call of one agent."""

    name: str

    def open(self, facts: CallFacts, state: bytes = b"") -> BrainSession:
        """Begin, or go on where `state` left off (unreadable state begins anew)."""

    async def close(self) -> None:
        """Stop for all calls."""
