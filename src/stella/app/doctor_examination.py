"""An examination of this installation while it goes on: what it may look at, and what it has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stella.app.doctor_findings import FINDINGS
from stella.app.settings import Settings
from stella.domain.agent import Agent
from stella.phone.verify_findings import Line, Result, Tell, line_of


@dataclass(slots=True)
class Examination:
    """`environ` is the environment with `.env` below it. `settings` and `agents` are filled in by the first checks.

    `running` is the address of a STELLA that answers on the configured port, else empty.
    """

    environ: Mapping[str, str]
    tell: Tell
    settings: Settings = field(default_factory=lambda: Settings.model_validate({}))
    agents: tuple[Agent, ...] = ()
    running: str = ""
    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Keep a line and show it."""
        self.lines.append(line)
        self.tell(line)

    def note(self, check: str, seen: str, result: Result = "ok") -> None:
        """A line without a finding."""
        self.add(Line(check, result, seen))

    def find(self, code: str, check: str, seen: str, mend: str = "") -> None:
        """A finding."""
        self.add(line_of(FINDINGS[code], check, seen, mend))

    def failed(self, *codes: str) -> bool:
        """Whether one of these was found."""
        return any(line.code in codes for line in self.lines)

    @property
    def data_dir(self) -> Path:
        """Where records, models and secrets are."""
        return self.settings.data_dir
