"""What the caller has said in this turn is kept, to be listened to at a pause: it may sound finished."""

from __future__ import annotations

from collections.abc import Callable

from stella.audio.mulaw import RATE
from stella.conversation import events as on
from stella.ports.turn_hint import TurnHints

MOST = 8 * RATE
"""Bytes kept: what the hint is made of."""
PRE_ROLL = 2400
"""Bytes from before the onset that belong to it."""


class HintWatch:
    """Asks for a hint at every pause of one call, and tells it only while the pause lasts."""

    def __init__(self, hints: TurnHints | None, tell: Callable[[on.Event], None]) -> None:
        """Without `hints` nothing is kept and nothing is ever told."""
        self._hints, self._tell = hints, tell
        self._sound = bytearray()
        self._in_turn = False
        self._pause = 0

    def feed(self, mulaw: bytes) -> None:
        """Inbound sound, in order."""
        if self._hints is None:
            return
        self._sound += mulaw
        most = MOST if self._in_turn else PRE_ROLL
        if len(self._sound) > 2 * most:
            del self._sound[:-most]

    def started(self) -> None:
        """Speech began: what was asked about the pause before it is void."""
        self._pause += 1
        if not self._in_turn:
            self._in_turn = True
            del self._sound[:-PRE_ROLL]

    def stopped(self) -> None:
        """A pause: listen to the turn so far."""
        hints = self._hints
        if hints is None or not self._in_turn:
            return
        self._pause += 1
        pause = self._pause
        hints.ask(bytes(self._sound[-MOST:]), lambda finished: self._hinted(finished, pause))

    def _hinted(self, finished: float, pause: int) -> None:
        if pause == self._pause and self._in_turn:
            self._tell(on.TurnHinted(round(finished, 3)))

    def turn_over(self) -> None:
        """The caller's turn was answered: the next onset begins another."""
        self._in_turn = False
        self._pause += 1

    def close(self) -> None:
        """Keep and tell nothing any more."""
        self._hints = None
        self._in_turn = False
        self._sound.clear()
