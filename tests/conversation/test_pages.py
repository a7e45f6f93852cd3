"""Pages that are made from the code say what the code does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from stella.conversation.core import Phase

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
