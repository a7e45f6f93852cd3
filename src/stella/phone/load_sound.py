"""A caller's sound made ready for many calls: frames with their noise, in base64, long before they are sent."""

from __future__ import annotations

from binascii import b2a_base64
from dataclasses import dataclass

import numpy as np

from stella.audio.mulaw import decode, encode
from stella.phone.sound import sound_of

FRAME = 160
NOISE_S = 3.0


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance: base64 of each 20 ms, and when in it speech truly begins and ends."""

    frames: tuple[bytes, ...]
    onset_s: float
    offset_s: float


@dataclass(frozen=True, slots=True)
class Repertoire:
    """What callers say, and the noise of the line between their words; all at one signal-to-noise ratio."""

    lines: tuple[Line, ...]
    noise: tuple[bytes, ...]


def repertoire(voices: list[bytes], snr_db: float = 20.0, seed: int = 1) -> Repertoire:
    """`voices` are mu-law utterances; white noise lies `snr_db` below their speech. Raises ValueError without any."""
    sounds = [sound_of("", mulaw) for mulaw in voices]
    loud = [sound.rms for sound in sounds if sound.rms]
    if not loud:
        raise ValueError("a load needs at least one utterance that can be heard")
    level = sum(loud) / len(loud) * 10 ** (-snr_db / 20)
    chance = np.random.default_rng(seed)
    lines = []
    for sound in sounds:
        length = -(-len(sound.mulaw) // FRAME) * FRAME
        pcm = decode(sound.mulaw.ljust(length, b"\xff")).astype(np.float64)
        lines.append(Line(_frames(pcm + chance.normal(0, level, length)), sound.onset_s, sound.offset_s))
    return Repertoire(tuple(lines), _frames(chance.normal(0, level, round(NOISE_S * 8000))))


def _frames(pcm: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[bytes, ...]:
    mulaw = encode(np.clip(np.rint(pcm), -32768, 32767).astype(np.int16))
    return tuple(b2a_base64(mulaw[at : at + FRAME], newline=False) for at in range(0, len(mulaw) - FRAME + 1, FRAME))
