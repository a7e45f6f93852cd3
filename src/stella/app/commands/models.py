"""`stella models`: fetch the embedded speech models, and say how they stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from stella.adapters.models.archive_pull import archive_state, pull_archive
from stella.adapters.models.archives import ARCHIVES, Archive
from stella.adapters.models.fetch import PullFailed, pull
from stella.adapters.models.folder import ModelFolder, Presence
from stella.adapters.models.pinned import MODELS, Model
from stella.app.needed_models import wanted

models = typer.Typer(no_args_is_help=True, help="The embedded speech models: fetch them, see how they stand.")

_Json = Annotated[bool, typer.Option("--json", help="Print data for scripts.")]
_Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="The models folder (default: STELLA_MODELS_DIR, or models in the data dir)."),
]


def models_folder(given: Path | None) -> ModelFolder:
    """The folder that was named, or the settings' own. Raises ConfigError."""
    if given is not None:
        return ModelFolder(given)
    from stella.app.settings import load_settings

    return ModelFolder(load_settings().models)


@models.command("list")
def list_models(
    *,
    as_json: _Json = False,
    check: Annotated[bool, typer.Option("--check", help="Hash every file instead of comparing sizes.")] = False,
    folder: _Folder = None,
) -> None:
    """Say which models there are and how they stand here. Exit code 1 if one that is needed is not ready."""
    place = models_folder(folder)
    rows = [(model, place.state(model, thoroughly=check)) for model in MODELS.values()]
    local = [(archive, archive_state(archive, place)) for archive in ARCHIVES.values()]
    if as_json:
        listed = [*(_as_data(*row) for row in rows), *(_archive_data(*row) for row in local)]
        typer.echo(json.dumps({"folder": str(place.path), "models": listed}, indent=2))
    else:
        table = Table("model", "for", "licence", "version", "MB", "state", title=str(place.path))
        for model, state in rows:
            shown = state if wanted(model) or state is Presence.READY else f"{state} (not needed)"
            table.add_row(
                model.name, model.purpose, model.licence, model.version, f"{model.size / 1e6:.0f}", str(shown)
            )
        for archive, state in local:
            shown = state if state is Presence.READY else f"{state} (not needed)"
            version = archive.folder.rpartition("-kroko-")[2] or archive.folder
            table.add_row(
                archive.name, archive.purpose, archive.licence, version, f"{archive.size / 1e6:.0f}", str(shown)
            )
        Console().print(table)
    if any(wanted(model) and state is not Presence.READY for model, state in rows):
        raise typer.Exit(1)


def _as_data(model: Model, state: Presence) -> dict[str, object]:
    return {
        "name": model.name,
        "purpose": model.purpose,
        "licence": model.licence,
        "version": model.version,
        "wheel": model.wheel,
        "size": model.size,
        "sha256": model.sha256,
        "needed": wanted(model),
        "state": str(state),
    }


def _archive_data(archive: Archive, state: Presence) -> dict[str, object]:
    return {
        "name": archive.name,
        "purpose": archive.purpose,
        "licence": archive.licence,
        "version": archive.folder,
        "url": archive.url,
        "size": archive.size,
        "sha256": archive.sha256,
        "needed": False,
        "state": str(state),
    }


@models.command("pull")
def pull_models(
    names: Annotated[list[str] | None, typer.Argument(help="Which (default: all that are needed here).")] = None,
    *,
    source: Annotated[
        Path | None, typer.Option("--from", help="A local folder that holds the files; no network is used.")
    ] = None,
    expected: Annotated[
        str, typer.Option("--sha256", help="For one archive: the SHA-256 its publisher names, instead of the list's.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Hash what is there already; fetch again what differs.")
    ] = False,
    as_json: _Json = False,
    folder: _Folder = None,
) -> None:
    """Fetch models by pinned hash. What is there already is left alone; without anything to do no network is used."""
    unknown = [name for name in names or () if name not in MODELS and name not in ARCHIVES]
    if unknown:
        typer.echo(f"no such model: {', '.join(unknown)}; there are: {', '.join([*MODELS, *ARCHIVES])}", err=True)
        raise typer.Exit(2)
    if expected and (len(names or ()) != 1 or (names or [""])[0] not in ARCHIVES):
        typer.echo(f"--sha256 is for one of {', '.join(ARCHIVES)}", err=True)
        raise typer.Exit(2)
    place = models_folder(folder)
    chosen: list[Model | Archive]
    chosen = (
        [MODELS.get(name) or ARCHIVES[name] for name in names]
        if names
        else [model for model in MODELS.values() if wanted(model)]
    )
    results = _pull_all(chosen, place, source, expected, check=check)
    if as_json:
        typer.echo(json.dumps({"folder": str(place.path), "models": results}, indent=2))
    failed = [result for result in results if result["result"] == "failed"]
    for result in failed:
        typer.echo(str(result["error"]), err=True)
    if failed:
        raise typer.Exit(1)


def _pull_all(
    chosen: list[Model | Archive], place: ModelFolder, source: Path | None, expected: str, *, check: bool
) -> list[dict[str, str]]:
    """Pull one after the other, each failure on its own, with a bar on the error stream."""
    columns = (TextColumn("{task.description:<11}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    results: list[dict[str, str]] = []
    with Progress(*columns, console=Console(stderr=True)) as bar:
        for model in chosen:
            if isinstance(model, Model) and check and place.state(model, thoroughly=True) is Presence.DAMAGED:
                (place.of(model) / "stamp.json").unlink(missing_ok=True)
            if (place.state(model) if isinstance(model, Model) else archive_state(model, place)) is Presence.READY:
                results.append({"name": model.name, "result": "present"})
                continue
            task = bar.add_task(model.name, total=model.size)

            def progress(_name: str, so_far: int, task: TaskID = task) -> None:
                bar.update(task, completed=so_far)

            try:
                if isinstance(model, Model):
                    pull(model, place, source=source, progress=progress)
                else:
                    pull_archive(model, place, source=source, expected=expected, progress=progress)
            except PullFailed as fault:
                results.append({"name": model.name, "result": "failed", "error": str(fault)})
            else:
                results.append({"name": model.name, "result": "pulled"})
    return results
