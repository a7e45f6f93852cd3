"""A telephone line with its faults: noise, loss, jitter, echo, a far end that stops reading."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stella.audio.mulaw import decode, encode
from stella.phone.sound import SAMPLE_RATE, SILENCE

FRAME = 160
_LOOP_S = 4
_RING = 4 * SAMPLE_RATE
_NOMINAL_RMS = 2000.0

Pcm = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LineFaults:
    """`snr_db` None is a line without noise; `loss` is a share of frames; the echo is `echo_db` below what was heard.

    From `half_open_at_s` (stream seconds) on the caller's side reads nothing any more, as a node that has died.
    """

    snr_db: float | None = 30.0
    loss: float = 0.0
    jitter_ms: float = 0.0
    echo_db: float | None = None
    echo_ms: float = 60.0
    half_open_at_s: float | None = None
    seed: int | None = None


class Line:
    """What the caller's 20 ms become on their way to the server."""

    def __init__(self, faults: LineFaults, speech_rms: float) -> None:
        """`speech_rms` is the caller's own level, to which `snr_db` refers; 0 stands for a usual one."""
        self.faults = faults
        self._random = random.Random(faults.seed)
        noise = np.random.default_rng(faults.seed).standard_normal(_LOOP_S * SAMPLE_RATE).astype(np.float32)
        level = 0.0 if faults.snr_db is None else (speech_rms or _NOMINAL_RMS) * 10 ** (-faults.snr_db / 20)
        self._noise = noise * np.float32(level)
        self._quiet = encode(self._noise.astype(np.int16)) if level else SILENCE * (_LOOP_S * SAMPLE_RATE)
        self._noisy = bool(level)
        self._at = 0
        self._ring = bytearray(SILENCE * _RING)
        self._delay = round(faults.echo_ms * SAMPLE_RATE / 1000)
        self._gain = np.float32(0.0 if faults.echo_db is None else 10 ** (-abs(faults.echo_db) / 20))

    def heard(self, sample: int, mulaw: bytes) -> None:
        """What sounded in the ear from stream sample `sample`: the source of the echo."""
        if not self._gain:
            return
        place = (sample + self._delay) % _RING
        mulaw = mulaw[:_RING]
        first = mulaw[: _RING - place]
        self._ring[place : place + len(first)] = first
        if rest := mulaw[len(first) :]:
            self._ring[: len(rest)] = rest

    def frame(self, voice: bytes | None, sample: int) -> bytes:
        """The frame that leaves at stream sample `sample`: voice, noise and echo together."""
        at, self._at = self._at, (self._at + FRAME) % len(self._noise)
        echo = self._echo(sample) if self._gain else None
        if echo is None and (voice is None or not self._noisy):
            return self._quiet[at : at + FRAME] if voice is None else voice
        mixed = self._noise[at : at + FRAME].copy()
        if voice is not None:
            mixed += decode(voice)
        if echo is not None:
            mixed += decode(echo) * self._gain
        return encode(np.clip(mixed, -32768, 32767).astype(np.int16))

    def _echo(self, sample: int) -> bytes | None:
        place = sample % _RING
        out = bytes(self._ring[place : place + FRAME])
        self._ring[place : place + len(out)] = SILENCE * len(out)
        if len(out) < FRAME:
            out += bytes(self._ring[: FRAME - len(out)])
        return None if out == SILENCE * FRAME else out

    def lost(self) -> bool:
        """Whether this frame never arrives."""
        return self.faults.loss > 0 and self._random.random() < self.faults.loss

    def delay_s(self) -> float:
        """How much later than its time this frame arrives."""
        return self._random.uniform(0, self.faults.jitter_ms) / 1000 if self.faults.jitter_ms else 0.0
