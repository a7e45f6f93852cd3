"""The floor plan is a test: imports only go down (docs/architecture.md)."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parent.parent
GROUND = sorted((ROOT / "src/stella/domain").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The top-level packages a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def test_every_import_contract_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A room that reaches up, or a pure room that reads a clock, is a design fault and not a matter of taste."""
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=".importlinter", cache_dir=None) == EXIT_STATUS_SUCCESS


@pytest.mark.parametrize("path", GROUND, ids=lambda path: path.stem)
def test_the_ground_floor_stands_on_the_standard_library_alone(path: Path) -> None:
    """The words of the house must not change their meaning with somebody's release."""
    assert imported(path) - {"stella"} <= set(sys.stdlib_module_names)


def test_nothing_imports_the_roof_from_below() -> None:
    """`app` knows everybody; whoever knew `app` would know everybody as well."""
    rooms = [path for path in (ROOT / "src/stella").glob("*/**/*.py") if "app" not in path.relative_to(ROOT).parts]
    assert [path for path in rooms if "stella.app" in path.read_text()] == []
