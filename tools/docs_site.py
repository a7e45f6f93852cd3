"""Make a web site of the documentation: build/site. Zensical comes with `make setup-dev`.

    .venv/bin/python tools/docs_site.py

The pages link to each other as files of this repository (docs/…, CHANGELOG.md, deploy/…), so they are laid out the same
way below build/pages first. Any link that leads nowhere fails the build.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "build/pages"


def lay_out(pages: Path = PAGES) -> None:
    """Copy what is read, and what it links to."""
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    for page in ROOT.glob("*.md"):
        shutil.copy(page, pages)
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, pages)
    shutil.copytree(ROOT / "docs", pages / "docs", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(ROOT / "deploy", pages / "deploy")


def main() -> int:
    """Lay out and build."""
    beside = Path(sys.executable).with_name("zensical")
    zensical = str(beside) if beside.exists() else shutil.which("zensical")
    if not zensical:
        print("Zensical is not installed: make setup-dev", file=sys.stderr)
        return 1
    lay_out()
    return subprocess.run([zensical, "build", "--clean", "--strict"], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
