"""What the caller is saying: the utterances and keys of one turn, in order."""

from __future__ import annotations

from dataclasses import dataclass, field

from stella.conversation.steps import NEVER
from stella.domain.ids import TurnId, UtteranceId


@dataclass(slots=True)
class Utterance:
    """A stretch of speech. `text` is None until its words are final; `guess` is the newest hypothesis."""

    utterance: UtteranceId
    began: float
    text: str | None = None
    guess: str = ""
    due: float | None = None
    lost: bool = False
    over: bool = False
    """Speech-to-text judged that the turn ends with it."""


@dataclass(slots=True)
class CallerTurn:
    """One turn of the caller. Empty until something begins; it has its number from when it was first asked."""

    parts: list[Utterance] = field(default_factory=list)
    digits: str = ""
    stored_digits: str = ""
    began: float | None = None
    stopped: float | None = None
    turn: TurnId | None = None

    def find(self, utterance: UtteranceId) -> Utterance | None:
        """The utterance of that name, if it belongs to this turn."""
        for part in self.parts:
            if part.utterance == utterance:
                return part
        return None

    def drop(self, utterance: UtteranceId) -> None:
        """Forget an utterance. With nothing left of it the turn has not begun."""
        self.parts = [part for part in self.parts if part.utterance != utterance]
        if not self.parts and not self.digits:
            self.began = self.stopped = self.turn = None

    @property
    def text(self) -> str:
        """All final words, joined in order."""
        return " ".join(part.text for part in self.parts if part.text)

    @property
    def guess(self) -> str:
        """All words, final or guessed."""
        return " ".join(words for part in self.parts if (words := part.guess if part.text is None else part.text))

    @property
    def shown(self) -> str:
        """What the transcript keeps: words, then keys (masked ones as `x`)."""
        return f"{self.guess} {self.stored_digits}".strip()

    @property
    def awaited(self) -> bool:
        """Whether words are still to come."""
        for part in self.parts:  # noqa: SIM110 asked at every fact; a generator costs twice as much
            if part.text is None:
                return True
        return False

    @property
    def lost(self) -> bool:
        """Whether something was said that could not be understood."""
        return any(part.lost for part in self.parts)

    @property
    def empty(self) -> bool:
        """Whether nothing was understood and nothing is awaited."""
        return not self.digits and all(part.text == "" for part in self.parts)

    def due(self) -> float:
        """When the next awaited words count as lost; NEVER while none are."""
        due = NEVER
        for part in self.parts:
            if part.text is None and part.due is not None and part.due < due:
                due = part.due
        return due

    def after(self, earlier: CallerTurn) -> CallerTurn:
        """Join this turn to an earlier one, as the continuation of what was not answered."""
        return CallerTurn(
            earlier.parts + self.parts,
            earlier.digits + self.digits,
            earlier.stored_digits + self.stored_digits,
            earlier.began if earlier.began is not None else self.began,
            self.stopped if self.stopped is not None else earlier.stopped,
            earlier.turn,
        )
