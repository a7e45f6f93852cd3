"""A database into one file and back: SQLite by its own backup, PostgreSQL by pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError

from stella.adapters.sql.engines import migrating_engine
from stella.adapters.sql.migrate import known_revisions, revision
from stella.domain.errors import ConfigError

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much; the unit is the teller's."""

PAGES = 256
_DUMP_S = 6 * 3600.0


def found_revision(url: URL) -> str:
    """The migration the database stands at; empty where there is no database, or one without tables. Raises ConfigError."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_revision(url)
    engine = migrating_engine(url)
    try:
        with engine.connect() as connection:
            return revision(connection)
    except DBAPIError as failed:
        raise ConfigError(_cannot(url, str(failed.orig))) from None
    finally:
        engine.dispose()


def _sqlite_revision(url: URL) -> str:
    """Read only, so that a server that writes meanwhile is not asked to wait."""
    path = Path(url.database or "")
    if not path.is_file():
        return ""
    try:
        with closing(_open(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                return ""
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(found[0]) if found else ""
    except sqlite3.Error as failed:
        raise ConfigError(_cannot(url, str(failed))) from None


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=30, isolation_level=None)
    connection.execute("PRAGMA query_only=ON")
    return connection


def copy_out(url: URL, target: Path, progress: Progress) -> None:
    """Write the database as it is at this moment into `target`, also while a server writes. Blocks. Raises ConfigError."""
    target.touch(mode=0o600)
    if url.get_backend_name() != "sqlite":
        _pg("pg_dump", url, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"])
        return
    try:
        _copy_sqlite(Path(url.database or ""), target, progress)
    except sqlite3.Error as failed:
        raise ConfigError(_cannot(url, str(failed))) from None


def _copy_sqlite(path: Path, target: Path, progress: Progress) -> None:
    with closing(_open(path)) as source, closing(sqlite3.connect(target, isolation_level=None)) as copy:
        # The open transaction holds one moment of the database still; without it every write begins the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(copy, pages=PAGES, progress=lambda _status, left, total: progress(total - left, total), sleep=0)
        # One file, without a log beside it; and what is damaged is found now and not on the day it is needed.
        copy.execute("PRAGMA journal_mode=DELETE")
        _demand_whole(copy, path)


def _demand_whole(connection: sqlite3.Connection, path: Path) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise ConfigError(f"{path} is damaged ({verdict}): restore the last good backup")


def check_copy(path: Path, kind: str) -> None:
    """Whether a copy can be put back: whole, and of a revision this code knows. Raises ConfigError."""
    if kind != "sqlite":
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            _demand_whole(connection, path)
    except sqlite3.Error as failed:
        raise ConfigError(f"the database in the backup is damaged ({failed}): take an older one") from None


def refuse_unknown(found: str) -> None:
    """Raise ConfigError for a revision that only a newer STELLA knows."""
    if found and found not in known_revisions():
        raise ConfigError(
            f"the backup stands at revision {found}, which this STELLA does not know: install a newer one"
        )


def put_back(url: URL, copy: Path, aside: str) -> Path | None:
    """Put a copy in the place of the database. What was there is kept as `<file>.<aside>` (SQLite) or replaced.

    Says where the old one is. Raises ConfigError where a server still runs on it.
    """
    if url.get_backend_name() != "sqlite":
        _pg("pg_restore", url, ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction",
            "--exit-on-error", str(copy)])  # fmt: skip
        return None
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    old = None
    if path.exists():
        demand_unused(url)
        old = path.with_name(f"{path.name}.{aside}")
        path.rename(old)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    copy.chmod(0o600)
    copy.rename(path)
    return old


def demand_unused(url: URL) -> None:
    """Raise ConfigError while another program has an SQLite database open; PostgreSQL's transaction needs no such promise.

    Only to the last one SQLite lets the write-ahead log go. What stood in it is in the file then.
    """
    path = Path(url.database or "")
    if url.get_backend_name() != "sqlite" or not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=2, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError as failed:
        if "locked" in str(failed):
            raise ConfigError(f"a STELLA is running on {path}: stop it first, then restore") from None
        raise ConfigError(f"{path} cannot be replaced ({failed})") from None
    except sqlite3.DatabaseError:
        return  # it is none, or damaged: a good reason to restore


def has_records(url: URL) -> bool:
    """Whether there is something that a restore would replace. Raises ConfigError."""
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "").exists()
    engine = migrating_engine(url)
    try:
        with engine.connect() as connection:
            query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"
            return bool(connection.execute(text(query)).scalar())
    except DBAPIError as failed:
        raise ConfigError(_cannot(url, str(failed.orig))) from None
    finally:
        engine.dispose()


def _pg(program: str, url: URL, arguments: list[str]) -> None:
    """Run PostgreSQL's own tool. The password goes by its environment: command lines are everybody's to read."""
    found = shutil.which(program)
    if not found:
        raise ConfigError(
            f"{program} is not installed, and PostgreSQL is saved and restored with it: install PostgreSQL's client tools"
            " (Debian: postgresql-client) of the server's version, or use what your database's host offers"
        )
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    environ = {**os.environ, "PGCONNECT_TIMEOUT": "10", **({"PGPASSWORD": str(url.password)} if url.password else {})}
    try:
        done = subprocess.run(
            [found, f"--dbname={plain}", "--no-password", *arguments],
            env=environ, capture_output=True, text=True, timeout=_DUMP_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{program} did not end within {_DUMP_S / 3600:g} hours") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise ConfigError(f"PostgreSQL at {url.host or 'the local socket'}: {lines[0][:400]}")


def _cannot(url: URL, fault: str) -> str:
    first = (fault.strip().splitlines() or ["no reason given"])[0]
    if url.get_backend_name() == "sqlite":
        if "full" in fault or "I/O" in fault:
            return f"{url.database} cannot be copied ({first}): make room on the disk"
        return f"{url.database} cannot be copied ({first}): is it a database, and may you read it?"
    return f"PostgreSQL at {url.host or 'the local socket'} cannot be used ({first}): check STELLA_DATABASE_URL"
