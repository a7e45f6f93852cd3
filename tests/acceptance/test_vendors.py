"""A German caller is answered on the stream by a vendor's ears and voice, and goes on talking when both break down."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from tests.adapters.cloud_speech.server import KEY, VendorServer

from stella.app.child_server import serve
from stella.app.voices import caller_voice
from stella.domain.errors import ConfigError
from stella.phone import Speak

from .conftest import AUSTRIAN, Exchange, Inbox, Rung, agent_file

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.timeout(180)]

ENGINES = '\n[engines]\nstt = ["deepgram"]\ntts = ["elevenlabs", "deepgram"]\n'
SECRETS = {"NOTIFY_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="}
ASKED = "Wann haben Sie geöffnet?"
BYE = "Danke, auf Wiederhören."


def with_engines(folder: Path, inbox: Inbox) -> Path:
    """The acceptance agent with vendors."""
    path = agent_file(folder, inbox)
    path.write_text(path.read_text().replace("[policy]\n", f"{ENGINES}\n[policy]\n"))
    return path


@dataclass
class Heard:
    """A call, and what its vendor saw of it."""

    rung: Rung
    vendors: VendorServer


@pytest.fixture(scope="module")
def heard(models: Path, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """One call, whose ears break in the middle of the first question."""
    path = with_engines(tmp_path_factory.mktemp("vendors"), inbox)

    async def one() -> Heard:
        vendors = VendorServer()
        doors = TestServer(vendors.app())
        await doors.start_server()
        url = str(doors.make_url("")).rstrip("/")
        environ = SECRETS | {
            "DEEPGRAM_API_KEY": KEY, "ELEVENLABS_API_KEY": KEY, "DEEPGRAM_BASE_URL": url, "ELEVENLABS_BASE_URL": url,
        }  # fmt: skip
        server = serve(str(path), models, mode="dev", environ=environ)
        exchange = Exchange(await asyncio.to_thread(server.__enter__), caller_voice(models=models), None, inbox)
        try:
            vendors.script = [ASKED, BYE]
            vendors.faults.cut_at = 6000
            mended = asyncio.create_task(_mend(vendors))
            call = await exchange.ring([Speak(ASKED), Speak(BYE)], from_=AUSTRIAN, lang="de")
            mended.cancel()
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)
            await doors.close()
        return Heard(call, vendors)

    return asyncio.run(one())


async def _mend(vendors: VendorServer) -> None:
    """The vendor is well again after it has broken once."""
    while vendors.lines < 2:
        await asyncio.sleep(0.01)
    vendors.faults.cut_at = -1


def words(call: Heard, speaker: str) -> str:
    """What one side said, as the record has it."""
    turns: list[dict[str, Any]] = call.rung.record["turns"]
    return " ".join(turn["text"] for turn in turns if turn["speaker"] == speaker)


def test_a_german_caller_is_answered_on_the_stream(heard: Heard) -> None:
    """With a vendor's ears German needs no gather, and the vendor's voice answers."""
    assert heard.rung.record["voice_path"] == "stream"
    assert heard.rung.report.ok, heard.rung.report.faults
    assert any(path.startswith("/v1/text-to-speech/") for path, _, _ in heard.vendors.asked)
    listening = next(query for path, query, _ in heard.vendors.asked if path == "/v1/listen")
    assert listening["language"] == "de"
    assert "Anna Berger" in listening["keyterms"]


def test_the_greeting_is_ready_before_the_call_and_so_is_a_connection_for_the_answer(heard: Heard) -> None:
    """By order, not by time: nobody waits for a vendor between `start` and the greeting, nor later for a handshake.

    The stream opens the ears. Before that the greeting was made, once and for all calls; what is asked of the voice
    first afterwards comes over a connection that stood before.
    """
    order, over = heard.vendors.order, heard.vendors.over
    listens = order.index("GET /v1/listen")
    speaks = [at for at, what in enumerate(order) if what.startswith("POST /v1/text-to-speech/")]
    greeting = next(turn for turn in heard.rung.record["turns"] if turn["speaker"] == "agent")["text"]
    assert greeting in [
        text for path, _, text in heard.vendors.asked[: len([at for at in speaks if at < listens])] if path
    ]
    assert [text for _, _, text in heard.vendors.asked].count(greeting) == 1
    answer = next(at for at in speaks if at > listens)
    assert over[answer] in over[:listens]


def test_ears_that_die_in_mid_utterance_lose_no_word(heard: Heard) -> None:
    """The caller is not asked again: the sound was kept, and heard over a new line."""
    assert heard.vendors.lines >= 2
    assert words(heard, "caller").count(ASKED) == 1
    assert BYE in words(heard, "caller")


def test_a_missing_key_is_named_at_start(models: Path, inbox: Inbox, tmp_path: Path) -> None:
    """Not in the middle of a call."""
    with (
        pytest.raises(ConfigError, match="DEEPGRAM_API_KEY"),
        serve(str(with_engines(tmp_path, inbox)), models, mode="dev", environ=SECRETS | {"DEEPGRAM_API_KEY": ""}),
    ):
        pass
