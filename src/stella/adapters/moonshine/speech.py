"""Is there speech in this utterance, where, and are the words the model gave worth anything? Plain arithmetic."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

RATE = 8000
_FRAME = 160
_MARGIN = 25
"""Frames (20 ms) kept before the first and after the last loud one: with less of it short words are misheard more."""
LEAST_S = 0.14
"""Speech-loud seconds of the shortest word ("help" over a noisy line); voice activity has already asked for more."""
_QUIETEST = 0.003
"""RMS that is never speech (about -50 dBFS)."""
_ABOVE_FLOOR = 1.7
"""How far above the utterance's own noise floor (4.6 dB) a frame of speech is."""
_DYNAMIC = 2.2
"""How far above it the loudest must be: a tone or steady noise is all of one loudness."""
_SPARSE = 0.5
_WHOLE_S = 10.0
_PIECE_S = 6.0
_REPEATS = 4
_HALLUCINATED = frozenset({"you", "thank you for watching", "thanks for watching"})
_WORDS = re.compile(r"[^\w']+")


def spoken_part(sound: NDArray[np.float32], least: float = LEAST_S) -> NDArray[np.float32]:
    """The stretch from the first to the last speech-loud frame, with 500 ms on either side; empty where there is less
    than `least` seconds of it (a click, a breath, nothing)."""
    frames = len(sound) // _FRAME
    if not frames:
        return sound[:0]
    power: NDArray[np.float32] = np.sqrt(np.mean(sound[: frames * _FRAME].reshape(frames, _FRAME) ** 2, axis=1))
    floor = float(np.percentile(power, 10))
    loudest = float(np.percentile(power, 95))
    loud = np.flatnonzero(power > max(_QUIETEST, floor * _ABOVE_FLOOR))
    if not len(loud) or loudest < floor * _DYNAMIC:
        return sound[:0]
    span = int(loud[-1] - loud[0]) + 1
    if span * _FRAME < least * RATE or len(loud) * _FRAME < least * RATE * _SPARSE:
        return sound[:0]
    first, last = max(0, int(loud[0]) - _MARGIN), min(frames, int(loud[-1]) + 1 + _MARGIN)
    return sound[first * _FRAME : last * _FRAME]


def pieces(sound: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Cut a long utterance (over 10 s) at the quietest 100 ms between 6 and 10 s: the model's work grows by squares."""
    cut: list[NDArray[np.float32]] = []
    while len(sound) > _WHOLE_S * RATE:
        lower, upper = int(_PIECE_S * RATE), int(_WHOLE_S * RATE)
        window = 5 * _FRAME
        energy = np.cumsum(np.concatenate([[0.0], sound[lower - window // 2 : upper] ** 2]))
        at = lower + int(np.argmin(energy[window:] - energy[:-window]))
        cut.append(sound[:at])
        sound = sound[at:]
    return [*cut, sound]


def believable(text: str) -> str:
    """The text, or nothing where it is what the model is known to invent: a lone "You", one word over and over."""
    words = [word for word in _WORDS.split(text.lower()) if word]
    if not words or " ".join(words) in _HALLUCINATED:
        return ""
    if len(words) > _REPEATS and len(set(words)) == 1 and not words[0].isdigit():
        return ""
    return " ".join(text.split())
