"""Records that the database does not take for long, as files beside it: one per call, readable by their owner only."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec
import structlog

from stella.adapters.sql.snapshot import Snapshot

log = structlog.get_logger("stella.store")
_MOST = 10_000


class Spool:
    """A folder of snapshots. All of it blocks: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made until something must be kept."""
        self._folder = folder

    def waiting(self) -> set[str]:
        """The file names of what is kept, at most ten thousand."""
        if not self._folder.is_dir():
            return set()
        return {path.name for path in sorted(self._folder.glob("*.json"))[:_MOST]}

    def keep(self, snapshot: Snapshot, suffix: str = ".json") -> str:
        """Write or replace the file of a call so that it survives a power cut. Returns its name. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = name_of(snapshot.call_sid, suffix)
        fresh = self._folder / f"{name}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(snapshot))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / name)
        return name

    def read(self, name: str) -> Snapshot | None:
        """What a file holds; None where it is gone. One that makes no sense is set aside as `.broken`."""
        path = self._folder / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=Snapshot)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            log.error("spool-file-broken", file=name, mend="it is kept as .broken; its record may be incomplete")  # noqa: TRY400
            with contextlib.suppress(OSError):
                path.replace(path.with_suffix(".broken"))
            return None
        except OSError as failed:
            log.error("spool-file-unreadable", file=name, fault=failed.strerror)  # noqa: TRY400
            return None

    def drop(self, name: str) -> None:
        """The database has it; a file that cannot be removed is harmless, for its revision is known."""
        with contextlib.suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)


def name_of(call_sid: str, suffix: str = ".json") -> str:
    """A file name for any call id, whatever stands in it."""
    return hashlib.sha256(call_sid.encode("utf-8", "replace")).hexdigest()[:32] + suffix
