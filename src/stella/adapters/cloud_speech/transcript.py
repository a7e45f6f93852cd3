"""What an engine has said while it listens, and which of its words belong to which utterance. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stella.ports.speech import HeardWord

KEPT = 2_000
"""Words of one stream that are kept."""
SLACK_S = 0.12
"""Results end on the vendor's own frames, a little before or after the last byte sent."""
WORDS_TELL = 2
"""One word alone does not tell a language: “ok”, “hello” and many a name belong to both."""
SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Timed:
    """A word as it is written, when it was said, in seconds of the sound that was sent, and in which language."""

    text: str
    start: float
    end: float
    language: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One message of an engine's, in terms that all of them share.

    `certain` words change no more, and `until` is up to where everything is certain; `seen` is how far the engine has
    listened. `asked`: it answers our asking. `ended`: the engine itself judged that the speaker's turn is over;
    `settled`: that it seems to be.
    """

    words: tuple[Timed, ...] = ()
    certain: bool = False
    until: float = 0.0
    seen: float = 0.0
    asked: bool = False
    ended: bool = False
    settled: bool = False


def spread(text: str, start: float, end: float, language: str = "") -> tuple[Timed, ...]:
    """Words without times share the span they were said in."""
    parts = text.split()
    step = max(0.0, end - start) / max(1, len(parts))
    return tuple(Timed(part, start + at * step, start + (at + 1) * step, language) for at, part in enumerate(parts))


class Transcript:
    """The words so far: those that are certain, and those of the latest interim result."""

    def __init__(self) -> None:
        """Nothing was said."""
        self._certain: list[Timed] = []
        self._interim: tuple[Timed, ...] = ()
        self.covered = self.seen = 0.0
        """Seconds up to which everything is certain, and up to which the engine has listened."""
        self.ended_at = -1.0
        """Where the engine itself last judged a turn to be over."""

    def take(self, told: Told) -> None:
        """A message with words, or with none."""
        if told.certain:
            self._certain = (self._certain + list(told.words))[-KEPT:]
            self._interim = ()
            self.covered = max(self.covered, told.until)
            if told.ended:
                self.ended_at = self.covered
        else:
            self._interim = told.words
        self.seen = max(self.seen, told.seen, self.covered)

    @property
    def uncertain(self) -> bool:
        """Whether words are on the table that may still change."""
        return bool(self._interim)

    def _inside(self, start: float, end: float) -> list[Timed]:
        """By the middle of every word."""
        return [word for word in (*self._certain, *self._interim) if start <= (word.start + word.end) / 2 <= end]

    def between(self, start: float, end: float) -> str:
        """What was said from `start` to `end`."""
        return " ".join(word.text for word in self._inside(start, end)).strip()

    def words(self, start: float, end: float) -> tuple[HeardWord, ...]:
        """The same with times, in seconds from `start`."""
        return tuple(
            HeardWord(word.text, max(0.0, word.start - start), max(0.0, word.end - start))
            for word in self._inside(start, end)
        )

    def language(self, start: float, end: float) -> str:
        """The language that was spoken from `start` to `end`; empty where it is not plain."""
        spoken = Counter(word.language for word in self._inside(start, end))
        if not spoken or spoken.total() < WORDS_TELL:
            return ""
        name, times = spoken.most_common(1)[0]
        return name if times >= SHARE * spoken.total() else ""
