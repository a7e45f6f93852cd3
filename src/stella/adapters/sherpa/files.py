"""Which files of a folder are a model, and of which kind: named as sherpa-onnx's own archives name them.

Ears: https://k2-fsa.github.io/sherpa/onnx/pretrained_models/online-transducer/index.html
Voices: https://k2-fsa.github.io/sherpa/onnx/tts/pretrained_models/index.html
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stella.domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class EarsFiles:
    """A streaming transducer."""

    encoder: Path
    decoder: Path
    joiner: Path
    tokens: Path


@dataclass(frozen=True, slots=True)
class VoiceFiles:
    """A voice of kind `vits` (Piper), `kokoro` or `matcha`. Empty where a kind has no such file."""

    kind: str
    model: Path
    tokens: Path
    voices: str = ""
    vocoder: str = ""
    lexicon: str = ""
    data: str = ""


def ears_files(folder: Path) -> EarsFiles:
    """The recogniser of a folder. Raises ConfigError with what is missing."""
    encoder, decoder, joiner = (_one(folder, f"{part}*.onnx") for part in ("encoder", "decoder", "joiner"))
    return EarsFiles(encoder, decoder, joiner, _tokens(folder))


def voice_files(folder: Path) -> VoiceFiles:
    """The voice of a folder. Raises ConfigError with what is missing."""
    lexicons = sorted(folder.glob("lexicon*.txt"))
    lexicon = ",".join(str(path) for path in lexicons)
    data = folder / "espeak-ng-data"
    spoken = str(data) if data.is_dir() else ""
    if (voices := folder / "voices.bin").is_file():
        return VoiceFiles("kokoro", _one(folder, "model*.onnx"), _tokens(folder), str(voices), "", lexicon, spoken)
    if any(folder.glob("model-steps*.onnx")):
        vocoder = next((path for name in ("vocos*.onnx", "hifigan*.onnx") for path in folder.glob(name)), None)
        if vocoder is None:
            raise ConfigError(f"{folder} holds a Matcha voice without its vocoder: put vocos-22khz-univ.onnx there")
        model = _one(folder, "model-steps*.onnx")
        return VoiceFiles("matcha", model, _tokens(folder), "", str(vocoder), lexicon, spoken)
    return VoiceFiles("vits", _one(folder, "*.onnx"), _tokens(folder), "", "", lexicon, spoken)


def _one(folder: Path, pattern: str) -> Path:
    """The file of this name; of several the smaller whole-number one, which is as good on a telephone."""
    found = sorted(folder.glob(pattern), key=lambda path: (".int8." not in path.name, path.name))
    if not found:
        raise ConfigError(f"{folder} holds no {pattern}: put a whole model of sherpa-onnx there, unpacked")
    return found[0]


def _tokens(folder: Path) -> Path:
    return _one(folder, "tokens.txt")
