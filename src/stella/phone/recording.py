"""Both ends of a call on one time line."""

from __future__ import annotations

from dataclasses import dataclass, field

SAMPLE_RATE = 8000
_SILENCE = b"\xff"


def _lay(pieces: list[tuple[int, bytes]], length: int) -> bytes:
    track = bytearray(_SILENCE * length)
    for start, mulaw in pieces:
        end = min(start + len(mulaw), length)
        track[start:end] = mulaw[: max(0, end - start)]
    return bytes(track)


@dataclass(slots=True)
class Recording:
    """Pieces of mu-law by sample number since the phone began to ring; later pieces win where two overlap."""

    _caller: list[tuple[int, bytes]] = field(default_factory=list)
    _agent: list[tuple[int, bytes]] = field(default_factory=list)

    def caller(self, at_s: float, mulaw: bytes) -> None:
        """What left the caller's telephone."""
        self._caller.append((round(at_s * SAMPLE_RATE), mulaw))

    def agent(self, at_s: float, mulaw: bytes) -> None:
        """What sounded in the caller's ear."""
        self._agent.append((round(at_s * SAMPLE_RATE), mulaw))

    def tracks(self) -> tuple[bytes, bytes]:
        """Caller and agent as mu-law of equal length."""
        length = max((start + len(mulaw) for start, mulaw in [*self._caller, *self._agent]), default=0)
        return _lay(self._caller, length), _lay(self._agent, length)
