"""What calls may cost together: a day, a number of ours, a caller. One for the process; what other processes wrote is taken in.

A call counts for the day on which it began, in the agent's own time. Totals live in the records: at the start, and every
now and then, those of the last two days are read, so that a restart forgets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from stella.calls.meter import CAPPED, CRUMB, Cap, Meter
from stella.domain.agent import Agent
from stella.domain.call import CallRecord
from stella.ports.metrics import Metrics, NullMetrics
from stella.ports.spending import Gratis, Prices
from stella.ports.store import Bill

_log = structlog.get_logger("stella.budget")

NEAR: Final = 0.8
DAYS_KEPT: Final = 2
CALLS_MOST: Final = 200_000
"""Calls of a day that are known one by one; more than that are counted all the same, but not compared with records."""


@dataclass(frozen=True, slots=True)
class _Account:
    """What is added up: of a day, an agent's money by scope and by whose it is."""

    day: date
    agent: str
    scope: str
    whose: str = ""


class Budget:
    """Adds up and compares."""

    def __init__(
        self,
        prices: Prices | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        metrics: Metrics | None = None,
    ) -> None:
        """Nothing was spent."""
        self._prices, self._wall, self._metrics = prices or Gratis(), wall, metrics or NullMetrics()
        self._totals: dict[_Account, float] = {}
        self._known: dict[date, dict[str, float]] = {}
        self._said: set[tuple[_Account, str]] = set()

    def meter(self, record: CallRecord, agent: Agent) -> Meter:
        """For a call that begins or goes on here."""
        day = _day(agent, _when(record.created_at, self._wall()))
        accounts = _accounts(day, agent.name, record.to, record.from_)
        meter = Meter(
            record.cost, self._prices, day, lambda kind, usd: self._paid(record.call_sid, agent, accounts, kind, usd)
        )
        limits = agent.limits
        caps = [Cap("call", limits.cost_call_usd, lambda: meter.usd)] + [
            Cap(account.scope, bound, lambda account=account: self._totals.get(account, 0.0))  # type: ignore[misc]
            for account, bound in zip(accounts, _bounds(agent), strict=True)
        ]
        meter.caps = tuple(cap for cap in caps if cap.usd > 0)
        return meter

    def _paid(self, call_sid: str, agent: Agent, accounts: tuple[_Account, ...], kind: str, usd: float) -> None:
        self._metrics.spent(kind, usd)
        if kind in CAPPED:
            self._know(accounts[0].day, call_sid, usd)
            self._grow(accounts, usd)
            self._report(agent, accounts)

    def _know(self, day: date, call_sid: str, more: float) -> None:
        known = self._known.setdefault(day, {})
        if call_sid in known or len(known) < CALLS_MOST:
            known[call_sid] = known.get(call_sid, 0.0) + more

    def _grow(self, accounts: tuple[_Account, ...], usd: float) -> None:
        for account in accounts:
            self._totals[account] = self._totals.get(account, 0.0) + usd

    def _report(self, agent: Agent, accounts: tuple[_Account, ...]) -> None:
        for account, bound in zip(accounts, _bounds(agent), strict=True):
            share = self._totals[account] / bound if bound > 0 else 0.0
            if account.scope == "day" and bound > 0:
                self._metrics.budget(share)
            self._say(agent, account, bound, share)

    def _say(self, agent: Agent, account: _Account, bound: float, share: float) -> None:
        """Once when it is nearly used up, once when it is; whose number it is stays out of the log."""
        for reached, event in ((1.0, "budget-spent"), (NEAR, "budget-near")):
            if share >= reached and (account, event) not in self._said:
                self._said |= {(account, event), (account, "budget-near")}
                _log.warning(event, agent=agent.name, scope=account.scope, cap_usd=bound, used=round(share, 2))

    def spent(self, agent: Agent, to: str, from_: str) -> bool:
        """Whether a call that comes in now may cost nothing any more."""
        accounts = _accounts(_day(agent, self._wall()), agent.name, to, from_)
        return any(
            0 < bound <= self._totals.get(account, 0.0) for account, bound in zip(accounts, _bounds(agent), strict=True)
        )

    def used(self, agent: Agent) -> float:
        """How much of the agent's day is used up; 0 without a cap."""
        bound = agent.limits.cost_day_usd
        return self._totals.get(_Account(_day(agent, self._wall()), agent.name, "day"), 0.0) / bound if bound else 0.0

    def take_in(self, bills: Iterable[Bill], agents: Iterable[Agent]) -> None:
        """Add what is in the records and not known here. The same bill taken in twice changes nothing."""
        today = self._wall()
        by_name = {agent.name: agent for agent in agents}
        for bill in bills:
            agent = by_name.get(bill.agent)
            if agent is None:
                continue
            day = _day(agent, _when(bill.created_at, today))
            usd = sum(bill.cost.get(f"{kind}_usd", 0.0) for kind in CAPPED)
            new = usd - self._known.get(day, {}).get(bill.call_sid, 0.0)
            if new > CRUMB:
                self._know(day, bill.call_sid, new)
                self._grow(_accounts(day, agent.name, bill.to, bill.from_), new)
        self._forget(today)

    def _forget(self, now: datetime) -> None:
        """What lies further back is of no use any more."""
        first = now.date() - timedelta(days=DAYS_KEPT)
        self._totals = {account: usd for account, usd in self._totals.items() if account.day >= first}
        self._known = {day: known for day, known in self._known.items() if day >= first}
        self._said = {said for said in self._said if said[0].day >= first}


def _bounds(agent: Agent) -> tuple[float, float, float]:
    limits = agent.limits
    return limits.cost_day_usd, limits.cost_number_usd, limits.cost_caller_usd


def _accounts(day: date, agent: str, to: str, from_: str) -> tuple[_Account, ...]:
    return (
        _Account(day, agent, "day"),
        _Account(day, agent, "number", to),
        _Account(day, agent, "caller", from_),
    )


def _day(agent: Agent, when: datetime) -> date:
    return when.astimezone(ZoneInfo(agent.hours.zone)).date()


def _when(created_at: str, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(created_at)
    except ValueError:
        return otherwise
