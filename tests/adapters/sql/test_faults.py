"""What happens to records while the database cannot be written."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from tests.adapters.sql.conftest import QUICK
from tests.conformance.store import call

from stella.adapters.sql import SqlStore, open_store
from stella.adapters.sql.writer import Pace
from stella.domain.call import CallStatus
from stella.domain.consent import Consent
from stella.ports.failure import Unavailable

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


class Locked:
    """Another process that holds the database until it is told to let go."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LOCK, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout.readline() == "locked\n"

    def release(self) -> None:
        """Let go and end."""
        self._process.communicate("\n", timeout=10)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database file; a lock is waited for 50 ms instead of seconds."""
    monkeypatch.setattr("stella.adapters.sql.engines.BUSY_S", 0.05)
    return tmp_path / "stella.db"


async def store_on(file: Path, pace: Pace = QUICK) -> SqlStore:
    """A store that gives a commit 300 ms."""
    store = await open_store(f"sqlite:///{file}", file.parent, pace=pace)
    store._commit_s = 0.3
    return store


async def test_a_locked_database_costs_nothing_and_heals_by_itself(file: Path) -> None:
    """F07: no row lost, no call disturbed, one line in the log, ready() true to the fact."""
    store = await store_on(file)
    await store.commit(call("CA0"))
    lock = Locked(file)
    with capture_logs() as logs:
        with pytest.raises(Unavailable, match="timeout"):
            await store.commit(call("CA1"))
        for number in range(2, 40):
            store.save(call(f"CA{number}"))
        assert await store.ready() is False
        assert await store.get("CA39") == call("CA39")
        assert len(await store.list(limit=100)) == 40
        lock.release()
        await store.commit(call("CA40"))
    assert [line["event"] for line in logs] == ["database-does-not-write", "database-writes-again"]
    assert logs[0]["code"] == "locked"
    assert await store.ready() is True
    assert store.counts.given_up == 0
    await store.close()
    store = await store_on(file)
    assert len(await store.list(limit=100)) == 41
    await store.close()


async def test_over_the_bound_records_wait_in_files_and_come_home(file: Path) -> None:
    """Memory is bounded; what the database does not take for long lies in the spool, with its evidence, in order."""
    store = await store_on(file, Pace(gather=0.001, bound=10, patience_first=0.01, patience_most=0.02))
    lock = Locked(file)
    for number in range(30):
        store.save(call(f"CA{number}", consent=Consent("q", "yes", "key", "1")))
    while store.counts.spooled < 20:
        await asyncio.sleep(0.01)
    kept = list((file.parent / "spool").glob("*.json"))
    assert len(kept) == 20
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    newer = call("CA0", status=CallStatus.COMPLETED, consent=Consent("q", "withdrawn", "key", "2"))
    store.save(newer)
    assert (await store.get("CA1")) == call("CA1", consent=Consent("q", "yes", "key", "1"))
    lock.release()
    while store.backlog:
        await asyncio.sleep(0.01)
    assert not list((file.parent / "spool").glob("*.json"))
    assert await store.get("CA0") == newer
    assert len(await store.list(limit=100)) == 30
    with sqlite3.connect(file) as connection:
        answers = connection.execute("SELECT answer FROM consents WHERE call_sid = 'CA0' ORDER BY id").fetchall()
    connection.close()
    assert {answer for (answer,) in answers} == {"yes", "withdrawn"}
    await store.close()


async def test_what_a_stop_cannot_write_is_there_after_the_next_start(file: Path) -> None:
    """A server that is stopped while the database is locked must not lose the last calls."""
    store = await store_on(file)
    lock = Locked(file)
    store.save(call("CA1"))
    await store.writer.close(deadline=0.1)
    await store.close()
    assert len(list((file.parent / "spool").glob("*.json"))) == 1
    lock.release()
    store = await store_on(file)
    while store.backlog:
        await asyncio.sleep(0.01)
    assert await store.get("CA1") == call("CA1")
    await store.close()
    assert not list((file.parent / "spool").glob("*"))


async def test_an_old_spool_file_never_hides_or_undoes_a_newer_record(file: Path) -> None:
    """A file from before a crash may lie there when the database has gone on; its answers count, its state does not."""
    store = await store_on(file)
    lock = Locked(file)
    store.save(call("CA1", consent=Consent("q", "yes", "key", "1")))
    await store.writer.close(deadline=0.1)
    await store.close()
    spooled = next((file.parent / "spool").glob("*.json"))
    content = spooled.read_bytes()
    lock.release()
    store = await store_on(file)
    newer = call("CA1", status=CallStatus.COMPLETED, turns=[], consent=Consent("q", "withdrawn", "key", "2"))
    await store.commit(newer)
    await store.close()
    spooled.write_bytes(content)
    store = await store_on(file)
    assert await store.get("CA1") == newer
    while store.backlog:
        await asyncio.sleep(0.01)
    assert await store.get("CA1") == newer
    await store.close()


async def test_what_neither_database_nor_disk_take_is_counted_at_the_end(file: Path) -> None:
    """Losing a record is bad; losing it silently is worse."""
    (file.parent / "spool").write_text("in the way of the folder")
    store = await store_on(file)
    lock = Locked(file)
    store.save(call("CA1"))
    await store.keep_state("CA1", b"legs")
    with capture_logs() as logs:
        await store.writer.close(deadline=0.1)
    assert store.counts.given_up == 2
    assert "closed-with-losses" in [line["event"] for line in logs]
    await store.close()
    lock.release()


async def test_a_broken_spool_file_is_set_aside(file: Path) -> None:
    """Half a file must not stop the others, nor be deleted."""
    (file.parent / "spool").mkdir()
    (file.parent / "spool" / "0.json").write_text('{"call_sid":')
    store = await store_on(file)
    while store.backlog:
        await asyncio.sleep(0.01)
    await store.close()
    assert [path.name for path in (file.parent / "spool").iterdir()] == ["0.broken"]


async def test_one_record_that_can_never_be_written_does_not_hold_up_the_others(file: Path) -> None:
    """A poison row would otherwise be tried for ever, and everybody with it."""
    store = await store_on(file)
    bad = call("CA-bad")
    bad.turns[0].turn = 2**70
    with capture_logs() as logs:
        results = await asyncio.gather(store.commit(bad), store.commit(call("CA-good")), return_exceptions=True)
    assert isinstance(results[0], Unavailable)
    assert results[1] is None
    assert store.counts.given_up == 1
    assert [(line["event"], line["call_sid"]) for line in logs] == [("record-given-up", "CA-bad")]
    aside = list((file.parent / "spool").glob("*.refused"))
    assert json.loads(aside[0].read_bytes())["call_sid"] == "CA-bad"
    await store.close()


async def test_a_job_that_fails_fails_alone(file: Path) -> None:
    """A fault in one write must reach who asked for it, and nobody else."""
    store = await store_on(file)

    async def wrong(_connection: object) -> None:
        raise KeyError("mine")

    results = await asyncio.gather(store.writer.run(wrong), store.commit(call()), return_exceptions=True)
    assert isinstance(results[0], KeyError)
    assert results[1] is None
    await store.close()


async def test_a_saved_record_that_is_no_record_is_counted(file: Path) -> None:
    """save() never raises into a call."""
    store = await store_on(file)
    broken = call()
    broken.turns.append(None)  # type: ignore[arg-type]
    store.save(broken)
    assert store.counts.given_up == 1
    await store.close()


async def test_a_closed_store_says_so(file: Path) -> None:
    """Late callers get an error, not an endless wait."""
    store = await store_on(file)
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.commit(call())
    assert OperationalError  # the driver's own error never leaves the drawer


FULL = """
import asyncio, resource, sys
from pathlib import Path
from tests.conformance.store import call
from stella.adapters.sql import open_store
from stella.adapters.sql.writer import Pace
from stella.domain.transcript import Turn

