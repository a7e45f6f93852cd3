"""The first things a newcomer tries: curl in development, and the same against a locked server."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from stella.app.child_server import serve
from stella.wire.twiml_reader import parse_document

pytestmark = [pytest.mark.speech, pytest.mark.timeout(120)]

VOICE = "/api/stella/call/voice"


def post(url: str) -> tuple[int, str]:
    """As `curl -X POST URL` does: no body, no signature."""
    request = urllib.request.Request(url, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_curl_shows_the_twiml_in_development(models: Path) -> None:
    """PRODUCT: the original document's own check, on this machine, without any account."""
    with serve(
        "receptionist", models, mode="dev", environ={"TWILIO_AUTH_TOKEN": "", "STELLA_PUBLIC_URL": ""}
    ) as server:
        status, body = post(server.url + VOICE)
        assert status == 200
        verbs = parse_document(body)
        assert [verb.name for verb in verbs] == ["Say", "Connect", "Redirect"]
        stream = verbs[1].child("Stream")
        assert stream is not None
        assert stream.get("url").endswith("/api/stella/call/stream")
        assert set(stream.parameters()) == {"token", "provider", "feature"}
        assert len(verbs[0].text) <= 400


def test_the_same_against_a_production_server_is_a_403_that_says_what_to_do(models: Path) -> None:
    """Unsigned is nobody: refused, with the mend, and no call was begun."""
    with serve("receptionist", models) as server:
        status, body = post(server.url + VOICE)
        assert status == 403
        assert "stella verify" in body or "X-Twilio-Signature" in body
        assert b"stella_calls_live 0.0" in server.get("/metrics")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TWILIO_AUTH_TOKEN": ""}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_AUTH_TOKEN": "changeme"}, "TWILIO_AUTH_TOKEN"),
        ({"STELLA_PUBLIC_URL": ""}, "STELLA_PUBLIC_URL"),
        ({"STELLA_PUBLC_URL": "https://x.example"}, "STELLA_PUBLIC_URL"),
        ({"STELLA_PROVIDER": "vapi"}, "not built yet"),
        ({"STELLA_AGENT": "/nowhere/agent.toml"}, "/nowhere/agent.toml"),
        ({"STELLA_MODELS_DIR": "/nowhere"}, "stella models pull"),
    ],
)
def test_a03_serve_refuses_to_start_where_it_would_stand_open_or_broken(
    models: Path, environ: dict[str, str], expected: str
) -> None:
    """One paragraph with the name and the mend, exit code 1, no stack trace, no open port."""
    from stella.domain.errors import ConfigError

    with pytest.raises(ConfigError) as refused, serve("receptionist", models, environ=environ):
        pass
    assert expected in str(refused.value)
    assert "Traceback" not in str(refused.value)


def test_every_command_explains_itself() -> None:
    """`--help` of each command is short, true and exits with 0."""
    import sys

    for words in ([], ["serve"], ["dev"], ["call"], ["calls"], ["models"], ["bench"]):
        done = subprocess.run(
            [sys.executable, "-m", "stella", *words, "--help"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert "Usage" in done.stdout
