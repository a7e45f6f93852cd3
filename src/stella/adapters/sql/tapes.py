"""The recordings of the flight recorder: kept beside the records, gone with their words."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql.apply import upsert
from stella.adapters.sql.schema import tapes
from stella.adapters.sql.snapshot import text
from stella.ports.tapes import LegTape


async def keep(connection: AsyncConnection, tape: LegTape) -> None:
    """Write a leg's recording; one without words takes those of the other legs along."""
    values = {
        "call_sid": text(tape.call_sid),
        "leg": tape.leg,
        "kept_at": time.time(),
        "head": tape.head,
        "skeleton": b64encode(tape.skeleton).decode(),
        "words": None if tape.words is None else b64encode(tape.words).decode(),
        "steps": tape.steps,
        "dropped": tape.dropped,
    }
    await connection.execute(upsert(connection.dialect.name, tapes), values)
    if tape.words is None:
        await connection.execute(update(tapes).where(tapes.c.call_sid == values["call_sid"]).values(words=None))


async def of_call(connection: AsyncConnection, call_sid: str) -> list[LegTape]:
    """The recordings of a call, leg by leg."""
    found = await connection.execute(select(tapes).where(tapes.c.call_sid == text(call_sid)).order_by(tapes.c.leg))
    return [
        LegTape(
            row["call_sid"], row["leg"], row["head"], b64decode(row["skeleton"]),
            None if row["words"] is None else b64decode(row["words"]), row["steps"], row["dropped"],
        )
        for row in found.mappings()
    ]  # fmt: skip


async def forget_before(connection: AsyncConnection, before: datetime) -> None:
    """Delete recordings that were put away earlier than this."""
    await connection.execute(delete(tapes).where(tapes.c.kept_at < before.timestamp()))


async def forget(connection: AsyncConnection, call_sids: Sequence[str]) -> None:
    """Delete the recordings of these calls."""
    await connection.execute(delete(tapes).where(tapes.c.call_sid.in_(call_sids)))
