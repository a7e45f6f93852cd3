"""Refusals, counted by cause and logged with the cause and its mend; a flood of them is not a flood of lines."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from stella.domain.errors import Refused
from stella.ports.metrics import Metrics

log = structlog.get_logger("stella.web")

KEPT = 50
"""Different refusals that are remembered for the operator, the latest; no number, body or secret is in them."""


@dataclass(slots=True)
class Refusal:
    """A kind of request that was refused: when last (UTC), how often, why, and what to do about it."""

    cause: str
    where: str
    mend: str
    last_at: str
    times: int = 1


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

    def __init__(
        self, metrics: Metrics, lines_per_second: int, clock: Callable[[], float],
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._metrics, self._limit, self._clock, self._wall = metrics, lines_per_second, clock, wall
        self._recent: OrderedDict[tuple[str, str], Refusal] = OrderedDict()
        self._window, self._lines, self._quiet = -1, 0, 0
        self._explained: set[str] = set()

    def note(self, refused: Refused, where: str) -> None:
        """Count it, and log it while there is room. Neither holds a secret nor a body."""
        self.count(refused.cause)
        window = int(self._clock())
        if window != self._window:
            self._window, self._lines = window, 0
            self._explained.clear()
        room = self._lines < self._limit
        mend, explained = refused.mend, False
        if room and isinstance(refused, Puzzle) and where not in self._explained:
            self._explained.add(where)
            mend, explained = refused.explain(), True
        self._remember(refused.cause, where, mend, explained=explained)
        if not room:
            self._quiet += 1
            return
        self._lines += 1
        quiet, self._quiet = self._quiet, 0
        log.warning("refused", cause=refused.cause, where=where, mend=mend, unlogged=quiet)

    def count(self, cause: str) -> None:
        """Count without a line."""
        self._metrics.refused(cause)

    def recent(self) -> list[dict[str, Any]]:
        """What was refused lately, the newest first, for the operator: a line of the log may be long gone."""
        return [asdict(refusal) for refusal in reversed(self._recent.values())]

    def _remember(self, cause: str, where: str, mend: str, *, explained: bool) -> None:
        at = self._wall().isoformat(timespec="seconds")
        known = self._recent.pop((cause, where), None)
        # What was found out once is not overwritten by the general advice.
        mend = known.mend if known is not None and not explained else mend
        self._recent[cause, where] = Refusal(cause, where, mend, at, known.times + 1 if known else 1)
        if len(self._recent) > KEPT:
            self._recent.popitem(last=False)
