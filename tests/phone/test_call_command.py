"""`stella call` as a person uses it: exit codes, words, data."""

import asyncio
import json
import threading

import numpy as np
import pytest
import typer
from aiohttp import web
from typer.testing import CliRunner

from stella.app.commands import call, call_plan
from stella.app.commands.call_show import bar
from stella.audio.mulaw import encode

VOICE = "/api/stella/call/voice"


def voice(text, language):
    """A tenth of a second for every text."""
    return encode((np.sin(np.arange(800) / 3) * 8000).astype(np.int16))


@pytest.fixture
def ring(monkeypatch, tmp_path):
    """Runs the command with a quick voice and none of this machine's settings."""
    monkeypatch.setattr(call_plan, "caller_voice", lambda: voice)
    monkeypatch.setattr(call_plan, "recogniser", lambda: None)
    monkeypatch.chdir(tmp_path)
    for name in ("TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID", "STELLA_PUBLIC_URL", "STELLA_OPERATOR_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STELLA_DATA_DIR", str(tmp_path))
    app = typer.Typer()
    app.command()(call.command)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def server():
    """A server in a thread: says two words and hangs up; `documents` and `seen` are the test's."""
    documents = {VOICE: "<Say>Good day.</Say><Hangup/>"}
    seen: list[str] = []

    async def answer(request):
        await request.read()
        seen.append(request.path)
        text = documents.get(request.path)
        return (
            web.Response(text=f"<Response>{text}</Response>", content_type="text/xml")
            if text
            else web.Response(status=204)
        )

    async def serve(ready, done):
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ready.append(runner.addresses[0][1])
        started.set()
        while not done.is_set():
            await asyncio.sleep(0.02)
        await runner.cleanup()

    ready, done, started = [], threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(ready, done)))
    thread.start()
    started.wait(5)
    yield f"http://127.0.0.1:{ready[0]}", documents, seen
    done.set()
    thread.join(5)


def test_a_good_call_shows_its_words_and_exits_0(ring, server):
    """Where there is no terminal the talk is plain lines."""
    url, _, seen = server
    result = ring(url)
    assert result.exit_code == 0, result.output
    assert "Good day." in result.output
    assert "completed, ended by agent" in result.output
    assert seen == [VOICE, "/api/stella/call/status"]


def test_json_is_data_alone(ring, server):
    """Scripts read standard output."""
    result = ring(server[0], "--json")
    data = json.loads(result.stdout)
    assert data["ok"] is True
    assert data["verbs"][0]["text"] == "Good day."
    assert data["transcript"][0]["speaker"] == "agent"


def test_a_call_that_fails_names_cause_and_mend_and_exits_1(ring):
    """The commonest fault is a server that is not there."""
    result = ring("http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "11205" in result.output
    assert "make run" in result.output


def test_recording_is_a_stereo_wav(ring, server, tmp_path):
    """Left the caller, right the agent."""
    import wave

    result = ring(server[0], "--record", str(tmp_path / "out.wav"))
    assert result.exit_code == 0
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)


def test_several_calls_are_summed_up(ring, server):
    """Each is a call of its own."""
    url, _, seen = server
    result = ring(url, "--calls", "3")
    assert result.exit_code == 0
    assert seen.count(VOICE) == 3
    assert "3 good, 0 failed" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dtmf", "x"], "--dtmf"),
        (["--dtmf", "1@soon"], "seconds"),
        (["--echo", "loud"], "dB,ms"),
        (["--lang", "fr"], "en or de"),
        (["--person", "sleeps"], "busy"),
        (["--wav", "missing.wav"], "no file"),
        (["ftp://x"], "no address"),
        (["https://stella.example"], "TWILIO_AUTH_TOKEN"),
        (["--mic", "--say", "x"], "--mic"),
    ],
)
def test_a_wrong_option_says_what_is_right_and_exits_2(ring, arguments, words):
    """2 is for usage, so that scripts can tell it from a failed call."""
    result = ring(*arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_mic_says_plainly_what_is_missing(ring, monkeypatch):
    """No recorder, no microphone: the program's name and the package."""
    monkeypatch.setenv("PATH", "/nowhere")
    result = ring("--mic")
    assert result.exit_code == 2
    assert "arecord" in result.output
    assert "alsa-utils" in " ".join(result.output.split())


def test_level_meter_spans_its_range():
    """Nothing for silence, everything for full scale."""
    assert set(bar(b"\xff" * 160)) == {"·"}
    assert set(bar(b"\x00" * 160)) == {"█"}
