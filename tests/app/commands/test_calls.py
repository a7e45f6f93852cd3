"""`stella calls` shows, exports and erases what the store kept."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stella.adapters.sql import open_store
from stella.adapters.sql.outbox import SqlOutbox
from stella.app.commands.calls import calls
from stella.app.commands.calls_export import COLUMNS, guarded
from stella.domain.call import CallRecord, CallStatus, EndedBy, KeyPressed, Percentiles, ToolUse
from stella.domain.consent import Consent, Disclosure
from stella.domain.transcript import Turn
from stella.ports.store import Notice

NUMBER = "+436641234567"


def full(sid: str, **fields) -> CallRecord:
    """A call with something of everything in it."""
    record = CallRecord(
        sid,
        from_=NUMBER,
        to="+4317654321",
        status=CallStatus.COMPLETED,
        agent="receptionist",
        language="de",
        created_at="2026-11-23T10:00:00.000Z",
        answered_at="2026-11-23T10:00:01.000Z",
        duration_s=61.5,
        ended_by=EndedBy.CALLER,
        disclosure=Disclosure("Sie sprechen mit einer Maschine.", "2026-11-23T10:00:05.000Z"),
        consent=Consent("Darf ich?", "no", "speech", "2026-11-23T10:00:09.000Z"),
        turns=[
            Turn(1, "agent", "Guten Tag, was kann ich tun?", 0.0, 2.0, interrupted=True, heard_text="Guten Tag,"),
            Turn(2, "caller", "=HYPERLINK(\x1b[31m[bold]) \u202eHeizung", 62.25, 64.0, heard_text=""),
            Turn(3, "agent", "Gern.", 65.0, 66.0, heard_text="Gern."),
        ],
        dtmf=[KeyPressed("9", 5.0)],
        tools=[ToolUse("take_message", {"name": "Huber"}, "kept", 30.0, 30.1)],
    )
    record.latency.response_gap_ms = Percentiles(412.0, 655.0)
    for name, value in fields.items():
        setattr(record, name, value)
    return record


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with three calls and a message in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STELLA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("STELLA_DATABASE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    async def fill() -> None:
        store = await open_store(f"sqlite:///{tmp_path}/data/stella.db", tmp_path / "data")
        await store.commit(full("CA1"))
        await store.commit(full("CA2", created_at="2026-11-23T11:00:00.000Z", from_="+4911", turns=[]))
        await store.commit(
            full("CA3", created_at="2026-11-23T12:00:00.000Z", from_="+4922", status=CallStatus.IN_PROGRESS)
        )
        outbox = SqlOutbox(store, lambda _agent: (), {})
        await outbox.put(Notice("k", "CA1", "message", "Huber", "unverwechselbar"), "receptionist")
        await store.close()

    asyncio.run(fill())
    return tmp_path / "data"


def stella(*arguments: str, said: str = ""):
    """Run `stella calls …`."""
    return CliRunner().invoke(calls, arguments, input=said)


def test_without_a_database_it_says_so_and_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking must not leave an empty database behind that hides a wrong folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STELLA_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.delenv("STELLA_DATABASE_URL", raising=False)
    for command in (["list"], ["show", "CA1"], ["export"], ["erase", "CA1", "--yes"]):
        found = stella(*command)
        assert found.exit_code == 1
        assert "no records yet" in found.stderr
        assert "STELLA_DATA_DIR" in found.stderr
    assert not (tmp_path / "none").exists()


def test_the_list_is_newest_first(data: Path) -> None:
    """The last call is what one looks for."""
    found = stella("list")
    assert found.exit_code == 0
    assert [line.split()[0] for line in found.stdout.splitlines()[1:]] == ["CA3", "CA2", "CA1"]
    page = json.loads(stella("list", "--json", "--limit", "1", "--before", "2026-11-23T12:00:00.000Z").stdout)
    assert [(one["call_sid"], one["from"]) for one in page] == [("CA2", "+4911")]


def test_a_narrow_terminal_shows_names_that_show_takes(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`CAac1a3fd4f…` was all one saw at eighty columns, and nothing took it."""

    async def fill() -> None:
        store = await open_store(f"sqlite:///{data}/stella.db", data)
        for sid, at in (("CAac1a3fd4f4" + "7" * 22, "14"), ("CAac1a3fd5" + "0" * 24, "15")):
            await store.commit(full(sid, created_at=f"2026-11-23T{at}:00:00.000Z"))
        await store.close()

    asyncio.run(fill())
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    narrow = stella("list").stdout
    assert "…" not in narrow
    assert "CAac1a3fd4 " in narrow
    monkeypatch.delenv("FORCE_COLOR")
    assert "CAac1a3fd4f4" + "7" * 22 in stella("list").stdout, "a pipe is as wide as it must be"
    for name in ("CAac1a3fd4", "CAac1a3fd4f4…"):
        assert "CAac1a3fd4f4" + "7" * 22 in stella("show", name).stdout
    several = stella("show", "CAac1a")
    assert (several.exit_code, "several calls" in several.stderr) == (1, True)
    assert "no call" in stella("show", "CAac").stderr


