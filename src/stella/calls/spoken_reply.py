"""One reply of a model that speaks: its words in pieces that may be ordered one by one, its sound divided among them.

Law 1: the sound is handed over once, in order, without a gap, whatever the pieces are.
Law 2: a piece is heard when all its words are believed to have sounded (see `alignment`), rather late than early.
Law 3: where the model breaks off, another voice says the words of a piece that have no sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from stella.calls.alignment import RATE, Alignment
from stella.calls.sentences import Sentences
from stella.ports.speech import Sound, Word

CHUNK = 1600
MUTE_S = 0.8
"""Sound without any word by then is spoken all the same, under `WORDLESS`."""
WORDLESS = "…"


@dataclass(slots=True)
class Piece:
    """`text[begins:ends]` of the reply; its sound is `sound[at:…]` as far as it was handed over, from `began` on."""

    text: str
    begins: int
    ends: int
    began: int = 0


class SpokenReply:
    """Filled by the brain, voiced by the speaker."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.pieces: list[Piece] = []
        self.broken = False
        self._all = Alignment()
        self._handed = 0
        self._at = 0
        self._voiced = 0
        self._changed = asyncio.Event()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say."""
        return not self.pieces and not self._all.sound and not self._all.text.strip()

    @property
    def said(self) -> str:
        """Everything that was handed out in pieces."""
        return " ".join(piece.text for piece in self.pieces)

    def grew(self, text: str) -> None:
        """More words."""
        self._all.grew(text)

    def sounded(self, mulaw: bytes) -> None:
        """More sound."""
        self._all.sounded(mulaw)
        self._changed.set()

    def end(self, *, broken: bool = False) -> None:
        """Nothing more comes. `broken`: not to its end."""
        self.broken = self.broken or (broken and not self._all.whole)
        if not broken:
            self._all.end()
        self._changed.set()

    def finish(self) -> list[str]:
        """It is whole: the pieces that are left."""
        self.end()
        return self.ready()

    def ready(self) -> list[str]:
        """Pieces that may be ordered now: the first words with the first sound, then sentence by sentence."""
        rest = self._all.text[self._handed :]
        if self._all.whole:
            if not self._all.text.strip() and self._all.sound:
                rest = WORDLESS
                self._all.grew(WORDLESS)
            return self._hand_out(rest)
        sentences = Sentences().feed(rest)
        if sentences:
            return self._hand_out(rest[: rest.rindex(sentences[-1]) + len(sentences[-1])])
        if self.pieces or not self._all.sound:
            return []
        if not rest.strip():
            if self._all.seconds < MUTE_S:
                return []
            self._all.grew(f"{WORDLESS} ")
            return self._hand_out(f"{rest}{WORDLESS}")
        return self._hand_out(rest[: max(0, rest.rfind(" "))])

    def _hand_out(self, text: str) -> list[str]:
        """Cut as the thinker will cut it: what it would hold back is not handed out yet."""
        texts = _parts(text)
        for part in texts:
            begins = self._all.text.index(part, self._handed)
            self._handed = begins + len(part)
            self.pieces.append(Piece(part, begins, self._handed))
        return texts

    def leave_off(self) -> list[str]:
        """The model broke off: the last pieces, to the end of a sentence, or else of a word, that covers the sound."""
        rest = self._all.text[self._handed :]
        sounded = self._all.chars_by(self._all.seconds)
        sentences = Sentences().feed(rest)
        upto = rest.rindex(sentences[-1]) + len(sentences[-1]) if sentences else 0
        if self._handed + upto < sounded:
            upto = max(upto, rest.rfind(" "))
        self.end(broken=True)
        return self._hand_out(rest[:upto])

    def expects(self, text: str) -> bool:
        """Whether `text` is the next piece to be voiced."""
        return self._voiced < len(self.pieces) and self.pieces[self._voiced].text == text

    async def voice(self) -> AsyncIterator[Sound]:
        """The sound of the next piece, as it comes."""
        piece = self.pieces[self._voiced]
        self._voiced += 1
        piece.began = self._at
        while True:
            self._changed.clear()
            upto = self._boundary(piece)
            known = min(len(self._all.sound), upto if upto is not None else len(self._all.sound))
            while self._at < known:
                chunk = bytes(memoryview(self._all.sound)[self._at : min(known, self._at + CHUNK)])
                self._at += len(chunk)
                yield Sound(chunk)
            if self._all.whole or self.broken or (upto is not None and self._at >= upto):
                break
            await self._changed.wait()
        if words := self._words(piece):
            # Behind the last piece of sound: an empty one carries them.
            yield Sound(b"", words)

    def _boundary(self, piece: Piece) -> int | None:
        """Where the sound of a piece ends; None while that is not known. The last takes all there is."""
        if self.broken or (self._all.whole and piece is self.pieces[-1]):
            return len(self._all.sound) if piece is self.pieces[-1] or self.broken else None
        end = self._all.end_of(piece.ends)
        return None if end is None else max(self._at, int(end * RATE))

    def _words(self, piece: Piece) -> tuple[Word, ...]:
        """When the words of a piece have sounded, in terms of the piece. Of a broken one, those that have sound."""
        words = []
        length = (self._at - piece.began) / RATE
        covered = piece.begins + len(piece.text) - len(self.rest(piece)) if self.broken else piece.ends
        for at in _word_ends(piece.text):
            end = self._all.end_of(piece.begins + at)
            if end is None or piece.begins + at > covered:
                break
            words.append(Word(at, min(max(0.0, end - piece.began / RATE), length)))
        return tuple(words)

    def rest(self, piece: Piece | None = None) -> str:
        """The words of a piece (the one voiced last) that have no sound, where the reply broke off."""
        piece = piece or self.pieces[self._voiced - 1]
        if not self.broken:
            return ""
        sounded = self._all.chars_by(self._at / RATE)
        if sounded >= piece.ends:
            return ""
        return piece.text[max(0, sounded - piece.begins) :].lstrip()

    def heard_s(self, heard: str) -> float | None:
        """How many seconds of the sound are `heard`, the beginning of what was said; None where that is all of it."""
        at = 0
        for piece in self.pieces:
            found = heard.find(piece.text, at)
            if found < 0:
                part = _common(piece.text, heard[at:].lstrip())
                if not part:
                    return piece.began / RATE
                end = self._all.end_of(piece.begins + part)
                return self._all.seconds if end is None else end
            at = found + len(piece.text)
        return None


def _parts(text: str) -> list[str]:
    sentences = Sentences()
    whole = sentences.feed(f"{text}\n ")
    held = sentences.flush()
    if not held:
        return whole
    # It ends on what may be an abbreviation: one word less, and the next words take it along.
    shorter = held[0].rpartition(" ")[0]
    return [*whole, *(_parts(shorter) if shorter else ())]


def _word_ends(text: str) -> list[int]:
    return [at for at in range(1, len(text) + 1) if not text[at - 1].isspace() and (at == len(text) or text[at] == " ")]


def _common(text: str, heard: str) -> int:
    """Characters of `text` that `heard` begins with, in whole words."""
    size = 0
    for one, other in zip(text, heard, strict=False):
        if one != other:
            break
        size += 1
    return size if size == len(text) else max(0, text.rfind(" ", 0, size + 1))
