"""What proves a consent: rows that are only ever appended, each chained to the one before by its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql.schema import consents, disclosures, web_consents
from stella.adapters.sql.snapshot import CONSENT, DISCLOSURE, Snapshot

CHAINS = (consents, disclosures, web_consents)
_PG_LOCK = 0x57E11B


def digest(before: str, values: dict[str, Any]) -> str:
    """The digest of a row that stands behind the row with digest `before`."""
    return hashlib.sha256((before + json.dumps(values, sort_keys=True)).encode()).hexdigest()


async def append(connection: AsyncConnection, table: Table, values: dict[str, Any], unique: tuple[str, ...]) -> bool:
    """Add a row behind the last one, unless one with the same `unique` values is there. Returns whether it was added."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PG_LOCK})
    same = select(table.c.id).where(*(table.c[name].is_not_distinct_from(values[name]) for name in unique)).limit(1)
    if (await connection.execute(same)).first():
        return False
    before = (await connection.execute(select(table.c.digest).order_by(table.c.id.desc()).limit(1))).scalar() or ""
    await connection.execute(insert(table).values(**values, digest=digest(before, values)))
    return True


async def append_all(connection: AsyncConnection, snapshots: Sequence[Snapshot]) -> None:
    """What these snapshots bring along, disclosures heard and answers given: three statements a table, however many."""
    for table, columns, part in ((disclosures, DISCLOSURE, "disclosures"), (consents, CONSENT, "consents")):
        rows = [
            {"call_sid": one.call_sid, **dict(zip(columns, row, strict=True))}
            for one in snapshots
            for row in getattr(one, part)
        ]
        if rows:
            await _append_rows(connection, table, rows)


async def _append_rows(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PG_LOCK})
    names = tuple(rows[0])
    calls = {row["call_sid"] for row in rows}
    there = select(*(table.c[name] for name in names)).where(table.c.call_sid.in_(calls))
    known = {tuple(row) for row in (await connection.execute(there)).all()}
    before = (await connection.execute(select(table.c.digest).order_by(table.c.id.desc()).limit(1))).scalar() or ""
    fresh = []
    for row in rows:
        if (values := tuple(row.values())) not in known:
            known.add(values)
            before = digest(before, row)
            fresh.append({**row, "digest": before})
    if fresh:
        await connection.execute(insert(table), fresh)


async def first_broken(connection: AsyncConnection, table: Table) -> int | None:
    """The id of the first row that is not what was once appended, or None where the chain is whole."""
    before = ""
    result = await connection.stream(select(table).order_by(table.c.id))
    async for row in result.mappings():
        values = {name: value for name, value in row.items() if name not in ("id", "digest")}
        if row["digest"] != digest(before, values):
            await result.close()
            return int(row["id"])
        before = row["digest"]
    return None