def test_show_tells_what_was_heard_from_what_was_meant(data: Path) -> None:
    """The record's whole worth is that it does not claim more than was heard."""
    found = stella("show", "CA1")
    assert found.exit_code == 0
    for words in (
        "Sie sprechen mit einer Maschine.",
        "no (by speech",
        "Guten Tag,",
        "(interrupted)",
        "1:02.2",
        "9@0:05.0",
    ):
        assert words in found.stdout
    for words in ("take_message", "412/655 ms", "61.5 s", "caller"):
        assert words in found.stdout
    assert "\x1b[31m" not in found.stdout
    assert "\u202e" not in found.stdout
    assert "[bold]" in found.stdout
    shown = json.loads(stella("show", "CA1", "--json").stdout)
    assert shown["turns"][0]["heard_text"] == "Guten Tag,"
    assert shown["from"] == NUMBER
    assert "No words are kept" in stella("show", "CA2").stdout
    missing = stella("show", "CA404")
    assert (missing.exit_code, "no call" in missing.stderr) == (1, True)


def test_the_export_is_whole_and_harmless(data: Path, tmp_path: Path) -> None:
    """Every call once; and what a caller says never runs in a spreadsheet (D04)."""
    lines = [json.loads(line) for line in stella("export").stdout.splitlines()]
    assert [one["call_sid"] for one in lines] == ["CA3", "CA2", "CA1"]
    assert lines[2]["turns"][1]["text"].startswith("=HYPERLINK")
    out = tmp_path / "calls.csv"
    assert stella("export", "--format", "csv", "--out", str(out)).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[2]["from"] == f"'{NUMBER}"
    assert rows[2]["transcript"].startswith("agent: Guten Tag,")
    assert out.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "calls.csv" in path.name] == ["calls.csv"]
    assert stella("export", "--format", "xls").exit_code == 2


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "|x", "%x", "＝1"])
def test_no_cell_begins_a_formula(cell: str) -> None:
    """Spreadsheets run what begins with one of these."""
    assert guarded(cell) == f"'{cell}"
    assert [guarded(fine) for fine in ("a=1", 5, 1.5, None, "")] == ["a=1", 5, 1.5, None, ""]


def test_erasing_asks_first_and_leaves_nothing(data: Path) -> None:
    """By number, for the person who asks for it; the message goes with the call."""
    assert stella("erase", "--number", NUMBER, said="n\n").exit_code == 1
    assert stella("show", "CA1").exit_code == 0
    found = stella("erase", "--number", NUMBER, said="y\n")
    assert found.exit_code == 0
    assert "1 calls, 3 turns, 1 keys, 1 tools, 1 messages" in found.stdout
    assert stella("show", "CA1").exit_code == 1
    assert stella("show", "CA2").exit_code == 0
    kept = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    for secret in (NUMBER, "unverwechselbar", "HYPERLINK"):
        # CA3 has the same words and is not to be erased.
        assert kept.count(secret.encode()) == (1 if secret == "HYPERLINK" else 0)


def test_a_live_call_is_not_erased_under_the_feet_of_its_server(data: Path) -> None:
    """The server would write it again."""
    found = stella("erase", "CA3", "--yes")
    assert (found.exit_code, "Still under way" in found.stderr) == (1, True)
    assert stella("erase", "CA404", "--yes").exit_code == 1
    assert stella("erase").exit_code == 2
    assert stella("erase", "CA1", "--number", NUMBER).exit_code == 2
