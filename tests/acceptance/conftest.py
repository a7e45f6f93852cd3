"""Real calls: a fake Twilio rings a whole STELLA over HTTP and WebSocket, with real speech both ways.

Calls take the time they take, so they are rung once, several at a time, and the tests look at what came of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stella.adapters.models.folder import ModelMissing
from stella.app.child_server import TOKEN, Watched, serve
from stella.app.settings import load_settings
from stella.app.voices import caller_voice, models_folder, recogniser
from stella.phone import Account, CallReport, Habits, LineFaults, Script, Telephony

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT_SID = "AC" + "0" * 32
BRITISH, AUSTRIAN, HOUSE = "+447700900123", "+436601234567", "+4312345678"


@dataclass
class Inbox:
    """A webhook receiver of the company's: what messages arrived."""

    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Rung:
    """A call from both sides: what the caller's end saw, and what STELLA wrote down."""

    report: CallReport
    record: dict[str, Any]


@dataclass
class Exchange:
    """A running STELLA and the means to ring it."""

    server: Watched
    voice: Any
    recognise: Any
    inbox: Inbox

    async def ring(self, script: Script, *, from_: str = BRITISH, lang: str = "en", **options: Any) -> Rung:
        telephony = Telephony(
            self.server.url,
            Account(TOKEN, ACCOUNT_SID, from_, HOUSE),
            voice=self.voice,
            lang=lang,
            timeout_s=120,
            **options,
        )
        report = await telephony.ring(script)
        return Rung(report, await self.record(report.call_sid))

    async def record(self, call_sid: str) -> dict[str, Any]:
        """The record once it is final."""
        for _ in range(150):
            record: dict[str, Any] = json.loads(
                await asyncio.to_thread(self.server.get, f"/api/stella/v1/calls/{call_sid}")
            )
            if record["ended_at"]:
                return record
            await asyncio.sleep(0.3)
        raise AssertionError(f"the call {call_sid} never ended: {record}")

    def words(self, rung: Rung) -> str:
        """What the caller really heard on the stream, by a recogniser of its own."""
        return " ".join(self.recognise(spurt.mulaw) for spurt in rung.report.heard if spurt.source == "stream")


@pytest.fixture(scope="session")
def models() -> Path:
    """The speech models `make` fetched; in CI they must be there."""
    folder = Path(os.environ.get("STELLA_MODELS_DIR") or load_settings({}).models)
    folder = folder if folder.is_absolute() else ROOT / folder
    try:
        models_folder(folder).silero()
        models_folder(folder).moonshine()
    except ModelMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{missing}")
    return folder


@pytest.fixture(scope="session")
def inbox() -> Iterator[Inbox]:
    """A company's webhook."""
    box = Inbox()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            box.received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    box.url = f"http://127.0.0.1:{server.server_address[1]}/messages"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield box
    server.shutdown()
    thread.join()
    server.server_close()


def agent_file(folder: Path, inbox: Inbox, **changes: str) -> Path:
    """The acceptance agent with this inbox; `changes` replace lines by their key."""
    text = (Path(__file__).parent / "agent.toml").read_text()
    text = text.replace("NOTIFY_URL", inbox.url).replace("../../src", str(ROOT / "src"))
    for key, line in changes.items():
        text = text.replace("[policy]\n", f"[policy]\n{line}\n") if key == "policy" else f"{line}\n{text}"
    path = folder / "agent.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def exchange(models: Path, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """STELLA as a process of its own, signatures checked, real ears and voices."""
    path = agent_file(tmp_path_factory.mktemp("agent"), inbox)
    with serve(
        str(path), models, mode="dev", environ={"NOTIFY_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="}
    ) as server:
        recognise = recogniser(models)
        assert recognise is not None
        yield Exchange(server, caller_voice(models=models), recognise, inbox)


__all__ = ["Habits", "LineFaults"]
