"""How a line sounds over seconds: told only where it is loud and hardly a voice, as music is, and when that has ended."""

from __future__ import annotations

from collections.abc import Callable

from stella.audio.energy import dbfs
from stella.audio.mulaw import RATE
from stella.conversation import events as on

SPAN_S = 5.0
"""What is told of at a time."""
LOUD_DB = -32.0
"""Louder than this is no noise of a line: a voice is at -20, hold music between -18 and -28."""
_SAMPLED = 1600
"""Every tenth frame is measured: music does not come and go within 200 ms."""
_SUSPECT = 0.5


class LineWatch:
    """The loudness of one line, cheap enough for every frame of every call."""

    __slots__ = ("_loud", "_measured", "_silence_due", "_since", "_span", "_speaking", "_tell", "_voiced")

    def __init__(self, tell: Callable[[on.Event], None]) -> None:
        """Nothing has sounded."""
        self._tell = tell
        self._span = self._since = self._voiced = self._loud = self._measured = 0
        self._speaking = self._silence_due = False

    def feed(self, mulaw: bytes) -> None:
        """Inbound sound, in order."""
        size = len(mulaw)
        self._span += size
        self._since += size
        if self._speaking:
            self._voiced += size
        if self._since >= _SAMPLED:
            self._since = 0
            self._measured += 1
            self._loud += dbfs(mulaw) > LOUD_DB
            if self._span >= SPAN_S * RATE:
                self._told()

    def changed(self, *, speaking: bool) -> None:
        """Voice activity began or ended."""
        self._speaking = speaking

    def _told(self) -> None:
        loud, voiced = self._loud / self._measured, self._voiced / self._span
        suspect = loud >= _SUSPECT >= voiced
        if suspect or self._silence_due:
            self._tell(on.LineSounded(round(self._span / RATE, 3), round(loud, 3), round(voiced, 3)))
        self._silence_due = suspect
        self._span = self._voiced = self._loud = self._measured = 0
