"""Is this an interruption, a cough or an "mm-hm"? The reply is paused at once; evidence decides what becomes of it."""

from __future__ import annotations

from enum import Enum

from stella.conversation.policy import Policy
from stella.conversation.words import is_backchannel, is_courtesy, split
from stella.domain.ids import UtteranceId

_GOODBYES = 4.0
"""How many windows long politeness may go on: "auf Wiederhören und einen schönen Tag noch"."""


class Verdict(Enum):
    """What the evidence says."""

    WAIT = "wait"
    RESUME = "resume"
    TURN = "turn"


class BargeIn:
    """One interruption, from the onset to the verdict.

    Law: an open case always has a deadline, and every path ends in RESUME or TURN.
    """

    __slots__ = ("_answering", "_farewell", "_onset", "_policy", "_speaking", "_spoken", "_until", "texts")

    def __init__(
        self, policy: Policy, onset: float, now: float, *, answering: bool = False, farewell: bool = False
    ) -> None:
        """Open a case. `answering`: what we said was as good as over, so a "yes" is an answer. `farewell`: we were
        saying goodbye, so a goodbye is only politeness."""
        self._policy = policy
        self._onset = onset
        self._answering = answering
        self._farewell = farewell
        self._speaking = True
        self._spoken = 0.0
        self._until = max(onset + policy.barge_in_decide * (_GOODBYES if farewell else 1.0), now)
        self.texts: dict[UtteranceId, str | None] = {}

    def deadline(self) -> float:
        """When the evidence is weighed next."""
        return self._until

    def began(self, utterance: UtteranceId, at: float) -> None:
        """Speech began, for the first time or again."""
        if not self._speaking:
            self._onset = at
        self._speaking = True
        self.texts[utterance] = None

    def stopped(self, at: float, now: float) -> Verdict:
        """Speech ended; its words are on the way."""
        self._speaking = False
        self._spoken = max(self._spoken, at - self._onset)
        self._until = max(self._until, now)
        return self._weigh()

    def guessed(self, text: str) -> Verdict:
        """A hypothesis: enough words that are no backchannel are a turn without waiting for more."""
        enough = len(split(text)) >= self._policy.barge_in_words and self._takes_floor(text)
        return Verdict.TURN if enough else Verdict.WAIT

    def understood(self, utterance: UtteranceId, text: str) -> Verdict:
        """The words of an utterance (empty: there were none)."""
        self.texts[utterance] = text
        return self._weigh()

    def due(self, now: float) -> Verdict:
        """The deadline has come."""
        if self._speaking:
            return Verdict.TURN
        if self._spoken < self._policy.barge_in_min:
            return Verdict.RESUME
        last = self._onset + self._spoken + self._policy.stt_deadline
        if now >= last:
            return Verdict.RESUME
        self._until = last
        return Verdict.WAIT

    def _weigh(self) -> Verdict:
        """Judge by the words as far as they are known."""
        if any(text and self._takes_floor(text) for text in self.texts.values()):
            return Verdict.TURN
        if self._speaking or None in self.texts.values():
            return Verdict.WAIT
        return Verdict.RESUME

    def _takes_floor(self, text: str) -> bool:
        """Whether these words are more than listening noises or politeness."""
        if self._farewell:
            return not is_courtesy(text)
        return self._answering or not is_backchannel(text)
