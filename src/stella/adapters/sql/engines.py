"""Connections to the database: one that writes and waits for the disk, one that writes, some that read."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from stella.domain.errors import ConfigError

BUSY_S = 2.0
"""How long one write waits for another process's lock before the writer steps back and tries again."""

_SCHEMES = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def read_url(text: str) -> URL:
    """A database URL with the drivers STELLA uses. Raises ConfigError, which never shows the password."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError(
            "STELLA_DATABASE_URL cannot be read: use sqlite:///path or postgresql://user@host/name"
        ) from None
    if url.drivername not in _SCHEMES:
        raise ConfigError(
            f"STELLA_DATABASE_URL names {url.drivername!r}, which is not supported: use sqlite:///path or postgresql://…"
        )
    url = url.set(drivername=_SCHEMES[url.drivername])
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ConfigError("STELLA_DATABASE_URL names no file: records must survive a restart; use sqlite:///path")
        return url
    try:
        import psycopg  # noqa: F401  # an extra: whether it is there, is the question
    except ImportError:
        raise ConfigError("PostgreSQL needs its driver: pip install 'stella-voice[postgres]'") from None
    return url


def _sqlite_pragmas(*, full: bool, query_only: bool) -> Any:
    """What every new SQLite connection is told. FULL: a commit returns when the disk has it, also after a power cut."""

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"synchronous={'FULL' if full else 'NORMAL'}",
            f"busy_timeout={int(BUSY_S * 1000)}",
            "foreign_keys=ON",
            "secure_delete=ON",
            f"query_only={'ON' if query_only else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return connected


def _sqlite_begin(how: str) -> Any:
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(f"BEGIN {how}")

    return begin


def _listen(engine: Engine, *, full: bool, query_only: bool) -> None:
    """Take transactions away from the driver, whose own rules begin them late."""
    event.listen(engine, "connect", _sqlite_pragmas(full=full, query_only=query_only))
    event.listen(engine, "begin", _sqlite_begin("DEFERRED" if query_only else "IMMEDIATE"))


def _async(url: URL, size: int, *, full: bool = False, query_only: bool = False) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(
            url, pool_size=size, max_overflow=0, pool_timeout=5, connect_args={"timeout": BUSY_S}
        )
        _listen(engine.sync_engine, full=full, query_only=query_only)
        return engine
    options = "-c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000"
    if not full:
        options += " -c synchronous_commit=off"
    if query_only:
        options += " -c default_transaction_read_only=on"
    keep = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "tcp_user_timeout": 15000}
    return create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
        connect_args={"options": options, **keep},
    )


@dataclass(frozen=True, slots=True)
class Engines:
    """The three ways into one database. SQLite has one writer at a time: the write engines hold one connection each."""

    full: AsyncEngine
    fast: AsyncEngine
    read: AsyncEngine

    @property
    def name(self) -> str:
        """`sqlite` or `postgresql`, for errors and logs."""
        return self.read.dialect.name

    async def dispose(self) -> None:
        """Close every connection."""
        for engine in (self.full, self.fast, self.read):
            await engine.dispose()


def open_engines(url: URL) -> Engines:
    """Engines for reading and writing. Nothing connects yet."""
    return Engines(_async(url, 1, full=True), _async(url, 1), _async(url, 2, full=True, query_only=True))


async def empty_wal(engines: Engines) -> None:
    """Of what was deleted nothing may live on in SQLite's write-ahead log; a reader may delay it to the next checkpoint."""
    if engines.name != "sqlite":
        return
    with contextlib.suppress(SQLAlchemyError, sqlite3.Error):
        async with engines.full.connect() as connection:
            # On the driver's own connection: within a transaction a checkpoint does nothing.
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await (await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")).close()


def read_only_engine(url: URL) -> AsyncEngine:
    """One connection that cannot write, for commands beside a running server."""
    if url.get_backend_name() == "sqlite":
        url = url.set(database=f"file:{url.database}", query={"mode": "ro", "uri": "true"})
    return _async(url, 1, full=True, query_only=True)


def migrating_engine(url: URL) -> Engine:
    """A synchronous engine for migrations, which wait long for a lock."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url.set(drivername="sqlite"), connect_args={"timeout": 60})
        _listen(engine, full=True, query_only=False)
        return engine
    return create_engine(url, connect_args={"connect_timeout": 5})
