"""The port: a text is made speakable, cut into clauses, and each clause rendered while the one before is heard."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from stella.adapters.embedded.espeak import Espeak
from stella.adapters.embedded.flite import Flite
from stella.adapters.embedded.shape import telephone_sound
from stella.adapters.embedded.spoken import spoken
from stella.ports.failure import Rejected, Unavailable
from stella.ports.speech import Sound

PIECE = 1600
"""Bytes of one piece: 200 ms."""
LONGEST = 600
"""Characters of one segment; the rest is not spoken."""
_GROWING = (40, 90, 160)
"""Characters of the first clause, the second and the rest: the first is heard soonest, later ones sound better whole."""
_ENDS = re.compile(r"(?<=[.!?…;:])\s+|(?<=,)\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]+")


def clean(text: str) -> str:
    """At most 600 characters, no control characters, blanks joined. Markup stays what it is: text."""
    return " ".join(_CONTROL.sub(" ", text).split())[:LONGEST].rstrip()


def clauses(text: str) -> list[str]:
    """The text in parts of a breath: cut after stops and commas, short parts joined."""
    parts: list[str] = []
    for piece in _ENDS.split(text):
        if parts and len(parts[-1]) + len(piece) < _GROWING[min(len(parts), len(_GROWING)) - 1]:
            parts[-1] += " " + piece
        else:
            parts.append(piece)
    return [part for part in parts if any(char.isalnum() for char in part)]


class TextToSpeech:
    """English by flite where it is there, German (and English without flite) by espeak-ng. It has no word times."""

    name = "embedded"

    def __init__(self, flite: Flite | None, espeak: Espeak | None) -> None:
        """Take the engines there are. Raises Unavailable where there is neither."""
        if flite is None and espeak is None:
            raise Unavailable(self.name, "missing", "install Debian's libflite1 and libespeak-ng1")
        self._flite, self._espeak = flite, espeak
        self.languages = frozenset({"en"} if espeak is None else {"de", "en"})
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="embedded-voice")
        self._closed = False

    async def start(self) -> None:
        """Have espeak-ng running before the first caller needs it. Raises Unavailable."""
        if self._espeak is not None:
            await self._espeak.start()

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port; `voice` may be `espeak` to have English by espeak-ng. Raises Rejected, Unavailable."""
        if self._closed:
            raise Unavailable(self.name, "closed")
        if language not in self.languages:
            raise Rejected(self.name, "language", language)
        for clause in clauses(spoken(clean(text), language)):
            mulaw = await self._render(clause, language, voice)
            for start in range(0, len(mulaw), PIECE):
                yield Sound(mulaw[start : start + PIECE])

    async def _render(self, clause: str, language: str, voice: str) -> bytes:
        loop = asyncio.get_running_loop()
        if self._flite is not None and language == "en" and (voice != "espeak" or self._espeak is None):
            return await loop.run_in_executor(self._worker, _with_flite, self._flite, clause)
        if self._espeak is None:
            raise Unavailable(self.name, "language", language)
        pcm, rate = await self._espeak.render(clause, language)
        return await loop.run_in_executor(self._worker, telephone_sound, pcm, rate)

    async def close(self) -> None:
        """As the port."""
        if self._closed:
            return
        self._closed = True
        if self._espeak is not None:
            await self._espeak.close()
        await asyncio.to_thread(self._worker.shutdown, wait=True, cancel_futures=True)


def _with_flite(flite: Flite, clause: str) -> bytes:
    pcm: NDArray[np.int16]
    pcm, rate = flite.render(clause)
    return telephone_sound(pcm, rate)
