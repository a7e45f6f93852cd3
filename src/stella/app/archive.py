"""A backup's file: a ZIP with a manifest that names every part, its size and its SHA-256. Nothing else is believed.

Law 1: a file appears under its name only when it is whole. Law 2: nothing is unpacked before every hash was right.
Law 3: no part leads out of the folder it is unpacked into, and none is larger than it says.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from stella.domain.errors import ConfigError

FORMAT = 1
MANIFEST = "manifest.json"
MOST_PARTS = 20_000
MOST_MANIFEST = 16 * 1024 * 1024
_BLOCK = 1 << 20
_OLD_S = 86_400
_BROKEN = (zlib.error, struct.error, RuntimeError, EOFError, ValueError, KeyError, OverflowError)
"""How `zipfile` fails, beside its own error, on bytes that are not what they say."""

_ROOTS = {"database", "agents", "data"}

Progress = Callable[[int, int], None]


class Part(msgspec.Struct, frozen=True):
    """One file of a backup: `path` inside it, size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds. `settings` are the names (never values) that were set; `database` is empty without records."""

    format: int
    stella: str
    created: str
    database: str
    revision: str
    agent: str
    settings: list[str]
    parts: list[Part]


def write_archive(
    target: Path, manifest: Manifest, sources: Sequence[tuple[str, Path]], progress: Progress
) -> Manifest:
    """Write `sources` (part's path, file) under `target`, mode 0600. Says the manifest with its parts.

    Replaces an existing file at once or not at all. Raises ConfigError when the disk is full or a file cannot be read.
    """
    total = sum(path.stat().st_size for _, path in sources)
    try:
        handle, name = tempfile.mkstemp(prefix=".backup-", dir=target.parent)
    except OSError as failed:
        raise ConfigError(_disk(target, failed)) from None
    try:
        with os.fdopen(handle, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                manifest = msgspec.structs.replace(manifest, parts=_pack(archive, sources, total, progress))
                archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
        _sync(target.parent)
    except OSError as failed:
        raise ConfigError(_disk(target, failed)) from None
    finally:
        Path(name).unlink(missing_ok=True)
    return manifest


def _pack(archive: zipfile.ZipFile, sources: Sequence[tuple[str, Path]], total: int, progress: Progress) -> list[Part]:
    parts: list[Part] = []
    done = 0
    for name, path in sources:
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as file, archive.open(_entry(name), "w", force_zip64=True) as part:
            while block := file.read(_BLOCK):
                part.write(block)
                digest.update(block)
                size += len(block)
                progress(done + size, max(total, done + size))
        done += size
        parts.append(Part(name, size, digest.hexdigest()))
    return parts


def _entry(name: str) -> zipfile.ZipInfo:
    """What pg_dump wrote is compressed already."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(".dump") else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """A backup's file and its manifest, names and sizes checked. Raises ConfigError."""
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist") from None
    except OSError as failed:
        raise ConfigError(f"{path}: {failed.strerror or failed}") from None
    except (zipfile.BadZipFile, *_BROKEN) as failed:
        raise ConfigError(f"{path} is no backup, or cut off ({failed}): take another one") from None
    with archive:
        yield archive, _manifest(archive, path)


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if MANIFEST not in names or len(names) > MOST_PARTS + 1 or archive.getinfo(MANIFEST).file_size > MOST_MANIFEST:
        raise ConfigError(f"{path} is no backup of STELLA: it has no manifest that can be read")
    try:
        with archive.open(MANIFEST) as file:
            manifest = msgspec.json.decode(file.read(MOST_MANIFEST + 1), type=Manifest)
    except (OSError, msgspec.MsgspecError, zipfile.BadZipFile, *_BROKEN) as failed:
        raise ConfigError(f"{path} has a manifest that makes no sense ({failed}): take another backup") from None
    if manifest.format != FORMAT:
        raise ConfigError(f"{path} was written by a newer STELLA ({manifest.stella}): install that one")
    if len(set(names)) != len(names) or set(names) != {MANIFEST, *(part.path for part in manifest.parts)}:
        raise ConfigError(f"{path} holds other files than its manifest says: somebody changed it")
    for part in manifest.parts:
        if archive.getinfo(part.path).file_size != part.size or not _inside(part.path):
            raise ConfigError(f"{path} holds a part that is not as its manifest says: {part.path[:100]!r}")
    return manifest


def _inside(name: str) -> bool:
    """Whether a part's name stays below the folder it is unpacked into."""
    pieces = name.split("/")
    plain = name.isprintable() and "\\" not in name and ":" not in name and len(name.encode()) <= 1000
    return plain and pieces[0] in _ROOTS and len(pieces) > 1 and not {"", ".", ".."} & set(pieces)


def unpack(archive: zipfile.ZipFile, manifest: Manifest, folder: Path | None, progress: Progress) -> None:
    """Write every part below `folder` (None: only read), and check its hash. Raises ConfigError; then use nothing of it."""
    total, done = sum(part.size for part in manifest.parts), 0
    if folder is not None and shutil.disk_usage(folder).free < total:
        raise ConfigError(f"{folder} has less room than the backup needs ({total / 1e6:.0f} MB): make room on the disk")
    for part in manifest.parts:
        target = folder / PurePosixPath(part.path) if folder is not None else Path(os.devnull)
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with archive.open(part.path) as source, target.open("wb") as file:
                digest, size = hashlib.sha256(), 0
                while size <= part.size and (block := source.read(_BLOCK)):
                    file.write(block)
                    digest.update(block)
                    size += len(block)
                    progress(done + size, total)
                file.flush()
                if folder is not None:
                    os.fsync(file.fileno())
        except OSError as failed:
            raise ConfigError(_disk(target, failed)) from None
        except (zipfile.BadZipFile, *_BROKEN) as failed:
            raise ConfigError(f"the part {part.path} is damaged ({failed}): take another backup") from None
        if size != part.size or digest.hexdigest() != part.sha256:
            raise ConfigError(f"the part {part.path} is not what was saved (its SHA-256 differs): take another backup")
        done += size


def sweep(folder: Path, prefix: str, now: float) -> None:
    """Remove what a backup or restore that was killed left behind a day or longer ago."""
    for remains in folder.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if now - remains.stat().st_mtime > _OLD_S:
                shutil.rmtree(remains) if remains.is_dir() else remains.unlink()


def _sync(folder: Path) -> None:
    """The new name is on the disk too."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _disk(path: Path, failed: OSError) -> str:
    if failed.errno in {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}:
        return f"{path.parent} is full: make room, or name another place"
    return f"{failed.filename or path}: {failed.strerror or failed}"
