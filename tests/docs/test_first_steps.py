"""What the first pages have a newcomer copy is an agent that starts."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from stella.app.agents.load import load_agent

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/tutorial/first-call.md", "docs/de/erster-anruf.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_agent_file_that_is_copied_loads(page: str, tmp_path: Path) -> None:
    """The readme had the file copied without its pages, and the next start was refused."""
    text = (ROOT / page).read_text()
    copies = re.findall(r"^cp (-r )?(src/stella/\S+) (\S+)$", text, re.MULTILINE)
    for _, source, target in copies:
        place = tmp_path / target
        (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, place)
    named = re.findall(r"`STELLA_AGENT=(\S+)`", text)
    assert len(named) == 1
    agent = load_agent(tmp_path / named[0], {})
    assert list(Path(agent.knowledge).glob("*.md"))
