"""The same with PostgreSQL, by its own tools."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from stella.adapters.sql import copying
from stella.adapters.sql.engines import read_url
from stella.domain.errors import ConfigError

from .conftest import keep

_SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[str]:
    """An empty database, dropped at the end; STELLA_DATABASE_URL names it."""
    name = f"stella_backup_{os.getpid()}"
    if not shutil.which("pg_dump"):
        pytest.skip("no pg_dump here to save a PostgreSQL database with")
    try:
        server = create_engine(_SERVER, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 2})
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except Exception as missing:
        pytest.skip(f"no PostgreSQL to test with ({type(missing).__name__})")
    found = make_url(_SERVER).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    monkeypatch.setenv("STELLA_DATABASE_URL", found)
    yield found
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def sids(url: str) -> list[str]:
    """The calls of a PostgreSQL database."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = [row[0] for row in connection.execute(text("SELECT call_sid FROM calls ORDER BY call_sid"))]
    engine.dispose()
    return found


def test_it_is_saved_and_comes_back(url: str, home: Path, stella) -> None:
    """Records do not care which database they lie in."""
    keep(url, home / "data", "CA7", "CA8")
    assert stella("backup", home / "b.zip").exit_code == 0
    keep(url, home / "data", "CA9")
    refused = stella("restore", home / "b.zip")
    assert isinstance(refused.exception, ConfigError) and "--yes" in str(refused.exception)
    done = stella("restore", home / "b.zip", "--yes")
    assert done.exit_code == 0, done.output
    assert sids(url) == ["CA7", "CA8"]


def test_a_backup_of_another_kind_is_refused(url: str, home: Path, stella, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words would have to be translated; a half translation is worse than none."""
    monkeypatch.delenv("STELLA_DATABASE_URL")
    assert stella("backup", home / "b.zip").exit_code == 0
    monkeypatch.setenv("STELLA_DATABASE_URL", url)
    refused = stella("restore", home / "b.zip")
    assert isinstance(refused.exception, ConfigError) and "sqlite" in str(refused.exception)


def test_without_its_tools_the_mend_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A container has STELLA in it and not PostgreSQL's programs."""
    monkeypatch.setattr(copying.shutil, "which", lambda _name: None)
    with pytest.raises(ConfigError, match="postgresql-client"):
        copying.copy_out(read_url("postgresql://a:pass@db/stella"), tmp_path / "copy", lambda _done, _all: None)


def test_a_fault_is_told_without_the_password(tmp_path: Path) -> None:
    """Whoever sees the error need not see the key."""
    if not shutil.which("pg_dump"):
        pytest.skip("no pg_dump here to save a PostgreSQL database with")
    with pytest.raises(ConfigError) as told:
        copying.copy_out(read_url("postgresql://a:5ecret@127.0.0.1:9/x"), tmp_path / "c", lambda _done, _all: None)
    assert "127.0.0.1" in str(told.value) and "5ecret" not in str(told.value)
