"""Prices have dates, and what is not in the file is not guessed."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from stella.app.house import house_prices
from stella.app.prices import FILE, prices, usd
from stella.app.settings import load_settings
from stella.app.speech_vendors import EARS, VOICES
from stella.domain.errors import ConfigError
from stella.ports.language import Spent

TODAY = date(2026, 11, 30)
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


def test_speech_and_the_carrier_have_rates_and_what_runs_here_costs_nothing(tmp_path: Path) -> None:
    """By the minute, the thousand characters, the use."""
    list_ = house_prices(load_settings({}))
    assert list_.of("tts:elevenlabs", 2000, TODAY) == pytest.approx(0.10)
    assert list_.of("stt:deepgram", 90, TODAY) == pytest.approx(1.5 * 0.0058)
    assert list_.of("stt:gather", 3, TODAY) == pytest.approx(0.06)
    assert list_.of("stt:moonshine", 90, TODAY) == 0.0 and list_.of("tts:embedded", 90, TODAY) == 0.0
    assert list_.of("stt:nobody", 90, TODAY) is None and list_.unit("stt:nobody") == ""


def test_every_engine_of_a_vendor_has_a_rate() -> None:
    """Otherwise a cap would not see it."""
    list_ = house_prices(load_settings({}))
    names = [f"stt:{name}" for name in EARS] + [f"tts:{name}" for name in VOICES]
    assert [name for name in names if list_.of(name, 1, TODAY) is None] == []


def test_every_price_says_where_it_is_from_and_whether_it_was_seen_there() -> None:
    """A figure without a source cannot be checked again."""
    tree = tomllib.loads(FILE.read_text("utf-8"))
    assert (TODAY - tree["checked"]).days < 365
    for price in [*tree["price"], *tree["rate"]]:
        assert price["source"].startswith("https://") and price["verified"] in ("yes", "no"), price


def test_a_file_of_ones_own_comes_first(tmp_path: Path) -> None:
    """For deployments, contracts and other addresses."""
    own = tmp_path / "prices.toml"
    own.write_text(
        '[[price]]\nmodel = "azure:office"\nfrom = 2026-01-01\nsent = 1\ncached = 0.5\nwritten = 4\n'
        '[[rate]]\nfor = "carrier:receive"\nfrom = 2026-01-01\nusd = 0.01\nper = "minute"\n'
    )
    list_ = house_prices(load_settings({"STELLA_PRICES": str(own)}))
    assert list_.answer("azure:office", MILLION, TODAY) == pytest.approx(0.6 + 0.2 + 4.0)
    assert list_.answer("openai:gpt-5-mini", MILLION, TODAY) is not None
    assert list_.of("carrier:receive", 60, TODAY) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[[price]]\nmodel = 1", "from"),
        ("[[", "cannot be read"),
        ('[[rate]]\nfor = "stt:x"\nfrom = 2026-01-01\nusd = 1\nper = "hour"', "per"),
        ('[[rate]]\nfor = "stt:x"\nfrom = 2026-01-01\nusd = -1\nper = "use"', "usd"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_fault(tmp_path: Path, text: str, fault: str) -> None:
    """At the start."""
    own = tmp_path / "prices.toml"
    own.write_text(text)
    with pytest.raises(ConfigError, match=fault):
        house_prices(load_settings({"STELLA_PRICES": str(own)}))
    with pytest.raises(ConfigError, match="cannot be read"):
        house_prices(load_settings({"STELLA_PRICES": str(tmp_path / "none.toml")}))
