"""The tables of engines say what the adapters declare, no more and no less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.adapters.cloud_speech import test_ears, test_openai_ears, test_voices

from stella.adapters import bench
from stella.adapters.cloud_speech import CloudEars, CloudVoice, OpenAIEars
from stella.adapters.models.folder import ModelFolder
from stella.adapters.moonshine import SpeechToText as Moonshine
from stella.app.engines import STT_NAMES, TTS_NAMES
from stella.app.settings import load_settings
from stella.app.speech import LAST_EARS, LAST_VOICE, Speech
from stella.app.speech_vendors import EARS, VOICES, speech_access
from stella.domain.errors import ConfigError
from stella.ports.contract import promises_of
from stella.ports.contract.speech_to_text import SpeechToTextContract
from stella.ports.contract.text_to_speech import TextToSpeechContract

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "engines.md").read_text()


def table(heading: str) -> dict[str, list[str]]:
    """Rows of the table below a heading, by engine."""
    part = PAGE.split(f"## {heading}\n", 1)[1].strip().split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()[2:]]
    return {row[0].strip("`"): row[1:] for row in rows}


def declared(engine: Any, last: bool) -> list[str]:
    """What an adapter says of itself, in the order of the table behind `Needs`."""
    times = "yes" if getattr(engine, "word_times", False) else "no"
    failover = "yes" if isinstance(engine, CloudEars | OpenAIEars | CloudVoice) else "last resort" if last else "no"
    languages = ", ".join(sorted(engine.languages))
    return [languages, getattr(engine, "codec", "mu-law 8 kHz"), times, "yes", failover]


async def test_the_table_of_ears_is_true() -> None:
    """A reader chooses by it."""
    rows = table("Ears")
    assert set(rows) == set(STT_NAMES)
    async with aiohttp.ClientSession() as session:
        built: dict[str, Any] = {name: make("key", session, "") for name, make in EARS.items()}
        built |= {"moonshine": Moonshine, "bench": bench.SpeechToText}
    for name, engine in built.items():
        *cells, automatic = rows[name][1:]
        assert cells == declared(engine, name == LAST_EARS), name
        assert automatic == ("yes" if getattr(engine, "automatic", False) else "no"), name


async def test_the_table_of_voices_is_true() -> None:
    """A reader chooses by it."""
    rows = table("Voices")
    assert set(rows) == set(TTS_NAMES)
    async with aiohttp.ClientSession() as session:
        for name, dialect in VOICES.items():
            assert rows[name][1:] == declared(CloudVoice(dialect("key", ""), session), last=False), name
    assert rows["bench"][1:] == declared(bench.TextToSpeech, last=False)
    assert rows[LAST_VOICE][3:] == ["clauses", "yes", "last resort"]


@pytest.mark.parametrize(("kind", "names"), [("stt", STT_NAMES), ("tts", TTS_NAMES)])
async def test_a_vendor_without_its_key_stops_the_start_with_the_settings_name(
    kind: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    """Not in the middle of a call; and the page names the same setting."""
    access = speech_access(load_settings({}))
    async with aiohttp.ClientSession() as session:
        speech = Speech(ModelFolder(tmp_path), session, access)
        for name in set(names) & set(access):
            row = {"stt": (), "tts": ()} | {kind: (name,)}
            with pytest.raises(ConfigError, match=access[name].setting):
                await speech.prepare(row["stt"], row["tts"], ["de"])
            assert access[name].setting in table("Ears" if kind == "stt" else "Voices")[name][0]
        with pytest.raises(ConfigError, match="there is no 'whisper'"):
            await speech.prepare(["whisper"], [], ["de"])


async def test_a_server_of_ones_own_needs_no_key(tmp_path: Path) -> None:
    """Many speak as OpenAI does."""
    access = speech_access(load_settings({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}))
    async with aiohttp.ClientSession() as session:
        speech = Speech(ModelFolder(tmp_path), session, access)
        await speech.prepare([], ["openai"], ["de"])
        assert speech.voice(("openai",), "de").name == "openai"
        await speech.close()


async def test_languages_decide_who_listens(tmp_path: Path) -> None:
    """German with a key is heard on the stream; what nobody understands goes to the carrier."""
    access = speech_access(load_settings({"DEEPGRAM_API_KEY": "key"}))
    async with aiohttp.ClientSession() as session:
        speech = Speech(ModelFolder(tmp_path), session, access)
        await speech.prepare(["deepgram"], [], ["de", "en"])
        ears = speech.ears(("deepgram",), "de")
        assert ears is not None
        assert ears.languages == {"de", "en"}
        assert speech.ears(("deepgram",), "fr") is None
        await speech.close()


async def test_azure_needs_a_region_too(tmp_path: Path) -> None:
    """A key alone leads nowhere; the start says which setting is missing."""
    access = speech_access(load_settings({"AZURE_SPEECH_KEY": "key"}))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigError, match="AZURE_SPEECH_REGION"):
            await Speech(ModelFolder(tmp_path), session, access).prepare([], ["azure"], ["de"])
        with pytest.raises(ConfigError, match="AZURE_SPEECH_REGION"):
            load_settings({"AZURE_SPEECH_REGION": "evil.example.com/"})
        access = speech_access(load_settings({"AZURE_SPEECH_KEY": "key", "AZURE_SPEECH_REGION": "westeurope"}))
        assert access["azure"].base == "https://westeurope.tts.speech.microsoft.com"


def test_every_engine_of_the_tables_is_held_by_the_suite_of_its_port() -> None:
    """A cell that no test stands behind is a belief. Cancelling, word times and languages at once are promises of the suites;
    every vendor is run through them against its own protocol, and `stella contract` runs the same against the vendor."""
    ears = {*test_ears.DIALECTS, "openai"}
    assert issubclass(test_openai_ears.TestOpenAI, SpeechToTextContract)
    assert issubclass(test_ears.TestEars, SpeechToTextContract)
    assert ears == set(EARS)
    assert issubclass(test_voices.TestVoices, TextToSpeechContract)
    assert set(test_voices.DIALECTS) == set(VOICES)
    promises = {**promises_of(SpeechToTextContract), **promises_of(TextToSpeechContract)}
    for promise in (
        "close in the middle of work is quiet",
        "closing early is quiet and the voice goes on",
        "word times are those of the utterance",
        "word times reach the end of the text",
        "several languages are listened for at once",
    ):
        assert promise in promises
