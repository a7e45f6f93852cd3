"""Is there a person on the line? Another machine says the same again and again; music is loud and no voice; a radio talks
over everything that is said to it.

Doubt is spoken out before anything is done about it, so a person who was mistaken for a machine can say so. Law: nobody is
given up whom nobody has asked.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from stella.conversation.policy import Policy
from stella.conversation.words import SPOKEN_DIGITS, count_digits, split

_WORDS = 4
"""Shorter turns say nothing: people, too, say "yes please" again and again."""
_ALIKE = 0.75
"""So much of two turns' words in common makes one a repetition of the other: ears do not hear the same twice."""
_REMEMBERED = 8
_LOUD, _VOICED = 0.8, 0.3
"""Music is loud for at least this share of the time, and a voice for no more than that."""
_CUTS_AGAIN = 2
"""So many more of our turns cut after the question make it certain."""


class Verdict(Enum):
    """What the line seems to be now."""

    PERSON = auto()
    DOUBT = auto()
    NOBODY = auto()


class Kind(Enum):
    """Why a person is doubted."""

    REPEATS = "repeats"
    MUSIC = "music"
    NEVER_STOPS = "never-stops"


class LineKind:
    """What one line has been like so far."""

    __slots__ = ("_asked", "_cuts", "_music", "_policy", "_repeats", "_said")

    def __init__(self, policy: Policy) -> None:
        """Everybody is a person to begin with."""
        self._policy = policy
        self._said: deque[frozenset[str]] = deque(maxlen=_REMEMBERED)
        self._repeats = self._cuts = 0
        self._music = 0.0
        self._asked: Kind | None = None

    def said(self, text: str) -> None:
        """The caller's turn is over, and this is what was said in it."""
        if self._music:
            self._music = 0.0
        words = _telling(text)
        if words is None:
            return
        self._repeats = self._repeats + 1 if self._known(words) else 0
        if not self._repeats and self._asked in {Kind.REPEATS, Kind.MUSIC}:
            self._asked = None
        self._said.append(words)

    def keyed(self) -> None:
        """A key was pressed: machines and music have no fingers."""
        self._repeats = self._cuts = 0
        self._music, self._asked = 0.0, None

    def answered(self, *, cut: bool) -> None:
        """A reply of ours is over: heard to its end, or `cut`."""
        self._cuts = self._cuts + 1 if cut else 0
        if not cut and self._asked is Kind.NEVER_STOPS:
            self._asked = None

    def sounded(self, seconds: float, loud: float, voiced: float) -> None:
        """For `seconds` the line was loud, and a voice, for these shares of the time."""
        music = loud >= _LOUD and voiced <= _VOICED
        self._music = self._music + seconds if music else 0.0

    def judge(self, text: str = "") -> tuple[Verdict, Kind]:
        """What the line is, if the caller's turn, just over, is `text`. The kind says why a person is doubted."""
        policy = self._policy
        repeats = 0
        if self._asked is Kind.REPEATS or self._repeats + 1 >= policy.line_repeats:
            # Otherwise it would decide nothing, whatever was said.
            words = _telling(text)
            repeats = self._repeats + 1 if words is not None and self._known(words) else 0
        for kind, much, enough, again in (
            (Kind.REPEATS, repeats, policy.line_repeats, 1.0),
            (Kind.MUSIC, self._music, policy.line_music, policy.silence),
            (Kind.NEVER_STOPS, self._cuts, policy.line_cuts, _CUTS_AGAIN),
        ):
            if self._asked is kind and much >= again:
                return Verdict.NOBODY, kind
            if self._asked is not kind and much >= enough:
                return Verdict.DOUBT, kind
        return Verdict.PERSON, Kind.REPEATS

    def asked(self, kind: Kind) -> None:
        """The doubt was spoken out: what comes now decides."""
        self._asked = kind
        self._repeats = self._cuts = 0
        self._music = 0.0

    def _known(self, words: frozenset[str]) -> bool:
        """Whether this was said before."""
        for other in self._said:
            common = len(words & other)
            if common >= _ALIKE * (len(words) + len(other) - common):
                return True
        return False


def _telling(text: str) -> frozenset[str] | None:
    """The words of a turn that tells something of who says it. Numbers are read out twice by everybody."""
    said = split(text)
    if len(said) < _WORDS:
        return None
    words = frozenset(said)
    if words.isdisjoint(SPOKEN_DIGITS) and not any(map(str.isdigit, words)):
        return words
    return words if 2 * count_digits(text) < len(said) else None
