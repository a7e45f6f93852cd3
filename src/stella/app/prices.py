"""What things cost, by files of prices with dates: the one that comes along, and one's own, which wins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from stella.domain.errors import ConfigError
from stella.ports.language import Spent

FILE = Path(__file__).parent / "prices.toml"
UNITS: Mapping[str, float] = {"minute": 60.0, "1000": 1000.0, "use": 1.0}

_DATED = re.compile(r"-20\d\d-?\d\d-?\d\d$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens of a model from a day on."""

    model: str
    since: date
    sent: float
    cached: float
    written: float


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars for a `unit` of something (`stt:deepgram`) from a day on. `line`: also while nobody speaks."""

    what: str
    since: date
    usd: float
    unit: str
    line: bool = False


@dataclass(frozen=True, slots=True)
class PriceList:
    """Keeps `ports.spending.Prices`. `gratis` are the names that cost nothing and need no line anywhere; one that ends in a
    colon stands for all that begin with it."""

    models: Sequence[Price]
    rates: Sequence[Rate]
    gratis: frozenset[str] = frozenset()

    def model(self, name: str, day: date) -> Price | None:
        """The price of a model; a dated version has that of its name."""
        plain = _DATED.sub("", name)
        return next((price for price in self.models if price.model in (name, plain) and price.since <= day), None)

    def answer(self, model: str, spent: Spent, day: date) -> float | None:
        """What an answer cost on a day; None where no price is known."""
        price = self.model(model, day)
        if price is None:
            return None
        fresh = max(0, spent.sent - spent.cached)
        return (fresh * price.sent + spent.cached * price.cached + spent.written * price.written) / 1e6

    def rate(self, what: str, day: date = date.max) -> Rate | None:
        """The rate of something on a day."""
        return next((rate for rate in self.rates if rate.what == what and rate.since <= day), None)

    def of(self, what: str, amount: float, day: date) -> float | None:
        """As the port."""
        if self._gratis(what):
            return 0.0
        rate = self.rate(what, day)
        return None if rate is None else rate.usd * amount / UNITS[rate.unit]

    def _gratis(self, what: str) -> bool:
        return what in self.gratis or any(name.endswith(":") and what.startswith(name) for name in self.gratis)

    def unit(self, what: str) -> str:
        """As the port."""
        rate = self.rate(what)
        return "" if rate is None or self._gratis(what) else rate.unit

    def by_line(self, what: str) -> bool:
        """As the port."""
        rate = self.rate(what)
        return rate is not None and rate.line


@lru_cache(maxsize=8)
def price_list(own: Path | None = None, gratis: Collection[str] = frozenset()) -> PriceList:
    """The prices that come along, behind those of one's own. Raises ConfigError with the file and the fault."""
    models: list[Price] = []
    rates: list[Rate] = []
    for path in (own, FILE) if own else (FILE,):
        tree = _read(path)
        try:
            found = [Price(p["model"], p["from"], p["sent"], p["cached"], p["written"]) for p in tree.get("price", ())]
            told = [
                Rate(r["for"], r["from"], r["usd"], r["per"], r.get("billed") == "line") for r in tree.get("rate", ())
            ]
        except (KeyError, TypeError) as fault:
            raise ConfigError(f"{path}: a price lacks or misspells {fault}; see docs/how-to/what-it-costs.md") from None
        if wrong := next((rate for rate in told if rate.unit not in UNITS or rate.usd < 0), None):
            raise ConfigError(f"{path}: {wrong.what}: `per` is one of {', '.join(UNITS)}, and `usd` not below 0")
        models += sorted(found, key=lambda price: price.since, reverse=True)
        rates += sorted(told, key=lambda rate: rate.since, reverse=True)
    return PriceList(tuple(models), tuple(rates), frozenset(gratis))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise ConfigError(f"STELLA_PRICES: {path} cannot be read: {fault}") from None


def usd(model: str, spent: Spent, day: date) -> float | None:
    """What an answer cost on a day by the prices that come along; None where no price is known."""
    return price_list().answer(model, spent, day)


def prices() -> Sequence[Price]:
    """The models that come along, newest price first."""
    return price_list().models
