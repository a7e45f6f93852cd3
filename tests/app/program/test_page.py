"""The page about programming STELLA cannot lie: its code is run, its calls are rung, its types are checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs/how-to/program-it.md"
BLOCKS = dict(re.findall(r"```python\n# file: (\S+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-p",
    "stella.app.testing.fixture",
    "-p",
    "no:cacheprovider",
    "-c",
    "pytest.ini",
]

# What a reader would write next: the same fixture for the page's other programs.
MORE = """
import pytest
from concierge import agent, stella as concierge
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from hotel import stella as hotel


async def thinks(messages, info):
    told = [part.content for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
    if told:
        yield f"Breakfast is {told[0]}."
    else:
        yield {0: DeltaToolCall("breakfast", "{}", tool_call_id="1")}


@pytest.mark.asyncio
async def test_the_concierge_uses_its_tool(phone):
    agent.model = FunctionModel(stream_function=thinks)
    call = await phone.ring(concierge)
    await call.say("When is breakfast?")
    assert "Breakfast is from seven to ten, en." in await call.hears()
    record = await call.hang_up()
    assert [tool["name"] for tool in record["tools"]] == ["breakfast"]


def test_the_hotel_is_what_it_says():
    assert hotel.agent.company == "Hotel Post"
    assert hotel.agent.people[0].number == "+436601234567"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The page's files, as a reader would save them."""
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "test_more.py").write_text(MORE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    """What a command says; it must succeed."""
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_piece_of_code_on_the_page_is_one_of_these() -> None:
    """A block without a file name would be run by nobody."""
    assert PAGE.read_text("utf-8").count("```python") == len(BLOCKS) == 5


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_page_shows_runs(folder: Path) -> None:
    """In a process of its own, as a reader's tests run."""
    said = run([*PYTEST, "test_echo.py", "test_more.py"], folder)
    assert "3 passed" in said


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_page_shows_is_typed(folder: Path) -> None:
    """A program with mypy in its own pipeline must not need to ignore anything of ours."""
    files = [str(folder / name) for name in BLOCKS]
    run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), *files], folder)


def test_the_fixture_comes_with_the_package() -> None:
    """Plugins are found by this entry of the project file."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '[project.entry-points.pytest11]\n"stella.app.testing.fixture" = "stella.app.testing.fixture"\n' in text
