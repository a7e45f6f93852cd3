"""Delivery with retry that survives a restart: a small table worker on the database of the calls.

Law 1: `put` returns when the notice is on the disk.
Law 2: at least once on the wire, always under the same delivery id; a delivery is done when `delivered` is on the disk.
Law 3: nothing is forgotten silently: what is given up stays in the table as `failed`, is counted and logged.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from stella.adapters.sql import deliveries as rows
from stella.adapters.sql.deliveries import TARGET_GONE, Claimed
from stella.adapters.sql.store import SqlStore
from stella.domain.agent import NotifyTarget
from stella.ports.delivery import Delivery
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.store import Notice

log = structlog.get_logger("stella.outbox")


DIRECT = frozenset({"sms"})
"""Kinds of targets that are a caller's own: never those of an agent file, and never exchanged for them."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How deliveries are tried again, seconds. `refusals`: so often a clear no is asked again before it is believed."""

    first: float = 5.0
    most: float = 3600.0
    give_up: float = 3 * 86400.0
    attempts: int = 20
    refusals: int = 4
    deadline: float = 45.0
    lease: float = 90.0
    idle: float = 60.0

    def wait(self, attempts: int) -> float:
        """Before attempt number `attempts + 1`: doubles, with jitter, up to `most`."""
        longest: float = min(self.most, self.first * 2.0 ** min(attempts - 1, 20))
        return longest * random.uniform(0.7, 1.0)  # noqa: S311  # jitter


