"""The outbox's rows: what is to be delivered, where, and how it went. Every function runs inside a write transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql.schema import deliveries, notices
from stella.adapters.sql.snapshot import text
from stella.domain.agent import NotifyTarget
from stella.ports.store import Notice

NO_TARGET = "undeliverable: no notify target"
TARGET_GONE = "the notify target is no longer in the agent file"
_FAR = 3900.0
"""No due time lies further ahead but by a clock that was put back (or a server's wish, see `retry_after`)."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours until `claimed_until`."""

    id: str
    notice: Notice
    agent: str
    kind: str
    to: str
    attempts: int
    refusals: int
    put_at: float


def delivery_id(key: str, target: NotifyTarget) -> str:
    """The same for the same notice and target, at every attempt and after every restart."""
    return "msg_" + hashlib.sha256(f"{key}\0{target.kind}\0{target.to}".encode("utf-8", "replace")).hexdigest()[:32]


async def put(
    connection: AsyncConnection, notice: Notice, agent: str, targets: Sequence[NotifyTarget], now: float
) -> bool:
    """Keep a notice and its deliveries. The first content under a key stays. Returns whether it was new."""
    key = text(notice.key)
    if (await connection.execute(select(notices.c.key).where(notices.c.key == key))).first():
        return False
    await connection.execute(
        insert(notices).values(
            key=key,
            call_sid=text(notice.call_sid),
            agent=text(agent),
            kind=text(notice.kind),
            subject=text(notice.subject),
            text=text(notice.text),
            fields=notice.fields,
            put_at=now,
            problem="" if targets else NO_TARGET,
        )
    )
    await address(connection, key, targets, now)
    return True


async def address(connection: AsyncConnection, key: str, targets: Sequence[NotifyTarget], now: float) -> None:
    """Add a delivery for each target that has none yet."""
    for target in targets:
        one = delivery_id(key, target)
        if (await connection.execute(select(deliveries.c.id).where(deliveries.c.id == one))).first():
            continue
        await connection.execute(
            insert(deliveries).values(
                id=one,
                notice_key=key,
                kind=target.kind,
                to=target.to,
                state="pending",
                attempts=0,
                refusals=0,
                put_at=now,
                due_at=now,
                claimed_by="",
                claimed_until=0.0,
                problem="",
            )
        )
    if targets:
        await connection.execute(update(notices).where(notices.c.key == key).values(problem=""))


async def claim(connection: AsyncConnection, node: str, now: float, lease: float, most: int) -> list[Claimed]:
    """Take what is due; another process takes it only after `lease` seconds. A clock put back delays by an hour at most."""
    due = (deliveries.c.due_at <= now) | (deliveries.c.due_at > now + 24 * _FAR)
    free = (deliveries.c.claimed_until <= now) | (deliveries.c.claimed_until > now + _FAR)
    query = (
        select(deliveries, notices.c.call_sid, notices.c.agent, notices.c.kind.label("what"), notices.c.subject)
        .add_columns(notices.c.text, notices.c.fields)
        .join(notices, notices.c.key == deliveries.c.notice_key)
        .where(deliveries.c.state == "pending", due, free)
        .order_by(deliveries.c.due_at)
        .limit(most)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    found = [_claimed(row) for row in (await connection.execute(query)).mappings()]
    if found:
        mine = deliveries.c.id.in_([one.id for one in found])
        await connection.execute(update(deliveries).where(mine).values(claimed_by=node, claimed_until=now + lease))
    return found


def _claimed(row: Any) -> Claimed:
    notice = Notice(row["notice_key"], row["call_sid"], row["what"], row["subject"], row["text"], row["fields"])
    return Claimed(
        row["id"], notice, row["agent"], row["kind"], row["to"], row["attempts"], row["refusals"], row["put_at"]
    )


async def settle(connection: AsyncConnection, one: str, **values: Any) -> None:
    """Note how an attempt went, and let go of the claim."""
    await connection.execute(update(deliveries).where(deliveries.c.id == one).values(claimed_until=0.0, **values))


async def release(connection: AsyncConnection, node: str) -> None:
    """At start: what a dead process of this node had claimed is free again."""
    mine = (deliveries.c.claimed_by == node) & (deliveries.c.state == "pending")
    await connection.execute(update(deliveries).where(mine).values(claimed_until=0.0))


async def unaddressed(connection: AsyncConnection, most: int = 100) -> list[tuple[str, str]]:
    """Key and agent of notices that had no target when they were put."""
    query = select(notices.c.key, notices.c.agent).where(notices.c.problem != "").order_by(notices.c.put_at).limit(most)
    return [(row.key, row.agent) for row in await connection.execute(query)]


async def kept(
    connection: AsyncConnection, agent: str, kinds: Sequence[str], most: int = 2_000
) -> list[dict[str, Any]]:
    """The fields of an agent's newest notices of these kinds, the oldest of them first."""
    mine = (notices.c.agent == text(agent)) & notices.c.kind.in_(list(kinds))
    query = select(notices.c.fields).where(mine).order_by(notices.c.put_at.desc()).limit(most)
    return [dict(row.fields) for row in await connection.execute(query)][::-1]


async def next_due(connection: AsyncConnection) -> float | None:
    """When the next delivery is due that is not under way, or its claim runs out."""
    due = case(
        (deliveries.c.claimed_until > deliveries.c.due_at, deliveries.c.claimed_until), else_=deliveries.c.due_at
    )
    query = select(func.min(due)).where(deliveries.c.state == "pending")
    found: float | None = (await connection.execute(query)).scalar()
    return found


async def states(connection: AsyncConnection) -> dict[str, int]:
    """How many deliveries stand at `pending`, `delivered`, `failed`; `undeliverable` counts notices without a target."""
    found = await connection.execute(select(deliveries.c.state, func.count()).group_by(deliveries.c.state))
    counts = {"pending": 0, "delivered": 0, "failed": 0, **{state: int(count) for state, count in found}}
    alone = await connection.execute(select(func.count()).select_from(notices).where(notices.c.problem != ""))
    return {**counts, "undeliverable": int(alone.scalar() or 0)}
