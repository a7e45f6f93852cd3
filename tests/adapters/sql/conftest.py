"""Databases for the tests of this drawer: a fresh SQLite file each, and one throw-away PostgreSQL database a run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from stella.adapters.sql import SqlStore, open_store
from stella.adapters.sql.schema import metadata
from stella.adapters.sql.writer import Pace

_SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
QUICK = Pace(gather=0.001, patience_first=0.01, patience_most=0.05)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped at the end. CI must have one."""
    name = f"stella_test_{os.getpid()}"
    try:
        server = create_engine(_SERVER, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 2})
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except Exception as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL to test with ({type(missing).__name__})")
    yield server.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def _empty(url: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE " + ", ".join(f'"{table}"' for table in metadata.tables)))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/stella.db"
        return
    found = request.getfixturevalue("postgres")
    yield found
    _empty(found)


@pytest.fixture
async def open_one(url: str, tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[SqlStore]]]:
    """Opens a store on the same database as often as asked; all are closed at the end."""
    opened: list[SqlStore] = []

    async def one() -> SqlStore:
        opened.append(await open_store(url, tmp_path, pace=QUICK))
        return opened[-1]

    yield one
    for store in opened:
        await store.close()
