"""flite (English, voice rms) by ctypes from Debian's libflite1. See `flite.h`, `cst_wave.h` of flite 2.2."""

from __future__ import annotations

import ctypes
import threading
import unicodedata
from ctypes import POINTER, c_char_p, c_int, c_short, c_void_p
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stella.ports.failure import Unavailable

_MEND = "install Debian's libflite1 (apt install libflite1)"


class _Wave(ctypes.Structure):
    _fields_: ClassVar = [
        ("type", c_char_p),
        ("sample_rate", c_int),
        ("num_samples", c_int),
        ("num_channels", c_int),
        ("samples", POINTER(c_short)),
    ]


def ascii_of(text: str) -> bytes:
    """The text in the only letters the voice knows: accents taken off, sharp s as two."""
    return unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("æ", "ae")).encode("ascii", "ignore")


_ONE_AT_A_TIME = threading.Lock()
"""The library keeps state in the voice, and there is one of each voice in the process, however many objects hold it."""
_BREATH = 1


class Flite:
    """One voice; one rendering at a time. The same text always sounds the same: the noise in the voice is drawn by the C
    library's `rand`, which is set to the same beginning each time (of the other ways 5 % made a "Yes, please" that was
    heard as "The ass pleased")."""

    def __init__(self, voice: str = "rms") -> None:
        """Load the voice (5 ms). Raises Unavailable where the library is missing."""
        try:
            flite = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
            for part in ("usenglish", "cmulex"):
                ctypes.CDLL(f"libflite_{part}.so.1", mode=ctypes.RTLD_GLOBAL)
            library = ctypes.CDLL(f"libflite_cmu_us_{voice}.so.1")
            register = library[f"register_cmu_us_{voice}"]
        except (OSError, AttributeError) as fault:
            raise Unavailable("flite", "missing", f"{fault}; {_MEND}") from fault
        register.restype, register.argtypes = c_void_p, [c_char_p]
        flite.flite_text_to_wave.restype, flite.flite_text_to_wave.argtypes = POINTER(_Wave), [c_char_p, c_void_p]
        flite.delete_wave.restype, flite.delete_wave.argtypes = None, [POINTER(_Wave)]
        flite.flite_init()
        self._flite = flite
        self._voice = register(None)
        self._c = ctypes.CDLL(None)

    def render(self, text: str) -> tuple[NDArray[np.int16], int]:
        """The text as 16-bit samples and their rate. Blocks about 20 ms for each second of speech."""
        with _ONE_AT_A_TIME:
            self._c.srand(_BREATH)
            wave = self._flite.flite_text_to_wave(ascii_of(text), self._voice)
            if not wave:
                raise Unavailable("flite", "engine", "no sound was made")
            try:
                sound = wave.contents
                if not sound.num_samples or not sound.samples:
                    return np.zeros(0, np.int16), 16000
                return np.ctypeslib.as_array(sound.samples, (sound.num_samples,)).copy(), int(sound.sample_rate)
            finally:
                self._flite.delete_wave(wave)
