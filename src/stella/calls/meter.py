"""What one call costs, as it grows, and how much of what it may cost is used up.

Law 1: everything paid for is in the record. Law 2: a cap is looked at before each request for a model's answer, so that
what lies above it is at most what was under way. Law 3: the conversation is told in steps, and decides what is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from stella.ports.spending import Gratis, Prices

STEPS: Final = 20
"""The conversation hears of every such part of a cap."""
CRUMB: Final = 1e-9
"""Less than any price, more than an error of rounding."""
CAPPED: Final = ("brain", "stt", "tts", "realtime")
"""What caps count. The carrier's minutes are written down but not capped: the only way to save them is not to answer."""
_AMOUNTS = {"minute": "s", "1000": "chars", "use": "uses"}


def nobody_listens(share: float) -> None:
    """No conversation is there."""


@dataclass(frozen=True, slots=True)
class Cap:
    """A bound in US dollars, and how much of it is used by now."""

    scope: str
    usd: float
    used: Callable[[], float]

    @property
    def share(self) -> float:
        """How much of it is used, 1 when it is all."""
        return self.used() / self.usd


class Meter:
    """Counts for one call."""

    def __init__(
        self,
        cost: dict[str, float] | None = None,
        prices: Prices | None = None,
        day: date = date.min,
        paid: Callable[[str, float], None] = lambda _kind, _usd: None,
    ) -> None:
        """`cost` is the record's; `paid` hears of money by its kind (`brain`, `stt`, `tts`, `carrier` …)."""
        self._cost = {} if cost is None else cost
        self._prices, self._day, self._paid = prices or Gratis(), day, paid
        self.caps: Sequence[Cap] = ()
        self._told = 0
        self._listener: Callable[[float], None] = nobody_listens
        self._minutes = 0
        self._ears, self._ears_open, self._heard_at = "", 0.0, 0.0

    @property
    def usd(self) -> float:
        """What the engines of this call cost so far."""
        return sum(self._cost.get(f"{kind}_usd", 0.0) for kind in CAPPED)

    @property
    def share(self) -> float:
        """How much of the tightest cap is used up, 1 when it is all."""
        return max((cap.share for cap in self.caps), default=0.0)

    def may(self) -> bool:
        """Whether one more request may be paid for."""
        return self.share < 1.0

    def watch(self, listener: Callable[[float], None]) -> None:
        """Tell this conversation how much is used up, now and whenever it has grown by a step."""
        self._listener, self._told = listener, 0
        self._tell()

    def spend(self, what: str, amount: float) -> None:
        """Something was asked for: money by its name (`brain_usd`), tokens, or so much of what has a price.

        Nothing is ever paid back: an amount below 0 counts for nothing.
        """
        amount = max(0.0, amount)
        kind, _, name = what.partition(":")
        if not name:
            self._add(what, amount)
            if kind.endswith("_usd"):
                self._money(kind.removesuffix("_usd"), amount)
            return
        if suffix := _AMOUNTS.get(self._prices.unit(what)):
            self._add(f"{kind}_{suffix}", amount)
        usd = self._prices.of(what, amount, self._day)
        if usd is None:
            self._add("unpriced", 1)
        elif usd:
            self._add(f"{kind}_usd", usd)
            self._money(kind, usd)

    def _add(self, what: str, amount: float) -> None:
        self._cost[what] = round(self._cost.get(what, 0.0) + amount, 6)

    def _money(self, kind: str, usd: float) -> None:
        self._add("usd", usd)
        self._paid(kind, usd)
        self._tell()

    def _tell(self) -> None:
        share = self.share
        steps = math.floor(share * STEPS + CRUMB)
        if steps > self._told:
            self._told = steps
            self._listener(share)

    def listen(self, ears: str, now: float) -> None:
        """From now on these ears are open (an empty name: none). Those of a model that hears are in its own bill."""
        self._line_until(now)
        self._ears, self._ears_open = "" if ":" in ears else ears, now

    def speaks(self, now: float) -> None:
        """The caller is listened to from now on."""
        self._heard_at = now

    def spoke(self, now: float) -> None:
        """The utterance is over: what was listened to is charged, where the line is not."""
        if self._ears and not self._prices.by_line(f"stt:{self._ears}") and self._heard_at:
            self.spend(f"stt:{self._ears}", max(0.0, now - self._heard_at))
        self._heard_at = 0.0

    def _line_until(self, now: float) -> None:
        if self._ears and self._prices.by_line(f"stt:{self._ears}"):
            self.spend(f"stt:{self._ears}", max(0.0, now - self._ears_open))
            self._ears_open = now

    def look(self, seconds: float, path: str, now: float) -> None:
        """Every now and then: minutes that have begun are counted, and what other calls have spent is seen."""
        self._line_until(now)
        while self._minutes < math.ceil(seconds / 60):
            self._minutes += 1
            self.spend("carrier:receive", 60)
            if path in ("stream", "realtime"):
                self.spend("carrier:stream", 60)
            elif path == "relay":
                self.spend("stt:relay", 60)
        self._tell()

    def resume(self, seconds: float) -> None:
        """The call was begun elsewhere: what is in its record was counted there."""
        self._minutes = math.ceil(seconds / 60) if "carrier_usd" in self._cost else 0
