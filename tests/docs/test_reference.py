"""The reference cannot lie: it is what its generator writes from the code today."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    """tools/reference_pages.py, as a dictionary of its names."""
    return runpy.run_path(str(ROOT / "tools/reference_pages.py"))


@pytest.mark.parametrize("name", ["commands.md", "http.md", "record.md", "metrics.md"])
def test_a_generated_page_is_what_the_code_says_now(name: str, generator: dict[str, Any]) -> None:
    """An option that changed and a page that did not cost somebody an evening."""
    written = (ROOT / "docs/reference" / name).read_text("utf-8")
    assert generator["PAGES"][name]() == written, f"docs/reference/{name} is out of date; `make docs` writes it anew"


def test_every_field_of_a_record_is_explained(generator: dict[str, Any]) -> None:
    """A field without a meaning is read as whatever the reader hopes (tools/reference_words.toml has the words)."""
    fields = {path for path, _ in generator["record_fields"]()}
    assert fields == set(generator["RECORD"])


def test_the_cost_page_sums_up() -> None:
    """A sample calculation that does not add up convinces nobody of the rest."""
    page = (ROOT / "docs/how-to/what-it-costs.md").read_text("utf-8")
    table = page.partition("## A worked example")[2].partition("**These prices")[0]
    rows = re.findall(r"^\|.*\| +\**(\d+\.\d\d)\** +\|$", table, re.MULTILINE)
    *bills, together = [float(row) for row in rows]
    assert len(bills) >= 7
    assert abs(sum(bills) - together) < 0.005


def test_the_calculator_needs_nobody() -> None:
    """What a company's calls cost is nobody else's business, and it must work where there is no network."""
    page = (ROOT / "docs/assets/cost.html").read_text("utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|src=|href=|@import|url\(", page)


@pytest.mark.parametrize("english", ["rufumleitung.md", "erster-anruf.md", "twilio-verbinden.md"])
def test_german_pages_lead_to_their_longer_english_ones(english: str) -> None:
    """They are short on purpose; whoever needs more must find it."""
    page = (ROOT / "docs/de" / english).read_text("utf-8")
    assert re.search(r"\]\(\.\./(how-to|tutorial)/", page)
