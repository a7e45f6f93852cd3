"""From a backup's file to a STELLA again, on an empty machine or over one that is there."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from stella.adapters.sql.copying import check_copy, demand_unused, has_records, put_back, refuse_unknown
from stella.adapters.sql.engines import read_url
from stella.app.archive import Manifest, Progress, open_archive, sweep, unpack
from stella.app.backup import stamp
from stella.app.settings import Settings
from stella.domain.errors import ConfigError


@dataclass(slots=True)
class Restored:
    """What was put where. `agent` is what STELLA_AGENT must be; `kept` is what was moved aside."""

    manifest: Manifest
    agent: str = ""
    kept: list[Path] = field(default_factory=list)


def check(path: Path, progress: Progress) -> Manifest:
    """Read a whole backup and compare every hash; nothing is written. Raises ConfigError."""
    with open_archive(path) as (archive, manifest):
        unpack(archive, manifest, None, progress)
        return manifest


def put(path: Path, settings: Settings, agents: Path, now: datetime, progress: Progress, *, replace: bool) -> Restored:
    """Restore database, data and agents. What is there already is moved aside, and only with `replace`.

    The database comes last: a restore that was interrupted can be made again. Raises ConfigError.
    """
    url = read_url(settings.database_url)
    with open_archive(path) as (archive, manifest):
        refuse_unknown(manifest.revision)
        if manifest.database and manifest.database != url.get_backend_name():
            raise ConfigError(
                f"the backup holds a {manifest.database} database, STELLA_DATABASE_URL names {url.get_backend_name()}: "
                "set it to one of the same kind"
            )
        roots = {part.path.split("/")[0] for part in manifest.parts}
        in_the_way = [agents] if "agents" in roots and agents.exists() else []
        if not replace and (in_the_way or (manifest.database and has_records(url))):
            what = f"the folder {agents}" if in_the_way else f"the database {url.database}"
            raise ConfigError(f"{what} is there already; --yes moves it aside and puts the backup in its place")
        demand_unused(url)
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(settings.data_dir, ".restore-", now.timestamp())
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.data_dir) as work:
            unpack(archive, manifest, Path(work), progress)
            done = Restored(manifest, agent=manifest.agent)
            copies = [Path(work) / part.path for part in manifest.parts if part.path.startswith("database/")]
            for copy in copies:
                check_copy(copy, manifest.database)
            _place(Path(work), settings.data_dir, agents, done, f"replaced-{stamp(now)}")
            for copy in copies:
                old = put_back(url, copy, f"replaced-{stamp(now)}")
                done.kept += [old] if old else []
    return done


def _place(work: Path, data_dir: Path, agents: Path, done: Restored, aside: str) -> None:
    """Agents into their folder, what lies beside the database into the data dir."""
    try:
        for source in sorted((work / "data").iterdir()) if (work / "data").is_dir() else []:
            _move(source, data_dir / source.name, done, aside)
        if (work / "agents").is_dir():
            agents.parent.mkdir(parents=True, exist_ok=True)
            _move(work / "agents", agents, done, aside)
            inside = Path(done.manifest.agent)
            done.agent = str(agents / inside.relative_to("agents") if inside.is_relative_to("agents") else agents)
    except OSError as failed:
        raise ConfigError(f"{failed.filename}: {failed.strerror}") from None


def _move(source: Path, target: Path, done: Restored, aside: str) -> None:
    if target.exists():
        old = target.with_name(f"{target.name}.{aside}")
        target.rename(old)
        done.kept.append(old)
    shutil.move(source, target)
