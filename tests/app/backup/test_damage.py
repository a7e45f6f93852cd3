"""Backups that were cut off, changed, or made to do harm; and disks that are full."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stella.app import restore
from stella.domain.errors import ConfigError


def forge(source: Path, target: Path, change: Callable[[dict[str, bytes], dict], None]) -> Path:
    """A copy of a backup after `change` had its way with the parts and the manifest."""
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
        manifest = json.loads(archive.read("manifest.json"))
    change(parts, manifest)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest))
    return target


def listed(name: str, content: bytes) -> dict:
    """A part as a manifest names it."""
    return {"path": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def other_words(parts: dict[str, bytes], manifest: dict) -> None:
    """A record changed after the fact, at the same length."""
    parts["database/stella.db"] = parts["database/stella.db"].replace(b"Is the doctor in?", b"I shall pay 9000.")


def unlisted(parts: dict[str, bytes], manifest: dict) -> None:
    """A file that the manifest does not know."""
    parts["agents/extra.toml"] = b"name = 'x'"


def outside(parts: dict[str, bytes], manifest: dict) -> None:
    """A part that leads out of its folder."""
    parts["data/../../escaped"] = b"x"
    manifest["parts"].append(listed("data/../../escaped", b"x"))


def absolute(parts: dict[str, bytes], manifest: dict) -> None:
    """A part with a place of its own on the disk."""
    parts["/etc/escaped"] = b"x"
    manifest["parts"].append(listed("/etc/escaped", b"x"))


def strange_root(parts: dict[str, bytes], manifest: dict) -> None:
    """A part that belongs to nothing we restore."""
    parts["models/evil.so"] = b"x"
    manifest["parts"].append(listed("models/evil.so", b"x"))


def wrong_size(parts: dict[str, bytes], manifest: dict) -> None:
    """A part larger than it says."""
    manifest["parts"][0]["size"] -= 1


def no_database(parts: dict[str, bytes], manifest: dict) -> None:
    """A text in the place of the database, with a right hash."""
    parts["database/stella.db"] = b"not a database at all" * 100
    manifest["parts"] = [one for one in manifest["parts"] if one["path"] != "database/stella.db"]
    manifest["parts"].append(listed("database/stella.db", parts["database/stella.db"]))


def future(parts: dict[str, bytes], manifest: dict) -> None:
    """A form that is to come."""
    manifest["format"] = 2


@pytest.mark.parametrize(
    "change", [other_words, unlisted, outside, absolute, strange_root, wrong_size, no_database, future]
)
def test_a_changed_backup_is_refused_and_nothing_is_touched(change, home, stella, monkeypatch) -> None:
    """A restore runs with rights over everything that STELLA knows; it believes hashes and not file names."""
    assert stella("backup", home / "b.zip").exit_code == 0
    bad = forge(home / "b.zip", home / "bad.zip", change)
    monkeypatch.setenv("STELLA_DATA_DIR", str(home / "new"))
    refused = stella("restore", bad)
    assert isinstance(refused.exception, ConfigError), refused.output
    assert not (home / "new/stella.db").exists()
    assert not (home / "escaped").exists()
    assert not Path("/etc/escaped").exists()
    assert not list((home / "new").glob("*")), "and nothing is left lying about"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_backup_that_was_cut_off_is_known_for_one(share, home, stella, monkeypatch) -> None:
    """A copy over a bad line ends anywhere."""
    assert stella("backup", home / "b.zip").exit_code == 0
    whole = (home / "b.zip").read_bytes()
    (home / "cut.zip").write_bytes(whole[: int(len(whole) * share)])
    monkeypatch.setenv("STELLA_DATA_DIR", str(home / "new"))
    refused = stella("restore", home / "cut.zip")
    assert isinstance(refused.exception, ConfigError), refused.output
    assert "cut off" in str(refused.exception)


def test_a_flipped_bit_anywhere_changes_nothing_or_is_found(home, stella) -> None:
    """Disks rot in silence; a restore that takes rotten bytes for words makes it worse."""
    assert stella("backup", home / "b.zip").exit_code == 0
    whole = bytearray((home / "b.zip").read_bytes())
    first = stella("restore", "--check", home / "b.zip").output
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        rotten = bytearray(whole)
        rotten[place] ^= 0x10
        (home / "rot.zip").write_bytes(rotten)
        done = stella("restore", "--check", home / "rot.zip")
        assert done.exit_code == 0 or isinstance(done.exception, ConfigError), (place, done.exception)
        assert done.exit_code != 0 or done.output.partition("is whole")[2] == first.partition("is whole")[2]


UNCOMPILED = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Python does not notice when a compiled module fits only half: the next who imports it would fail."""


def limited(size: int) -> Callable[[], None]:
    """Files can grow so far and no further: a full disk, for one process."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [1_000, 60_000])
def test_a_full_disk_leaves_the_old_backup_and_no_half_one(size, home, stella) -> None:
    """The old backup is the only one left when the disk fills while the new one is written."""
    (home / "b.zip").write_bytes(b"the old one")
    run = subprocess.run(
        [sys.executable, "-m", "stella", "backup", str(home / "b.zip"), "--yes"],
        env=os.environ | UNCOMPILED, capture_output=True, text=True, preexec_fn=limited(size), timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 1, run.stdout
    assert "make room" in run.stderr, run.stderr
    assert (home / "b.zip").read_bytes() == b"the old one"
    assert not list(home.glob(".backup-*"))


def test_a_full_disk_leaves_nothing_restored_by_half(home, stella) -> None:
    """It is made again after room was made; until then there is what there was."""
    assert stella("backup", home / "b.zip").exit_code == 0
    run = subprocess.run(
        [sys.executable, "-m", "stella", "restore", str(home / "b.zip")],
        env=os.environ | UNCOMPILED | {"STELLA_DATA_DIR": str(home / "new")},
        capture_output=True, text=True, preexec_fn=limited(20_000), timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 1 and "make room" in run.stderr, run.stderr
    assert not list((home / "new").iterdir())


def test_what_a_killed_restore_left_is_swept_up_the_next_time(home, stella, monkeypatch) -> None:
    """It holds what callers said, in a folder whose name nobody knows."""
    assert stella("backup", home / "b.zip").exit_code == 0
    monkeypatch.setenv("STELLA_DATA_DIR", str(home / "new"))
    old, young = home / "new/.restore-old", home / "new/.restore-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "stella.db").write_text("words")
    os.utime(old, (1, 1))
    assert stella("restore", home / "b.zip").exit_code == 0
    assert not old.exists() and young.exists()


def test_a_restore_that_was_interrupted_can_be_made_again(home, agents, stella, monkeypatch) -> None:
    """The database comes last, so a half restored place is not taken for a whole one."""
    assert stella("backup", home / "b.zip").exit_code == 0
    monkeypatch.setenv("STELLA_DATA_DIR", str(home / "new"))
    with monkeypatch.context() as broken:
        broken.setattr(restore, "put_back", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        stella("restore", home / "b.zip")
    assert not (home / "new/stella.db").exists()
    done = stella("restore", home / "b.zip", "--yes")
    assert done.exit_code == 0, done.output
    assert (home / "new/stella.db").exists()
