"""Loads models with sherpa-onnx. A model that it does not like ends the process, so each is tried in another one first.

https://k2-fsa.github.io/sherpa/onnx/python/index.html
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from stella.adapters.sherpa.files import EarsFiles, VoiceFiles, ears_files, voice_files
from stella.domain.errors import ConfigError

TRY_S = 120.0
RATE = 16_000
"""What recognisers want."""


def _library() -> Any:
    try:
        return importlib.import_module("sherpa_onnx")
    except ImportError as missing:
        raise ConfigError(
            f"sherpa-onnx cannot be loaded ({missing}): install the extra, `pip install stella-voice[local]`"
        ) from None


def tried(kind: str, folder: Path) -> None:
    """Load a model (`ears` or `voice`) in a process of its own. Blocks. Raises ConfigError where it does not survive."""
    (ears_files if kind == "ears" else voice_files)(folder)
    _library()
    command = [sys.executable, "-I", "-m", "stella.adapters.sherpa.load", kind, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TRY_S, check=False)
        told = " ".join(done.stderr.split())[-300:]
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{folder} was not loaded within {TRY_S:g} s: take a smaller model") from None
    if done.returncode != 0:
        raise ConfigError(f"{folder} is not a model that sherpa-onnx can load: fetch it anew. It said: {told}")


def recogniser(files: EarsFiles, threads: int = 1) -> Any:
    """A streaming recogniser. Blocks."""
    return _library().OnlineRecognizer.from_transducer(
        tokens=str(files.tokens), encoder=str(files.encoder), decoder=str(files.decoder), joiner=str(files.joiner),
        num_threads=threads, sample_rate=RATE, feature_dim=80, decoding_method="greedy_search",
    )  # fmt: skip


def speaker(files: VoiceFiles, threads: int = 2) -> Any:
    """A voice. Blocks."""
    return _library().OfflineTts(voice_config(files, threads))


def voice_config(files: VoiceFiles, threads: int) -> Any:
    """What the library is told of a voice."""
    lib = _library()
    common = {"tokens": str(files.tokens), "lexicon": files.lexicon, "data_dir": files.data}
    match files.kind:
        case "kokoro":
            part = {"kokoro": lib.OfflineTtsKokoroModelConfig(model=str(files.model), voices=files.voices, **common)}
        case "matcha":
            matcha = lib.OfflineTtsMatchaModelConfig(
                acoustic_model=str(files.model), vocoder=files.vocoder, **common
            )  # fmt: skip
            part = {"matcha": matcha}
        case _:
            part = {"vits": lib.OfflineTtsVitsModelConfig(model=str(files.model), **common)}
    model = lib.OfflineTtsModelConfig(**part, num_threads=threads)
    return lib.OfflineTtsConfig(model=model, max_num_sentences=1)


def main(kind: str, folder: str) -> int:
    """Load, use once, and say nothing."""
    if kind == "ears":
        recogniser(ears_files(Path(folder))).create_stream()
    else:
        speaker(voice_files(Path(folder))).generate("1")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
