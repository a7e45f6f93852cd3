"""The database for commands that run beside a server, or without one: they read, and erase, and never migrate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql.engines import empty_wal, open_engines, read_only_engine, read_url
from stella.adapters.sql.migrate import revision
from stella.adapters.sql.retention import Gone, erase
from stella.adapters.sql.schema import HEAD
from stella.adapters.sql.spool import Spool, name_of
from stella.domain.errors import ConfigError


@asynccontextmanager
async def read_beside(url: str) -> AsyncIterator[AsyncConnection]:
    """A connection that cannot write. Raises ConfigError where there is no database yet, or one of another version."""
    parsed = _existing(url)
    engine = read_only_engine(parsed)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_check)
            yield connection
    except (SQLAlchemyError, OSError) as failed:
        raise ConfigError(_fault(failed)) from None
    finally:
        await engine.dispose()


async def erase_beside(url: str, data_dir: Path, call_sids: Sequence[str]) -> Gone:
    """Delete calls from the database, its write-ahead log and the spool. Raises ConfigError."""
    engines = open_engines(_existing(url))
    try:
        async with engines.full.begin() as connection:
            await connection.run_sync(_check)
            gone = await erase(connection, call_sids)
        await empty_wal(engines)
    except (SQLAlchemyError, OSError) as failed:
        raise ConfigError(_fault(failed)) from None
    finally:
        await engines.dispose()
    await asyncio.to_thread(_unspool, Spool(data_dir / "spool"), call_sids)
    return gone


def _unspool(spool: Spool, call_sids: Sequence[str]) -> None:
    for sid in call_sids:
        for suffix in (".json", ".refused", ".broken"):
            spool.drop(name_of(sid, suffix))


def _existing(url: str) -> URL:
    parsed = read_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise ConfigError(
            f"there are no records yet: {parsed.database} does not exist. `stella dev` makes it with the first call;"
            " if yours lie elsewhere, set STELLA_DATA_DIR or STELLA_DATABASE_URL"
        )
    return parsed


def _check(connection: Connection) -> None:
    found = revision(connection)
    if not found:
        raise ConfigError("there are no records yet: the database is empty. `stella dev` fills it with the first call")
    if found != HEAD:
        raise ConfigError(
            f"the database stands at revision {found}, this STELLA at {HEAD}: start the newer of the two once"
            " (`stella serve` upgrades a database)"
        )


def _fault(failed: Exception) -> str:
    cause = str(failed.orig).strip().splitlines()[0] if isinstance(failed, DBAPIError) else type(failed).__name__
    if "locked" in cause:
        return "the database is locked by another program: try again in a moment"
    return f"the database cannot be used ({cause}): check STELLA_DATABASE_URL and the file's owner"
