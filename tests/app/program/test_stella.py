"""An agent written in Python is the same agent, checked by the same rules, behind the same locks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import BaseModel
from pydantic_ai import Agent as PydanticAgent

import stella as package
from stella import ConfigError, Stella, Talk, tool
from stella.app.agents import load_agent


@tool(changes=False)
def free_rooms(day: str) -> str:
    """Says which rooms are free."""
    return day


async def answer(talk: Talk) -> AsyncIterator[str]:
    """Repeats."""
    yield talk.text


TOKEN = "0123456789abcdef0123456789abcdef"
FORM = "application/x-www-form-urlencoded"
FILE = """
name = "stella"
company = "Hotel Post"
instructions = "Be brief."
preset = "ask-recording"
voice_path = "gather"
countries = ["AT", "GB"]
[[languages]]
code = "en"
voice = "amy"
greeting = "Good day."
[[languages]]
code = "de"
greeting = "Guten Tag."
[engines]
stt = ["bench"]
brain = ["openai:gpt", "receptionist"]
tts = ["bench"]
[hours]
weekdays = ["08:00-20:00"]
[limits]
call_s = 600
[policy]
silence = 5
[[people]]
name = "Anna Berger"
number = "+436601234567"
[[people]]
name = "Tom"
number = "+436601234568"
also = ["reception"]
[[notify]]
kind = "webhook"
to = "https://example.com/in"
secret = {env = "NOTIFY_SECRET"}
"""


def test_the_parameters_are_the_keys_of_the_agent_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways to write an agent must not become two agents."""
    monkeypatch.setenv("NOTIFY_SECRET", "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=")
    (tmp_path / "agent.toml").write_text(FILE)
    written = Stella(
        "Hotel Post",
        instructions="Be brief.",
        preset="ask-recording",
        voice_path="gather",
        countries=["AT", "GB"],
        languages=[{"code": "en", "voice": "amy"}, "de"],
        greeting={"en": "Good day.", "de": "Guten Tag."},
        stt="bench",
        brain=["openai:gpt", "receptionist"],
        tts=["bench"],
        hours={"weekdays": ["08:00-20:00"]},
        limits={"call_s": 600},
        policy={"silence": 5},
        people={"Anna Berger": "+436601234567", "Tom": {"number": "+436601234568", "also": ["reception"]}},
        notify=[{"kind": "webhook", "to": "https://example.com/in", "secret": {"env": "NOTIFY_SECRET"}}],
    ).agent
    filed = load_agent(tmp_path / "agent.toml", {"NOTIFY_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="})
    names = [name for name in type(filed).__dataclass_fields__ if name != "version"]
    assert [getattr(written, name) for name in names] == [getattr(filed, name) for name in names]


class Form(BaseModel):
    """Not words."""

    field: str


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"people": {"Anna": "+43900123456"}}, r"Stella: people\[1\].number: number "),
        ({"people": {"Anna": "+447911123456"}}, r"Stella: people\[1\].number"),
        ({"hours": {"weekday": ["09:00-17:00"]}}, "did you mean `weekdays`"),
        ({"hours": {"zone": "Mars/Base"}}, "is not a time zone"),
        ({"languages": ["fr"]}, r"languages\[1\].code: must be one of de, en"),
        ({"languages": []}, "languages"),
        ({"greeting": "Hello."}, "say it in every language"),
        ({"greeting": {"fr": "Bonjour."}}, "fr is not one of the agent's languages"),
        ({"policy": {"silence": 9999}}, "policy.silence"),
        ({"knowledge": "no-such-folder"}, "is not a folder"),
        ({"preset": "ask"}, "must be one of disclose"),
        ({"more": {"vocabulari": {}}}, "did you mean `vocabulary`"),
        ({"company": ""}, "company: must have 1 to 80 characters"),
        ({"notify": [{"kind": "webhook", "to": "https://x.example", "secret": "plain"}]}, "looks like a secret"),
        ({"tools": [free_rooms]}, "the receptionist uses no tools"),
        ({"tools": [free_rooms, free_rooms], "brain": answer}, "free_rooms is there twice"),
        ({"tools": [lambda day: day], "brain": answer}, r"tools\[1\]"),
        ({"brain": lambda talk: "yes"}, "async def answer"),
        ({"brain": PydanticAgent(output_type=Form)}, "output_type"),
    ],
)
def test_a_mistake_is_said_at_once_in_the_words_of_the_agent_file(given: dict[str, Any], reason: str) -> None:
    """In the line of the program that makes it, not in a caller's ear."""
    company = given.pop("company", "Hotel Post")
    with pytest.raises(ConfigError, match=reason):
        Stella(company, **given)


def test_settings_come_from_the_environment_and_few_from_the_program(tmp_path: Path) -> None:
    """A program that is deployed is configured like any other STELLA."""
    stella = Stella("Hotel Post", port=4000, host="127.0.0.1", data_dir=tmp_path)
    settings, development = stella.settings({"STELLA_SERVER_PORT": "3005", "STELLA_CALLS_AT_ONCE": "7"})
    assert (settings.server_port, settings.host, settings.data_dir) == (4000, "127.0.0.1", tmp_path)
    assert settings.calls_at_once == 7 and development
    assert Stella("Hotel Post").settings({"STELLA_SERVER_PORT": "3005"})[0].server_port == 3005


def test_with_a_token_it_is_a_server_and_needs_its_address() -> None:
    """As `stella serve`: what is signed is signed over that address."""
    stella = Stella("Hotel Post")
    with pytest.raises(ConfigError, match="STELLA_PUBLIC_URL"):
        stella.settings({"TWILIO_AUTH_TOKEN": TOKEN})
    settings, development = stella.settings(
        {"TWILIO_AUTH_TOKEN": TOKEN, "STELLA_PUBLIC_URL": "https://stella.example.com"}
    )
    assert not development and settings.auth_tokens


def test_a_program_that_cannot_start_ends_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its author needs the cause and the mend; the way through our code is no help."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    monkeypatch.delenv("STELLA_PUBLIC_URL", raising=False)
    with pytest.raises(SystemExit, match=r"^stella: .*STELLA_PUBLIC_URL"):
        Stella("Hotel Post").serve()


@pytest.mark.parametrize(
    ("environ", "headers", "status"),
    [
        ({}, {}, 200),
        ({}, {"X-Forwarded-For": "192.0.2.1"}, 403),
        ({"TWILIO_AUTH_TOKEN": TOKEN, "STELLA_PUBLIC_URL": "https://stella.example.com"}, {}, 403),
    ],
    ids=["this machine", "through a tunnel", "unsigned"],
)
async def test_its_doors_are_locked_like_those_of_the_commands(
    environ: dict[str, str], headers: dict[str, str], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that opens what the command keeps shut would be the way in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("stella.app.house.ProcessEngines", lambda *_, brains, **_more: _letters(brains))
    stella = Stella("Hotel Post", brain=answer, port=0, host="127.0.0.1", data_dir=tmp_path)
    async with (
        stella.running() as address,
        aiohttp.ClientSession() as session,
        session.post(f"{address}/api/stella/call/voice", headers={**headers, "content-type": FORM}) as response,
    ):
        assert response.status == status
        assert ("<Stream" in await response.text()) == (status == 200)


def _letters(brains: Any) -> Any:
    from stella.app.testing.stage import Busy, Stage

    return Stage(brains, Busy())


def test_importing_the_package_is_light() -> None:
    """Every module of STELLA passes through it, and `stella --help` must come at once."""
    code = "import sys, stella; print([name for name in sys.modules if name.startswith('stella.')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'Bot'"):
        package.Bot  # noqa: B018
