"""`stella dev --tunnel` whole: a real server, a tunnel program's stand-in, a Twilio with a memory, a signed call."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.adapters.conftest import absent
from tests.adapters.tunnel.conftest import put_standins
from tests.adapters.twilio.double import ACCOUNT, TOKEN, Fault, TwilioDouble, twilio_double
from typer.testing import CliRunner

from stella.adapters.models.folder import ModelMissing
from stella.adapters.twilio import TwilioAccount, TwilioRest
from stella.app.cli import cli
from stella.app.leftovers import leftovers, offer_leftovers
from stella.app.number_journal import Entry, NumberJournal
from stella.app.settings import load_settings
from stella.app.tunnelled import TunnelOpener
from stella.app.voices import models_folder

OURS = "+4312345678"
BEFORE = "https://demo.twilio.com/welcome/voice/"
AGENT = """
name = "desk"
company = "Vintaro"
preset = "disclose"
[[languages]]
code = "en"
locale = "en-GB"
[languages.phrases]
greeting = "Ready."
disclosure = "A machine."
[engines]
stt = ["bench"]
brain = ["bench"]
tts = ["bench"]
[hours]
holidays = "none"
"""


@pytest.fixture
def double() -> Iterator[TwilioDouble]:
    """A Twilio."""
    with twilio_double() as running:
        yield running


@pytest.fixture
def env(double: TwilioDouble, tmp_path: Path) -> dict[str, str]:
    """An environment with an account, an agent that answers at once, and the tunnel programs' stand-ins."""
    (tmp_path / "agent.toml").write_text(AGENT)
    path = put_standins(tmp_path / "bin", "cloudflared")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STELLA_", "TWILIO_", "NGROK"))}
    if models := os.environ.get("STELLA_MODELS_DIR"):
        kept["STELLA_MODELS_DIR"] = models
    else:
        kept["STELLA_MODELS_DIR"] = str(models_folder().path.absolute())
    return kept | {
        "PATH": path + os.pathsep + os.environ["PATH"], "STELLA_AGENT": str(tmp_path / "agent.toml"),
        "STELLA_DATA_DIR": str(tmp_path / "data"), "STELLA_LOG_LEVEL": "warning", "STELLA_DRAIN_SECONDS": "0",
        "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_API_BASE": double.url,
        "STANDIN_NOTES": str(tmp_path / "notes"), "STANDIN_DIES": str(tmp_path / "dies"),
    }  # fmt: skip


def until(true: Callable[[], object], what: str, within_s: float = 40.0) -> None:
    """Wait for something another process does."""
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def free_port() -> int:
    """A port nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.speech
@pytest.mark.timeout(150)
def test_from_one_command_to_a_signed_call_and_everything_put_back(
    double: TwilioDouble, env: dict[str, str], tmp_path: Path
) -> None:
    """The whole promise: a public address, the number set to it, a call, a tunnel that dies, and no trace at the end."""
    try:
        models_folder().silero()
    except ModelMissing as fault:
        absent(str(fault))
    sid = double.add(OURS)
    log = tmp_path / "log"
    command = [sys.executable, "-m", "stella", "dev", "--tunnel", "cloudflared", "--connect", "--number", OURS]
    command += ["--no-reload", "--port", str(free_port())]

    def address() -> str:
        found = re.match(r"http://127\.0\.0\.1:\d+(?=/api/stella/call/voice#)", double.numbers[sid]["voice_url"])
        return found[0] if found else ""

    with log.open("wb") as out:
        dev = subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=tmp_path)
    try:
        until(lambda: f"Ring {OURS}" in log.read_text() or dev.poll() is not None, "the number was never connected")
        assert dev.poll() is None, log.read_text()
        first = address()
        assert first in log.read_text()
        call = [sys.executable, "-m", "stella", "call", first, "--say", "Hello.", "--hangup-at", "7", "--json"]
        rung = subprocess.run(call, env=env, capture_output=True, cwd=tmp_path, timeout=60, check=False)
        report = json.loads(rung.stdout)
        assert rung.returncode == 0, report["faults"]
        assert any(each["source"] == "stream" for each in report["heard"]), "the agent was heard, through the tunnel"
        assert all(each["url"].startswith(first) for each in report["exchanges"])

        (tmp_path / "dies").touch()
        until(lambda: address() not in ("", first), "the new tunnel's address never reached the number")
        assert "The tunnel has ended" in log.read_text()
        until(lambda: log.read_text().count(f"Ring {OURS}") == 2, "the new address was never said")
    finally:
        dev.send_signal(signal.SIGTERM)
        dev.wait(30)
    assert double.numbers[sid]["voice_url"] == BEFORE
    assert double.numbers[sid]["status_callback"] == ""
    notes = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    assert len(notes) == 2
    until(lambda: not any(alive(note["pid"]) for note in notes), "a tunnel outlived its server", 8)
    assert not [name for note in notes for name in note["environment"] if name.startswith(("TWILIO_", "STELLA_"))]
    assert TOKEN not in log.read_text()


@pytest.fixture
def quiet(env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same environment in this process."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("STELLA_", "TWILIO_")):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def dev(*words: str) -> str:
    """`stella dev` that must refuse; what it said."""
    done = CliRunner().invoke(cli, ["dev", "--no-reload", *words])
    assert done.exit_code != 0
    return done.output + str(done.exception or "")


def test_no_tunnel_without_the_token(quiet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public address whose callers cannot be told from anybody is an open door."""
    monkeypatch.delenv("TWILIO_AUTH_TOKEN")
    assert "TWILIO_AUTH_TOKEN" in dev("--tunnel", "cloudflared")
    assert not (quiet / "notes").exists(), "nothing was started"


