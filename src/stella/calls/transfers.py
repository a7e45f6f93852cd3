"""Who a caller may be connected with, and how often: names only, within the agent's hourly cap."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import structlog

from stella.domain.agent import Agent, Person

_log = structlog.get_logger("stella.transfers")

HOUR_S = 3600.0


class Transfers:
    """The transfers of all agents in the last hour. Whatever obeys an attacker upstream ends here."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is monotonic seconds."""
        self._clock = clock
        self._recent: dict[str, deque[float]] = {}

    def person(self, agent: Agent, name: str) -> Person | None:
        """The person of that name or other name, exactly; never a number."""
        wanted = name.strip().casefold()
        return next((p for p in agent.people if wanted in {p.name.casefold(), *(a.casefold() for a in p.also)}), None)

    def allow(self, agent: Agent) -> bool:
        """Count one more transfer, unless the agent's hourly cap is reached."""
        now, recent = self._clock(), self._recent.setdefault(agent.name, deque())
        while recent and now - recent[0] > HOUR_S:
            recent.popleft()
        if len(recent) >= agent.limits.transfers_per_hour:
            _log.warning("transfer-cap", agent=agent.name, cap=agent.limits.transfers_per_hour)
            return False
        recent.append(now)
        return True
