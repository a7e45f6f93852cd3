"""Agents from files: built in, one per number, reloaded while calls run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stella.app.agents import BUILT_IN, AgentShelf, load_agent
from stella.domain.errors import AgentFileError

SMALL = 'name = "{name}"\ncompany = "Muster"\n{more}\n[[languages]]\ncode = "de"\n'


def write(path: Path, name: str = "office", more: str = "") -> Path:
    """Write a small agent file whose time differs from any before."""
    stamp = path.stat().st_mtime_ns + 10_000_000 if path.exists() else None
    path.write_text(SMALL.format(name=name, more=more), "utf-8")
    if stamp:
        os.utime(path, ns=(stamp, stamp))
    return path


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_agent_needs_nothing(name):
    """No environment, no files of one's own."""
    agent = load_agent(name, {})
    assert agent.name == name
    assert agent.version


def test_the_receptionist_speaks_german_first_and_knows_its_pages():
    """The default of the product."""
    agent = load_agent("receptionist", {})
    assert [setup.code for setup in agent.languages] == ["de", "en"]
    assert Path(agent.knowledge).is_dir()
    assert agent.people == ()
    assert set(agent.hours.weekly[0]) == set(agent.hours.weekly[4])
    assert agent.hours.weekly[6] == ()


def test_bench_ends_turns_after_200_ms_and_cuts_at_once():
    """PRODUCT §5: the peers' setting."""
    policy = load_agent("bench", {}).policy
    assert {policy[name] for name in ("endpointing_min", "endpointing_usual", "endpointing_max")} == {0.2}
    assert policy["barge_in_decide"] == 0
    assert policy["line_cuts"] == 100


@pytest.mark.parametrize(
    ("more", "line", "reason"),
    [
        ('[hours]\nzone = "Europe/Wien"', 4, "is not a time zone"),
        ('[hours]\nholidays = "ZZ"', 4, "no holidays are known"),
        ('[hours]\nholidays = "DE-ZZ"', 4, "no holidays are known"),
        ('knowledge = "nowhere"', 3, "is not a folder"),
        ('[[people]]\nname = "A"\nnumber = "+4112345"', 5, "one can dial"),
        ("[policy]\nendpointing_min = 2.0", 3, "endpointing_min"),
        ("[policy]\nendpointing_mim = 2.0", 4, "did you mean `endpointing_min`"),
    ],
)
def test_what_only_outside_tables_know_is_checked_too(tmp_path, more, line, reason):
    """Zones, holidays, folders, numbering plans, numbers that contradict each other."""
    with pytest.raises(AgentFileError) as caught:
        load_agent(write(tmp_path / "a.toml", more=more), {})
    assert reason in str(caught.value)
    assert caught.value.line == line


def test_a_file_that_cannot_be_read_says_what_to_give(tmp_path):
    """A typing error in STELLA_AGENT is the usual cause."""
    with pytest.raises(AgentFileError, match="receptionist or bench"):
        load_agent(tmp_path / "missing.toml", {})
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    with pytest.raises(AgentFileError, match="UTF-8"):
        load_agent(tmp_path / "latin.toml", {})
    (tmp_path / "huge.toml").write_bytes(b"#" * 900_000)
    with pytest.raises(AgentFileError, match="larger"):
        load_agent(tmp_path / "huge.toml", {})


def test_each_number_has_its_agent(tmp_path):
    """A folder: exact numbers first, then the agent for all others."""
    write(tmp_path / "a.toml", "sales", 'numbers = ["+4315550101"]')
    write(tmp_path / "b.toml", "office")
    shelf = AgentShelf(tmp_path, {})
    assert shelf.for_number("+4315550101").name == "sales"
    assert shelf.for_number("+43155501011").name == "office"
    assert shelf.for_number("").name == "office"


def test_two_agents_for_one_number_are_refused(tmp_path):
    """Who answers must not depend on the order of files."""
    write(tmp_path / "a.toml", "sales", 'numbers = ["+4315550101"]')
    write(tmp_path / "b.toml", "office", 'numbers = ["+4315550101"]')
    with pytest.raises(AgentFileError, match=r"also claimed by a\.toml"):
        AgentShelf(tmp_path, {})


def test_an_empty_folder_is_refused(tmp_path):
    """A phone without an agent cannot answer."""
    with pytest.raises(AgentFileError, match="no agent files"):
        AgentShelf(tmp_path, {})


def test_a_changed_page_is_a_new_version(tmp_path):
    """What the pages say is part of the agent; a page saved anew with the same words is not."""
    (tmp_path / "pages").mkdir()
    page = tmp_path / "pages" / "a.md"
    page.write_text("# Preis\nEs kostet nichts.", "utf-8")
    shelf = AgentShelf(write(tmp_path / "a.toml", more='knowledge = "pages"'), {})
    before = shelf.for_number("").version
    assert shelf.refresh() is False
    page.write_text("# Preis\nEs kostet zehn Euro.", "utf-8")
    assert shelf.refresh() is True
    assert shelf.for_number("").version != before
    assert shelf.refresh() is False


def test_a_changed_file_takes_effect_and_calls_keep_theirs(tmp_path):
    """An Agent is a value: whoever holds one holds that version."""
    path = write(tmp_path / "a.toml")
    told = []
    shelf = AgentShelf(path, {}, changed=told.append)
    before = shelf.for_number("")
    assert shelf.refresh() is False
    write(path, more='voice_path = "gather"')
    assert shelf.refresh() is True
    assert shelf.for_number("").voice_path == "gather"
    assert before.voice_path == "stream"
    assert shelf.for_number("").version != before.version
    assert told == [shelf.for_number("")]


def test_a_broken_version_keeps_the_old_one(tmp_path):
    """F17: half a save or a mistake must not take the phone down."""
    path = write(tmp_path / "a.toml")
    shelf = AgentShelf(path, {})
    before = shelf.for_number("")
    write(path, more="voice_path = 3")
    assert shelf.refresh() is False
    assert shelf.for_number("") is before
    assert shelf.refresh() is False
    write(path, more='preset = "announce"')
    assert shelf.refresh() is True
    assert shelf.for_number("").preset == "announce"


def test_a_vanished_file_keeps_the_old_one(tmp_path):
    """An editor may remove a file for a moment before it writes it anew."""
    path = write(tmp_path / "a.toml")
    shelf = AgentShelf(path, {})
    before = shelf.for_number("")
    path.unlink()
    assert shelf.refresh() is False
    assert shelf.for_number("") is before


def test_a_folder_may_gain_and_lose_agents(tmp_path):
    """New numbers need no restart; a clash is refused and everything stays."""
    write(tmp_path / "a.toml", "office")
    shelf = AgentShelf(tmp_path, {})
    extra = write(tmp_path / "b.toml", "sales", 'numbers = ["+4315550101"]')
    assert shelf.refresh() is True
    assert shelf.for_number("+4315550101").name == "sales"
    write(tmp_path / "c.toml", "third", 'numbers = ["+4315550101"]')
    assert shelf.refresh() is False
    assert shelf.for_number("+4315550101").name == "sales"
    (tmp_path / "c.toml").unlink()
    extra.unlink()
    assert shelf.refresh() is True
    assert len(shelf.agents) == 1
