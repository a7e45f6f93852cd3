"""The cost calculator in a real browser: it sums up what the page's worked example sums up, in both languages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/assets/cost.html"
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=2000",
)  # fmt: skip


def shown(folder: Path, language: str) -> str:
    """The page as Debian's Chromium has it after its script ran."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("Debian's chromium is not installed")
    words = [browser, *QUIET, f"--user-data-dir={folder}", f"--lang={language}", f"--accept-lang={language}"]
    done = subprocess.run(
        [*words, "--dump-dom", PAGE.as_uri()], capture_output=True, text=True, check=False, timeout=50
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "title", "point"), [("en", "What a month costs", "."), ("de", "Was ein Monat kostet", ",")]
)
def test_the_sum_is_that_of_its_rows(tmp_path: Path, language: str, title: str, point: str) -> None:
    """Somebody decides by this figure."""
    page = shown(tmp_path, language)
    assert f'lang="{language}"' in page
    assert title in page

    def money(cells: list[str]) -> list[float]:
        return [float(cell.replace(point, ".")) for cell in cells]

    rows = money(
        re.findall(r'class="money">([\d.,]+)</td>', page.partition('<tbody id="bills">')[2].partition("</tbody>")[0])
    )
    (together,) = money(re.findall(r'id="sum">([\d.,]+)<', page))
    assert len(rows) == 8
    assert together == pytest.approx(sum(rows), abs=0.05) != 0
    widths = [float(width) for width in re.findall(r"width: ([\d.]+)%", page)]
    assert max(widths) == 100.0


def test_every_word_of_the_page_is_in_both_languages() -> None:
    """A receptionist reads German, her cousin English."""
    text = PAGE.read_text("utf-8")
    fields = re.findall(r'\["(\w+)", [\d.]+, [\d.]+, "([^"]+)", "([^"]+)"\]', text)
    assert len(fields) == 15
    assert [name for name, english, german in fields if english == german] == []