class SqlOutbox:
    """Keeps `Outbox`. `targets` says where an agent's notices go now; `ways` maps a target's kind to its delivery."""

    def __init__(
        self,
        store: SqlStore,
        targets: Callable[[str], Sequence[NotifyTarget]],
        ways: Mapping[str, Delivery],
        *,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.time,
        at_once: int = 8,
    ) -> None:
        """`start` sets the worker going; `put` works before."""
        self._store, self._targets, self._ways = store, targets, ways
        self._patience, self._clock, self._at_once = patience or Patience(), clock, at_once
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._warned: set[str] = set()
        self.delivered = self.failed = self.retried = 0

    async def put(self, notice: Notice, agent: str) -> None:
        """Keep the notice for every target of the agent; twice the same key is once. Raises Unavailable."""
        targets = self._of(agent)
        now = self._clock()
        await self._store.writer.run(
            lambda connection: rows.put(connection, notice, agent, targets, now), durable=True, keep=True
        )
        self._wake.set()

    async def put_to(self, notice: Notice, agent: str, target: NotifyTarget) -> None:
        """Keep the notice for one target that no agent file names; twice the same key is once. Raises Unavailable."""
        if target.kind not in DIRECT:
            raise ValueError(f"not for callers: {target.kind}")
        now = self._clock()
        await self._store.writer.run(
            lambda connection: rows.put(connection, notice, agent, (target,), now), durable=True, keep=True
        )
        self._wake.set()

    async def kept(self, agent: str, kinds: Sequence[str]) -> list[dict[str, Any]]:
        """The fields of an agent's notices of these kinds, the oldest first. Raises Unavailable."""
        async with self._store.reading() as connection:
            return await rows.kept(connection, agent, kinds)

    async def pending(self) -> int:
        """How many deliveries are still to be made. Raises Unavailable."""
        return (await self.states())["pending"]

    async def states(self) -> dict[str, int]:
        """How many stand at `pending`, `delivered`, `failed`, `undeliverable`. Raises Unavailable."""
        async with self._store.reading() as connection:
            return await rows.states(connection)

    async def start(self) -> None:
        """Begin to deliver, first what an earlier process left."""
        self._task = asyncio.create_task(self._work(), name="outbox")

    async def close(self) -> None:
        """Stop now; what is under way is tried again at the next start."""
        under_way = {*self._running, *({self._task} if self._task else ())}
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=5)
        for way in self._ways.values():
            await way.close()

    def _of(self, agent: str) -> tuple[NotifyTarget, ...]:
        """The agent's targets that can be served; says once what cannot."""
        named = self._targets(agent)
        targets = tuple(target for target in named if target.kind in self._ways)
        if not targets and agent not in self._warned:
            self._warned.add(agent)
            mend = "set STELLA_SMTP_HOST and STELLA_SMTP_FROM" if named else "add notify to the agent file"
            log.warning("no-notify-target", agent=agent, mend=f"{mend}; messages are kept until then")
        if targets:
            self._warned.discard(agent)
        return targets

    async def _work(self) -> None:
        begun = False
        while True:
            try:
                if not begun:
                    await self._store.writer.run(lambda connection: rows.release(connection, self._store.node))
                    begun = True
                await self._readdress()
                wait = await self._round()
            except Unavailable:
                wait = self._patience.first
            except Exception as failed:  # noqa: BLE001  # the worker outlives its own faults; they are loud
                log.error("outbox-fault", fault=type(failed).__name__)  # noqa: TRY400  # the text may hold a message
                wait = self._patience.idle
            if wait > 0:
                await self._sleep(wait)

    async def _sleep(self, wait: float) -> None:
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _readdress(self) -> None:
        """Notices without a target get one when the agent file has one at last."""
        async with self._store.reading() as connection:
            alone = await rows.unaddressed(connection)
        for key, agent in alone:
            targets = self._of(agent)
            if targets:
                await self._address(key, targets)

    async def _address(self, key: str, targets: Sequence[NotifyTarget]) -> None:
        now = self._clock()
        await self._store.writer.run(lambda connection: rows.address(connection, key, targets, now), keep=True)

    async def _round(self) -> float:
        """Send off what is due, so many at a time; a slow receiver holds up nobody else. Returns how long to wait then."""
        now, free = self._clock(), self._at_once - len(self._running)
        if free <= 0:
            return self._patience.idle
        node, lease = self._store.node, self._patience.lease
        mine = await self._store.writer.run(lambda connection: rows.claim(connection, node, now, lease, free))
        for one in mine:
            task = asyncio.create_task(self._deliver(one), name=f"deliver-{one.id}")
            self._running.add(task)
            task.add_done_callback(self._landed)
        if mine:
            return 0.0
        async with self._store.reading() as connection:
            due = await rows.next_due(connection)
        return self._patience.idle if due is None else min(self._patience.idle, max(0.05, due - self._clock()))

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()
        if not task.cancelled() and (fault := task.exception()):
            log.error("outbox-fault", fault=type(fault).__name__)

    async def _deliver(self, one: Claimed) -> None:
        target = self._target(one)
        if target is None:
            await self._retarget(one)
            return
        try:
            async with asyncio.timeout(self._patience.deadline):
                way = self._ways.get(one.kind)
                if way is None:
                    raise Unavailable(one.kind, "not-set-up")
                await way.deliver(one.notice, target, one.id)
        except ProviderError as failed:
            await self._note(one, failed)
        except TimeoutError:
            await self._note(one, Unavailable(one.kind, "timeout"))
        except Exception as fault:  # noqa: BLE001  # a fault of ours: tried again like any other, without its text
            await self._note(one, Unavailable(one.kind, type(fault).__name__))
        else:
            self.delivered += 1
            log.info(
                "delivered", delivery=one.id, kind=one.kind, call_sid=one.notice.call_sid, attempts=one.attempts + 1
            )
            await self._settle(one, state="delivered", attempts=one.attempts + 1, done_at=self._clock(), problem="")

    def _target(self, one: Claimed) -> NotifyTarget | None:
        """Where it goes: to the caller whatever the agent file says now, else where the file still names it."""
        if one.kind in DIRECT:
            return NotifyTarget(one.kind, one.to)
        return next((t for t in self._of(one.agent) if (t.kind, t.to) == (one.kind, one.to)), None)

    async def _retarget(self, one: Claimed) -> None:
        """The agent file changed meanwhile: the notice goes to the targets it names now, if any."""
        targets = self._of(one.agent)
        if targets:
            await self._address(one.notice.key, targets)
            await self._settle(one, state="replaced", problem=TARGET_GONE)
        else:
            await self._settle(one, due_at=self._clock() + self._patience.idle, problem=TARGET_GONE)

    async def _note(self, one: Claimed, failed: ProviderError) -> None:
        now, attempts = self._clock(), one.attempts + 1
        refusals = one.refusals + isinstance(failed, Rejected)
        late = now - one.put_at > self._patience.give_up and attempts >= self._patience.attempts
        problem = f"{failed.provider}: {failed.code}"
        if late or refusals >= self._patience.refusals:
            self.failed += 1
            log.error(
                "delivery-given-up", delivery=one.id, call_sid=one.notice.call_sid, problem=problem, attempts=attempts
            )
            await self._settle(one, state="failed", attempts=attempts, refusals=refusals, done_at=now, problem=problem)
            return
        self.retried += 1
        wait = self._patience.wait(attempts)
        asked = getattr(failed, "retry_after", None)
        wait = max(wait, min(float(asked), 86400.0)) if asked else wait
        log.warning("delivery-failed", delivery=one.id, problem=problem, attempts=attempts, again_in_s=round(wait, 1))
        await self._settle(one, attempts=attempts, refusals=refusals, due_at=now + wait, problem=problem)

    async def _settle(self, one: Claimed, **values: Any) -> None:
        """Until it is on the disk: a database that is away now must not make us deliver twice."""
        while True:
            try:
                await self._store.writer.run(
                    lambda connection: rows.settle(connection, one.id, **values), durable=True, keep=True
                )
            except Unavailable as failed:
                if failed.code == "closed":
                    return
                await asyncio.sleep(1.0)
            else:
                return
