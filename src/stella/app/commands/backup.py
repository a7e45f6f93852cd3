"""`stella backup`, `stella restore`, `stella upgrade`: one file, back again, and forward with a way back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

if TYPE_CHECKING:
    from stella.app.archive import Manifest
    from stella.app.settings import Settings

_Json = Annotated[bool, typer.Option("--json", help="Print data for scripts.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Replace what is there already.")]

NEVER_SAVED = {
    "operator-token": "made anew at the first start, or STELLA_OPERATOR_TOKEN",
    "secret-salt": "made anew at the first start, or SECRET_SALT; with another one visitors' hashes no longer match",
}
"""Secret files of the data dir, and what becomes of them."""


def _read() -> tuple[Settings, dict[str, str]]:
    """The settings, and the environment they came from, `.env` included."""
    from stella.app.settings import load_settings, read_dotenv

    environ = {**read_dotenv(Path(".env")), **os.environ}
    return load_settings(environ), environ


@contextmanager
def _bar(words: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(words), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _summary(manifest: Manifest, file: Path) -> dict[str, object]:
    return {
        "file": str(file),
        "size": file.stat().st_size,
        "created": manifest.created,
        "stella": manifest.stella,
        "database": manifest.database,
        "revision": manifest.revision,
        "agent": manifest.agent,
        "parts": len(manifest.parts),
        "settings": manifest.settings,
    }


def backup_command(
    file: Annotated[
        Path | None, typer.Argument(help="Where to (a folder: under a name with the date). Default: this folder.")
    ] = None,
    *,
    yes: _Yes = False,
    as_json: _Json = False,
) -> None:
    """Save records, agents, knowledge and the names of settings into one file. The server may run meanwhile.

    Secrets are not in it: the names of the settings that were set are, so that you know what to set by hand. It holds
    what callers said: keep it where only you can read it (its mode is 0600).
    """
    from stella.app.backup import save, stamp
    from stella.domain.errors import ConfigError

    settings, environ = _read()
    now = datetime.now(UTC)
    target = (file or Path()).expanduser()
    if target.is_dir():
        target /= f"stella-backup-{stamp(now)}.zip"
    if target.exists() and not yes:
        raise ConfigError(f"{target} is there already; --yes replaces it")
    notes: list[str] = []
    with _bar("Saving") as progress:
        manifest = save(settings, environ, target.absolute(), now, progress, notes=notes)
    for note in notes:
        typer.echo(f"Note: {note}", err=True)
    if as_json:
        typer.echo(json.dumps({**_summary(manifest, target), "notes": notes}, indent=2))
        return
    records = (
        f"the {manifest.database} database at revision {manifest.revision}" if manifest.database else "no records yet"
    )
    agents = sum(part.path.startswith("agents/") for part in manifest.parts)
    typer.echo(f"{target} ({target.stat().st_size / 1e6:.1f} MB): {records}, {_agents(manifest.agent, agents)}")
    typer.echo("Secrets are not in it. Set when it was made: " + (", ".join(manifest.settings) or "nothing"))


def _agents(agent: str, files: int) -> str:
    return f"{files} files of agents and knowledge" if files else f"the built-in agent {agent}"


def restore_command(
    file: Annotated[Path, typer.Argument(help="A file that `stella backup` wrote.")],
    *,
    yes: _Yes = False,
    only_check: Annotated[bool, typer.Option("--check", help="Compare every hash and change nothing.")] = False,
    agents: Annotated[
        Path | None, typer.Option(help="Folder for the agent files and their knowledge. Default: DATA_DIR/agents.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Put a backup in place, on an empty machine too. Stop the server first; what was there is kept under another name.

    Nothing is changed before every part's hash was found right. Secrets are yours to set; their names are listed.
    """
    from stella.app.restore import Restored, check, put

    settings, environ = _read()
    with _bar("Checking" if only_check else "Restoring") as progress:
        if only_check:
            done = Restored(check(file, progress))
        else:
            place = (agents or settings.data_dir / "agents").absolute()
            done = put(file, settings, place, datetime.now(UTC), progress, replace=yes)
    missing = [name for name in done.manifest.settings if not environ.get(name, "").strip()]
    if as_json:
        kept = [str(path) for path in done.kept]
        more = {"restored": not only_check, "agent": done.agent, "kept": kept, "to_set": missing}
        typer.echo(json.dumps({**_summary(done.manifest, file), **more}, indent=2))
        return
    if only_check:
        typer.echo(f"{file} is whole: {len(done.manifest.parts)} parts, made {done.manifest.created}.")
        return
    typer.echo(f"Restored the backup of {done.manifest.created} (STELLA {done.manifest.stella}).")
    for path in done.kept:
        typer.echo(f"  What was there is kept: {path}")
    if done.agent and done.agent != settings.agent:
        typer.echo(f"  Set STELLA_AGENT={done.agent}")
    if missing:
        typer.echo("  Set when it was made, and not now: " + ", ".join(missing))
    for name, fate in NEVER_SAVED.items():
        if not (settings.data_dir / name).exists():
            typer.echo(f"  {name} is never in a backup: {fate}")


def upgrade_command(
    *,
    only_check: Annotated[
        bool, typer.Option("--check", help="Only say what would be done; exit code 3 if there is something to do.")
    ] = False,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="You have one of your own.")] = False,
    as_json: _Json = False,
) -> None:
    """Bring the database to this version of STELLA, after a backup into DATA_DIR/backups.

    `stella serve` does the same at its start, with a copy beside an SQLite file; this is for doing it when you want.
    """
    from stella.adapters.sql.copying import found_revision
    from stella.adapters.sql.engines import read_url
    from stella.adapters.sql.migrate import refuse_newer, upgrade
    from stella.adapters.sql.schema import HEAD
    from stella.app.backup import save, stamp

    settings, environ = _read()
    url, now = read_url(settings.database_url), datetime.now(UTC)
    found = found_revision(url)
    refuse_newer(found)
    saved: Path | None = None
    if found not in {HEAD, ""} and not only_check:
        if not no_backup:
            folder = settings.data_dir.absolute() / "backups"
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            saved = folder / f"stella-before-{HEAD}-{stamp(now)}.zip"
            with _bar("Saving") as progress:
                save(settings, environ, saved, now, progress, agents=False)
        upgrade(url, stamp(now))
    done = {"from": found, "to": HEAD, "upgraded": bool(found and found != HEAD and not only_check)}
    if as_json:
        typer.echo(json.dumps({**done, "backup": str(saved or "")}, indent=2))
    elif not found:
        typer.echo(f"There is no database yet; the first start makes it at revision {HEAD}.")
    elif found == HEAD:
        typer.echo(f"The database stands at revision {HEAD} already; nothing to do.")
    elif only_check:
        typer.echo(f"The database stands at revision {found}; this STELLA wants {HEAD}: run `stella upgrade`.")
    else:
        typer.echo(f"The database went from revision {found} to {HEAD}." + (f" Backup: {saved}" if saved else ""))
    if only_check and found not in {HEAD, ""}:
        raise typer.Exit(3)
