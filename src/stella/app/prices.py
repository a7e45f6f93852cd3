"""What an answer of a model costs, by a file of prices with dates."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from stella.ports.language import Spent

FILE = Path(__file__).parent / "prices.toml"

_DATED = re.compile(r"-20\d\d-?\d\d-?\d\d$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens from a day on."""

    model: str
    since: date
    sent: float
    cached: float
    written: float


@lru_cache(maxsize=1)
def prices(file: Path = FILE) -> Sequence[Price]:
    """The file's prices, newest first."""
    tree = tomllib.loads(file.read_text("utf-8"))
    read = [Price(p["model"], p["from"], p["sent"], p["cached"], p["written"]) for p in tree["price"]]
    return tuple(sorted(read, key=lambda price: price.since, reverse=True))


def usd(model: str, spent: Spent, day: date) -> float | None:
    """What an answer cost on a day; None where no price is known."""
    plain = _DATED.sub("", model)
    price = next((p for p in prices() if p.model in (model, plain) and p.since <= day), None)
    if price is None:
        return None
    fresh = max(0, spent.sent - spent.cached)
    return (fresh * price.sent + spent.cached * price.cached + spent.written * price.written) / 1e6
