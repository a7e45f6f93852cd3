"""Shows checks one after the other, as `stella verify` and `stella doctor` make them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape

from stella.phone.verify_findings import Line, worst

PAGE = "docs/reference/findings.md"
_LOOK = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]", "skipped": "[dim]skip[/]"}


class Show:
    """Lines for a person, or one JSON object at the end for a program."""

    def __init__(self, *, as_json: bool) -> None:
        """Nothing is shown before the first line; with `as_json` nothing before `end`."""
        self._as_json = as_json
        self._not_reached: list[str] = []
        self._console = Console(highlight=False, soft_wrap=True)

    def line(self, line: Line) -> None:
        """One check and its outcome, with cause and mend below where there is a finding."""
        if self._as_json:
            return
        if line.result == "skipped" and line.seen.startswith(("after ", "not reached")):
            self._not_reached.append(line.check)
            return
        self._console.print(f"  {_LOOK[line.result]}  {escape(line.check):<18} {escape(line.seen)}")
        if line.code:
            self._console.print(f"        cause: {escape(line.cause)}")
            self._console.print(f"        mend:  {escape(line.mend)}")
            self._console.print(f"        [dim]{PAGE}#{line.code}[/]")

    def end(self, lines: Iterable[Line], what: str, well: str) -> int:
        """Sum up; the exit code: 0 where nothing failed, else 1. `well` is said when all is well."""
        lines = list(lines)
        result = worst(lines)
        if self._not_reached:
            self._console.print(f"  {_LOOK['skipped']}  not reached: {', '.join(self._not_reached)}")
        counts = {kind: sum(line.result == kind for line in lines) for kind in ("ok", "warn", "fail", "skipped")}
        if self._as_json:
            data = {"what": what, "result": result, **counts, "checks": [asdict(line) for line in lines]}
            print(json.dumps(data, indent=2, ensure_ascii=False))
        elif result == "fail":
            first = next(line for line in lines if line.result == "fail")
            more = f" ({counts['fail'] - 1} more below it)" if counts["fail"] > 1 else ""
            self._console.print(f"\n{escape(what)}: [red]{escape(first.check)}[/] fails{more}. Mend that first.")
        else:
            warned = f", {counts['warn']} to look at" if counts["warn"] else ""
            self._console.print(f"\n{escape(what)}: {escape(well)}{warned}.")
        return 1 if result == "fail" else 0
