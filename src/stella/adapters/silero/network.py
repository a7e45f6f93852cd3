"""The Silero network over many calls at once: one ONNX run per step, per-call state in preallocated rows.

Input [B, 288]: 32 samples of context and a window of 256 at 8 kHz; state [2, B, 128] in and out; output [B, 1]. A batch
gives the same numbers as single runs. See https://github.com/snakers4/silero-vad (`utils_vad.py`, `OnnxWrapper`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from stella.adapters.silero.decision import WINDOW
from stella.audio import mulaw
from stella.domain.errors import ConfigError

CONTEXT = 32
_RATE = np.array(8000, dtype=np.int64)


class Network:
    """Not for several threads at once."""

    def __init__(self, model: Path, rows: int = 64) -> None:
        """Load the model (0.2 to 0.5 s). Raises ConfigError where it cannot be read."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as fault:  # onnxruntime raises classes it does not export
            reason = f"voice activity model {model}: {type(fault).__name__}; run: stella models pull silero --check"
            raise ConfigError(reason) from fault
        self._state: NDArray[np.float32] = np.zeros((2, rows, 128), np.float32)
        self._context: NDArray[np.float32] = np.zeros((rows, CONTEXT), np.float32)
        self._free = list(range(rows - 1, -1, -1))

    def take(self) -> int:
        """A row with clean state, for one call."""
        if not self._free:
            rows = len(self._context)
            self._state = np.concatenate([self._state, np.zeros_like(self._state)], axis=1)
            self._context = np.concatenate([self._context, np.zeros_like(self._context)])
            self._free = list(range(2 * rows - 1, rows - 1, -1))
        row = self._free.pop()
        self._state[:, row] = 0
        self._context[row] = 0
        return row

    def give_back(self, row: int) -> None:
        """The call is over; another may have the row."""
        self._free.append(row)

    def step(self, rows: Sequence[int], windows: Sequence[bytes]) -> list[float]:
        """One window of mu-law for each of `rows` (each row once); the probabilities of speech, in that order."""
        count = len(rows)
        at = np.array(rows)
        sound = np.empty((count, CONTEXT + WINDOW), np.float32)
        sound[:, :CONTEXT] = self._context[at]
        sound[:, CONTEXT:] = mulaw.decode_float(b"".join(windows)).reshape(count, WINDOW)
        output, state = self._session.run(None, {"input": sound, "state": self._state[:, at], "sr": _RATE})
        self._state[:, at] = state
        self._context[at] = sound[:, -CONTEXT:]
        probabilities: list[float] = output[:, 0].tolist()
        return probabilities
