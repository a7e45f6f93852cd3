"""What an answer of a model that hears and speaks costs, by the file of prices: sound and text are priced apart."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from stella.app.prices import FILE
from stella.ports.realtime import Metered

_DATED = re.compile(r"-20\d\d-?\d\d-?\d\d$")


@dataclass(frozen=True, slots=True)
class SpokenPrice:
    """US dollars for a million tokens from a day on: text and sound that were sent, sent again, and written."""

    model: str
    since: date
    text: tuple[float, float, float]
    audio: tuple[float, float, float]


@lru_cache(maxsize=1)
def spoken_prices() -> Sequence[SpokenPrice]:
    """The file's `[[realtime]]` prices, newest first."""
    tree = tomllib.loads(FILE.read_text("utf-8"))
    read = [SpokenPrice(p["model"], p["from"], tuple(p["text"]), tuple(p["audio"])) for p in tree.get("realtime", ())]
    return tuple(sorted(read, key=lambda price: price.since, reverse=True))


def realtime_usd(model: str, spent: Metered, day: date) -> float | None:
    """What an answer cost on a day; None where no price is known."""
    plain = _DATED.sub("", model)
    price = next((p for p in spoken_prices() if p.model in (model, plain) and p.since <= day), None)
    if price is None:
        return None
    text = (max(0, spent.text_sent - spent.text_cached), spent.text_cached, spent.text_written)
    audio = (max(0, spent.audio_sent - spent.audio_cached), spent.audio_cached, spent.audio_written)
    rates = zip((*text, *audio), (*price.text, *price.audio), strict=True)
    return sum(tokens * rate for tokens, rate in rates) / 1e6
