"""`stella calls`: list, show, replay, export and erase the records, with or without a running server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from stella.domain.call import CallRecord
from stella.domain.errors import ConfigError

calls = typer.Typer(no_args_is_help=True, help="The records of calls: list, show, replay, export, erase.")

T = TypeVar("T")
WIDE = 120
"""Columns of a terminal from which the list has whole CallSids."""

LEAST = 6
"""With less of a name than this, `show` does not guess."""

_Json = Annotated[bool, typer.Option("--json", help="Print data for scripts.")]


def _run(work: Coroutine[object, object, T]) -> T:
    """Run to the end; a wrong setting or a missing database is one line on stderr and exit code 1."""
    try:
        return asyncio.run(work)
    except ConfigError as wrong:
        typer.echo(str(wrong), err=True)
        raise typer.Exit(1) from None


def _place() -> tuple[str, Path]:
    from stella.app.settings import load_settings

    try:
        settings = load_settings(dotenv=Path(".env"))
    except ConfigError as wrong:
        typer.echo(str(wrong), err=True)
        raise typer.Exit(1) from None
    return settings.database_url, settings.data_dir


@calls.command("list")
def list_calls(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    before: Annotated[str, typer.Option(help="Only calls before this time, as `created_at` shows it.")] = "",
    as_json: _Json = False,
) -> None:
    """List the newest calls."""
    from stella.app.commands.calls_show import BEGINNING, as_text, newest

    found = _run(_newest(_place()[0], limit, before))
    if as_json:
        typer.echo(as_text([record.public() for record in found], indent=2))
        return
    if not found:
        typer.echo("No calls yet.")
        return
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(newest(found, narrow=console.width < WIDE))
    typer.echo(f"Every word of a call: stella calls show {found[0].call_sid[:BEGINNING]}", err=True)
    if len(found) == limit:
        typer.echo(f"More: stella calls list --before {found[-1].created_at}")


async def _newest(url: str, limit: int, before: str) -> list[CallRecord]:
    from stella.adapters.sql.beside import read_beside
    from stella.adapters.sql.reading import newest_calls

    async with read_beside(url) as connection:
        return await newest_calls(connection, limit, before)


@calls.command("show")
def show_call(
    call_sid: Annotated[str, typer.Argument(help="The call, as `stella calls list` names it; its beginning will do.")],
    *,
    as_json: _Json = False,
) -> None:
    """Show one call with every word, and what of it was heard."""
    from stella.app.commands.calls_show import as_text, show

    found = _run(_one(_place()[0], call_sid))
    if found is None:
        typer.echo(f"There is no call {call_sid!r}. `stella calls list` shows those there are.", err=True)
        raise typer.Exit(1)
    if as_json:
        typer.echo(as_text(found.public(), indent=2))
    else:
        show(found, Console())


async def _one(url: str, call_sid: str) -> CallRecord | None:
    from stella.adapters.sql.beside import read_beside
    from stella.adapters.sql.reading import one_call, sids_like

    async with read_beside(url) as connection:
        if found := await one_call(connection, call_sid):
            return found
        beginning = call_sid.rstrip("….")
        fitting = await sids_like(connection, beginning) if len(beginning) >= LEAST else []
        if len(fitting) > 1:
            raise ConfigError(f"several calls begin with {beginning!r}: {', '.join(fitting)}; give more of the name")
        return await one_call(connection, fitting[0]) if fitting else None


@calls.command("export")
def export_calls(
    *,
    form: Annotated[str, typer.Option("--format", help="csv (a line per call) or jsonl (whole records).")] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="Write here instead of to the terminal.")] = None,
    story: Annotated[str, typer.Option(help="Tell this one call as a story, names and numbers replaced.")] = "",
    leg: Annotated[int, typer.Option(min=1, help="Of a story: which stream of the call.")] = 1,
    story_file: Annotated[Path | None, typer.Argument(metavar="[OUT.call]", help="Where the story goes.")] = None,
) -> None:
    """Write every record out, newest first; or with --story one call as a file that `replay` and tests take."""
    from stella.app.commands.calls_export import export

    if story or story_file:
        _tell(story, leg, story_file)
        return

    if form not in ("csv", "jsonl"):
        typer.echo(f"--format {form} is not known: use csv or jsonl.", err=True)
        raise typer.Exit(2)
    count = _run(export(_place()[0], form, out))
    if out:
        typer.echo(f"{count} calls written to {out}", err=True)


def _tell(call_sid: str, leg: int, out: Path | None) -> None:
    from stella.app import stories
    from stella.app.commands.calls_replay import load_legs

    if not call_sid or out is None:
        typer.echo("A story needs both: stella calls export --story CALL OUT.call", err=True)
        raise typer.Exit(2)
    ((_, told),) = load_legs(_place()[0], call_sid, leg)
    stories.save(stories.without_names(told), out)
    typer.echo(f"{len(told.steps)} facts written to {out}; look it over before you give it away.", err=True)


@calls.command("replay")
def replay_call(
    call: Annotated[str, typer.Argument(help="A call, as `stella calls list` names it, or a story file (*.call).")],
    *,
    leg: Annotated[int, typer.Option(min=0, help="Only this stream of the call; 0 means all.")] = 0,
    agent: Annotated[str, typer.Option(help="Try the policy numbers of this agent file.")] = "",
    policy: Annotated[list[str] | None, typer.Option(help="Try another number: name=value. May be repeated.")] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Of a story file: what is ordered now is right; keep it.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Tell today's code what a recorded call was told. Exit code 0: it orders the same; 1: the differences are shown."""
    from stella.app.commands.calls_replay import keep_as_is, load_legs, numbers, run

    if accept:
        keep_as_is(Path(call))
        return
    url = "" if call.endswith(".call") else _place()[0]
    if not run(load_legs(url, call, leg), agent, numbers(policy or []), as_json=as_json):
        raise typer.Exit(1)


@calls.command("erase")
def erase_calls(
    call_sid: Annotated[str, typer.Argument(help="The call to erase.")] = "",
    *,
    number: Annotated[str, typer.Option(help="Erase every call from this number (E.164, +43…).")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase calls: words, keys, tools, messages, numbers. What remains is the proof of disclosure and consent."""
    from stella.adapters.sql.beside import erase_beside

    if bool(call_sid) == bool(number):
        typer.echo("Name one call, or --number with a number, and not both.", err=True)
        raise typer.Exit(2)
    url, data_dir = _place()
    found = _run(_which(url, call_sid, number))
    live = [one.call_sid for one in found if not one.status.terminal]
    if live:
        typer.echo(f"Still under way: {', '.join(live[:5])}. Erase once they have ended.", err=True)
        raise typer.Exit(1)
    if not found:
        typer.echo("Nothing to erase: there is no such call.", err=True)
        raise typer.Exit(1)
    if not yes:
        typer.confirm(f"Erase {len(found)} call(s) for good?", abort=True)
    gone = _run(erase_beside(url, data_dir, [one.call_sid for one in found]))
    typer.echo(
        f"Erased: {gone.calls} calls, {gone.turns} turns, {gone.keys} keys, {gone.tools} tools, {gone.notices} messages."
    )
    typer.echo(
        "Copies made elsewhere (backups, <database>.before-…, exports, delivered messages) are not touched.", err=True
    )


async def _which(url: str, call_sid: str, number: str) -> list[CallRecord]:
    from stella.adapters.sql.beside import read_beside
    from stella.adapters.sql.reading import calls_of, one_call

    async with read_beside(url) as connection:
        if number:
            return await calls_of(connection, number)
        one = await one_call(connection, call_sid)
        return [one] if one else []
