"""Stand-ins for the tunnel programs, on a PATH of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STANDIN = Path(__file__).with_name("standin.py")


def put_standins(folder: Path, *names: str) -> str:
    """Executables of these names in `folder`; the PATH that has them and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        program = folder / name
        program.write_text(f"#!{sys.executable} -I\n" + STANDIN.read_text())
        program.chmod(0o755)
    return str(folder)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with every program, which takes notes."""
    path = put_standins(tmp_path / "bin", "ngrok", "cloudflared", "npx")
    return {"PATH": path + os.pathsep + os.defpath, "HOME": str(tmp_path), "STANDIN_NOTES": str(tmp_path / "notes")}


@pytest.fixture
def notes(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What the stand-ins noted, one entry a start."""
    return lambda: [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
