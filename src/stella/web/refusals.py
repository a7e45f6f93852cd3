"""Refusals, counted by cause and logged with the cause and its mend; a flood of them is not a flood of lines."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from stella.domain.errors import Refused
from stella.ports.metrics import Metrics

log = structlog.get_logger("stella.web")


class Puzzle(Refused):
    """A refusal whose true reason takes a moment to find: `explain` is asked only when a line is written."""

    def __init__(self, cause: str, mend: str, explain: Callable[[], str]) -> None:
        """`mend` is for everybody, what `explain` returns for the operator's log only."""
        super().__init__(cause, mend)
        self.explain = explain


class Refusals:
    """Counts every refusal; logs at most `lines_per_second` and says how many were left out. `clock` is monotonic.

    Looking for the true reason of a refusal costs a millisecond and is done once a second for each place at most.
    """

    def __init__(self, metrics: Metrics, lines_per_second: int, clock: Callable[[], float]) -> None:
        self._metrics, self._limit, self._clock = metrics, lines_per_second, clock
        self._window, self._lines, self._quiet = -1, 0, 0
        self._explained: set[str] = set()

    def note(self, refused: Refused, where: str) -> None:
        """Count it, and log it while there is room. Neither holds a secret nor a body."""
        self.count(refused.cause)
        window = int(self._clock())
        if window != self._window:
            self._window, self._lines = window, 0
            self._explained.clear()
        if self._lines >= self._limit:
            self._quiet += 1
            return
        self._lines += 1
        quiet, self._quiet = self._quiet, 0
        mend = refused.mend
        if isinstance(refused, Puzzle) and where not in self._explained:
            self._explained.add(where)
            mend = refused.explain()
        log.warning("refused", cause=refused.cause, where=where, mend=mend, unlogged=quiet)

    def count(self, cause: str) -> None:
        """Count without a line."""
        self._metrics.refused(cause)
