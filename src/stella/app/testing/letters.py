"""Text as sound: every byte is two tones of 5 ms. A line that carries them needs no ears, no voice and no model.

What was cut off on the way is cut off in the text, to the letter; so what a caller heard is known and not guessed.
"""

from __future__ import annotations

from itertools import groupby

RUN = 40
"""Samples of one tone, which carries four bits; a byte takes 10 ms."""
LEAST = 20
"""Of a tone cut short, so much must be there."""
HIGH, LOW = 0x80, 0x00
"""The loudest sixteen mu-law values above zero stand for a byte's upper half, those below for its lower half."""
SILENCE = 0xFF
BYTES_PER_S = 8000 / (2 * RUN)


def encode(text: str) -> bytes:
    """Mu-law for a text."""
    halves = ((HIGH | byte >> 4, LOW | byte & 15) for byte in text.encode())
    return b"".join(bytes([high]) * RUN + bytes([low]) * RUN for high, low in halves)


class Letters:
    """Reads sound in pieces of any length; `take` gives what is whole."""

    def __init__(self) -> None:
        """Nothing was heard."""
        self._value, self._count, self._upper = SILENCE, 0, -1
        self._bytes = bytearray()

    def feed(self, mulaw: bytes) -> bool:
        """Take sound; whether any of it was a tone."""
        tones = False
        for value, group in groupby(mulaw):
            length = sum(1 for _ in group)
            before = self._count if value == self._value else 0
            self._value, self._count = value, before + length
            known = value & 0x70 == 0
            tones = tones or known
            if known and before < LEAST <= self._count:
                self._tone(value)
        return tones

    def _tone(self, value: int) -> None:
        if value & HIGH:
            self._upper = value & 15
        elif self._upper >= 0:
            self._bytes.append(self._upper << 4 | value & 15)
            self._upper = -1

    def take(self) -> str:
        """The text since the last time; half a letter at its end waits for the rest."""
        whole = len(self._bytes)
        for back in range(1, min(4, whole) + 1):
            byte = self._bytes[-back]
            if byte & 0xC0 == 0x80:
                continue
            size = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            whole -= back if back < size else 0
            break
        text = self._bytes[:whole].decode("utf-8", "ignore")
        del self._bytes[:whole]
        return text
