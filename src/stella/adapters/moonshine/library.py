"""Moonshine's C library by ctypes: as much of `moonshine-c-api.h` (header version 30000) as one utterance needs.

ctypes lets go of the interpreter lock during a call, so other threads run while it works.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Mapping
from ctypes import POINTER, c_char_p, c_float, c_int8, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stella.domain.errors import ConfigError
from stella.ports.failure import Unavailable

_HEADER_VERSION = 30000
_TINY = 0
OPTIONS = MappingProxyType({"vad_threshold": "0"})
"""Its own voice activity detection off: it carries state from one utterance to the next (an invented "You")."""
_MEND = "run: stella models pull moonshine --check"


class _Line(ctypes.Structure):
    _fields_: ClassVar = [
        ("text", c_char_p),
        ("audio_data", c_void_p),
        ("audio_data_count", c_size_t),
        ("start_time", c_float),
        ("duration", c_float),
        ("id", c_uint64),
        ("is_complete", c_int8),
        ("is_updated", c_int8),
        ("is_new", c_int8),
        ("has_text_changed", c_int8),
        ("have_speakers_changed", c_int8),
        ("speaker_spans", c_void_p),
        ("speaker_span_count", c_uint64),
        ("last_transcription_latency_ms", c_uint32),
        ("words", c_void_p),
        ("word_count", c_uint64),
    ]


class _Transcript(ctypes.Structure):
    _fields_: ClassVar = [("lines", POINTER(_Line)), ("line_count", c_uint64)]


class _Option(ctypes.Structure):
    _fields_: ClassVar = [("name", c_char_p), ("value", c_char_p)]


def _load(library: Path) -> ctypes.CDLL:
    try:
        lib = ctypes.CDLL(str(library))
    except OSError as fault:
        raise ConfigError(f"speech to text: {library} cannot be loaded ({fault}); {_MEND}") from fault
    lib.moonshine_error_to_string.restype = c_char_p
    lib.moonshine_error_to_string.argtypes = [c_int32]
    lib.moonshine_load_transcriber_from_files.restype = c_int32
    lib.moonshine_load_transcriber_from_files.argtypes = [c_char_p, c_uint32, POINTER(_Option), c_uint64, c_int32]
    lib.moonshine_free_transcriber.restype = None
    lib.moonshine_free_transcriber.argtypes = [c_int32]
    lib.moonshine_transcribe_without_streaming.restype = c_int32
    lib.moonshine_transcribe_without_streaming.argtypes = [
        *(c_int32, POINTER(c_float), c_uint64, c_int32, c_uint32, POINTER(POINTER(_Transcript)))
    ]
    return lib


class Transcriber:
    """One loaded model (150 MB). A transcript belongs to the library until the next call, hence the lock."""

    def __init__(self, library: Path, weights: Path, options: Mapping[str, str] = OPTIONS) -> None:
        """Load (about 0.5 s). Raises ConfigError."""
        os.environ.setdefault("MOONSHINE_ORT_SINGLE_THREAD", "1")  # two threads took twice the work and no less time
        self._lib = _load(library)
        pairs = [_Option(name.encode(), value.encode()) for name, value in options.items()]
        array = (_Option * len(pairs))(*pairs) if pairs else None
        self._handle = self._lib.moonshine_load_transcriber_from_files(
            str(weights).encode(), _TINY, array, len(pairs), _HEADER_VERSION
        )
        self._lock = threading.Lock()
        if self._handle < 0:
            raise ConfigError(f"speech to text: {weights}: {self._explain(self._handle)}; {_MEND}")
        self.transcribe(np.zeros(4000, np.float32))  # the first one is slower; no caller shall wait for it

    def _explain(self, code: int) -> str:
        text: bytes | None = self._lib.moonshine_error_to_string(code)
        return text.decode(errors="replace") if text else f"error {code}"

    def transcribe(self, sound: NDArray[np.float32], rate: int = 8000) -> str:
        """The words in a whole utterance (-1 … 1), joined by blanks; may be empty. Blocks. Raises Unavailable."""
        sound = np.ascontiguousarray(sound, np.float32)
        found = POINTER(_Transcript)()
        with self._lock:
            if self._handle < 0:
                raise Unavailable("moonshine", "closed")
            code = self._lib.moonshine_transcribe_without_streaming(
                self._handle, sound.ctypes.data_as(POINTER(c_float)), len(sound), rate, 0, ctypes.byref(found)
            )
            if code != 0:
                raise Unavailable("moonshine", "engine", self._explain(code))
            if not found:
                return ""
            transcript = found.contents
            texts = [transcript.lines[i].text for i in range(transcript.line_count)]
        return " ".join(text.decode(errors="replace").strip() for text in texts if text).strip()

    def close(self) -> None:
        """Free the model; waits for the utterance in work."""
        with self._lock:
            if self._handle >= 0:
                self._lib.moonshine_free_transcriber(self._handle)
                self._handle = -1
