"""Where in what we said is what the carrier says that it said? Compared by letters: voices change the rest."""

from __future__ import annotations

_NEAR, _SHORT_NEAR, _TINY_NEAR = 80, 16, 3
_SHORT, _TINY = 8, 3
"""Letters ahead of the last proven place in which told words are looked for: few words are found anywhere."""

DIGIT_CHARS = 6
"""What saying one digit of a figure takes, in characters of ordinary words."""


class ToldWords:
    """The words of one turn as they were sent, and how far the carrier's telling has come. Places count characters."""

    def __init__(self) -> None:
        """Nothing was sent."""
        self.text = ""
        self._letters = ""
        self._ends: list[int] = []
        self._at = 0

    def add(self, words: str) -> None:
        """More was sent."""
        start = len(self.text)
        for place, char in enumerate(words):
            for letter in _letters(char):
                self._letters += letter
                self._ends.append(start + place + 1)
        self.text += words

    def played(self, words: str) -> int:
        """The next words were spoken (or, from some carriers, all words so far): how much is proven now."""
        told = _letters(words)
        if told:
            near = _NEAR if len(told) > _SHORT else _SHORT_NEAR if len(told) > _TINY else _TINY_NEAR
            found = self._letters.find(told, self._at, self._at + len(told) + near)
            if found >= 0:
                self._at = found + len(told)
            elif self._letters.startswith(told):
                self._at = max(self._at, len(told))
        return self._place()

    def heard(self, words: str) -> int:
        """So much had been spoken when it was stopped: how much is proven. Nothing told proves nothing more."""
        told = _letters(words)
        if told and self._letters.startswith(told):
            self._at = max(self._at, len(told))
        elif told:
            found = self._letters.find(told)
            # What does not stand in it word for word counts as far as it agrees from the beginning.
            self._at = max(self._at, found + len(told) if found >= 0 else _agreeing(self._letters, told))
        return self._place()

    def _place(self) -> int:
        if self._at >= len(self._letters):
            return len(self.text)
        return self.word_before(self._ends[self._at - 1]) if self._at else 0

    def said_after(self, start: int, characters: int) -> int:
        """Where a voice that has said so many characters from `start` on is: in figures each digit is a word of its own."""
        place, left = start, characters
        while place < len(self.text):
            left -= DIGIT_CHARS if self.text[place].isdigit() else 1
            if left < 0:
                break
            place += 1
        return self.word_before(place)

    def word_before(self, place: int) -> int:
        """The end of the last whole word up to `place`."""
        text = self.text
        while 0 < place < len(text) and not text[place].isspace() and not text[place].isalnum():
            place += 1
        if place >= len(text):
            return len(text)
        while place > 0 and not text[place].isspace():
            place -= 1
        return max(place, 0)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _agreeing(one: str, other: str) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
