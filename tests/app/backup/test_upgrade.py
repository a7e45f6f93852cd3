"""`stella upgrade`: forward with a way back."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing

import pytest

from stella.adapters.sql import migrate, schema
from stella.domain.errors import ConfigError


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A STELLA whose code knows one migration more; what it ran."""
    ran: list[bool] = []
    monkeypatch.setattr(schema, "HEAD", "0999")
    monkeypatch.setattr(migrate, "HEAD", "0999")
    monkeypatch.setattr(migrate, "_run", lambda _connection: ran.append(True))
    return ran


def test_nothing_to_do_does_nothing(home, stella) -> None:
    """It may stand in every deployment script."""
    done = stella("upgrade")
    assert done.exit_code == 0 and "nothing to do" in done.output
    assert not (home / "data/backups").exists()


def test_a_backup_comes_first(home, stella, next_version) -> None:
    """A migration that went well may still be one that somebody wants to take back."""
    before = migrate.known_revisions()
    done = stella("upgrade", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["from"] in before and told["to"] == "0999" and told["upgraded"]
    assert next_version == [True]
    with zipfile.ZipFile(told["backup"]) as archive:
        assert "database/stella.db" in archive.namelist()


def test_check_says_it_and_does_not_do_it(home, stella, next_version) -> None:
    """A script asks first: 3 means there is something to do."""
    done = stella("upgrade", "--check")
    assert done.exit_code == 3 and "stella upgrade" in done.output
    assert next_version == []


def test_a_newer_database_is_refused(home, stella) -> None:
    """Going back is done by the old program or a backup, never by old code on new tables."""
    with closing(sqlite3.connect(home / "data/stella.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    refused = stella("upgrade")
    assert isinstance(refused.exception, ConfigError) and "newer" in str(refused.exception)


def test_a_machine_without_records_has_nothing_to_upgrade(stella, tmp_path, monkeypatch) -> None:
    """The first start makes the newest tables by itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STELLA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("STELLA_DATABASE_URL", raising=False)
    done = stella("upgrade")
    assert done.exit_code == 0 and "no database yet" in done.output


def test_the_way_back_restores_the_records_and_nothing_else(home, stella, next_version, monkeypatch) -> None:
    """The agents of today stay; only the tables go back."""
    told = json.loads(stella("upgrade", "--json").stdout)
    done = stella("restore", "--yes", told["backup"])
    assert done.exit_code == 0 and "STELLA_AGENT" not in done.output
    assert not (home / "data/agents").exists()
