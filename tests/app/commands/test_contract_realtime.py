"""`stella contract realtime` against the vendors on this machine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest
from aiohttp.test_utils import TestServer
from tests.adapters.realtime.google import gemini
from tests.adapters.realtime.server import KEY, RealtimeServer
from typer.testing import CliRunner

from stella.app import contract
from stella.app.cli import cli
from stella.ports.contract import promises_of
from stella.ports.contract.realtime import RealtimeContract


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[RealtimeServer]:
    """Both vendors on a loop of their own; the settings lead to them."""
    server, loop = RealtimeServer(doors={"google": gemini}), asyncio.new_event_loop()
    server.heard_always = "Good morning, I would like an appointment"
    doors = TestServer(server.app())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(doors.start_server(), loop).result(10)
    url = str(doors.make_url("")).rstrip("/")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
    monkeypatch.setenv("GOOGLE_BASE_URL", url)
    monkeypatch.setattr(contract, "caller_voice", lambda: lambda _text, _language: b"\x10\x90" * 6400)
    yield server
    asyncio.run_coroutine_threadsafe(doors.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_models_that_keep_their_promises_are_said_to(vendor: RealtimeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite of the tests, every promise of it, for every vendor."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    done = CliRunner().invoke(cli, ["contract", "realtime", "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 0, told
    assert [one["engine"] for one in told["engines"]] == ["openai:gpt-realtime", "google:gemini-3.8-live"]
    for engine in told["engines"]:
        assert {one["outcome"] for one in engine["promises"]} == {"kept"}
        assert [one["promise"] for one in engine["promises"]] == list(promises_of(RealtimeContract))


def test_a_wrong_key_breaks_promises_and_says_why(vendor: RealtimeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cause is the vendor's refusal, without the key; and it is found quickly."""
    monkeypatch.setenv("GOOGLE_API_KEY", "wrong-key")
    done = CliRunner().invoke(cli, ["contract", "google:gemini-3.8-live", "--json"])
    assert done.exit_code == 1
    promises = json.loads(done.stdout)["engines"][0]["promises"]
    causes = [one["cause"] for one in promises if one["outcome"] == "broken"]
    assert any("http-401" in cause for cause in causes), causes
    assert "wrong-key" not in done.stdout
