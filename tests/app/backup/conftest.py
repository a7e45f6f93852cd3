"""An installation with calls, an agent of its own and knowledge, to be saved and restored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from stella.adapters.sql import open_store
from stella.app.cli import cli
from stella.domain.call import CallRecord, CallStatus
from stella.domain.transcript import Turn

AGENT = """
name = "practice"
knowledge = "../pages"

[greeting]
en = "Good day, how can I help?"

[[languages]]
code = "en"
"""


def record(sid: str) -> CallRecord:
    """A call with words in it."""
    return CallRecord(
        sid,
        from_="+436641234567",
        to="+4317654321",
        status=CallStatus.COMPLETED,
        agent="practice",
        language="en",
        created_at="2026-11-23T10:00:00.000Z",
        turns=[Turn(1, "caller", "Is the doctor in?", 1.0, 2.0, heard_text="")],
    )


def keep(url: str, data: Path, *sids: str) -> None:
    """Write calls as the server does."""

    async def write() -> None:
        store = await open_store(url, data)
        for sid in sids:
            await store.commit(record(sid))
        await store.close()

    asyncio.run(write())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an installation in it, and the environment that belongs to it."""
    monkeypatch.chdir(tmp_path)
    for name in ("STELLA_DATABASE_URL", "STELLA_AGENT", "STELLA_MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    data = tmp_path / "data"
    monkeypatch.setenv("STELLA_DATA_DIR", str(data))
    keep(f"sqlite:///{data}/stella.db", data, "CA1", "CA2")
    (data / "secret-salt").write_text("the-salt-that-stays-here\n")
    (data / "operator-token").write_text("the-token-that-stays-here\n")
    (data / "spool").mkdir(exist_ok=True)
    (data / "spool" / "CA9.json").write_text("{}")
    return tmp_path


@pytest.fixture
def agents(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An agent file of one's own with knowledge beside its folder."""
    folder = home / "etc" / "agents"
    folder.mkdir(parents=True)
    (home / "etc" / "pages").mkdir()
    (home / "etc" / "pages" / "hours.md").write_text("# Hours\n\nWe are open from nine to five.\n")
    (home / "etc" / "pages" / ".env").write_text("SECRET=hidden")
    text = (Path(__file__).resolve().parents[3] / "src/stella/app/agents/receptionist.toml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("knowledge")]
    first_table = next(index for index, line in enumerate(lines) if line.startswith("["))
    lines.insert(first_table, 'knowledge = "../pages"')
    (folder / "practice.toml").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("STELLA_AGENT", str(folder / "practice.toml"))
    return folder / "practice.toml"


@pytest.fixture
def stella() -> Callable[..., Result]:
    """Runs a command as a person types it."""
    runner = CliRunner()
    return lambda *words: runner.invoke(cli, [str(word) for word in words])