def test_options_that_would_do_nothing_are_refused(quiet: Path) -> None:
    """Silence would leave a person waiting for the number to ring."""
    assert "--tunnel auto" in dev("--connect")
    assert "--connect" in dev("--tunnel", "cloudflared", "--number", OURS)
    assert "use auto" in dev("--tunnel", "bore")


def test_a_port_that_is_taken_is_not_put_on_the_internet(quiet: Path) -> None:
    """The tunnel would lead to somebody else's program."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert "is taken" in dev("--tunnel", "cloudflared", "--port", str(other.getsockname()[1]))
    assert not (quiet / "notes").exists()


def test_an_unknown_number_stops_before_anything_is_open(quiet: Path, double: TwilioDouble) -> None:
    """Found out after the tunnel stands, it would cost a start."""
    assert "is not a number of the account" in dev("--tunnel", "cloudflared", "--connect", "--number", OURS)
    double.faults = [Fault("GET", 401, 20003)]
    assert "20003" in dev("--tunnel", "cloudflared", "--connect", "--number", OURS)
    assert not (quiet / "notes").exists()


def test_a_tunnel_that_will_not_open_is_said_with_the_reason(quiet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the server is not started: without its address it would refuse every call."""
    monkeypatch.setenv("STANDIN_SAYS", "ERR failed to request quick Tunnel: 429")
    assert "wait some minutes" in dev("--tunnel", "cloudflared", "--port", str(free_port()))


def test_auto_goes_on_to_the_next_program(quiet: Path) -> None:
    """A wrong ngrok token need not be the end."""
    from stella.adapters.tunnel import TUNNELS

    broken = quiet / "bin/ngrok"
    broken.write_text("#!/bin/sh\necho ERR_NGROK_105\nexit 1\n")
    broken.chmod(0o755)
    said: list[str] = []
    programs = [TUNNELS["ngrok"], TUNNELS["cloudflared"]]
    tunnel = TunnelOpener(programs, "127.0.0.1:1", load_settings(), dict(os.environ), said.append).open()
    tunnel.close()
    assert tunnel.program.name == "cloudflared"
    assert any("copy it again" in words for words in said)


DEAD = 2**22 + 1
"""Above any process id Linux gives."""


def crashed(double: TwilioDouble, quiet: Path, pid: int = DEAD) -> str:
    """The number as a `stella dev` that was killed has left it; its SID."""
    sid = double.add(OURS)
    number = TwilioRest(TwilioAccount(ACCOUNT, TOKEN, base=double.url)).fetch(sid)
    after = {**number.settings, "voice_url": "https://gone.trycloudflare.com/api/stella/call/voice"}
    NumberJournal(quiet / "data").push(number, Entry("2026-01-01T00:00:00+00:00", "dev", pid, number.settings, after))
    double.numbers[sid]["voice_url"] = after["voice_url"]
    return sid


def test_what_a_crash_left_is_put_back_at_the_next_start(quiet: Path, double: TwilioDouble) -> None:
    """The number points at a tunnel that is gone: every caller hears an error until somebody notices."""
    sid = crashed(double, quiet)
    said: list[str] = []
    offer_leftovers(load_settings(), said.append)
    assert double.numbers[sid]["voice_url"] == BEFORE
    assert any("is put back" in words for words in said)
    assert leftovers(NumberJournal(quiet / "data")) == []


def test_what_somebody_changed_after_the_crash_is_left(quiet: Path, double: TwilioDouble) -> None:
    """They have helped themselves; what they set is newer than what we kept."""
    sid = crashed(double, quiet)
    double.numbers[sid]["voice_url"] = "https://helped.example.com/voice"
    said: list[str] = []
    offer_leftovers(load_settings(), said.append)
    assert double.numbers[sid]["voice_url"] == "https://helped.example.com/voice"
    assert any("numbers restore" in words for words in said)


def test_what_cannot_be_put_back_stops_no_start(quiet: Path, double: TwilioDouble) -> None:
    """Without a network the server still runs on this machine; the next start tries again."""
    crashed(double, quiet)
    double.faults = [Fault("GET", 401, 20003)]
    said: list[str] = []
    offer_leftovers(load_settings(), said.append)
    assert any("could not be put back" in words for words in said)
    assert len(leftovers(NumberJournal(quiet / "data"))) == 1


def test_a_predecessor_with_the_same_process_id_is_not_taken_for_oneself(quiet: Path, double: TwilioDouble) -> None:
    """In a container every start is process 7."""
    sid = crashed(double, quiet, os.getpid())
    offer_leftovers(load_settings(), lambda _words: None)
    assert double.numbers[sid]["voice_url"] == BEFORE


def test_a_dev_that_still_runs_keeps_its_number(quiet: Path, double: TwilioDouble) -> None:
    """Two terminals, two servers: the second must not pull the number from under the first."""
    crashed(double, quiet, os.getppid())
    assert leftovers(NumberJournal(quiet / "data")) == []
