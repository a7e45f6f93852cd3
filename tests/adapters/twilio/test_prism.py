"""The same journeys past Prism, which holds every request against Twilio's own OpenAPI description.

Prism (https://github.com/stoplightio/prism) stands between STELLA and our double of Twilio and notes what the
description does not allow: our own checker (`openapi.py`) is checked by somebody else's reading. Its remarks on answers
are left aside: the description wants whole URIs where Twilio, and so the double, gives relative ones and empty texts.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.adapters.twilio import openapi
from tests.adapters.twilio.double import ACCOUNT, TOKEN, Fault, TwilioDouble, twilio_double
from typer.testing import CliRunner

from stella.adapters.twilio import TwilioAccount, TwilioRest
from stella.app import number_change
from stella.app.cli import cli
from stella.ports.failure import Rejected

OURS, HERE = "+4312345678", "https://stella.example.com"
NUMBERS = f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers"
LOCK = Path(__file__).with_name("prism")
INSTALLED = Path(__file__).resolve().parents[3] / ".venv/prism"
OLDEST_NODE = 18

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def installed() -> Path:
    """Prism of the locked version, installed beside the test's Python. Skips where there is no Node or no network."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        pytest.skip("Prism needs Node.js, which is not installed")
    if int(subprocess.check_output([node, "-p", "process.versions.node.split('.')[0]"])) < OLDEST_NODE:
        pytest.skip(f"Prism needs Node.js {OLDEST_NODE}")
    program = INSTALLED / "node_modules/@stoplight/prism-cli/dist/index.js"
    lock = INSTALLED / "package-lock.json"
    if not program.exists() or lock.read_bytes() != (LOCK / "package-lock.json").read_bytes():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(LOCK / name, INSTALLED)
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=INSTALLED, capture_output=True, text=True,
            check=False, timeout=200,
        )  # fmt: skip
        if done.returncode:
            lock.unlink()
            reason = f"Prism could not be installed: {done.stderr.strip()[-200:]}"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return program


CLEARED = re.compile(
    r"request\.body\.\w+ .*(must match format .uri.|fewer than 34 characters|must match pattern .\^(AP|TK))"
)
"""What the description says to an empty value. One takes a setting away, says Twilio's page; its description forgot to."""


@dataclass
class Checked:
    """A double of Twilio, the address at which Prism stands in front of it, and what Prism writes down."""

    double: TwilioDouble
    url: str
    log: Path

    def violations(self) -> list[str]:
        """What of our requests the description does not allow, in Prism's words."""
        return [line for line in self._lines() if not CLEARED.match(line)]

    def cleared(self) -> int:
        """How many values of our requests were too short or no URI."""
        return len([line for line in self._lines() if CLEARED.match(line) and "pattern" not in line])

    def _lines(self) -> list[str]:
        return re.findall(r"Violation: (request.*)", self.log.read_text())


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    """Prism running, for all tests of the file."""
    if openapi.description() is None:
        pytest.skip("Twilio's OpenAPI description is not here (STELLA_TEST_TWILIO_OPENAPI names the file)")
    program = installed()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("prism") / "prism.log"
    with twilio_double() as double, log.open("wb") as words:
        command = ["node", str(program), "proxy", str(openapi.where()), double.url, "-p", str(port)]
        running = subprocess.Popen(command, stdout=words, stderr=words)
        try:
            _wait_for(port, running)
            yield Checked(double, f"http://127.0.0.1:{port}", log)
        finally:
            running.kill()
            running.wait()


def _wait_for(port: int, running: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert running.poll() is None, "Prism did not start"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.1)
    pytest.fail("Prism did not open its port")


@pytest.fixture
def double(checked: Checked) -> Iterator[TwilioDouble]:
    """Twilio without numbers and without faults; at the end Prism must have had nothing to say to our requests."""
    double = checked.double
    double.numbers.clear()
    double.faults.clear()
    double.seen.clear()
    before, cleared = checked.violations(), checked.cleared()
    yield double
    asked = len(re.findall("Request received", checked.log.read_text()))
    assert asked >= len(double.seen) > 0
    assert checked.violations() == before
    assert checked.cleared() - cleared == sum(value == "" for seen in double.writes() for _, value in seen.form)


@pytest.fixture
def url(checked: Checked) -> str:
    """Where Prism listens."""
    return checked.url


def test_what_the_description_does_not_know_is_noted(checked: Checked) -> None:
    """A checker that lets everything pass would prove nothing."""
    sid = checked.double.add(OURS)
    login = b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    for path, body in (
        (f"{NUMBERS}/{sid}.json", b"VoiceMethod=PATCH"),
        (f"{NUMBERS}s/{sid}.json", b"VoiceMethod=POST"),
    ):
        request = urllib.request.Request(checked.url + path, data=body, headers={"Authorization": f"Basic {login}"})
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(request, timeout=10)
    assert [line.split(" ")[0] for line in checked.violations()] == ["request.body.VoiceMethod", "request"]


def test_pages_are_followed_as_described(double: TwilioDouble, url: str) -> None:
    """Every page is asked for in the words of the description."""
    double.largest_page = 3
    for last in range(8):
        double.add(f"+4312345670{last}")
    rest = TwilioRest(TwilioAccount(ACCOUNT, TOKEN, base=url))
    assert len(list(rest.numbers())) == 8
    assert len(double.seen) >= 3
    double.largest_page = 1000


def test_connect_drift_and_restore(
    double: TwilioDouble, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The life of a number, typed as a user would: every request and every answer is Twilio's by its own description."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_API_BASE": url,
        "STELLA_DATA_DIR": str(tmp_path / "data"), "STELLA_PUBLIC_URL": HERE,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(number_change, "READS", 1)
    sid = double.add(OURS, voice_application_sid="AP" + "1" * 32, voice_method="GET")
    before = dict(double.numbers[sid])

    def stella(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["numbers", *words])
        return done.exit_code, re.sub(r"\s+", " ", done.output)

    assert stella("list")[0] == 0
    assert stella("show", OURS)[0] == 0
    assert stella("connect", OURS, "--yes")[0] == 0
    assert double.numbers[sid]["voice_url"].startswith(f"{HERE}/api/stella/call/voice")
    assert double.numbers[sid]["voice_application_sid"] == ""
    double.numbers[sid]["voice_url"] = "https://somebody.example/else"
    code, words = stella("connect", OURS, "--json")
    assert (code, "somebody.example" in words) == (3, True)
    assert stella("connect", OURS, "--yes")[0] == 0
    while stella("restore", OURS, "--yes")[0] == 0:
        pass
    kept = ("voice_url", "voice_method", "voice_application_sid", "trunk_sid", "status_callback", "voice_fallback_url")
    shown = {name: double.numbers[sid][name] or "" for name in kept}
    assert shown == {name: before[name] or "" for name in kept} | {"voice_url": shown["voice_url"]}
    assert shown["voice_url"] == before["voice_url"]


def test_faults_are_told_apart_behind_it_too(double: TwilioDouble, url: str) -> None:
    """A refusal of Twilio's passes through as it is."""
    sid = double.add(OURS)
    rest = TwilioRest(TwilioAccount(ACCOUNT, TOKEN, base=url), sleep=lambda _s: None)
    double.faults = [Fault("POST", 429, 20429, headers={"Retry-After": "1"})]
    rest.change(sid, {"voice_url": f"{HERE}/voice"})
    assert double.numbers[sid]["voice_url"] == f"{HERE}/voice"
    with pytest.raises(Rejected):
        TwilioRest(TwilioAccount(ACCOUNT, "f" * 32, base=url), sleep=lambda _s: None).find(OURS)
