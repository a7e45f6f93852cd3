"""A database is brought to today's tables safely, or left alone with a reason."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from tests.adapters.sql.conftest import QUICK
from tests.conformance.store import call

from stella.adapters.sql import migrate, open_store
from stella.adapters.sql.engines import migrating_engine, read_url
from stella.adapters.sql.schema import HEAD, metadata
from stella.domain.errors import ConfigError


def test_the_migrations_and_the_tables_say_the_same(url) -> None:
    """Code that expects other tables than the migrations make fails at the first call of a customer."""
    migrate.upgrade(read_url(url), "now")
    engine = migrating_engine(read_url(url))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert migrate.revision(connection) == HEAD
    engine.dispose()


def test_the_newest_migration_is_the_one_the_code_names() -> None:
    """The fast path at start compares with this word."""
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert {one.revision for one in script.walk_revisions()} == migrate.known_revisions()


def test_several_processes_may_start_at_once(tmp_path: Path) -> None:
    """Two servers after a crash, or a server and a command: one makes the tables, the others wait."""
    url = read_url(f"sqlite:///{tmp_path}/a.db")
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: migrate.upgrade(url, "now"), range(6)))
    assert sorted(path.suffix for path in tmp_path.glob("a.db*") if "before" in path.name) == []


def test_a_start_without_news_loads_no_alembic(tmp_path: Path) -> None:
    """The second start takes milliseconds."""
    url = f"sqlite:///{tmp_path}/a.db"
    migrate.upgrade(read_url(url), "now")
    code = (
        "import sys\nfrom stella.adapters.sql import migrate\nfrom stella.adapters.sql.engines import read_url\n"
        f"migrate.upgrade(read_url({url!r}), 'now')\nprint('alembic' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


async def test_an_upgrade_makes_a_copy_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wants to go back to the version before needs the file from before."""
    file = tmp_path / "a.db"
    store = await open_store(f"sqlite:///{file}", tmp_path, pace=QUICK)
    await store.commit(call())
    monkeypatch.setattr(migrate, "HEAD", "0999")
    ran = []
    monkeypatch.setattr(migrate, "_run", lambda _connection: ran.append(True))
    migrate.upgrade(read_url(f"sqlite:///{file}"), "20261123T100000Z")
    await store.close()
    copy = tmp_path / f"a.db.before-{HEAD}-20261123T100000Z"
    assert ran == [True]
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT call_sid FROM calls").fetchall() == [("CA1",)]


def test_a_failed_upgrade_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a migration is worse than none: all of it is one transaction."""
    real = migrate._run

    def half(connection) -> None:
        real(connection)
        raise RuntimeError

    monkeypatch.setattr(migrate, "_run", half)
    with pytest.raises(RuntimeError):
        migrate.upgrade(read_url(f"sqlite:///{tmp_path}/a.db"), "now")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_a_newer_database_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """Old code must not write into tables it does not understand."""
    url = f"sqlite:///{tmp_path}/a.db"
    migrate.upgrade(read_url(url), "now")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(ConfigError, match=r"9999.*newer.*restore"):
        migrate.upgrade(read_url(url), "now")


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """A wrong path must not destroy a file."""
    (tmp_path / "a.db").write_text("my diary " * 1000)
    with pytest.raises(ConfigError, match=r"damaged or no database.*restore a backup"):
        migrate.upgrade(read_url(f"sqlite:///{tmp_path}/a.db"), "now")
    assert (tmp_path / "a.db").read_text().startswith("my diary")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://root:s3cret@host/db", "not supported"),
        ("no url", "cannot be read"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://nobody:s3cret@127.0.0.1:1/none", "PostgreSQL at 127.0.0.1 cannot be used"),
        ("sqlite:////proc/none/a.db", "cannot be written"),
    ],
)
def test_a_wrong_address_is_explained_without_its_password(url, words) -> None:
    """The message goes to a log."""
    with pytest.raises(ConfigError, match=words) as wrong:
        migrate.upgrade(read_url(url), "now")
    assert "s3cret" not in str(wrong.value)
