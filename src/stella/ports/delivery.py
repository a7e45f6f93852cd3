"""How a message leaves the house."""

from __future__ import annotations

from typing import Protocol

from stella.domain.agent import NotifyTarget
from stella.ports.store import Notice


class Delivery(Protocol):
    """One way of delivering: e-mail, webhook. The outbox decides when, and how often."""

    kind: str

    async def deliver(self, notice: Notice, target: NotifyTarget, delivery_id: str) -> None:
        """Hand the notice over; returning means that the other side took it. `delivery_id` is the same at every attempt.

        Raises Unavailable (try again, after `retry_after` if given) or Rejected. No error holds text, number or secret.
        """

    async def close(self) -> None:
        """Stop soon."""
