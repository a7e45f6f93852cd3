"""Models that hear and speak, by name: what the page says of them, what each needs, and what an answer costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import aiohttp
import pytest
from tests.adapters.realtime.server import KEY
from tests.app.test_engines_page import table
from tests.calls.conftest import AGENT, ScriptedBrain
from tests.calls.realtime_model import Company

from stella.app.realtime import VENDORS, Realtimes, realtime_access
from stella.app.realtime_prices import realtime_usd, spoken_prices
from stella.app.settings import load_settings
from stella.calls.realtime_brain import RealtimeBrain
from stella.calls.tools import Toolboxes
from stella.domain.agent import Agent, Engines
from stella.domain.agent_file import parse_agent
from stella.domain.errors import ConfigError
from stella.ports.realtime import Metered


def agent(*names: str) -> Agent:
    """One that is carried by these models."""
    return replace(AGENT, voice_path="realtime", engines=Engines(realtime=names))


def wrapped(session: aiohttp.ClientSession, it: Agent, **environ: str) -> RealtimeBrain:
    """Its brain, with these settings."""
    realtimes = Realtimes(session, realtime_access(load_settings(environ)))
    brain = realtimes.wrap(it, ScriptedBrain(lambda _asked: []), Company(), Toolboxes(list, lambda: 0.0))
    assert isinstance(brain, RealtimeBrain)
    return brain


async def test_the_table_says_what_the_adapters_declare() -> None:
    """A reader chooses by it."""
    rows = table_of_models()
    assert set(rows) == {f"{vendor}:MODEL" for vendor in VENDORS}
    async with aiohttp.ClientSession() as session:
        for vendor, make in VENDORS.items():
            model = make("model", KEY, session, "")
            assert model.name == f"{vendor}:model"
            assert rows[f"{vendor}:MODEL"][1:3] == [", ".join(sorted(model.languages)), getattr(model, "codec", "")]


def table_of_models() -> dict[str, list[str]]:
    """The rows of the page; an example stands before them."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "engines.md").read_text()
    part = page.split("## Models that hear and speak\n", 1)[1].split("| Engine ", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()[2:]]
    assert table("Ears")
    return {row[0].strip("`"): row[1:] for row in rows}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_missing_key_stops_the_start_with_the_settings_name(vendor: str) -> None:
    """Not in the middle of a call; and the page names the same setting."""
    setting = realtime_access(load_settings({}))[vendor].setting
    assert setting in table_of_models()[f"{vendor}:MODEL"][0]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigError, match=setting):
            wrapped(session, agent(f"{vendor}:model"))


async def test_a_name_nobody_knows_and_no_name_at_all_stop_the_start() -> None:
    """Each with what to write instead."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigError, match="openai:MODEL"):
            wrapped(session, agent("acme:model"), OPENAI_API_KEY=KEY)
        with pytest.raises(ConfigError, match="openai:MODEL"):
            wrapped(session, agent("openai"), OPENAI_API_KEY=KEY)
        with pytest.raises(ConfigError, match=r"realtime = \[.openai:gpt-realtime"):
            wrapped(session, agent(), OPENAI_API_KEY=KEY)


def test_the_agent_file_names_them() -> None:
    """In the order they are tried."""
    text = (
        'name = "a"\ncompany = "A"\nvoice_path = "realtime"\n[[languages]]\ncode = "en"\n'
        '[engines]\nrealtime = ["openai:gpt-realtime-2", "openai:gpt-realtime"]\n'
    )
    read = parse_agent(text, "a.toml", {}, {})
    assert read.voice_path == "realtime"
    assert read.engines.realtime == ("openai:gpt-realtime-2", "openai:gpt-realtime")


def test_sound_is_dearer_than_text_and_what_was_cached_is_cheaper() -> None:
    """By hand: 60 x 4 + 40 x 0.4 + 20 x 16 for text, 50 x 32 + 80 x 64 for sound, all in millionths."""
    spent = Metered(100, 50, 40, 0, 20, 80)
    assert realtime_usd("openai:gpt-realtime", spent, date(2026, 11, 30)) == pytest.approx(0.007296)
    assert realtime_usd("openai:gpt-realtime-2025-08-28", spent, date(2026, 11, 30)) == pytest.approx(0.007296)
    assert realtime_usd("openai:gpt-realtime", spent, date(2025, 1, 1)) is None
    assert realtime_usd("openai:another", spent, date(2026, 11, 30)) is None
    assert all(price.audio[0] > price.text[0] for price in spoken_prices())
