"""What the doors open onto: everything the app hands to the web room, in one value."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from stella.calls.front import Front
from stella.ports.metrics import Metrics, NullMetrics
from stella.ports.store import CallStore

EventSource: TypeAlias = Callable[[str], AsyncIterator[dict[str, Any]]]
"""For a CallSid: the public record now, and again after every change, until the call is over."""


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """A visitor's answer on a website. `address_hash` is keyed; the address itself is nowhere."""

    consent_id: str
    kind: str
    consent: bool
    origin: str
    address_hash: str
    at: str


async def _forget(answer: ConsentGiven) -> None:
    """Keeps nothing: the default where no store is given."""


def _nothing() -> None:
    """The default drain and farewell: nobody to tell."""


@dataclass(frozen=True, slots=True)
class Inside:
    """The house behind the doors.

    `events` streams a live call's record; `keep_consent` must be
    durable when it returns (Unavailable: the visitor is told so); `drain` is told once when the process is to end, and
    `farewell` once where calls are still alive at its deadline: say goodbye to them now, their lines close in a moment.
    """

    front: Front
    store: CallStore
    metrics: Metrics = field(default_factory=NullMetrics)
    events: EventSource | None = None
    keep_consent: Callable[[ConsentGiven], Awaitable[None]] = _forget
    drain: Callable[[], None] = _nothing
    farewell: Callable[[], None] = _nothing
