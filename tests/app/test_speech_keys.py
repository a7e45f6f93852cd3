"""No key, one key, a wrong key: what the start says, and who answers all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs
from tests.adapters.cloud_speech.server import KEY, SECRET, VendorServer

from stella.adapters.models.folder import ModelFolder
from stella.app.settings import load_settings
from stella.app.speech import Speech
from stella.app.speech_vendors import EARS, VOICES, speech_access

WRONG = "wrong-key-of-somebody"
ENGINES = [*(("stt", name) for name in EARS), *(("tts", name) for name in VOICES)]


@pytest.fixture
async def vendors() -> AsyncIterator[VendorServer]:
    """Every vendor of speech."""
    server = VendorServer()
    doors = TestServer(server.app())
    await doors.start_server()
    server.url = str(doors.make_url("")).rstrip("/")
    yield server
    await doors.close()


def environ(vendors: VendorServer, key: str) -> dict[str, str]:
    """Every vendor's key and address."""
    names = ("DEEPGRAM", "ASSEMBLYAI", "ELEVENLABS", "CARTESIA", "OPENAI")
    base = {f"{name}_BASE_URL": vendors.url for name in names} | {"OPENAI_BASE_URL": f"{vendors.url}/v1"}
    azure = {"AZURE_SPEECH_KEY": key, "AZURE_SPEECH_BASE_URL": vendors.url}
    return base | {f"{name}_API_KEY": key for name in names} | azure


@pytest.mark.parametrize(("kind", "name"), ENGINES)
async def test_a_wrong_key_is_named_at_the_start_by_its_setting(
    vendors: VendorServer, tmp_path: Path, kind: str, name: str
) -> None:
    """Once, as an error that says where to look; the key itself and the vendor's sentence stay out of the log."""
    access = speech_access(load_settings(environ(vendors, WRONG)))
    async with aiohttp.ClientSession() as session:
        speech = Speech(ModelFolder(tmp_path), session, access)
        row = {"stt": (), "tts": ()} | {kind: (name,)}
        await speech.prepare(row["stt"], row["tts"], ["de"])
        with capture_logs() as logs:
            await speech.check()
            await speech.check()
        await speech.close()
    (refused,) = [line for line in logs if line["event"] == "engine-refused"]
    assert (refused["log_level"], refused["kind"], refused["engine"]) == ("error", kind, name)
    assert access[name].setting in refused["mend"]
    assert WRONG not in str(logs)
    assert SECRET not in str(logs)


@pytest.mark.parametrize(("kind", "name"), ENGINES)
async def test_a_right_key_is_no_news(vendors: VendorServer, tmp_path: Path, kind: str, name: str) -> None:
    """And asking for it makes no speech and no line: it costs nothing."""
    async with aiohttp.ClientSession() as session:
        speech = Speech(ModelFolder(tmp_path), session, speech_access(load_settings(environ(vendors, KEY))))
        row = {"stt": (), "tts": ()} | {kind: (name,)}
        await speech.prepare(row["stt"], row["tts"], ["de"])
        with capture_logs() as logs:
            await speech.check()
        await speech.close()
    assert [line for line in logs if line["event"] == "engine-refused"] == []
    assert [order.split()[0] for order in vendors.order] == ["GET"]
    assert vendors.lines == 0


async def test_with_a_wrong_key_for_the_first_voice_the_second_speaks_at_once(
    vendors: VendorServer, tmp_path: Path
) -> None:
    """The caller hears a voice, not the discovery that a key is wrong."""
    settings = load_settings(environ(vendors, KEY) | {"AZURE_SPEECH_KEY": WRONG})
    async with aiohttp.ClientSession() as session:
        speech = Speech(ModelFolder(tmp_path), session, speech_access(settings))
        await speech.prepare([], ["azure", "deepgram"], ["de"])
        await speech.check()
        vendors.order.clear()
        async with aclosing(speech.voice(("azure", "deepgram"), "de").speak("Guten Tag", "de")) as sounds:  # type: ignore[type-var]
            assert [sound async for sound in sounds]
        await speech.close()
    assert vendors.order == ["POST /v1/speak"]
