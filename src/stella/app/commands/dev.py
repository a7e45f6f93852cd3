"""`stella dev`: try it on this machine, without any account."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def command(
    reload: Annotated[bool, typer.Option(help="Start again when STELLA's own code changes.")] = True,
    port: Annotated[int | None, typer.Option(help="Port instead of STELLA_SERVER_PORT.")] = None,
) -> None:
    """Run the development server on http://localhost:3001. `.env` of this folder is read.

    Agent files are read again whenever they change. Without TWILIO_AUTH_TOKEN only this machine may call.
    """
    from stella.app.settings import load_settings

    settings = load_settings(dotenv=Path(".env"))
    if port is not None:
        settings = settings.model_copy(update={"server_port": port})
    if reload:
        from stella.app.reload import run_reloading

        sys.exit(
            run_reloading(
                [sys.executable, "-m", "stella", "dev", "--no-reload"] + (["--port", str(port)] if port else [])
            )
        )
    from stella.app.run import run_server

    run_server(settings, development=True)
