"""How an archive gets here: downloaded from its release (what came before is gone on with), or from a local folder.

Law 1: nothing is unpacked before its SHA-256 matched. Law 2: only plain files, below the model's own folder, within bounds,
are unpacked. Law 3: the stamp is written last; a folder without it is the remains of an interrupted pull.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import aiohttp

from stella.adapters.models.archives import Archive
from stella.adapters.models.fetch import PullFailed
from stella.adapters.models.folder import STAMP, ModelFolder, Presence, sha256

Progress = Callable[[str, int], None]

DEADLINE_S = 3600.0
SILENCE_S = 60.0
UNPACKED_MOST = 2_000_000_000
FILES_MOST = 5_000
_BLOCK = 1 << 18


def archive_state(archive: Archive, folder: ModelFolder) -> Presence:
    """Whether its files are there, as the stamp says."""
    place = folder.path / archive.folder
    try:
        stamp = json.loads((place / STAMP).read_bytes())
        sizes = {str(name): int(size) for name, size in stamp["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Presence.MISSING
    for name, size in sizes.items():
        try:
            if (place / name).stat().st_size != size:
                return Presence.DAMAGED
        except OSError:
            return Presence.DAMAGED
    return Presence.READY if sizes else Presence.DAMAGED


def pull_archive(
    archive: Archive,
    folder: ModelFolder,
    *,
    source: Path | None = None,
    expected: str = "",
    progress: Progress = lambda _name, _bytes: None,
) -> bool:
    """Bring an archive into the folder; False if it was there already. Blocks. Raises PullFailed.

    `source` is a folder that holds the archive (no network is used); `expected` a SHA-256 of one's own instead of the list's.
    """
    wanted = (expected or archive.sha256).lower()
    if not wanted:
        raise PullFailed(
            f"{archive.name} has no SHA-256 in the list, so it is not fetched; give the one its publisher names with --sha256"
        )
    if archive_state(archive, folder) is Presence.READY:
        return False
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        archives = folder.path / "archives"
        packed = _local(archive, source) if source is not None else _downloaded(archive, archives, progress)
        if sha256(packed) != wanted:
            if source is None:
                packed.unlink()
            raise PullFailed(f"{archive.name}: {packed.name} is not the pinned file (SHA-256 {wanted}); fetch it anew")
        progress(archive.name, archive.size)
        _unpack(archive, packed, folder, wanted)
    except OSError as fault:
        raise PullFailed(
            f"{archive.name}: {fault.strerror or fault}; make {folder.path} writable, or name another place by STELLA_MODELS_DIR"
        ) from None
    if source is None:
        packed.unlink(missing_ok=True)
    return True


def _local(archive: Archive, source: Path) -> Path:
    packed = source / archive.file
    if not packed.is_file():
        raise PullFailed(f"{archive.name}: {source} holds no {archive.file}; put the archive of that very name there")
    return packed


def _downloaded(archive: Archive, into: Path, progress: Progress) -> Path:
    into.mkdir(exist_ok=True)
    whole, part = into / archive.file, into / f"{archive.file}.part"
    if whole.is_file():
        return whole
    so_far = part.stat().st_size if part.is_file() else 0
    try:
        asyncio.run(_fetch(archive, part, so_far, progress))
    except (aiohttp.ClientError, TimeoutError) as fault:
        raise PullFailed(
            f"{archive.name}: {archive.url} cannot be fetched ({type(fault).__name__}); try again, it goes on where it stopped, "
            "or fetch it elsewhere and pull with --from FOLDER"
        ) from None
    part.replace(whole)
    return whole


async def _fetch(archive: Archive, part: Path, so_far: int, progress: Progress) -> None:
    headers = {"range": f"bytes={so_far}-"} if so_far else {}
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S, sock_connect=30, sock_read=SILENCE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.get(archive.url, headers=headers) as answer,
    ):
        if answer.status == 416:
            # Nothing is left to fetch: whether it is the right file, its hash says.
            return
        if answer.status not in (200, 206):
            raise PullFailed(f"{archive.name}: {archive.url} answers with the error {answer.status}")
        so_far = so_far if answer.status == 206 else 0
        with part.open("ab" if so_far else "wb") as file:
            async for piece in answer.content.iter_chunked(_BLOCK):
                so_far += len(piece)
                if so_far > archive.size:
                    raise PullFailed(f"{archive.name}: more comes than the {archive.size} bytes it should have")
                file.write(piece)
                progress(archive.name, so_far)


def _unpack(archive: Archive, packed: Path, folder: ModelFolder, digest: str) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{archive.name}-", dir=folder.path))
    try:
        files = _members(archive, packed, scratch)
        if not files:
            raise PullFailed(f"{archive.name}: the archive holds no folder {archive.folder}")
        stamp = {"archive": digest, "files": files}
        (scratch / STAMP).write_text(json.dumps(stamp))
        place = folder.path / archive.folder
        shutil.rmtree(place, ignore_errors=True)
        os.replace(scratch, place)  # noqa: PTH105 the two names side by side say that it is one step
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _members(archive: Archive, packed: Path, scratch: Path) -> dict[str, int]:
    """Unpack what is a plain file below the archive's own folder. Links, devices and paths that lead out are left out."""
    files: dict[str, int] = {}
    room = UNPACKED_MOST
    try:
        with tarfile.open(packed, "r:bz2") as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts
                parts = parts[1:] if parts[:1] == (".",) else parts
                if not member.isreg() or parts[:1] != (archive.folder,) or ".." in parts or len(parts) < 2:
                    continue
                room -= member.size
                if room < 0 or len(files) >= FILES_MOST:
                    raise PullFailed(f"{archive.name}: the archive unpacks into more than a model needs")
                source = tar.extractfile(member)
                if source is None:
                    continue
                place = scratch.joinpath(*parts[1:])
                place.parent.mkdir(parents=True, exist_ok=True)
                with source, place.open("wb") as file:
                    shutil.copyfileobj(source, file, _BLOCK)
                files["/".join(parts[1:])] = member.size
    except (tarfile.TarError, EOFError) as fault:
        raise PullFailed(f"{archive.name}: the archive cannot be unpacked ({type(fault).__name__})") from None
    return files
