"""The Silero network over many calls at once, as a handful of matrix products; per-call state in preallocated rows.

A window of 256 samples at 8 kHz behind 32 of context; four frames of a Fourier transform, four convolutions, one LSTM
cell. The reference is https://github.com/snakers4/silero-vad (`utils_vad.py`, `OnnxWrapper`) under onnxruntime, which gives
the same probabilities to the fifth digit and takes three times as long for a batch (decision 18).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stella.adapters.silero.decision import WINDOW
from stella.adapters.silero.weights import Floats, read_weights
from stella.audio import mulaw
from stella.domain.errors import ConfigError

CONTEXT = 32
_HEARD = CONTEXT + WINDOW
_MIRRORED = 64
_FRAMES = 4
TOGETHER = 64
"""Calls of one product: with more of them the numbers no longer fit into the processor's nearer memory."""


class _Desk:
    """Room for a batch: what each step writes, with the borders of zeros that the convolutions want, and views of it."""

    def __init__(self, calls: int) -> None:
        self.sound = np.zeros((calls, _HEARD + _MIRRORED), np.float32)
        spectrum, first, second = (np.zeros((calls, *shape), np.float32) for shape in ((6, 65), (5, 128), (3, 64)))
        self.spectrum, self.first, self.second = spectrum[:, 1:5], first[:, 1:5], second[:, 1:3]
        self.cell = np.zeros((calls, 256), np.float32)
        # Three frames side by side for each frame that a convolution gives: hops of one, two and two frames.
        self.frames = sliding_window_view(self.sound, 128, axis=1)[:, ::64][:, :_FRAMES]
        self.to_first = sliding_window_view(spectrum.reshape(calls, -1), 195, axis=1)[:, ::65]
        self.to_second = sliding_window_view(first.reshape(calls, -1), 384, axis=1)[:, ::256][:, :2]
        self.to_third = second.reshape(calls, -1)


class Network:
    """Not for several threads at once."""

    def __init__(self, model: Path, rows: int = 64) -> None:
        """Read the weights. Raises ConfigError where they cannot be read."""
        try:
            self._weights = read_weights(model)
        except (OSError, ValueError) as fault:
            reason = f"voice activity model {model}: {fault}; run: stella models pull silero --check"
            raise ConfigError(reason) from fault
        self._hidden: Floats = np.zeros((rows, 128), np.float32)
        self._memory: Floats = np.zeros((rows, 128), np.float32)
        self._context: Floats = np.zeros((rows, CONTEXT), np.float32)
        self._free = list(range(rows - 1, -1, -1))
        self._desk = _Desk(TOGETHER)

    def take(self) -> int:
        """A row with clean state, for one call."""
        if not self._free:
            rows = len(self._context)
            self._hidden, self._memory, self._context = (
                np.concatenate([kept, np.zeros_like(kept)]) for kept in (self._hidden, self._memory, self._context)
            )
            self._free = list(range(2 * rows - 1, rows - 1, -1))
        row = self._free.pop()
        for kept in (self._hidden, self._memory, self._context):
            kept[row] = 0
        return row

    def give_back(self, row: int) -> None:
        """The call is over; another may have the row."""
        self._free.append(row)

    def step(self, rows: Sequence[int], windows: Sequence[bytes]) -> list[float]:
        """One window of mu-law for each of `rows` (each row once); the probabilities of speech, in that order."""
        probabilities: list[float] = []
        for start in range(0, len(rows), TOGETHER):
            part = slice(start, start + TOGETHER)
            probabilities += self._step(np.array(rows[part]), b"".join(windows[part]))
        return probabilities

    def _step(self, at: NDArray[np.intp], heard: bytes) -> list[float]:
        count = len(at)
        sound = self._desk.sound[:count]
        sound[:, :CONTEXT] = self._context[at]
        sound[:, CONTEXT:_HEARD] = mulaw.decode_float(heard).reshape(count, WINDOW)
        sound[:, _HEARD:] = sound[:, _HEARD - 2 : _HEARD - 2 - _MIRRORED : -1]
        self._context[at] = sound[:, WINDOW:_HEARD]
        self._encode(count)
        return self._remember(count, at)

    def _encode(self, count: int) -> None:
        """From sound to what the cell takes in: the loudness of 65 tones, four times, drawn together to 128 numbers."""
        desk, weights = self._desk, self._weights
        (first, first_bias), (second, second_bias), (third, third_bias) = weights.encoder
        parts = desk.frames[:count].reshape(count * _FRAMES, 128) @ weights.stft
        parts *= parts
        desk.spectrum[:count] = np.sqrt(parts[:, :65] + parts[:, 65:]).reshape(count, _FRAMES, 65)
        desk.first[:count] = _positive(desk.to_first[:count].reshape(-1, 195) @ first, first_bias).reshape(
            count, -1, 128
        )
        desk.second[:count] = _positive(desk.to_second[:count].reshape(-1, 384) @ second, second_bias).reshape(
            count, -1, 64
        )
        narrowed = _positive(desk.to_third[:count] @ third, third_bias)
        last, last_bias = weights.last
        desk.cell[:count, :128] = _positive(narrowed @ last, last_bias)

    def _remember(self, count: int, at: NDArray[np.intp]) -> list[float]:
        """One step of the LSTM cell (gates side by side: input, forget, output, candidate), and its verdict."""
        weights, cell = self._weights, self._desk.cell[:count]
        cell[:, 128:] = self._hidden[at]
        gates = cell @ weights.cell[0]
        gates += weights.cell[1]
        opened = _sigmoid(gates[:, :384])
        memory = opened[:, 128:256] * self._memory[at]
        memory += opened[:, :128] * np.tanh(gates[:, 384:])
        hidden = np.tanh(memory)
        hidden *= opened[:, 256:]
        self._memory[at], self._hidden[at] = memory, hidden
        probabilities: list[float] = _sigmoid(np.maximum(hidden, 0) @ weights.out[0] + weights.out[1]).tolist()
        return probabilities


def _positive(sums: Floats, bias: Floats) -> Floats:
    """The bias added and what is below zero cut off, in place."""
    sums += bias
    return np.maximum(sums, 0, out=sums)


def _sigmoid(sums: Floats) -> Floats:
    """1 / (1 + e^-x), which is 0.5 + tanh(x / 2) / 2 and so never overflows; a new array."""
    opened: Floats = np.tanh(sums * np.float32(0.5))
    opened *= np.float32(0.5)
    opened += np.float32(0.5)
    return opened
