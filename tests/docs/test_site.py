"""The documentation as a web site builds, and none of its links leads nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_site_builds_without_a_complaint() -> None:
    """`--strict` makes a link that leads nowhere a failure; whoever publishes the pages should not be the first to see it."""
    done = subprocess.run(
        [sys.executable, "tools/docs_site.py"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    built = ROOT / "build/site/docs"
    names = {page.replace("README.md", "index.md") for page in pages}
    assert [name for name in sorted(names) if not (built / name).with_suffix(".html").exists()] == []
