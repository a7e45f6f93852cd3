"""`stella doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from stella.domain.errors import ConfigError

_Json = Annotated[bool, typer.Option("--json", help="Print data for scripts.")]
_Live = Annotated[
    bool, typer.Option("--live", help="Record from one real call what no document proves; the server must be stopped.")
]
_Call = Annotated[bool, typer.Option(help="Ring this installation as well (half a minute).")]


LIVE_WAIT_S = 300.0


def command(as_json: _Json = False, call: _Call = True, live: _Live = False) -> None:
    """Examine this installation: machine, settings, models, database, Twilio's side, and a call to itself.

    Nothing is changed. Each finding names its cause and its mend. `.env` of this folder is read.
    Exit code 0: nothing failed; 1: something did.
    """
    from stella.app.doctor import examine
    from stella.app.findings_show import Show
    from stella.app.settings import read_dotenv

    if live:
        sys.exit(_live())
    show = Show(as_json=as_json)
    environ = {**read_dotenv(Path(".env")), **os.environ}
    lines = asyncio.run(examine(environ, show.line, call=call))
    sys.exit(show.end(lines, "this installation", "it is sound"))


def _live() -> int:
    """Take the server's place for one call. The exit code: 0 with a recording, 1 without. Raises ConfigError."""
    from stella.app.doctor_live import LiveRecorder, record
    from stella.app.settings import load_settings
    from stella.phone.facts import FILE
    from stella.wire.signature import Signatures

    settings = load_settings(dotenv=Path(".env"))
    if not settings.public_url:
        raise ConfigError("STELLA_PUBLIC_URL is not set: a real call needs the address that Twilio calls")
    recorder = LiveRecorder(Signatures(settings.auth_tokens, settings.public_url), settings.public_url, typer.echo)
    host, path = settings.host or "0.0.0.0", settings.data_dir / FILE  # noqa: S104 a server is to be reached
    number = settings.twilio_number or "the number that is connected to this installation"
    typer.echo(f"Ring {number} now, within {LIVE_WAIT_S / 60:.0f} minutes, and stay on the line for ten seconds.")
    try:
        rung = asyncio.run(record(recorder, host, settings.server_port, LIVE_WAIT_S))
    except OSError as error:
        raise ConfigError(
            f"port {settings.server_port} cannot be used ({error.strerror}); stop the server for the length of this test"
        ) from None
    if not rung:
        typer.echo("No call came to its end. `stella verify` with the public address says why.", err=True)
        return 1
    recorder.facts.write(path)
    typer.echo(f"{path.read_text('utf-8')}\nKept in {path}; `stella call` behaves accordingly from now on.")
    return 0
