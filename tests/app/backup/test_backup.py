"""`stella backup` and `stella restore`: what is saved comes back, and a bad file changes nothing."""

from __future__ import annotations

import json
import sqlite3
import threading
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from stella.app.agents.shelf import AgentShelf
from stella.domain.errors import ConfigError

from .conftest import keep


def saved(stella: Callable[..., object], home: Path) -> Path:
    """A backup of the installation."""
    done = stella("backup", home / "b.zip")
    assert done.exit_code == 0, done.output  # type: ignore[attr-defined]
    return home / "b.zip"


def sids(path: Path) -> list[str]:
    """The calls of an SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT call_sid FROM calls ORDER BY call_sid")]


def test_an_empty_machine_becomes_the_old_one(home, agents, stella, monkeypatch) -> None:
    """That is what a backup is for: records, waiting records, agent and knowledge are there again, and work."""
    file = saved(stella, home)
    monkeypatch.setenv("STELLA_DATA_DIR", str(home / "new"))
    monkeypatch.delenv("STELLA_AGENT")
    done = stella("restore", file, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert sids(home / "new/stella.db") == ["CA1", "CA2"]
    assert (home / "new/spool/CA9.json").read_text() == "{}"
    agent = AgentShelf(told["agent"], {}).agents[0]
    assert Path(agent.knowledge, "hours.md").read_text().startswith("# Hours")
    assert "STELLA_AGENT" in told["to_set"]
    shown = stella("calls", "show", "CA1")
    assert "Is the doctor in?" in shown.output


def test_no_secret_is_in_it(home, agents, stella, monkeypatch) -> None:
    """A backup lies about in places where keys must not: only their names are in it."""
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "5ecret5ecret5ecret5ecret5ecret55")
    file = saved(stella, home)
    with zipfile.ZipFile(file) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
        names = archive.namelist()
    assert b"TWILIO_AUTH_TOKEN" in whole
    for secret in (b"5ecret5ecret", b"the-salt-that-stays", b"the-token-that-stays", b"hidden"):
        assert secret not in whole
    assert not [name for name in names if "secret" in name or "token" in name or ".env" in name]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_running_writer_is_caught_at_one_moment(home, stella) -> None:
    """Nobody stops a telephone for a backup; half of a transaction must never be in it."""
    path, stop = home / "data/stella.db", threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
            connection.execute("CREATE TABLE pairs (n INTEGER, half TEXT)")
            n = 0
            while not stop.wait(0.0005):
                n += 1
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO pairs VALUES (?, ?)", [(n, "a" * 3000), (n, "b" * 3000)])
                connection.execute("COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for index in range(5):
            assert stella("backup", home / f"{index}.zip").exit_code == 0
    finally:
        stop.set()
        writer.join()
    for index in range(5):
        with zipfile.ZipFile(home / f"{index}.zip") as archive:
            (home / "one.db").write_bytes(archive.read("database/stella.db"))
        with closing(sqlite3.connect(home / "one.db")) as connection:
            odd = "SELECT n FROM pairs GROUP BY n HAVING count(*) <> 2"
            tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'pairs'").fetchall()
            assert not tables or connection.execute(odd).fetchall() == []
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_is_there_is_replaced_only_when_told_and_kept_aside(home, agents, stella) -> None:
    """The wrong backup on the right machine must be a mistake that one can take back."""
    file = saved(stella, home)
    keep(f"sqlite:///{home}/data/stella.db", home / "data", "CA3")
    refused = stella("restore", file)
    assert isinstance(refused.exception, ConfigError) and "--yes" in str(refused.exception)
    assert sids(home / "data/stella.db") == ["CA1", "CA2", "CA3"]
    done = stella("restore", file, "--yes", "--json")
    assert done.exit_code == 0, done.output
    assert sids(home / "data/stella.db") == ["CA1", "CA2"]
    [old] = [path for path in json.loads(done.stdout)["kept"] if "stella.db" in path]
    assert sids(Path(old)) == ["CA1", "CA2", "CA3"]


def test_a_database_in_use_is_not_pulled_away(home, stella) -> None:
    """A server that goes on writing into a file that was moved aside loses every call from then on."""
    file = saved(stella, home)
    with closing(sqlite3.connect(home / "data/stella.db")) as server:
        server.execute("SELECT count(*) FROM calls").fetchone()
        refused = stella("restore", file, "--yes")
    assert isinstance(refused.exception, ConfigError) and "stop it first" in str(refused.exception)
    assert not list((home / "data").glob("*replaced*")), "and nothing else was touched"
    assert sids(home / "data/stella.db") == ["CA1", "CA2"]


def test_a_backup_does_not_write_over_another(home, stella) -> None:
    """Yesterday's is worth most on the day today's is wrong."""
    file = saved(stella, home)
    before = file.read_bytes()
    refused = stella("backup", file)
    assert isinstance(refused.exception, ConfigError) and "--yes" in str(refused.exception)
    assert file.read_bytes() == before
    assert stella("backup", file, "--yes").exit_code == 0


def test_a_folder_gets_a_file_with_the_date(home, stella) -> None:
    """A timer calls it with a folder, every night."""
    (home / "backups").mkdir()
    assert stella("backup", home / "backups").exit_code == 0
    [file] = (home / "backups").iterdir()
    assert file.name.startswith("stella-backup-2") and file.suffix == ".zip"


def test_check_reads_everything_and_changes_nothing(home, stella, monkeypatch) -> None:
    """A backup that nobody has ever read is a hope."""
    file = saved(stella, home)
    monkeypatch.setenv("STELLA_DATA_DIR", str(home / "new"))
    done = stella("restore", "--check", file)
    assert done.exit_code == 0 and "is whole" in done.output
    assert not (home / "new").exists()


def test_a_built_in_agent_needs_no_files(home, stella) -> None:
    """It comes with the program."""
    file = saved(stella, home)
    with zipfile.ZipFile(file) as archive:
        assert not [name for name in archive.namelist() if name.startswith("agents/")]
        assert json.loads(archive.read("manifest.json"))["agent"] == "receptionist"


def test_a_newer_backup_is_refused_before_anything_moves(home, stella, monkeypatch) -> None:
    """Old code must not put tables in place that it does not understand."""
    with closing(sqlite3.connect(home / "data/stella.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    file = saved(stella, home)
    monkeypatch.setenv("STELLA_DATA_DIR", str(home / "new"))
    refused = stella("restore", file)
    assert isinstance(refused.exception, ConfigError) and "newer" in str(refused.exception)
    assert not (home / "new/stella.db").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_an_agents_place_survives_whether_file_or_folder(kind, home, agents, stella, monkeypatch) -> None:
    """STELLA_AGENT may name either, and a relative path of knowledge must lead somewhere on the new machine too."""
    monkeypatch.setenv("STELLA_AGENT", str(agents if kind == "file" else agents.parent))
    file = saved(stella, home)
    monkeypatch.setenv("STELLA_DATA_DIR", str(home / "new"))
    done = stella("restore", file, "--agents", home / "elsewhere", "--json")
    assert done.exit_code == 0, done.output
    place = Path(json.loads(done.stdout)["agent"])
    assert place.is_relative_to(home / "elsewhere")
    assert AgentShelf(str(place), {}).agents[0].name


def test_an_agent_file_with_a_mistake_does_not_cost_the_backup(home, agents, stella) -> None:
    """Records are saved every night, whatever somebody typed into a file in the afternoon; and it is told."""
    agents.write_text("name = \n[[[")
    done = stella("backup", home / "b.zip")
    assert done.exit_code == 0 and "cannot be read" in done.output
    with zipfile.ZipFile(home / "b.zip") as archive:
        assert "database/stella.db" in archive.namelist()
        assert any(name.endswith("practice.toml") for name in archive.namelist())


def test_secrets_an_agent_file_names_need_not_be_set(home, agents, stella) -> None:
    """Whoever makes the backup by hand has not the service's environment."""
    agents.write_text(
        agents.read_text() + '\n[[notify]]\nkind = "webhook"\nurl = "https://x.example"\nsecret = {env = "NOT_SET"}\n'
    )
    done = stella("backup", home / "b.zip")
    assert done.exit_code == 0 and "Note" not in done.output
    with zipfile.ZipFile(home / "b.zip") as archive:
        assert "agents/pages/hours.md" in archive.namelist()


def test_an_agent_that_is_not_there_is_told(home, stella, monkeypatch) -> None:
    """A path that was right last month."""
    monkeypatch.setenv("STELLA_AGENT", str(home / "gone.toml"))
    done = stella("backup", home / "b.zip")
    assert done.exit_code == 0 and "no agent file" in done.output
