"""Cutting sound that comes in pieces of any length into windows of one length."""

from __future__ import annotations

from typing import Final

FRAME: Final = 160
"""Samples of 20 ms at 8 kHz; the carrier's usual piece."""

VAD_WINDOW: Final = 256
"""Samples of 32 ms at 8 kHz; what voice activity looks at."""

_SILENCE: Final = b"\xff"


class Windows:
    """Mu-law bytes in, windows of exactly `size` bytes out, in order; nothing is lost and nothing is added."""

    __slots__ = ("_rest", "_size")

    def __init__(self, size: int = VAD_WINDOW) -> None:
        """Begin empty."""
        self._size = size
        self._rest = b""

    @property
    def waiting(self) -> int:
        """Bytes that do not fill a window yet."""
        return len(self._rest)

    def feed(self, mulaw: bytes) -> list[bytes]:
        """Take a piece; hand back the windows it completes. A piece that is a window already is handed on as it is."""
        size = self._size
        held = self._rest + mulaw if self._rest else mulaw
        whole = len(held) - len(held) % size
        self._rest = held[whole:]
        if whole == size:
            # Slicing all of a bytes object gives the object itself.
            return [held[:size]]
        return [held[start : start + size] for start in range(0, whole, size)]

    def flush(self) -> bytes:
        """What is left, filled up with silence to a window; empty where nothing is left."""
        rest, self._rest = self._rest, b""
        return rest.ljust(self._size, _SILENCE) if rest else b""
