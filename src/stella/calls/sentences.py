"""Cuts a growing text into sentences as early as is safe, so that the first can be voiced before the second is made."""

from __future__ import annotations

import re

_SHORT = (
    "dr mr mrs ms prof st nr str tel bzw ca evtl ggf usw z.b z b u.a d.h etc e.g i.e vs inkl exkl max min abs mag",
    "ing dipl bsp jan feb apr jun jul aug sept okt nov dez no inc ltd co approx",
)
ABBREVIATIONS = frozenset(word for line in _SHORT for word in line.split())
"""Words whose full stop does not end a sentence, German and English, lower case."""

_END = re.compile(r"([.!?…]+|[:;](?=\s)|\n+)[\"”»')\]]*(\s+|$)")
LONGEST = 300
"""A sentence longer than this is cut at a comma or blank: text-to-speech must not wait for ever."""


class Sentences:
    """Feed pieces of text, get whole sentences; `flush` gives what remains."""

    def __init__(self) -> None:
        """Nothing is waiting."""
        self._rest = ""

    def feed(self, piece: str) -> list[str]:
        """Every sentence that is certainly complete. A stop at the very end of what is known may still be a number
        or an abbreviation, so it waits for the next piece or for `flush`."""
        self._rest += piece
        done: list[str] = []
        start = 0
        for match in _END.finditer(self._rest):
            if not match.group(2) or not self._ends(start, match):
                continue
            done.append(self._rest[start : match.end()].strip())
            start = match.end()
        self._rest = self._rest[start:]
        while len(self._rest) > LONGEST:
            at = max(self._rest.rfind(", ", 0, LONGEST), self._rest.rfind(" ", 0, LONGEST))
            at = at + 1 if at > 0 else LONGEST
            done.append(self._rest[:at].strip())
            self._rest = self._rest[at:]
        return [sentence for sentence in done if sentence]

    def flush(self) -> list[str]:
        """What is left, as one sentence, or nothing."""
        rest, self._rest = self._rest.strip(), ""
        return [rest] if rest else []

    def _ends(self, start: int, match: re.Match[str]) -> bool:
        if match.group(1)[0] != ".":
            return True
        word = self._rest[start : match.start()].rsplit(None, 1)[-1:] or [""]
        token = word[0].lower().strip("(\"'„»")
        # "3. März", "Dr. Huber", "A. Berger": a number, an abbreviation or an initial goes on.
        return not (token.isdecimal() and len(token) <= 2) and token not in ABBREVIATIONS and len(token) != 1
