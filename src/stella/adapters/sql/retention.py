"""How records end: orphans are closed, words are forgotten in time, a person's calls are erased."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql import tapes
from stella.adapters.sql.reading import fill
from stella.adapters.sql.schema import call_states, calls, deliveries, dtmf, notices, tools, turns
from stella.adapters.sql.snapshot import record_from
from stella.domain.call import CallRecord, CallStatus, EndedBy

_OPEN = tuple(status.value for status in CallStatus if not status.terminal)
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Orphans:
    """Calls a dead process left open: `resumable` are young and still open, `closed` are `failed` now."""

    resumable: tuple[CallRecord, ...] = ()
    closed: tuple[CallRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """How much was forgotten."""

    calls: int = 0
    turns: int = 0
    keys: int = 0
    tools: int = 0
    notices: int = 0


def stamp(moment: datetime) -> str:
    """UTC in ISO 8601 with milliseconds, as records have it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def adopt(connection: AsyncConnection, node: str, now: datetime, young: float, live: Collection[str]) -> Orphans:
    """Close the calls of a node that nobody carries any more, but for those younger than `young` seconds with a state.

    `live` are the calls of this very process. A call that is resumed and ends, ends as any other.
    """
    query = select(calls, call_states.c.state.label("kept")).join(
        call_states, call_states.c.call_sid == calls.c.call_sid, isouter=True
    )
    query = query.where(calls.c.status.in_(_OPEN), calls.c.node == node)
    edge = (now.astimezone(UTC) - timedelta(seconds=young)).strftime("%Y-%m-%dT%H:%M:%S")
    resumable: list[CallRecord] = []
    closed: list[CallRecord] = []
    for row in (await connection.execute(query)).mappings().all():
        if row["call_sid"] in live:
            continue
        record = record_from(row["call_sid"], dict(row))
        if row["kept"] and record.created_at >= edge:
            resumable.append(record)
            continue
        record.status, record.ended_by, record.error = CallStatus.FAILED, EndedBy.ERROR, "interrupted"
        record.ended_at = stamp(now)
        closed.append(record)
    for record in closed:
        values = {
            "status": record.status.value,
            "ended_by": "error",
            "error": record.error,
            "ended_at": record.ended_at,
        }
        await connection.execute(update(calls).where(calls.c.call_sid == record.call_sid).values(**values))
        await connection.execute(delete(call_states).where(call_states.c.call_sid == record.call_sid))
    both = [*resumable, *closed]
    for at in range(0, len(both), _CHUNK):
        await fill(connection, both[at : at + _CHUNK])
    return Orphans(tuple(resumable), tuple(closed))


async def purge(connection: AsyncConnection, before: datetime) -> Gone:
    """Delete turns, keys and what tools were told, of ended calls that began before; blank the messages of that age.

    A message that is still on its way stays until it is delivered or given up.
    """
    edge = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    old = select(calls.c.call_sid).where(
        calls.c.created_at < edge, calls.c.created_at != "", calls.c.status.not_in(_OPEN)
    )
    gone_turns = await connection.execute(delete(turns).where(turns.c.call_sid.in_(old)))
    gone_keys = await connection.execute(delete(dtmf).where(dtmf.c.call_sid.in_(old)))
    told = tools.c.call_sid.in_(old) & ((tools.c.arguments != "{}") | (tools.c.result != ""))
    gone_tools = await connection.execute(update(tools).where(told).values(arguments="{}", result=""))
    await tapes.forget_before(connection, before)
    waiting = select(deliveries.c.notice_key).where(deliveries.c.state == "pending")
    written = (notices.c.put_at < before.timestamp()) & notices.c.key.not_in(waiting) & (notices.c.text != "")
    gone_notices = await connection.execute(update(notices).where(written).values(subject="", text="", fields={}))
    # A revision is the microsecond of its save: a state that old belongs to a call that never came to an end here.
    await connection.execute(delete(call_states).where(call_states.c.revision < int(before.timestamp() * 1_000_000)))
    return Gone(0, gone_turns.rowcount, gone_keys.rowcount, gone_tools.rowcount, gone_notices.rowcount)


async def erase(connection: AsyncConnection, call_sids: Sequence[str]) -> Gone:
    """Delete calls with all their parts, their state and their messages. Disclosures and consents stay: they name nobody."""
    total = Gone()
    for at in range(0, len(call_sids), _CHUNK):
        some = list(call_sids[at : at + _CHUNK])

        def of(column: ColumnElement[str], some: list[str] = some) -> ColumnElement[bool]:
            return column.in_(some)

        keys: Select[tuple[str]] = select(notices.c.key).where(of(notices.c.call_sid))
        await connection.execute(delete(deliveries).where(deliveries.c.notice_key.in_(keys)))
        counts = [
            (await connection.execute(delete(table).where(of(table.c.call_sid)))).rowcount
            for table in (turns, dtmf, tools, notices, call_states, calls)
        ]
        await tapes.forget(connection, some)
        total = Gone(
            total.calls + counts[5],
            total.turns + counts[0],
            total.keys + counts[1],
            total.tools + counts[2],
            total.notices + counts[3],
        )
    return total
