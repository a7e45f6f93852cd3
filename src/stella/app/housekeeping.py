"""What the house does beside its calls. A job that fails is reported and begun again: it never ends a call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from stella.adapters.sql import SqlStore
from stella.app.agents.shelf import AgentShelf
from stella.app.engines import HouseEngines
from stella.app.library import Library
from stella.calls.budget import DAYS_KEPT, Budget
from stella.calls.switchboard import Switchboard
from stella.domain.errors import ConfigError
from stella.ports.failure import ProviderError, Unavailable

_log = structlog.get_logger("stella.house")

ORPHAN_WAIT_S = 120.0
"""Calls of a process that died may still come back by `/after` for this long; then they are closed."""
AGENT_FILES_EVERY_S = 3.0
PAGES_EVERY_S = 60.0
"""Whether pages of the web are due is asked this often; the agent file says when they are."""
SWEEP_AGAIN_S = 5.0
BILLS_EVERY_S = 20.0
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


@contextlib.asynccontextmanager
async def housekeeping(
    switchboard: Switchboard,
    store: SqlStore,
    shelf: AgentShelf,
    engines: HouseEngines,
    library: Library,
    retention_days: int,
) -> AsyncIterator[None]:
    """All jobs, for the length of a block."""
    jobs: dict[str, tuple[Callable[[], Awaitable[None]], float]] = {
        "sweep": (switchboard.run, SWEEP_AGAIN_S),
        "agent-files": (lambda: _follow_agent_files(shelf, engines), AGENT_FILES_EVERY_S),
        "pages": (lambda: _refresh_pages(shelf, library), PAGES_EVERY_S),
        "orphans": (lambda: _close_orphans(store), ORPHAN_WAIT_S),
        "retention": (lambda: _purge_daily(store, retention_days), HOUR_S),
        "bills": (lambda: _follow_bills(store, engines.budget, shelf), BILLS_EVERY_S),
    }
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(unfailing(name, *job), name=name) for name, job in jobs.items()]
        try:
            yield
        finally:
            for task in running:
                task.cancel()


async def unfailing(name: str, job: Callable[[], Awaitable[None]], again_s: float) -> None:
    """Do this job until cancelled: whatever it raises is logged, and it begins anew after `again_s`."""
    while True:
        try:
            await job()
        except Exception:  # noqa: BLE001 whatever it is, the calls of the house go on
            _log.exception("housekeeping-failed", job=name, again_in_s=again_s)
        await asyncio.sleep(again_s)


async def _follow_agent_files(shelf: AgentShelf, engines: HouseEngines) -> None:
    while True:
        await asyncio.sleep(AGENT_FILES_EVERY_S)
        await take_up_changes(shelf, engines)


async def _refresh_pages(shelf: AgentShelf, library: Library) -> None:
    while True:
        await asyncio.sleep(PAGES_EVERY_S)
        await library.refresh(shelf.agents)


async def take_up_changes(shelf: AgentShelf, engines: HouseEngines) -> None:
    """Let changed agents answer once their engines are ready; where they cannot be, the old version stays (F17)."""
    reading = await asyncio.to_thread(shelf.read)
    if reading is None:
        return
    refused: set[Path] = set()
    for path, agent in reading.fresh.items():
        try:
            await engines.prepare((agent,))
        except Exception as error:  # noqa: BLE001 whatever it is, it is this file's fault and not the others'
            known = isinstance(error, (ConfigError, ProviderError))
            _log.error(
                "agent file refused, the old one stays", file=str(path),
                reason=str(error) if known else f"{type(error).__name__}: {error}",
                mend="mend what the reason names, and save the file again",
            )  # fmt: skip
            refused.add(path)
    shelf.adopt(reading, refused)


async def take_in_bills(store: SqlStore, budget: Budget, shelf: AgentShelf) -> None:
    """What the calls of the last two days cost, as far as it is not known here; a database that is busy is asked later."""
    since = (datetime.now(UTC) - timedelta(days=DAYS_KEPT)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        budget.take_in(await store.bills(since), shelf.agents)
    except Unavailable as failure:
        _log.warning("bills-wait", code=failure.code)


async def _follow_bills(store: SqlStore, budget: Budget, shelf: AgentShelf) -> None:
    """What other processes spend of the same caps."""
    while True:
        await asyncio.sleep(BILLS_EVERY_S)
        if not store.alone:
            await take_in_bills(store, budget, shelf)


async def _close_orphans(store: SqlStore) -> None:
    """Calls that a dead process left open: those that nobody resumed in time are closed."""
    while True:
        await asyncio.sleep(ORPHAN_WAIT_S)
        try:
            await store.adopt_orphans(datetime.now(UTC), ORPHAN_WAIT_S)
        except Unavailable as failure:
            _log.warning("orphans-wait", code=failure.code)


async def _purge_daily(store: SqlStore, days: int) -> None:
    """What is older than the retention goes; a database that is busy is asked again in an hour."""
    while True:
        wait = DAY_S
        try:
            await store.purge(datetime.now(UTC) - timedelta(days=days))
        except Unavailable as failure:
            _log.warning("purge-waits", code=failure.code)
            wait = HOUR_S
        await asyncio.sleep(wait)
