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
from stella.adapters.embedded.shape import RATE, telephone_sound
from stella.adapters.embedded.spoken import spoken
from stella.ports.failure import Rejected, Unavailable
from stella.ports.speech import Sound, Word

PIECE = 1600
"""Bytes of one piece: 200 ms."""
LONGEST = 600
"""Characters of one segment; the rest is not spoken."""
_GROWING = (40, 90, 140)
"""Characters of the first clause, the second and the rest: the first is heard soonest, later ones sound better whole."""
_PAUSES = {**dict.fromkeys(".!?…", 1600), **dict.fromkeys(",;:", 640)}
"""Bytes of silence after a clause that ends so: 200 ms and 80 ms."""
_ENDS = re.compile(
    r"(?<=[.!?…;:,])(?<!\d[.,:])(?<!\b\w\.)(?<!\b[A-ZÄÖÜ]\w\.)(?<!\b[A-ZÄÖÜ]\w\w\.)\s+"
    r"|(?<=\S{40})\s+|(?<=[^.!?…;:,]{140})\s+"
)
"""Where a clause may end: after a stop, but not after `3.`, `z.`, `Dr.` or `Tel.`; and somewhere in what has no stops."""
_PATIENCE_S = 10.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]+")


def clean(text: str) -> str:
    """No control characters, blanks joined. Markup stays what it is: text."""
    return " ".join(_CONTROL.sub(" ", text).split())


def clauses(text: str) -> list[tuple[int, str]]:
    """The text in parts of a breath, each with the number of characters of `text` up to its end."""
    parts: list[tuple[int, int]] = []
    start = 0
    for end in (*(found.end() for found in _ENDS.finditer(text)), len(text)):
        if parts and end - parts[-1][0] < _GROWING[min(len(parts), len(_GROWING)) - 1]:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
        start = end
    return [(len(text[:end].rstrip()), text[start:end]) for start, end in parts]


class TextToSpeech:
    """English by flite where it is there, German (and English without flite) by espeak-ng.

    It knows when a clause has sounded: every clause ends with a Word.
    """

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
        sounded, pause = 0, b""
        for end, clause in clauses(text[:LONGEST]):
            said = spoken(clean(clause), language)
            if not any(char.isalnum() for char in said):
                continue
            mulaw = pause + await self._render(said, language, voice)
            sounded += len(mulaw)
            last = max(0, (len(mulaw) - 1) // PIECE * PIECE)
            for start in range(0, last, PIECE):
                yield Sound(mulaw[start : start + PIECE])
            if mulaw:
                yield Sound(mulaw[last:], (Word(end, sounded / RATE),))
            pause = b"\xff" * _PAUSES.get(said[-1], 0)

    async def _render(self, clause: str, language: str, voice: str) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if self._flite is not None and language == "en" and (voice != "espeak" or self._espeak is None):
                    return await loop.run_in_executor(self._worker, _with_flite, self._flite, clause)
                if self._espeak is None:
                    raise Unavailable(self.name, "language", language)
                pcm, rate = await self._espeak.render(clause, language)
                return await loop.run_in_executor(self._worker, telephone_sound, pcm, rate)
        except TimeoutError as fault:
            raise Unavailable(self.name, "timeout") from fault

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
