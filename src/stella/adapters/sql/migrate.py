"""Brings a database to the tables this code knows: under a lock, in one transaction, after a copy was made."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from stella.adapters.sql.engines import migrating_engine
from stella.adapters.sql.schema import HEAD
from stella.domain.errors import ConfigError

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x57E11A
"""PostgreSQL's advisory lock of all STELLA nodes that migrate at once."""


def upgrade(url: URL, now: str) -> None:
    """Make the tables, or bring them to `HEAD`; returns at once where they are. Blocks: call it in a thread.

    An existing SQLite file is copied to `<file>.before-<revision>-<now>` first. Raises ConfigError when the database
    is newer than this code, damaged, out of reach, or not writable.
    """
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        _prepare_file(Path(url.database or ""))
    engine = migrating_engine(url)
    try:
        with engine.begin() as connection:
            if not sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            found = revision(connection)
            if found == HEAD:
                return
            refuse_newer(found)
            if sqlite and found:
                _copy(Path(url.database or ""), found, now)
            _run(connection)
    except DBAPIError as failed:
        raise ConfigError(_explain(url, failed)) from None
    finally:
        engine.dispose()


def revision(connection: Connection) -> str:
    """The migration a database stands at; empty where it has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def known_revisions() -> set[str]:
    """Every migration this code brings."""
    return {path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}


def refuse_newer(found: str) -> None:
    """Raise ConfigError for a database that a newer STELLA has used."""
    if found and found not in known_revisions():
        raise ConfigError(
            f"the database stands at revision {found}, which this STELLA (revision {HEAD}) does not know: it was used by a"
            " newer one. Install that version again, or restore the copy made before the upgrade (<file>.before-…)"
        )


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_file(path: Path) -> None:
    """Make the folder and, before anybody writes, a file that only its owner reads, in WAL mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except OSError as failed:
        raise ConfigError(
            f"the data folder {path.parent} cannot be written ({failed.strerror}): set STELLA_DATA_DIR"
        ) from None
    except sqlite3.Error as failed:
        raise ConfigError(f"{path} {_mend(str(failed))}") from None


def _copy(path: Path, found: str, now: str) -> None:
    """A whole copy, also of what still stands in the WAL. SQLite lets a reader copy while the migration holds the lock."""
    target = path.with_name(f"{path.name}.before-{found}-{now}")
    target.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _mend(fault: str) -> str:
    if "not a database" in fault or "malformed" in fault:
        return f"is damaged or no database ({fault}): move it away to begin anew, or restore a backup"
    if "locked" in fault:
        return "is locked by another program for too long: end it and start again"
    if "full" in fault:
        return "cannot grow because the disk is full: make room and start again"
    if "I/O" in fault:
        return f"stands on a disk that fails ({fault}): look into the kernel's log, check the disk, restore a backup"
    return f"cannot be used ({fault}): check its owner and mode, and STELLA_DATABASE_URL"


def _explain(url: URL, failed: DBAPIError) -> str:
    if url.get_backend_name() == "sqlite":
        return f"{url.database} {_mend(str(failed.orig))}"
    first = str(failed.orig).strip().splitlines()[0] if str(failed.orig).strip() else type(failed.orig).__name__
    return f"PostgreSQL at {url.host or 'the local socket'} cannot be used ({first}): check STELLA_DATABASE_URL"
