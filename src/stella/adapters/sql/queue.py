"""What waits to be written: the newest snapshot of each call, and jobs in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql.snapshot import Snapshot


@dataclass(slots=True)
class Pending:
    """A snapshot to be written and those who wait until it is safe."""

    snapshot: Snapshot
    waiters: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def durable(self) -> bool:
        """Whether somebody waits for the disk."""
        return bool(self.waiters)


@dataclass(slots=True)
class Job:
    """Anything else to be done in a write transaction. `keep`: it is done even when nobody waits any more."""

    do: Callable[[AsyncConnection], Awaitable[Any]]
    durable: bool
    keep: bool
    done: asyncio.Future[Any]

    @property
    def wanted(self) -> bool:
        """Whether there is still a reason to do it."""
        return self.keep or not self.done.done()


@dataclass(slots=True)
class Batch:
    """What goes into one transaction."""

    calls: dict[str, Pending]
    states: dict[str, tuple[int, bytes]]
    jobs: list[Job]

    @property
    def durable(self) -> bool:
        """Whether the transaction must be on the disk before it counts."""
        return any(one.durable for one in self.calls.values()) or any(job.durable for job in self.jobs)

    def __bool__(self) -> bool:
        return bool(self.calls or self.states or self.jobs)


class Queue:
    """Joins what belongs together and hands it out in batches. Never blocks; the writer bounds it."""

    def __init__(self) -> None:
        """Empty."""
        self.calls: dict[str, Pending] = {}
        self.states: dict[str, tuple[int, bytes]] = {}
        self.jobs: deque[Job] = deque()

    def __bool__(self) -> bool:
        return bool(self.calls or self.states or self.jobs)

    def add(self, snapshot: Snapshot, waiter: asyncio.Future[None] | None = None) -> None:
        """A newer snapshot takes the place of the older one, with its evidence and its waiters."""
        older = self.calls.pop(snapshot.call_sid, None)
        pending = Pending(_joined(older.snapshot, snapshot) if older else snapshot, older.waiters if older else [])
        if waiter:
            pending.waiters.append(waiter)
        self.calls[snapshot.call_sid] = pending
        if snapshot.over:
            self.states.pop(snapshot.call_sid, None)

    def take(self, most: int) -> Batch:
        """The oldest of everything."""
        calls = {sid: self.calls.pop(sid) for sid in list(self.calls)[:most]}
        states = {sid: self.states.pop(sid) for sid in list(self.states)[:most]}
        jobs = [job for job in (self.jobs.popleft() for _ in range(min(most, len(self.jobs)))) if job.wanted]
        return Batch(calls, states, jobs)

    def put_back(self, batch: Batch) -> None:
        """A batch that was not written goes to the front again, under whatever came since."""
        later, later_states = self.calls, self.states
        self.calls, self.states = batch.calls, {**batch.states, **later_states}
        for pending in later.values():
            older = self.calls.get(pending.snapshot.call_sid)
            self.add(pending.snapshot)
            self.calls[pending.snapshot.call_sid].waiters = (older.waiters if older else []) + pending.waiters
        self.jobs.extendleft(reversed(batch.jobs))


def _joined(older: Snapshot, newer: Snapshot) -> Snapshot:
    if not (older.consents or older.disclosures):
        return newer
    return msgspec.structs.replace(
        newer, consents=older.consents + newer.consents, disclosures=older.disclosures + newer.disclosures
    )
