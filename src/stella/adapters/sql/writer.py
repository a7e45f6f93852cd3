"""The one task that writes.

Law 1: nobody else writes to this database in this process; so nobody waits for a lock of ours.
Law 2: what was handed over is written, waits in memory or in the spool, or is counted in `given_up`.
Law 3: a transaction with a waiter in it is on the disk before the waiter hears of it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql.apply import Known, remember, write, write_states
from stella.adapters.sql.engines import Engines
from stella.adapters.sql.evidence import append_all
from stella.adapters.sql.queue import Batch, Job, Pending, Queue
from stella.adapters.sql.schema import calls
from stella.adapters.sql.snapshot import Snapshot
from stella.adapters.sql.spool import Spool, name_of
from stella.ports.failure import Unavailable

log = structlog.get_logger("stella.store")
T = TypeVar("T")


@dataclass(slots=True)
class Counts:
    """What the writer did; for metrics."""

    batches: int = 0
    records: int = 0
    retries: int = 0
    spooled: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How the writer batches and waits, seconds."""

    gather: float = 0.02
    most: int = 100
    bound: int = 1000
    patience_first: float = 0.1
    patience_most: float = 5.0


class Writer:
    """Takes snapshots and jobs from any task of the loop and writes them in batches."""

    def __init__(self, engines: Engines, spool: Spool, pace: Pace) -> None:
        """`start` sets it going."""
        self._engines, self._spool, self._pace = engines, spool, pace
        self._queue = Queue()
        self._flying = Batch({}, {}, [])
        self._known: dict[str, Known] = {}
        self._spooled: set[str] = set()
        self._wake, self._urgent = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._failures = 0
        self.counts = Counts()

    async def start(self) -> None:
        """Begin; what an earlier process left in the spool is written first."""
        self._spooled = await asyncio.to_thread(self._spool.waiting)
        self._task = asyncio.create_task(self._work(), name="store-writer")
        self._wake.set()

    @property
    def failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._failures > 0

    @property
    def backlog(self) -> int:
        """How much is not written yet."""
        return len(self._queue.calls) + len(self._queue.states) + len(self._queue.jobs) + len(self._spooled)

    @property
    def live(self) -> set[str]:
        """The calls this process has written and not seen end."""
        return {*self._known, *self._queue.calls, *self._flying.calls}

    def latest(self, call_sid: str) -> Snapshot | None:
        """The newest snapshot of a call that is not written yet."""
        pending = self._queue.calls.get(call_sid) or self._flying.calls.get(call_sid)
        return pending.snapshot if pending else None

    def unwritten(self) -> list[Snapshot]:
        """Every snapshot that is not written yet."""
        return [one.snapshot for one in {**self._flying.calls, **self._queue.calls}.values()]

    def latest_state(self, call_sid: str) -> bytes | None:
        """The newest state of a call that is not written yet."""
        found = self._queue.states.get(call_sid) or self._flying.states.get(call_sid)
        return found[1] if found else None

    def has_spooled(self, call_sid: str) -> bool:
        """Whether the call waits in the spool."""
        return name_of(call_sid) in self._spooled

    async def spooled(self, call_sid: str) -> Snapshot | None:
        """A snapshot that only the spool has."""
        name = name_of(call_sid)
        return await asyncio.to_thread(self._spool.read, name) if name in self._spooled else None

    def save(self, snapshot: Snapshot) -> None:
        """Write soon."""
        self._queue.add(snapshot)
        self._bound()
        self._wake.set()

    def keep_state(self, call_sid: str, revision: int, state: bytes) -> None:
        """Write soon; the newest wins."""
        self._queue.states[call_sid] = (revision, state)
        self._wake.set()

    async def commit(self, snapshot: Snapshot, deadline: float) -> None:
        """Write now and wait for the disk. Raises Unavailable; the snapshot is kept and tried again all the same."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.add(snapshot, waiter)
        self._bound()
        await self._wait(waiter, deadline)

    async def run(
        self,
        do: Callable[[AsyncConnection], Awaitable[T]],
        *,
        deadline: float = 5.0,
        durable: bool = False,
        keep: bool = False,
    ) -> T:
        """Do anything in a write transaction; it may be run again when the transaction fails. Raises Unavailable."""
        if len(self._queue.jobs) >= self._pace.bound:
            raise Unavailable(self._engines.name, "overload", "too many writes are waiting")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.jobs.append(Job(do, durable, keep, done))
        return await self._wait(done, deadline)

    async def _wait(self, done: asyncio.Future[T], deadline: float) -> T:
        if self._closing or self._task is None or self._task.done():
            raise Unavailable(self._engines.name, "closed")
        self._urgent.set()
        self._wake.set()
        try:
            async with asyncio.timeout(deadline):
                return await done
        except TimeoutError:
            raise Unavailable(self._engines.name, "timeout", f"not written within {deadline:g} s") from None

    def _bound(self) -> None:
        """Memory has an end: far over the bound, when not even the spool takes any, the oldest is given up."""
        while len(self._queue.calls) > 4 * self._pace.bound:
            oldest = next(iter(self._queue.calls))
            self._give_up(self._queue.calls.pop(oldest), "overload")

    async def close(self, deadline: float = 10.0) -> None:
        """Write what waits, for so long; spool the rest; stop."""
        self._closing = True
        self._urgent.set()
        self._wake.set()
        if self._task:
            done, _ = await asyncio.wait({self._task}, timeout=deadline)
            if not done:
                self._task.cancel()
                await asyncio.wait({self._task}, timeout=5)
        self._queue.put_back(self._flying)
        self._flying = Batch({}, {}, [])
        await self._spool_oldest(len(self._queue.calls))
        lost = len(self._queue.calls) + len(self._queue.states)
        if lost:
            self.counts.given_up += lost
            log.error("closed-with-losses", records=len(self._queue.calls), states=len(self._queue.states))
        for job in self._queue.jobs:
            if not job.done.done():
                job.done.set_exception(Unavailable(self._engines.name, "closed"))

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            await self._gather()
            self._wake.clear()
            self._urgent.clear()
            while self._queue or self._spooled:
                if not await self._round():
                    if self._closing:
                        return
                    await self._rest()
            if self._closing:
                return

    async def _gather(self) -> None:
        """A short wait joins the saves of many calls into one transaction; a commit ends it."""
        try:
            async with asyncio.timeout(self._pace.gather):
                await self._urgent.wait()
        except TimeoutError:
            pass

    async def _rest(self) -> None:
        """Wait after a failure, longer each time, and not all processes in step."""
        wait = min(self._pace.patience_most, self._pace.patience_first * 2 ** min(self._failures, 10))
        over = len(self._queue.calls) - self._pace.bound
        if over > 0:
            await self._spool_oldest(over)
        await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  # jitter

    async def _round(self) -> bool:
        """One transaction. Returns whether it went well."""
        batch = self._flying = self._queue.take(self._pace.most)
        try:
            if batch:
                await self._write(batch)
            elif self._spooled:
                await self._write_spooled()
        except Exception as failed:  # noqa: BLE001  # the writer outlives whatever a driver raises
            self._flying = Batch({}, {}, [])
            if transient(failed):
                self._queue.put_back(batch)
                self._note_failure(failed)
                return False
            return await self._one_by_one(batch)
        self._flying = Batch({}, {}, [])
        self._note_success()
        return True

    async def _write(self, batch: Batch) -> None:
        engine = self._engines.full if batch.durable else self._engines.fast
        snapshots = [one.snapshot for one in batch.calls.values()]
        async with engine.begin() as connection:
            answers = [await job.do(connection) for job in batch.jobs]
            if batch.states:
                await write_states(connection, batch.states)
            if snapshots:
                await write(connection, snapshots, self._known)
        remember(snapshots, self._known)
        self.counts.batches += 1
        self.counts.records += len(snapshots)
        for pending in batch.calls.values():
            _answer(pending)
        for job, answer in zip(batch.jobs, answers, strict=True):
            if not job.done.done():
                job.done.set_result(answer)

    async def _write_spooled(self) -> None:
        """What the spool keeps goes into the database, unless that has a newer state; its evidence in any case."""
        names = sorted(self._spooled)[: self._pace.most]
        found = {name: await asyncio.to_thread(self._spool.read, name) for name in names}
        snapshots = [one for one in found.values() if one]
        async with self._engines.full.begin() as connection:
            known = select(calls.c.call_sid, calls.c.revision).where(
                calls.c.call_sid.in_([s.call_sid for s in snapshots])
            )
            newest = {row.call_sid: row.revision for row in await connection.execute(known)}
            fresh = [one for one in snapshots if one.revision > newest.get(one.call_sid, -1)]
            if fresh:
                await write(connection, fresh, {})
            for one in snapshots:
                await append_all(connection, [one])
        for one in fresh:
            self._known.pop(one.call_sid, None)
        for name in names:
            await asyncio.to_thread(self._spool.drop, name)
        self._spooled.difference_update(names)

    async def _one_by_one(self, batch: Batch) -> bool:
        """Something in the batch can never be written: find it, give it up, write the rest."""
        parts = [Batch({sid: one}, {}, []) for sid, one in batch.calls.items()]
        parts += [Batch({}, {sid: state}, []) for sid, state in batch.states.items()]
        parts += [Batch({}, {}, [job]) for job in batch.jobs]
        if not parts:
            self._spooled.clear()
            log.error("spool-refused", mend="the files stay in the spool folder; see the log before this line")
            return True
        for at, part in enumerate(parts):
            try:
                await self._write(part)
            except Exception as failed:  # noqa: BLE001  # as above
                if transient(failed):
                    for rest in reversed(parts[at:]):
                        self._queue.put_back(rest)
                    self._note_failure(failed)
                    return False
                await self._refuse(part, failed)
        return True

    async def _refuse(self, part: Batch, failed: Exception) -> None:
        for job in part.jobs:
            if not job.done.done():
                job.done.set_exception(failed)
        for sid in part.states:
            self.counts.given_up += 1
            log.error("state-given-up", call_sid=sid, code=code_of(failed))
        for pending in part.calls.values():
            await self._set_aside(pending, ".refused")
            self._give_up(pending, code_of(failed))

    async def _set_aside(self, pending: Pending, suffix: str) -> bool:
        try:
            name = await asyncio.to_thread(self._spool.keep, pending.snapshot, suffix)
        except Exception as failed:  # noqa: BLE001  # whatever the reason, the record stays in memory
            log.error("spool-failed", fault=type(failed).__name__, mend="make room on the disk of STELLA_DATA_DIR")  # noqa: TRY400
            return False
        if suffix == ".json":
            self._spooled.add(name)
        return True

    async def _spool_oldest(self, count: int) -> None:
        """Move so many calls from memory to files; stops where the files cannot be written either."""
        for sid in list(self._queue.calls)[:count]:
            older, pending = await self.spooled(sid), self._queue.calls.get(sid)
            if pending is None:
                continue  # given up meanwhile, see `_bound`
            if older:
                self._queue.calls[sid] = pending = Pending(older_joined(older, pending.snapshot), pending.waiters)
            if not await self._set_aside(pending, ".json"):
                return
            if self._queue.calls.get(sid) is pending:
                del self._queue.calls[sid]
            self.counts.spooled += 1

    def _give_up(self, pending: Pending, code: str) -> None:
        self.counts.given_up += 1
        self._known.pop(pending.snapshot.call_sid, None)
        log.error("record-given-up", call_sid=pending.snapshot.call_sid, code=code)
        for waiter in pending.waiters:
            if not waiter.done():
                waiter.set_exception(Unavailable(self._engines.name, code))

    def _note_failure(self, failed: Exception) -> None:
        self._failures += 1
        self.counts.retries += 1
        if self._failures == 1:
            log.warning("database-does-not-write", code=code_of(failed), mend="records are kept and tried again")

    def _note_success(self) -> None:
        if self._failures:
            log.info("database-writes-again", attempts=self._failures)
            self._failures = 0


def transient(failed: Exception) -> bool:
    """Whether the same write may go well later."""
    if isinstance(failed, DBAPIError):
        return not isinstance(failed, (IntegrityError, DataError, ProgrammingError))
    return isinstance(failed, (OSError, PoolTimeout))


def code_of(failed: Exception) -> str:
    """A word for a log, without the statement or its values."""
    name = getattr(getattr(failed, "orig", None), "sqlite_errorname", "")
    words = {"SQLITE_BUSY": "locked", "SQLITE_FULL": "disk-full", "SQLITE_CANTOPEN": "cannot-open"}
    return words.get(name, name.lower() or type(failed).__name__)


def older_joined(older: Snapshot, newer: Snapshot) -> Snapshot:
    """The newer snapshot with the evidence of the older one before its own."""
    queue = Queue()
    queue.add(older)
    queue.add(newer)
    return queue.calls[newer.call_sid].snapshot


def _answer(pending: Pending) -> None:
    for waiter in pending.waiters:
        if not waiter.done():
            waiter.set_result(None)
