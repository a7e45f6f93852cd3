"""Values: equal by what they hold, cheap to build, and frozen where it costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

from stella.domain.value import value

SNIPPET = """
from stella.domain.value import value

@value
class Point:
    x: int

Point(1).x = 2
"""


@value
class Point:
    """A place."""

    x: int
    y: int = 0


def test_values_are_what_they_hold() -> None:
    """They are compared in tests, found in sets, and printed when something is wrong with them."""
    assert Point(1) == Point(1, 0)
    assert Point(1) != Point(1, 1)
    assert {Point(1), Point(1)} == {Point(1)}
    assert repr(Point(1)).endswith("Point(x=1, y=0)")


def test_a_value_has_only_the_fields_it_declares() -> None:
    """A misspelt field is an error, not a new one."""
    with pytest.raises(AttributeError):
        Point(1).z = 2  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_type_checker_refuses_to_change_a_value(tmp_path: Path) -> None:
    """Nothing stops it at run time: that is the price, and this is what is paid with."""
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    root = Path(__file__).parents[2]
    found, _, status = api.run(
        ["--config-file", str(root / "pyproject.toml"), "--cache-dir", str(tmp_path), str(snippet)]
    )
    assert status == 1, found
    assert "read-only" in found
