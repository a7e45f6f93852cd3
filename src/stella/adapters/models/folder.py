"""What is on disk. A model is there when its stamp says so and every file has its pinned size.

Layout: `FOLDER/silero-vad-6.2.3/<paths as in the wheel>` and beside them `stamp.json`, written last. Nothing else
counts: a folder without its stamp is the remains of an interrupted pull.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from stella.adapters.models.pinned import MODELS, Model
from stella.domain.errors import ConfigError

STAMP = "stamp.json"
_BLOCK = 1 << 20


class Presence(enum.StrEnum):
    """How a model stands."""

    READY = "ready"
    MISSING = "missing"
    DAMAGED = "damaged"


class ModelMissing(ConfigError):
    """A model is not there, or not whole. The text names it and the command that mends it."""


def sha256(path: Path, read: Callable[[int], None] | None = None) -> str:
    """The file's SHA-256 in hex; `read` is told how many bytes each step took. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            if read:
                read(len(block))
    return digest.hexdigest()


class ModelFolder:
    """The models folder of one installation."""

    def __init__(self, path: Path) -> None:
        """`path` need not exist yet."""
        self.path = path

    def of(self, model: Model) -> Path:
        """Where this version of the model lives (or will)."""
        return self.path / model.folder

    def state(self, model: Model, *, thoroughly: bool = False) -> Presence:
        """Whether the model is there: by stamp and sizes, or `thoroughly` by hashing every file."""
        folder = self.of(model)
        try:
            stamp = json.loads((folder / STAMP).read_bytes())
        except (OSError, ValueError):
            return Presence.MISSING
        if not isinstance(stamp, dict) or stamp.get("wheel") != model.sha256:
            return Presence.DAMAGED
        for file in model.files:
            path = folder / file.path
            try:
                if path.stat().st_size != file.size or (thoroughly and sha256(path) != file.sha256):
                    return Presence.DAMAGED
            except OSError:
                return Presence.DAMAGED
        return Presence.READY

    def file(self, name: str, path: str) -> Path:
        """The full path of one file of a model. Raises ModelMissing where the model is not ready."""
        model = MODELS[name]
        state = self.state(model)
        if state is not Presence.READY:
            reason = f"the model {name} ({model.purpose}) is {state} in {self.path}; run: stella models pull {name}"
            raise ModelMissing(reason)
        return self.of(model) / path

    def silero(self) -> Path:
        """The ONNX file of the voice activity model. Raises ModelMissing."""
        return self.file("silero", "silero_vad/data/silero_vad.onnx")

    def moonshine(self) -> tuple[Path, Path]:
        """Library and weights folder of speech to text. Raises ModelMissing."""
        library = self.file("moonshine", "moonshine_voice/libmoonshine.so")
        return library, library.parent / "assets" / "tiny-en"

    def smart_turn(self) -> Path | None:
        """The ONNX file of the turn hints, or None where it was not pulled."""
        model = MODELS["smart-turn"]
        return self.of(model) / model.files[0].path if self.state(model) is Presence.READY else None

    def espeak(self) -> tuple[Path, Path] | None:
        """Library and the folder that holds `espeak-ng-data`, or None where it was not pulled."""
        if self.state(MODELS["espeak"]) is not Presence.READY:
            return None
        folder = self.of(MODELS["espeak"]) / "espeakng_loader"
        return folder / "libespeak-ng.so", folder
