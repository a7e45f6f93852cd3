"""A voice and ears for the telephone in the terminal and for tools: synchronous, cached, without an event loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from stella.adapters.embedded.espeak import render_once
from stella.adapters.embedded.flite import Flite
from stella.adapters.embedded.shape import telephone_sound
from stella.adapters.embedded.spoken import spoken
from stella.adapters.embedded.voice import LONGEST, clean
from stella.adapters.models.folder import ModelFolder, ModelMissing
from stella.adapters.moonshine.library import Transcriber
from stella.adapters.moonshine.speech import believable, pieces, spoken_part
from stella.app.settings import load_settings
from stella.audio import mulaw
from stella.domain.errors import ConfigError
from stella.ports.failure import Unavailable

_KEPT = 64


def models_folder(path: Path | None = None) -> ModelFolder:
    """The folder that was named, or the settings' own. Raises ConfigError."""
    return ModelFolder(path or load_settings().models)


def caller_voice(prefer: str = "flite", models: Path | None = None) -> Callable[[str, str], bytes]:
    """A function of text and language (`de`, `en`) to mu-law speech at -20 dBFS; the last 64 texts are kept.

    English by flite rms (or espeak-ng where it is missing, or with `prefer="espeak"`), German by espeak-ng.
    The function raises Unavailable where there is no engine.
    """
    flite = _flite() if prefer == "flite" else None

    @lru_cache(maxsize=_KEPT)
    def voice(text: str, language: str) -> bytes:
        said = spoken(clean(text[:LONGEST]), language)
        if not said:
            return b""
        if flite is not None and language != "de":
            return telephone_sound(*flite.render(said))
        return telephone_sound(*render_once(said, language, models_folder(models).espeak()))

    return voice


@lru_cache(maxsize=1)
def _flite() -> Flite | None:
    try:
        return Flite()
    except Unavailable:
        return None


def recogniser(models: Path | None = None) -> Callable[[bytes], str] | None:
    """A function of mu-law speech (English) to its words, or None where the model is not there. Loads it (0.5 s)."""
    try:
        transcriber = Transcriber(*models_folder(models).moonshine())
    except (ModelMissing, ConfigError):
        return None

    def recognise(sound: bytes) -> str:
        part = spoken_part(mulaw.decode_float(sound))
        return believable(" ".join(transcriber.transcribe(piece) for piece in pieces(part))) if len(part) else ""

    return recognise
