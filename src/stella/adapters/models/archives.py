"""Speech models that are archives of sherpa-onnx's releases: the project's pinned list for the extra `local`.

They are fetched from the release pages of https://github.com/k2-fsa/sherpa-onnx (`asr-models`, `tts-models`). Where this list was
written those pages could not be reached: sizes and SHA-256 are those that several public projects, independently of each
other, pin for the same archives. A wrong one refuses a good archive and never lets a bad one in; `--sha256` overrules it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_RELEASES = "https://github.com/k2-fsa/sherpa-onnx/releases/download"


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive (`.tar.bz2`) whose one folder is a model. `kind` is `ears` or `voice`. Without `sha256` it is fetched
    only by whoever gives one."""

    name: str
    kind: str
    language: str
    purpose: str
    licence: str
    release: str
    folder: str
    size: int
    sha256: str

    @property
    def file(self) -> str:
        """The archive's name."""
        return f"{self.folder}.tar.bz2"

    @property
    def url(self) -> str:
        """Where it is published."""
        return f"{_RELEASES}/{self.release}/{self.file}"


_LIST = (
    Archive(
        "kroko-de", "ears", "de", "speech to text, German, streaming", "CC-BY-SA-4.0 (Banafo/Kroko-ASR)", "asr-models",
        "sherpa-onnx-streaming-zipformer-de-kroko-2025-08-06", 57_565_698,
        "9e27b783c20e67b0d0f13a258c1861fce199917c969d9176a438bee38df64962",
    ),
    Archive(
        "kroko-en", "ears", "en", "speech to text, English, streaming", "CC-BY-SA-4.0 (Banafo/Kroko-ASR)", "asr-models",
        "sherpa-onnx-streaming-zipformer-en-kroko-2025-08-06", 57_267_600,
        "c8676e5ff9ac2a85296e53ee0fd4d5fb1db6770e7a7647166eeafe349ade6834",
    ),
    Archive(
        "thorsten", "voice", "de", "text to speech, German, a man's voice (Piper)", "MIT; recordings CC0 (Thorsten-Voice)",
        "tts-models", "vits-piper-de_DE-thorsten-medium", 67_214_254,
        "50487d9c95fdf2191f31d2588569381063ba1591dcd4c7d4bdd30f12b2191714",
    ),
    Archive(
        "alan", "voice", "en", "text to speech, British English, a man's voice (Piper)", "MIT; see its MODEL_CARD",
        "tts-models", "vits-piper-en_GB-alan-medium", 67_220_121,
        "a48d4017da0f77668b27bed63fe6e04dd64c6397e1fadad4f460efb0ef7c9012",
    ),
)  # fmt: skip

ARCHIVES: Mapping[str, Archive] = MappingProxyType({archive.name: archive for archive in _LIST})
"""By name."""
