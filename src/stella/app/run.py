"""Runs a server in this process and tells the person who started it what to do next."""

from __future__ import annotations

import asyncio
import errno
import gc
import sys

import structlog
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from stella.app.house import House, open_house
from stella.app.logs import set_up_logs
from stella.app.next_steps import next_steps
from stella.app.own import Program
from stella.app.settings import Settings
from stella.domain.errors import ConfigError

_log = structlog.get_logger("stella.run")


def run_server(
    settings: Settings, *, development: bool, tunnelled: bool = False, program: Program | None = None
) -> None:
    """Until SIGTERM or Ctrl-C: then live calls finish (a second signal ends at once). Raises ConfigError."""
    set_up_logs(settings.log_level, settings.log_format)
    uvloop.run(serve(settings, development=development, tunnelled=tunnelled, program=program, alone=True))


async def serve(
    settings: Settings, *, development: bool, tunnelled: bool = False, program: Program | None = None,
    alone: bool = False,
) -> None:  # fmt: skip
    """The same inside a loop that runs already; logs are as their owner set them up.

    `alone`: nothing else lives in this process, so what holds for all of it (collecting garbage) is ours to set.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("Preparing the voice"), BarColumn(), MofNCompleteColumn(), console=console, transient=True,
        disable=not sys.stderr.isatty(),
    )  # fmt: skip
    task = bar.add_task("phrases", total=None)
    bar.start()
    if bar.disable:
        console.print("Preparing the voice …", highlight=False)

    def progress(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    try:
        async with open_house(settings, development=development, progress=progress, program=program) as house:
            bar.stop()
            if alone:
                _set_garbage_aside()
            server = asyncio.create_task(house.server.serve())
            started = asyncio.create_task(house.server.started())
            await asyncio.wait((server, started), return_when=asyncio.FIRST_COMPLETED)
            started.cancel()
            if not server.done():
                _tell(console, house, development=development, tunnelled=tunnelled)
            await server
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {settings.server_port} is taken by another program; stop that, or set STELLA_SERVER_PORT"
            ) from None
        raise
    finally:
        bar.stop()


def _set_garbage_aside() -> None:
    """What is loaded by now stays until the end: without this each full collection looks through all of it.

    That takes a tenth of a second, in which no frame of any call is answered (https://docs.python.org/3/library/gc.html).
    """
    gc.collect()
    gc.freeze()
    # Without the standing crowd a full collection would come after every quarter more of the few that are left.
    gc.set_threshold(10_000, 20, 50)


def _tell(console: Console, house: House, *, development: bool, tunnelled: bool) -> None:
    settings = house.settings
    names = ", ".join(agent.name for agent in house.shelf.agents)
    console.print(f"\nSTELLA answers at [bold]{house.server.base_url}[/bold] as {names}.", highlight=False)
    if house.new_operator_token:
        console.print(
            f"Operator token, shown this once: [bold]{house.operator_token}[/bold]\n"
            f"(kept in {settings.data_dir / 'operator-token'})",
            highlight=False,
        )
    if development:
        languages = {setup.code for agent in house.shelf.agents for setup in agent.languages}
        words = next_steps(house.server.port, settings.public_url, languages, tunnelled=tunnelled)
        console.print(words, highlight=False, markup=False, soft_wrap=True)
