"""Where records remain, and how messages leave the house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from stella.domain.agent import NotifyTarget
from stella.domain.call import CallRecord


class CallStore(Protocol):
    """The records of calls. Times in records are the shell's; a store never reads a clock for them."""

    async def commit(self, record: CallRecord) -> None:
        """Write the record as it is now and return when it is safe on disk (disclosure, consent, the end of a call).

        Raises Unavailable when the database does not take it in time.
        """

    def save(self, record: CallRecord) -> None:
        """Write the record soon, batched with others; the newest state of a call wins. Never blocks, never raises.

        What cannot be written is kept and tried again; what must be given up is counted and logged.
        """

    async def get(self, call_sid: str) -> CallRecord | None:
        """One record, with everything."""

    async def known(self, call_sid: str) -> bool:
        """Whether there is a record of this call. Asked for every call that comes in, so it must be cheap."""

    async def list(self, limit: int = 50, before: str = "") -> Sequence[CallRecord]:
        """The newest calls first, without turns; `before` is the `created_at` of the last one seen."""

    async def keep_state(self, call_sid: str, state: bytes) -> None:
        """Keep what a call needs to go on elsewhere (brain state, legs); replaced as a whole, dropped at the end."""

    async def state(self, call_sid: str) -> bytes:
        """What `keep_state` kept, or empty."""

    async def ready(self) -> bool:
        """Whether the database takes writes now."""

    async def close(self) -> None:
        """Flush and stop."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a call cost so far, as its record has it."""

    call_sid: str
    agent: str
    to: str
    from_: str
    created_at: str
    cost: dict[str, float]


@dataclass(frozen=True, slots=True)
class Notice:
    """A message or a call-back task for people. `key` makes delivery idempotent; `fields` are what the caller confirmed."""

    key: str
    call_sid: str
    kind: str
    subject: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict)


class Outbox(Protocol):
    """Delivery with retry that survives a restart."""

    async def put(self, notice: Notice, agent: str) -> None:
        """Keep the notice safe for delivery to every `notify` target of the agent; twice the same key is once.

        Returns when it is durable. Raises Unavailable when it cannot be kept.
        """

    async def pending(self) -> int:
        """How many deliveries are still to be made."""


class KeptOutbox(Outbox, Protocol):
    """An outbox that can tell what was handed in."""

    async def kept(self, agent: str, kinds: Sequence[str]) -> Sequence[dict[str, Any]]:
        """The fields of an agent's notices of these kinds, the oldest first. Raises Unavailable."""


class DirectOutbox(Protocol):
    """Delivery, with the same retry, to somebody whom no agent file names: the caller."""

    async def put_to(self, notice: Notice, agent: str, target: NotifyTarget) -> None:
        """Keep the notice safe for delivery to this one target; twice the same key is once.

        Returns when it is durable. Raises Unavailable when it cannot be kept.
        """
