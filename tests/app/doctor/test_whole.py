"""The commands as a person meets them, and both against a real server of one's own."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stella.adapters.models.folder import ModelMissing
from stella.app.child_server import TOKEN, serve
from stella.app.cli import cli
from stella.app.doctor_call import check_call
from stella.app.doctor_examination import Examination
from stella.app.doctor_house import check_agents
from stella.app.settings import load_settings
from stella.app.voices import models_folder
from stella.domain.errors import ConfigError
from stella.phone.verify import CHECKS, Order, verify

ROOT = Path(__file__).parents[3]
RUN = CliRunner()


@pytest.fixture(scope="module")
def models():
    """The speech models that `make` fetched; in CI they must be there."""
    folder = Path(os.environ.get("STELLA_MODELS_DIR") or load_settings({}).models)
    folder = folder if folder.is_absolute() else ROOT / folder
    try:
        models_folder(folder).silero()
        models_folder(folder).moonshine()
    except ModelMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{missing}")
    return folder


@pytest.fixture(scope="module")
def server(models):
    """A real STELLA as a child process, locked by a token."""
    with serve("receptionist", models) as child:
        yield child


@pytest.mark.speech
async def test_a_real_server_passes_every_check(server):
    """What is proved about scripted servers must hold for the one that is shipped."""
    lines = await verify(Order(server.url, TOKEN))
    assert [line for line in lines if line.code] == []
    assert {line.check for line in lines if line.result == "ok"} >= set(CHECKS) - {"name", "certificate"}
    records = json.loads(server.get("/api/stella/v1/calls"))
    calls = records["calls"] if isinstance(records, dict) else records
    assert [call["status"] for call in calls] == ["completed"]
    assert calls[0]["from"] == "+447700900123"


@pytest.mark.speech
async def test_a_real_server_with_another_token_is_told_apart_from_one_that_is_down(server):
    """The commonest trouble on a staging server."""
    lines = await verify(Order(server.url, "f" * 31 + "e"))
    assert [line.code for line in lines if line.result == "fail"] == ["signature-refused"]


@pytest.mark.speech
async def test_the_running_server_is_rung_with_sound_both_ways(server, models):
    """The greeting is heard, a question is heard and answered."""
    environ = {"STELLA_MODELS_DIR": str(models), "TWILIO_AUTH_TOKEN": TOKEN, "STELLA_PUBLIC_URL": server.url}
    look = Examination(environ, lambda _line: None, settings=load_settings(environ), running=server.url)
    check_agents(look)
    await check_call(look)
    assert look.lines[-1].result == "ok"
    assert "greeted after" in look.lines[-1].seen
    assert "answered" in look.lines[-1].seen


async def test_no_call_is_made_where_it_cannot_succeed():
    """The first failure is the one to mend."""
    look = Examination({}, lambda _line: None)
    look.find("model-missing", "models", "silero")
    await check_call(look)
    assert look.lines[-1].result == "skipped"


async def test_a_server_that_does_not_start_is_a_finding(monkeypatch):
    """With its own last words."""
    from stella.app import doctor_call

    def refuse(*_):
        raise ConfigError("port 3001 is taken")

    monkeypatch.setattr(doctor_call, "caller_voice", lambda **_: lambda _text, _language: b"")
    monkeypatch.setattr(doctor_call, "serve", refuse)
    look = Examination({}, lambda _line: None)
    await check_call(look)
    assert look.lines[-1].code == "self-call-no-start"
    assert "taken" in look.lines[-1].seen


class TestCommands:
    """Exit codes, words, data."""

    @pytest.fixture(autouse=True)
    def _here(self, monkeypatch, tmp_path):
        """No settings of the machine's reach in."""
        for name in list(os.environ):
            if name.startswith(("STELLA_", "TWILIO_")):
                monkeypatch.delenv(name)
        monkeypatch.chdir(tmp_path)

    def test_verify_fails_with_one_and_names_cause_mend_and_page(self):
        """A pipeline goes by the code, a person by the words."""
        result = RUN.invoke(cli, ["verify", "nobody.invalid"])
        assert result.exit_code == 1
        for words in ("nobody.invalid", "cause:", "mend:", "docs/reference/findings.md#name-unknown"):
            assert words in result.output

    def test_verify_as_data(self):
        """Every check, also those that were not reached."""
        result = RUN.invoke(cli, ["verify", "https://nobody.invalid", "--json"])
        data = json.loads(result.output)
        assert (result.exit_code, data["result"], data["fail"]) == (1, "fail", 1)
        assert [check["check"] for check in data["checks"]] == list(CHECKS)
        assert set(data["checks"][0]) == {"check", "result", "seen", "code", "cause", "mend"}

    @pytest.mark.parametrize("url", ["ftp://host", "https://", "https://host:port"])
    def test_verify_refuses_what_is_no_address(self, url):
        """Exit code 2: the person is wrong, not the server."""
        assert RUN.invoke(cli, ["verify", url]).exit_code == 2

    def test_an_empty_token_variable_is_said(self):
        """Else the wrong token would be used in silence."""
        result = RUN.invoke(cli, ["verify", "https://nobody.invalid", "--auth-token-env", "STAGING_TOKEN"])
        assert result.exit_code == 1
        assert "STAGING_TOKEN" in str(result.exception)

    def test_the_token_in_the_variable_is_used_and_not_shown(self, monkeypatch):
        """A staging server has secrets of its own."""
        monkeypatch.setenv("STAGING_TOKEN", TOKEN)
        result = RUN.invoke(cli, ["verify", "https://nobody.invalid", "--auth-token-env", "STAGING_TOKEN"])
        assert result.exit_code == 1
        assert TOKEN not in result.output

    def test_doctor_as_data(self, monkeypatch, tmp_path):
        """One object, nothing beside it, and nothing of the secrets in it."""
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
        monkeypatch.setenv("STELLA_SERVER_PORT", "0")
        (tmp_path / ".env").write_text("STELLA_AGENT=bench\nSTELLA_TYPO=1\n")
        result = RUN.invoke(cli, ["doctor", "--json", "--no-call"])
        data = json.loads(result.output)
        codes = [check["code"] for check in data["checks"]]
        assert result.exit_code == 1
        assert "setting-unknown" in codes
        assert "python" in [check["check"] for check in data["checks"]]
        assert TOKEN not in result.output
        assert [path.name for path in tmp_path.iterdir()] == [".env"]

    def test_a_live_recording_needs_an_address_a_token_and_the_port(self, monkeypatch):
        """Each is said before anybody rings."""
        assert "STELLA_PUBLIC_URL" in str(RUN.invoke(cli, ["doctor", "--live"]).exception)
        monkeypatch.setenv("STELLA_PUBLIC_URL", "https://stella.example.com")
        assert "TWILIO_AUTH_TOKEN" in str(RUN.invoke(cli, ["doctor", "--live"]).exception)
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            monkeypatch.setenv("STELLA_HOST", "127.0.0.1")
            monkeypatch.setenv("STELLA_SERVER_PORT", str(taken.getsockname()[1]))
            assert "stop the server" in str(RUN.invoke(cli, ["doctor", "--live"]).exception)

    def test_a_call_that_never_comes_is_no_recording(self, monkeypatch, tmp_path):
        """Exit code 1, and nothing is written."""
        from stella.app.commands import doctor

        monkeypatch.setattr(doctor, "LIVE_WAIT_S", 0.1)
        for name, value in (("PUBLIC_URL", "https://stella.example.com"), ("HOST", "127.0.0.1"), ("SERVER_PORT", "0")):
            monkeypatch.setenv(f"STELLA_{name}", value)
        monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
        result = RUN.invoke(cli, ["doctor", "--live"])
        assert result.exit_code == 1
        assert list(tmp_path.iterdir()) == []
