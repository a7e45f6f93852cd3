"""What a number was set to before STELLA changed it: one file a number, so that it can be put back after anything."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from stella.adapters.twilio.number import LABELS, NumberSettings
from stella.domain.errors import ConfigError

MOST = 20
"""So many changes of one number can be taken back; the oldest and the newest are never the ones to go."""

_SID = re.compile(r"PN[0-9a-fA-F]{32}")
_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: what was there and what was set, by which command; `pid` of a `stella dev` that is to put it back."""

    at: str
    by: str
    pid: int
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """A number's changes, oldest first."""

    sid: str
    phone_number: str
    account_sid: str
    entries: tuple[Entry, ...] = ()


class NumberJournal:
    """The files under `<data dir>/numbers`, mode 0600. Every method raises ConfigError with the file and the mend."""

    def __init__(self, data_dir: Path) -> None:
        """Nothing is made before it is needed."""
        self.folder = data_dir / "numbers"

    def read(self, sid: str) -> Kept | None:
        """What is kept of a number."""
        path = self._path(sid)
        if not path.is_file():
            return None
        try:
            if path.stat().st_size > _LARGEST:
                raise ValueError("too large")
            raw = json.loads(path.read_text("utf-8"))
            entries = tuple(_entry(each) for each in raw["entries"])
            return Kept(sid, str(raw["phone_number"]), str(raw["account_sid"]), entries)
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise ConfigError(
                f"{path} cannot be read ({type(fault).__name__}), so what the number was set to before is not known. "
                "Move the file away; then set the number by hand or with `stella numbers connect`."
            ) from None

    def all(self) -> list[Kept]:
        """Every number something is kept of."""
        sids = sorted(path.stem for path in self.folder.glob("PN*.json") if _SID.fullmatch(path.stem))
        return [kept for sid in sids if (kept := self.read(sid)) and kept.entries]

    def push(self, number: NumberSettings, entry: Entry) -> None:
        """Keep one more change, on the disk before it is made."""
        there = self.read(number.sid)
        entries = (*(there.entries if there else ()), entry)
        if len(entries) > MOST:
            entries = (entries[0], *entries[2:])
        self._write(Kept(number.sid, number.phone_number, number.account_sid, entries))

    def amend(self, sid: str, entry: Entry) -> None:
        """Put another entry in the place of the newest."""
        kept = self.read(sid)
        if kept is not None and kept.entries:
            self._write(Kept(kept.sid, kept.phone_number, kept.account_sid, (*kept.entries[:-1], entry)))

    def pop(self, sid: str) -> None:
        """Forget the newest change: it was put back, or never made."""
        kept = self.read(sid)
        if kept is None:
            return
        if len(kept.entries) <= 1:
            with contextlib.suppress(FileNotFoundError):
                self._path(sid).unlink()
        else:
            self._write(Kept(kept.sid, kept.phone_number, kept.account_sid, kept.entries[:-1]))

    def _write(self, kept: Kept) -> None:
        path = self._path(kept.sid)
        fresh = path.with_suffix(f".{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(kept), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as fault:
            raise ConfigError(
                f"{path}: cannot keep there what the number is set to now ({fault.strerror}), so nothing is changed; "
                "check STELLA_DATA_DIR and its rights"
            ) from None

    def _path(self, sid: str) -> Path:
        if not _SID.fullmatch(sid):
            raise ConfigError("Twilio named the number by something that is no SID (PN and 32 hex digits)")
        return self.folder / f"{sid}.json"


def _entry(raw: Mapping[str, object]) -> Entry:
    before, after = raw["before"], raw["after"]
    if not isinstance(before, dict) or not isinstance(after, dict):
        raise TypeError("settings")
    return Entry(
        str(raw["at"]), str(raw["by"]), int(str(raw["pid"])),
        {name: str(before.get(name, "")) for name in LABELS},
        {name: str(after.get(name, "")) for name in LABELS},
    )  # fmt: skip
