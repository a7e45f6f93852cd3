"""Questions to the records. Every function takes a connection, so that a command may ask without a running server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql.schema import calls, dtmf, tools, turns
from stella.adapters.sql.snapshot import KEY, TOOL, TURN, record_from, tool_from
from stella.domain.call import CallRecord, KeyPressed
from stella.domain.transcript import Turn
from stella.ports.store import Bill


async def one_call(connection: AsyncConnection, call_sid: str) -> CallRecord | None:
    """A call with everything."""
    found = (await connection.execute(select(calls).where(calls.c.call_sid == call_sid))).mappings().first()
    if found is None:
        return None
    record = record_from(call_sid, dict(found))
    await fill(connection, [record])
    return record


async def sids_like(connection: AsyncConnection, beginning: str, most: int = 5) -> list[str]:
    """The newest calls whose name begins so."""
    query = select(calls.c.call_sid).where(calls.c.call_sid.startswith(beginning, autoescape=True))
    return list(await connection.scalars(query.order_by(calls.c.created_at.desc()).limit(most)))


async def fill(connection: AsyncConnection, records: Sequence[CallRecord]) -> None:
    """Add turns, keys and tools to records that were read without."""
    by_sid = {record.call_sid: record for record in records}

    def parts(table: Any, columns: tuple[str, ...]) -> Select[Any]:
        wanted = [table.c.call_sid, *(table.c[name] for name in columns)]
        return select(*wanted).where(table.c.call_sid.in_(list(by_sid))).order_by(table.c.call_sid, table.c.position)

    for sid, *row in await connection.execute(parts(turns, TURN)):
        by_sid[sid].turns.append(Turn(*row))
    for sid, *row in await connection.execute(parts(dtmf, KEY)):
        by_sid[sid].dtmf.append(KeyPressed(*row))
    for sid, *row in await connection.execute(parts(tools, TOOL)):
        by_sid[sid].tools.append(tool_from(tuple(row)))


async def newest_calls(connection: AsyncConnection, limit: int, before: str = "") -> list[CallRecord]:
    """Calls without their parts, newest first. `before`: a `created_at`, or `cursor(record)`, which tells twins apart."""
    query = select(calls).order_by(calls.c.created_at.desc(), calls.c.call_sid.desc()).limit(limit)
    at, _, sid = before.partition(" ")
    if sid:
        query = query.where(tuple_(calls.c.created_at, calls.c.call_sid) < (at, sid))
    elif at:
        query = query.where(calls.c.created_at < at)
    return [record_from(row["call_sid"], dict(row)) for row in (await connection.execute(query)).mappings()]


def bills_since(since: str) -> Select[Any]:
    """The question for `bills_of`: calls that began at this `created_at` or later."""
    wanted = (calls.c.call_sid, calls.c.agent, calls.c.to, calls.c.from_, calls.c.created_at, calls.c.cost)
    return select(*wanted).where(calls.c.created_at >= since)


def bills_of(rows: Iterable[Any]) -> list[Bill]:
    """What those calls cost."""
    return [Bill(sid, agent, to, from_, at, cost or {}) for sid, agent, to, from_, at, cost in rows]


async def revision_of(connection: AsyncConnection, call_sid: str) -> int:
    """The revision of a call that the database has; -1 for none."""
    found = (await connection.execute(select(calls.c.revision).where(calls.c.call_sid == call_sid))).scalar()
    return -1 if found is None else int(found)


def cursor(record: CallRecord) -> str:
    """Where the next page of `newest_calls` begins."""
    return f"{record.created_at} {record.call_sid}"


def is_before(record: CallRecord, before: str) -> bool:
    """Whether a record stands behind the end of the last page."""
    at, _, sid = before.partition(" ")
    return not before or record.created_at < at or bool(sid and record.created_at == at and record.call_sid < sid)


async def calls_of(connection: AsyncConnection, number: str) -> list[CallRecord]:
    """All calls from a number, without their parts."""
    found = await connection.execute(select(calls).where(calls.c.from_ == number).order_by(calls.c.created_at))
    return [record_from(row["call_sid"], dict(row)) for row in found.mappings()]
