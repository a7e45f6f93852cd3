"""The agent file's reference page cannot lie."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import stella.app.agents
from stella.app.agents import load_agent

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/agent-file.md"


def test_the_page_is_what_the_validator_checks():
    """Written from the same table; run `python tools/agent_file_page.py` to renew it."""
    assert runpy.run_path(str(ROOT / "tools/agent_file_page.py"))["page"]() == PAGE.read_text("utf-8")


def test_the_page_s_example_is_a_good_file(tmp_path):
    """People copy it."""
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert example
    (tmp_path / "pages").mkdir()
    (tmp_path / "office.toml").write_text(example[1], "utf-8")
    agent = load_agent(tmp_path / "office.toml", {})
    assert agent.people[0].name == "Anna Berger"
    assert agent.hours.closed


def test_the_commented_lines_of_the_receptionist_are_good_too(tmp_path):
    """Whoever takes the `#` away in a copy must get what it promises."""
    text = (Path(stella.app.agents.__file__).parent / "receptionist.toml").read_text("utf-8")
    text = re.sub(r"^# (?=(\[\[|[a-z]+ = ))", "", text, flags=re.MULTILINE).replace("+43 …", "+4315550101")
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "copy.toml").write_text(text, "utf-8")
    agent = load_agent(tmp_path / "copy.toml", {"NOTIFY_SECRET": "x"})
    assert agent.people
    assert [target.kind for target in agent.notify] == ["email", "webhook"]
