"""Writes snapshots in one transaction, and of each call only what the database does not have yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql.evidence import append_all
from stella.adapters.sql.schema import call_states, calls, dtmf, tools, turns
from stella.adapters.sql.snapshot import KEY, TOOL, TURN, Row, Snapshot

_PARTS: tuple[tuple[str, Table, tuple[str, ...]], ...] = (
    ("turns", turns, TURN),
    ("dtmf", dtmf, KEY),
    ("tools", tools, TOOL),
)


@dataclass(slots=True)
class Known:
    """What of a live call is in the database already."""

    parts: dict[str, tuple[Row, ...]] = field(default_factory=dict)


@cache
def upsert(dialect: str, table: Table) -> Any:
    """INSERT, or replace what stands under the same primary key, as both databases say it. Kept: building it is slow."""
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    keys = [column.name for column in table.primary_key]
    rest = {column.name: insert.excluded[column.name] for column in table.columns if column.name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=rest)


@cache
def _cut(table: Table) -> Any:
    """Delete a call's rows from a position on."""
    return delete(table).where((table.c.call_sid == bindparam("sid")) & (table.c.position >= bindparam("from")))


async def write(connection: AsyncConnection, snapshots: Sequence[Snapshot], known: dict[str, Known]) -> None:
    """Write all of them. `known` is read; call `remember` when the transaction is safe."""
    dialect = connection.dialect.name
    await connection.execute(upsert(dialect, calls), [_call_values(one) for one in snapshots])
    for name, table, columns in _PARTS:
        await _write_part(connection, name, table, columns, snapshots, known)
    await append_all(connection, snapshots)
    await _drop_states(connection, [one.call_sid for one in snapshots if one.over])


async def write_states(connection: AsyncConnection, states: dict[str, tuple[int, bytes]]) -> None:
    """Replace the states of calls; an empty one is dropped."""
    rows = [
        {"call_sid": sid, "revision": revision, "state": state.hex()}
        for sid, (revision, state) in states.items()
        if state
    ]
    if rows:
        await connection.execute(upsert(connection.dialect.name, call_states), rows)
    await _drop_states(connection, [sid for sid, (_, state) in states.items() if not state])


async def _drop_states(connection: AsyncConnection, call_sids: list[str]) -> None:
    if call_sids:
        gone = delete(call_states).where(call_states.c.call_sid == bindparam("sid"))
        await connection.execute(gone, [{"sid": sid} for sid in call_sids])


def remember(snapshots: Iterable[Snapshot], known: dict[str, Known]) -> None:
    """The snapshots are in the database; of calls that are over nothing needs to be known."""
    for one in snapshots:
        if one.over:
            known.pop(one.call_sid, None)
        else:
            known[one.call_sid] = Known({"turns": one.turns, "dtmf": one.dtmf, "tools": one.tools})


def _call_values(one: Snapshot) -> dict[str, Any]:
    return {"call_sid": one.call_sid, "revision": one.revision, "node": one.node, **one.call}


async def _write_part(
    connection: AsyncConnection,
    name: str,
    table: Table,
    columns: tuple[str, ...],
    snapshots: Sequence[Snapshot],
    known: dict[str, Known],
) -> None:
    """New and changed rows by position; rows beyond the end go (all of them for a call not known yet)."""
    rows: list[dict[str, Any]] = []
    cuts: list[dict[str, Any]] = []
    for one in snapshots:
        now: tuple[Row, ...] = getattr(one, name)
        had = known[one.call_sid].parts[name] if one.call_sid in known else None
        if had is None or len(had) > len(now):
            cuts.append({"sid": one.call_sid, "from": len(now)})
        for position, row in enumerate(now):
            if had is None or position >= len(had) or had[position] != row:
                rows.append({"call_sid": one.call_sid, "position": position, **dict(zip(columns, row, strict=True))})
    if cuts:
        await connection.execute(_cut(table), cuts)
    if rows:
        await connection.execute(upsert(connection.dialect.name, table), rows)
