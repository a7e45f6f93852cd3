"""`stella dev`: try it on this machine, without any account; with a tunnel, from any telephone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

_Tunnel = Annotated[str, typer.Option(help="Open a tunnel: auto, ngrok, cloudflared or localtunnel.")]
_Connect = Annotated[bool, typer.Option("--connect", help="Set the number to the tunnel, and back at the end.")]
_Number = Annotated[str, typer.Option(help="The number to connect instead of TWILIO_NUMBER.")]


def command(
    reload: Annotated[bool, typer.Option(help="Start again when STELLA's own code changes.")] = True,
    port: Annotated[int | None, typer.Option(help="Port instead of STELLA_SERVER_PORT.")] = None,
    tunnel: _Tunnel = "",
    connect: _Connect = False,
    number: _Number = "",
    behind_tunnel: Annotated[bool, typer.Option(hidden=True, help="A tunnel's keeper says the addresses.")] = False,
) -> None:
    """Run the development server on http://localhost:3001. `.env` of this folder is read.

    Agent files are read again whenever they change. Without TWILIO_AUTH_TOKEN only this machine may call.
    """
    from stella.app.settings import load_settings, read_dotenv

    if (connect or number) and not tunnel:
        raise typer.BadParameter("--connect and --number set a number to a tunnel: add --tunnel auto")
    if number and not connect:
        raise typer.BadParameter("--number names the number that --connect sets: add --connect")
    settings = load_settings(dotenv=Path(".env"))
    if port is not None:
        settings = settings.model_copy(update={"server_port": port})
    if any((settings.data_dir / "numbers").glob("PN*.json")):
        from stella.app.leftovers import offer_leftovers

        offer_leftovers(settings, lambda words: typer.echo(words, err=True))
    again = [sys.executable, "-m", "stella", "dev", "--no-reload"] + (["--port", str(port)] if port else [])
    if tunnel:
        from stella.app.tunnelled import TunnelWishes, run_tunnelled

        wishes = TunnelWishes(tunnel, connect, number, reload)
        sys.exit(run_tunnelled(settings, wishes, [*again, "--behind-tunnel"], read_dotenv(Path(".env"))))
    if reload:
        from stella.app.reload import run_reloading

        sys.exit(run_reloading(again))
    from stella.app.run import run_server

    run_server(settings, development=True, tunnelled=behind_tunnel)
