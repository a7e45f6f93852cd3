"""Prices have dates, and what is not in the file is not guessed."""

from __future__ import annotations

from datetime import date

import pytest

from stella.app.prices import prices, usd
from stella.ports.language import Spent

MILLION = Spent(1_000_000, 1_000_000, 400_000)


def test_an_answer_costs_what_the_file_says() -> None:
    """Cached tokens are cheaper."""
    assert usd("openai:gpt-5-mini", MILLION, date(2026, 1, 1)) == pytest.approx(0.6 * 0.25 + 0.4 * 0.025 + 2.0)


@pytest.mark.parametrize("model", ["openai:gpt-5-mini-2025-08-07", "anthropic:claude-haiku-4-5-20251001"])
def test_a_dated_version_costs_what_its_name_costs(model: str) -> None:
    """People pin versions."""
    assert usd(model, MILLION, date(2026, 1, 1)) is not None


def test_before_its_day_and_for_strangers_no_price_is_known() -> None:
    """Better no figure than a wrong one."""
    assert usd("openai:gpt-5-mini", MILLION, date(2025, 1, 1)) is None
    assert usd("openai:gpt-5-mini-high", MILLION, date(2026, 1, 1)) is None
    assert usd("google:anything", MILLION, date(2026, 1, 1)) is None


def test_every_price_is_one() -> None:
    """Cached is never dearer than fresh, and a model has one price a day."""
    assert all(0 < price.cached <= price.sent <= price.written for price in prices())
    assert len({(price.model, price.since) for price in prices()}) == len(prices())
