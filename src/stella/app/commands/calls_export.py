"""Every record as CSV or JSON lines."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql.beside import read_beside
from stella.adapters.sql.reading import cursor, fill, newest_calls
from stella.adapters.sql.schema import calls
from stella.app.commands.calls_show import as_text
from stella.domain.call import CallRecord

COLUMNS = (
    *("call_sid", "direction", "from", "to", "status", "voice_path", "agent", "language"),
    *("created_at", "answered_at", "ended_at", "duration_s", "ended_by", "error"),
    *("disclosure_heard_at", "consent_answer", "consent_at", "turns", "transcript", "response_gap_p50_ms"),
)
_PAGE = 200


async def export(url: str, form: str, out: Path | None) -> int:
    """Write all calls; returns how many. The file is the owner's only, and appears whole or not at all."""
    if out is None:
        async with read_beside(url) as connection:
            return await _write(connection, form, sys.stdout)
    fresh = out.with_name(f"{out.name}.part")
    try:
        with os.fdopen(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline=""
        ) as file:
            async with read_beside(url) as connection:
                count = await _write(connection, form, file)
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)
    return count


async def _write(connection: AsyncConnection, form: str, file: TextIO) -> int:
    total = (await connection.execute(select(func.count()).select_from(calls))).scalar() or 0
    table = csv.writer(file) if form == "csv" else None
    if table:
        table.writerow(COLUMNS)
    count = 0
    console = Console(stderr=True)
    with Progress(console=console) if console.is_terminal else nullcontext() as progress:
        bar = progress.add_task("Exporting", total=total) if progress else None
        async for record in every_call(connection):
            if table:
                table.writerow([guarded(cell) for cell in line(record)])
            else:
                file.write(as_text(record.public()) + "\n")
            count += 1
            if progress and bar is not None:
                progress.advance(bar)
    return count


async def every_call(connection: AsyncConnection) -> AsyncIterator[CallRecord]:
    """All records with everything, newest first, a page at a time."""
    before = ""
    while page := await newest_calls(connection, _PAGE, before):
        await fill(connection, page)
        for record in page:
            yield record
        before = cursor(page[-1])


def line(record: CallRecord) -> list[Any]:
    """A call as the cells of `COLUMNS`."""
    said = " / ".join(
        f"{turn.speaker}: {turn.heard_text if turn.speaker == 'agent' else turn.text}" for turn in record.turns
    )
    plain = record.public()
    return [
        *(plain[name] for name in COLUMNS[:14]),
        record.disclosure.heard_at if record.disclosure else None,
        record.consent.answer if record.consent else None,
        record.consent.at if record.consent else None,
        len(record.turns),
        said,
        record.latency.response_gap_ms.p50,
    ]


def guarded(cell: Any) -> Any:
    """No cell is a formula to a spreadsheet: text that begins like one gets an apostrophe in front."""
    if isinstance(cell, str) and cell.lstrip(" \t\r\n\0").startswith(
        ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
    ):
        return f"'{cell}"
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("\t", "\r", "\n")) else cell
