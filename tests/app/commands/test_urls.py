"""`stella urls`: what the first page of the project said by hand, filled in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from stella.app.cli import cli
from stella.app.commands.urls import fallback_twiml
from stella.app.webhook_addresses import Names, names_here, places, slug
from stella.calls.last_words import BROKEN
from stella.domain.errors import ConfigError
from stella.wire.twiml import MAX_SAY

BIN_MOST = 4000
"""Characters of TwiML that Twilio takes in one go."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of the company's, on a branch."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("STELLA_PUBLIC_URL", raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for words in (
        ("init", "-q"),
        ("symbolic-ref", "HEAD", "refs/heads/feature/Neue_Ansage"),
        ("remote", "add", "origin", "git@github.com:vintaro/Voice-Desk.git"),
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def run(*words: str) -> Any:
    """Type it; the data it printed."""
    done = CliRunner().invoke(cli, ["urls", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_addresses_of_the_first_page_come_out(here: Path) -> None:
    """Letter by letter: they stand in consoles already."""
    found = {
        each["pattern"] or each["environment"]: each
        for each in json.loads(run("--host", "vintaro.ai", "--json"))["environments"]
    }
    assert found["production"]["voice"] == "https://vintaro.ai/api/stella/call/voice"
    assert found["production"]["status"] == "https://vintaro.ai/api/stella/call/status"
    assert found["local"]["voice"] == "http://localhost:3001/api/stella/call/voice"
    assert found["staging.{host}"]["host"] == "staging.vintaro.ai"
    assert found["preview-{branch}.{host}"]["host"] == "preview-feature-neue-ansage.vintaro.ai"
    assert (
        found["{project}-git-{branch}-{team}.vercel.app"]["host"]
        == "voice-desk-git-feature-neue-ansage-{team}.vercel.app"
    )
    assert found["{branch}--{site}.netlify.app"]["host"] == "feature-neue-ansage--{site}.netlify.app"
    assert not found["{branch}--{site}.netlify.app"]["complete"]


def test_what_is_given_fills_the_placeholders(here: Path) -> None:
    """Git knows neither a team nor a site."""
    shown = run(
        "--host", "vintaro.ai", "--team", "Vintaro GmbH", "--site", "vintaro", "--branch", "main", "--project", "desk"
    )
    assert "https://desk-git-main-vintaro-gmbh.vercel.app/api/stella/call/voice" in shown
    assert "https://main--vintaro.netlify.app/api/stella/call/status" in shown


def test_the_public_url_is_production(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server signs over is what belongs into the console, path and port included."""
    monkeypatch.setenv("STELLA_PUBLIC_URL", "https://vintaro.ai:8443/voice")
    shown = run()
    assert "https://vintaro.ai:8443/voice/api/stella/call/voice" in shown
    monkeypatch.setenv("STELLA_PUBLIC_URL", "https://staging.vintaro.ai")
    assert "https://vintaro.ai/api/stella/call/voice" in run()


def test_without_a_host_the_placeholders_stay(here: Path) -> None:
    """A made-up host would be copied by somebody."""
    assert "https://{your-host}/api/stella/call/voice" in run()
    assert "https://{your-host}/api/stella/call/voice" in run("--host", "localhost:3001")


def test_markdown_and_table_have_the_consoles_own_field_names(here: Path) -> None:
    """People look for the words they see."""
    for form in ("table", "markdown"):
        shown = run("--format", form, "--host", "vintaro.ai")
        for field in ("A CALL COMES IN", "PRIMARY HANDLER FAILS", "Status Callback URL", "HTTP Method"):
            assert field in shown
        assert "console.twilio.com" in shown
        assert "<Response>" in shown


@pytest.mark.parametrize(
    "words", [("--format", "yaml"), ("--host", "a b"), ("--host", "https://a?b=c"), ("--host", "https://[")]
)
def test_nonsense_is_a_wrong_option(here: Path, words: tuple[str, str]) -> None:
    """Exit code 2, as for every option."""
    assert CliRunner().invoke(cli, ["urls", *words]).exit_code == 2


def test_the_fallback_says_the_servers_own_words_in_both_languages() -> None:
    """It speaks when nothing of ours runs, so it must stand in Twilio whole, valid and small enough."""
    for person in ("", "+4315550100"):
        text = fallback_twiml(person)
        tree = ET.fromstring(text)
        assert tree.tag == "Response"
        assert [each.text for each in tree.findall("Say")][:2] == [BROKEN["de"], BROKEN["en"]]
        assert all(len(each.text or "") <= MAX_SAY for each in tree.iter("Say"))
        assert len(text) <= BIN_MOST
        assert (tree.findtext("Dial/Number") or "") == person
        assert "unused.invalid" not in text


def test_a_name_too_long_for_a_host_is_said() -> None:
    """These hosts shorten it with a code of their own; guessing would give an address that answers nobody."""
    found = places("vintaro.ai", Names(branch="f" * 60, project="desk", team="vintaro", site="vintaro"))
    assert [each.note != "" for each in found if each.environment == "staging"] == [False, True, True, True]


def test_outside_a_repository_nothing_is_invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A branch nobody is on leads nowhere; the folder's name is the best guess at a project."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert names_here(tmp_path) == Names("", tmp_path.name)
    (tmp_path / ".vercel").mkdir()
    (tmp_path / ".vercel/project.json").write_text('{"projectName": "desk"}')
    assert names_here(tmp_path).project == "desk"
    monkeypatch.setenv("PATH", "")
    assert names_here(tmp_path).branch == ""


@given(st.text(max_size=80))
def test_a_branch_becomes_a_part_of_a_host_name(text: str) -> None:
    """Whatever git allows in a branch."""
    made = slug(text)
    assert made == slug(made)
    assert not made or (made.strip("-") == made and made.replace("-", "").isalnum() and made.isascii())


@given(st.text(max_size=60))
def test_any_host_is_taken_or_refused_in_words(text: str) -> None:
    """No stack trace for a slip of the keyboard."""
    try:
        found = places(text, Names())
    except ConfigError:
        return
    assert all(each.voice.endswith("/api/stella/call/voice") for each in found)
