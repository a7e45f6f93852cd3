"""What a check of a deployment may find: the words are here and in the table, the facts come from the check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Result: TypeAlias = Literal["ok", "warn", "fail", "skipped"]


@dataclass(frozen=True, slots=True)
class Known:
    """A finding there may be: a stable `code`, how bad it is, what it means for callers, its cause and its mend.

    The reference page (docs/reference/findings.md) is written from these.
    """

    code: str
    result: Result
    means: str
    cause: str
    mend: str


@dataclass(frozen=True, slots=True)
class Line:
    """One check and its outcome. `code`, `cause` and `mend` are empty where all is well or nothing was checked."""

    check: str
    result: Result
    seen: str
    code: str = ""
    cause: str = ""
    mend: str = ""


Tell: TypeAlias = Callable[[Line], None]


def table(*rows: Known) -> dict[str, Known]:
    """Findings by their code. Raises ValueError where a code stands twice."""
    made = {row.code: row for row in rows}
    if len(made) != len(rows):
        raise ValueError("a code stands twice")
    return made


def line_of(known: Known, check: str, seen: str, mend: str = "") -> Line:
    """A finding as a line; `mend` replaces the table's where the check knows better."""
    return Line(check, known.result, seen, known.code, known.cause, mend or known.mend)


def worst(lines: list[Line]) -> Result:
    """`fail` over `warn` over `ok`; what was skipped counts as nothing."""
    results = {line.result for line in lines}
    return "fail" if "fail" in results else "warn" if "warn" in results else "ok"
