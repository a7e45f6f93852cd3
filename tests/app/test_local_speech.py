"""Local engines by name: in rows with others, from the list or from a folder of one's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.adapters.chat.conftest import KeptOutbox
from tests.adapters.sherpa import tiny
from tests.conformance.brain import AGENT

from stella.adapters.models.archives import ARCHIVES
from stella.adapters.models.folder import ModelFolder
from stella.app.brains import Brains
from stella.app.engines import ProcessEngines
from stella.app.house import house_prices
from stella.app.local_speech import local_model
from stella.app.settings import load_settings
from stella.app.speech import Speech
from stella.domain.agent import Engines
from stella.domain.errors import ConfigError


@pytest.fixture
def models(tmp_path: Path) -> ModelFolder:
    """A models folder with small models of one's own."""
    for language in ("de", "en"):
        tiny.ears(tmp_path / f"ears-{language}")
        tiny.voice(tmp_path / f"voice-{language}")
    return ModelFolder(tmp_path)


async def test_a_row_of_local_engines_serves_both_languages(models: ModelFolder) -> None:
    """Without a cloud; each language has the model that knows it."""
    speech = Speech(models)
    stt, tts = ("sherpa:ears-de@de", "sherpa:ears-en@en"), ("sherpa:voice-de@de", "sherpa:voice-en@en")
    await speech.prepare(stt, tts, ["de", "en"])
    for language in ("de", "en"):
        ears = speech.ears(stt, language)
        assert ears is not None and language in ears.languages
        pieces = [sound async for sound in speech.voice(tts, language).speak("hallo", language)]
        assert sum(len(piece.mulaw) for piece in pieces) > 0
    await speech.close()


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("sherpa:kroko-de", "ears", "stella models pull kroko-de"),
        ("sherpa:thorsten", "voice", "stella models pull thorsten"),
        ("sherpa:thorsten", "ears", "no such recogniser; there are sherpa:kroko-de, sherpa:kroko-en"),
        ("sherpa:nothing", "voice", "no such voice"),
        ("sherpa:ears-de@fr", "ears", "no such recogniser"),
        ("sherpa:nowhere@de", "ears", "is not a folder"),
    ],
)
def test_what_is_missing_is_said_with_the_mend(name: str, kind: str, reason: str, models: ModelFolder) -> None:
    """At the start."""
    with pytest.raises(ConfigError, match=reason):
        local_model(name, kind, models)


async def test_a_folder_that_is_no_model_stops_the_start(models: ModelFolder) -> None:
    """And not the process, which is what the library would do."""
    (models.path / "ears-de/joiner.onnx").write_bytes(b"not a model")
    with pytest.raises(ConfigError, match="is not a model that sherpa-onnx can load"):
        await Speech(models).prepare(["sherpa:ears-de@de"], [], ["de"])


def test_what_runs_here_costs_nothing_and_answers_when_the_money_is_spent(models: ModelFolder) -> None:
    """After a day's cap a caller is answered by what costs nothing: these, where the agent names them."""
    prices = house_prices(load_settings({}))
    assert prices.of("stt:sherpa:kroko-de", 60.0, date(2026, 11, 30)) == 0.0
    assert prices.of("tts:sherpa:my-voice@de", 60.0, date(2026, 11, 30)) == 0.0
    engines = object.__new__(ProcessEngines)
    engines._make_brains = Brains(KeptOutbox())
    named = Engines(("deepgram", "sherpa:kroko-de"), ("receptionist",), ("sherpa:thorsten", "elevenlabs"))
    frugal = engines.frugal(replace(AGENT, engines=named)).engines
    assert (frugal.stt, frugal.tts) == (("sherpa:kroko-de",), ("sherpa:thorsten",))


def test_every_pinned_model_is_on_the_page() -> None:
    """With its licence and size: people choose by them."""
    page = (Path(__file__).parents[2] / "docs/how-to/local-engine.md").read_text("utf-8")
    for each in ARCHIVES.values():
        assert f"| `{each.name}` | {each.purpose} | {each.licence} | {each.size / 1e6:.0f} MB |" in page
