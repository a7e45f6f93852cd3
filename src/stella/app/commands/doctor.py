"""`stella doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

_Json = Annotated[bool, typer.Option("--json", help="Print data for scripts.")]
_Call = Annotated[bool, typer.Option(help="Ring this installation as well (half a minute).")]


def command(as_json: _Json = False, call: _Call = True) -> None:
    """Examine this installation: machine, settings, models, database, Twilio's side, and a call to itself.

    Nothing is changed. Each finding names its cause and its mend. `.env` of this folder is read.
    Exit code 0: nothing failed; 1: something did.
    """
    from stella.app.doctor import examine
    from stella.app.findings_show import Show
    from stella.app.settings import read_dotenv

    show = Show(as_json=as_json)
    environ = {**read_dotenv(Path(".env")), **os.environ}
    lines = asyncio.run(examine(environ, show.line, call=call))
    sys.exit(show.end(lines, "this installation", "it is sound"))
