"""Who pays: whatever asks a vendor for something says so, and the call it was for writes it down.

The payer goes with the task, as its context does, so that nothing between a call and a vendor has to pass it on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from typing import Protocol, TypeAlias

Spend: TypeAlias = Callable[[str, float], None]
"""Takes what was asked for and how much of it: `tts:elevenlabs` and 42 characters, `stt:deepgram` and 3.2 seconds."""


def nobody_pays(what: str, amount: float) -> None:
    """What is rendered at the start, and what tests do."""


_PAYER: ContextVar[Spend] = ContextVar("payer", default=nobody_pays)


@contextmanager
def paid_by(payer: Spend) -> Iterator[None]:
    """Everything asked for inside, and in tasks that begin inside, is for `payer`."""
    before = _PAYER.set(payer)
    try:
        yield
    finally:
        _PAYER.reset(before)


def spent(what: str, amount: float) -> None:
    """A vendor is being asked for this."""
    _PAYER.get()(what, amount)


class Prices(Protocol):
    """What things cost."""

    def of(self, what: str, amount: float, day: date) -> float | None:
        """US dollars for so much of it on a day; None where no price is known."""

    def unit(self, what: str) -> str:
        """By what it is charged: `minute` (amounts are seconds), `1000` (amounts are characters), `use`, or nothing."""

    def by_line(self, what: str) -> bool:
        """Whether ears are charged as long as they are open, and not only while somebody speaks."""


class Gratis:
    """Nothing costs anything."""

    def of(self, what: str, amount: float, day: date) -> float | None:
        """Nothing."""
        return 0.0

    def unit(self, what: str) -> str:
        """None."""
        return ""

    def by_line(self, what: str) -> bool:
        """No."""
        return False
