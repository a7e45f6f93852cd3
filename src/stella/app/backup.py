"""One file that a STELLA can be made of again: records, agents with their knowledge, and which settings were set."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import stella
from stella.adapters.sql.copying import copy_out, found_revision
from stella.adapters.sql.engines import read_url
from stella.app.agents.load import BUILT_IN
from stella.app.archive import FORMAT, Manifest, Progress, sweep, write_archive
from stella.app.settings import SETTINGS, Settings
from stella.domain.errors import ConfigError

FOLDERS = ("spool", "numbers", "recordings", "pages")
"""Folders of the data dir that belong to the records. Models can be fetched, tokens and salts stay where they are."""

SECRET_FILES = ("operator-token", "secret-salt")
_MOST_KNOWLEDGE = 10_000


def stamp(now: datetime) -> str:
    """A moment as file names bear it."""
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def save(
    settings: Settings,
    environ: Mapping[str, str],
    target: Path,
    now: datetime,
    progress: Progress,
    *,
    agents: bool = True,
    notes: list[str] | None = None,
) -> Manifest:
    """Write the backup. A server may run meanwhile. Raises ConfigError, and leaves no half file then.

    What could not be saved, though the rest was, is told in `notes`.
    """
    url = read_url(settings.database_url)
    sqlite = url.get_backend_name() == "sqlite"
    found = found_revision(url)
    agent, agent_parts = collect_agents(settings.agent, [] if notes is None else notes) if agents else ("", [])
    sweep(_folder(target), ".backup-", now.timestamp())
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as work:
        parts: list[tuple[str, Path]] = []
        if found:
            copy = Path(work) / "copy"
            copy_out(url, copy, progress)
            parts.append(("database/stella.db" if sqlite else "database/stella.dump", copy))
        parts += agent_parts + collect_data(settings.data_dir)
        head = Manifest(
            format=FORMAT,
            stella=stella.__version__,
            created=now.astimezone(UTC).isoformat(timespec="seconds"),
            database=url.get_backend_name() if found else "",
            revision=found,
            agent=agent,
            settings=sorted(name for name in SETTINGS if environ.get(name, "").strip()),
            parts=[],
        )
        return write_archive(target, head, parts, progress)


def _folder(target: Path) -> Path:
    if not target.parent.is_dir():
        raise ConfigError(f"{target.parent} is not a folder: make it, or name another place")
    if not os.access(target.parent, os.W_OK):
        raise ConfigError(f"{target.parent} cannot be written to: name another place")
    return target.parent


def collect_agents(source: str, notes: list[str]) -> tuple[str, list[tuple[str, Path]]]:
    """What STELLA_AGENT is called inside the backup, and its files: agents and knowledge, lying to each other as here.

    A built-in agent has none. A file with mistakes is kept as it is: the night's backup must not fail for a comma. What
    could not be saved is told in `notes`.
    """
    if source in BUILT_IN:
        return source, []
    path = Path(source).expanduser().absolute()
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path] if path.is_file() else []
    if not files:
        notes.append(f"STELLA_AGENT names {path}, where no agent file is: none is in the backup")
        return source, []
    knowledge = [folder for file in files if (folder := _knowledge(file, notes)) is not None]
    pages = [page for folder in knowledge for page in _pages(folder)]
    folder = path if path.is_dir() else path.parent
    root = Path(os.path.commonpath([one.resolve() for one in (folder, *knowledge)]))
    place = path.resolve() if path.is_dir() else folder.resolve() / path.name
    every = {_below(file, root) or _beside(file, path, root): file for file in [*files, *pages]}
    name = "agents" if place == root else f"agents/{place.relative_to(root).as_posix()}"
    return name, [(f"agents/{inside.as_posix()}", file) for inside, file in sorted(every.items())]


def _knowledge(file: Path, notes: list[str]) -> Path | None:
    """The folder an agent file names, without asking whether all else in the file is right."""
    try:
        named = tomllib.loads(file.read_text("utf-8")).get("knowledge", "")
    except (OSError, ValueError) as failed:
        notes.append(f"{file} cannot be read ({failed}): its knowledge is not in the backup")
        return None
    folder = (file.parent / str(named)).resolve()
    if named and not folder.is_dir():
        notes.append(f"{file} names {folder} as its knowledge, which is not there")
    return folder if named and folder.is_dir() else None


def _below(file: Path, root: Path) -> Path | None:
    """A file's path below a folder, links followed; None for one elsewhere."""
    real = file.resolve()
    return real.relative_to(root) if real.is_relative_to(root) else None


def _beside(file: Path, source: Path, root: Path) -> Path:
    """A file that is a link to somewhere else keeps the name it is known by."""
    folder = source if source.is_dir() else source.parent
    inside = file.absolute().relative_to(folder) if file.absolute().is_relative_to(folder) else Path(file.name)
    return folder.resolve().relative_to(root) / inside


def _pages(folder: Path) -> list[Path]:
    """A knowledge folder's files, hidden ones left out."""
    found = [
        page
        for page in sorted(folder.rglob("*"))
        if page.is_file() and not any(piece.startswith(".") for piece in page.relative_to(folder).parts)
    ]
    if len(found) > _MOST_KNOWLEDGE:
        raise ConfigError(f"{folder} holds more than {_MOST_KNOWLEDGE} files: is that the knowledge folder?")
    return found


def collect_data(data_dir: Path) -> list[tuple[str, Path]]:
    """What lies beside the database and belongs to it: records that wait, recordings, how numbers were set."""
    found = (path for name in FOLDERS for path in sorted((data_dir / name).rglob("*")))
    return [
        (f"data/{path.relative_to(data_dir).as_posix()}", path)
        for path in found
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    ]