async def main(folder):
    store = await open_store(f"sqlite:///{folder}/a.db", folder, pace=Pace(patience_first=0.01, patience_most=0.05))
    await store.commit(call("CA-before"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    long = [Turn(n, "caller", "x" * 1000, 0.0, 1.0) for n in range(1000)]
    store.save(call("CA-large", turns=long))
    while not store.counts.retries:
        await asyncio.sleep(0.01)
    assert await store.ready() is False
    assert (await store.get("CA-before")) == call("CA-before")
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await store.commit(call("CA-after"))
    while store.backlog:
        await asyncio.sleep(0.01)
    assert (await store.get("CA-large")) == call("CA-large", turns=long)
    assert store.counts.given_up == 0
    await store.close()

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path: Path) -> None:
    """F08: SQLite says that it cannot grow; the records wait, and are written when there is room again."""
    path = str(Path(__file__).parents[3])
    code = f"import sys; sys.path.insert(0, {path!r})\n" + textwrap.dedent(FULL)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM turns").fetchone() == (1002,)
    connection.close()


KILL = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.conformance.store import call
from stella.adapters.sql import open_store
from stella.domain.consent import Consent

async def main(folder):
    store = await open_store(f"sqlite:///{folder}/a.db", folder)
    number = 0
    while True:
        await asyncio.gather(*(store.commit(call(f"CA{number + n}", consent=Consent("q", "yes", "key", "1"))) for n in range(5)))
        number += 5
        os.write(1, f"{number}\\n".encode())

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """H05, F10: a yes that `commit` reported as safe is in the database whatever happens to the process."""
    path = str(Path(__file__).parents[3])
    code = f"import sys; sys.path.insert(0, {path!r})\n" + textwrap.dedent(KILL)
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    told = 0
    while told < 60:
        told = int(process.stdout.readline())
    process.kill()
    told = max([told, *(int(line) for line in process.stdout.read().splitlines())])
    process.wait(10)
    process.stdout.close()
    store = await open_store(f"sqlite:///{tmp_path}/a.db", tmp_path)
    for number in range(told):
        found = await store.get(f"CA{number}")
        assert found is not None
        assert found.consent is not None
    await store.close()
