"""Pages that are made from the code say what the code does."""

from __future__ import annotations

import importlib.util
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from stella.calls.recorder import STEPS_MOST
from stella.conversation.ahead import STABLE_S
from stella.conversation.core import Phase
from stella.conversation.policy import Policy
from stella.conversation.watchdog import TOOL_LONGEST_S

DOCS = Path(__file__).parents[2] / "docs"


def load(name: str) -> ModuleType:
    """A program of the docs folder."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_phase_page_is_current() -> None:
    """`python docs/draw_phases.py > docs/why/phases.md` makes it so; every phase is reached by the walk."""
    drawing = load("draw_phases")
    found = drawing.walk()
    assert {after for _, after in found} | {Phase.WAITING} == set(Phase)
    assert (DOCS / "why" / "phases.md").read_text("utf-8") == drawing.page(found)


def test_nothing_leads_back_from_the_end() -> None:
    """Over is over, on the page too."""
    lines = (DOCS / "why" / "phases.md").read_text("utf-8").splitlines()
    assert not [line for line in lines if line.startswith("| over |")]


def test_the_policy_page_is_current() -> None:
    """`python docs/draw_policy.py > docs/reference/policy.md` makes it so."""
    assert (DOCS / "reference" / "policy.md").read_text("utf-8") == load("draw_policy").page()


def test_the_pages_of_behaviours_are_current() -> None:
    """`python docs/draw_behaviours.py` makes them so: defaults, units, bounds and effects are those of the code."""
    drawing = load("draw_behaviours")
    for path in (DOCS / "why").glob("*.md"):
        text = path.read_text("utf-8")
        assert text == drawing.drawn(text), path.name


def test_every_policy_number_is_told_on_one_page() -> None:
    """A number nobody explains is a number nobody sets right."""
    drawing = load("draw_behaviours")
    told = [name for path in (DOCS / "why").glob("*.md") for name in drawing.told(path.read_text("utf-8"))]
    assert sorted(told) == sorted(each.name for each in fields(Policy))


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("asking-ahead", f"has not changed for {round(STABLE_S * 1000)} ms"),
        ("tools-at-work", f"has not come back after {TOOL_LONGEST_S:.0f} s counts as lost"),
    ],
)
def test_a_figure_that_nobody_can_set_is_told_as_it_is(page: str, words: str) -> None:
    """What is no policy number stands in the prose, and must be the code's."""
    text = " ".join((DOCS / "why" / f"{page}.md").read_text("utf-8").split())
    assert words in text


def test_the_page_of_the_recorder_names_its_room() -> None:
    """The bound on the page is the bound in the code."""
    assert f"room for {STEPS_MOST} facts" in (DOCS / "why" / "flight-recorder.md").read_text("utf-8")
