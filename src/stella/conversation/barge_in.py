"""Is this an interruption, a cough or an "mm-hm"? The reply is paused at once; evidence decides what becomes of it.

Ears that give words while somebody speaks are believed. Of ears that give them only afterwards a short sound comes back as
any words at all (a hummed "uh huh" as "And that"): there only words that plainly interrupt are believed, and length and
loudness tell the rest.
"""

from __future__ import annotations

from enum import Enum, auto

from stella.conversation.policy import Policy
from stella.conversation.words import interrupts, is_backchannel, is_courtesy, split
from stella.domain.ids import UtteranceId

_GOODBYES = 4.0
"""How many windows long politeness may go on: "auf Wiederhören und einen schönen Tag noch"."""
_NOTICED_S = 0.25
"""An end of speech is noticed this late; until then somebody who has stopped seems to go on."""


class Verdict(Enum):
    """What the evidence says."""

    WAIT = auto()
    RESUME = auto()
    TURN = auto()


class BargeIn:
    """One interruption, from the onset to the verdict.

    Law: an open case always has a deadline, and every path ends in RESUME or TURN.
    """

    __slots__ = (
        "_answering", "_farewell", "_guess", "_loud", "_onset", "_patient", "_policy", "_speaking", "_spoken",
        "_streams", "_until", "_usual", "_window", "texts",
    )  # fmt: skip

    def __init__(
        self,
        policy: Policy,
        onset: float,
        now: float,
        *,
        answering: bool = False,
        farewell: bool = False,
        streams: bool = True,
        usual: float | None = None,
    ) -> None:
        """Open a case. `answering`: what we said was as good as over, so a "yes" is an answer. `farewell`: we were
        saying goodbye, so a goodbye is only politeness. `streams`: the ears give words while somebody speaks. `usual`
        is how loud this caller's turns are, dB, where that is known."""
        self._policy = policy
        self._onset = onset
        self._answering, self._farewell = answering, farewell
        self._streams, self._usual = streams, usual
        self._window = policy.barge_in_decide * (_GOODBYES if farewell else 1.0)
        self._speaking, self._loud, self._patient = True, False, False
        self._spoken = 0.0
        self._guess = ""
        self._until = max(onset + self._window + _NOTICED_S, now)
        self.texts: dict[UtteranceId, str | None] = {}

    @property
    def brief(self) -> bool:
        """Whether there was too little sound for words to be made out of it."""
        return (
            not self._streams and not self._answering and self._spoken < self._policy.barge_in_short and not self._loud
        )

    def deadline(self) -> float:
        """When the evidence is weighed next."""
        return self._until

    def began(self, utterance: UtteranceId, at: float) -> None:
        """Speech began, for the first time or again; what was said before counts."""
        if not self._speaking:
            self._onset = at
            self._until = max(self._until, at + self._window - self._spoken + _NOTICED_S)
        self._speaking = True
        self.texts[utterance] = None

    def stopped(self, at: float, now: float, level: float | None = None) -> Verdict:
        """Speech ended, `level` dB loud; its words are on the way."""
        self._speaking = False
        self._spoken += max(0.0, at - self._onset)
        if level is not None and self._usual is not None:
            self._loud = self._loud or level >= self._usual + self._policy.barge_in_loud
        brief = self._spoken < self._policy.barge_in_min
        self._until = max(self._onset + self._window, now) if brief else now + self._policy.barge_in_patience
        return self._weigh()

    def guessed(self, text: str) -> Verdict:
        """A hypothesis: enough words that are no backchannel are a turn without waiting for more, and so is a "stop"."""
        self._streams = True
        self._guess = text
        enough = len(split(text)) >= self._policy.barge_in_words or interrupts(text)
        return Verdict.TURN if enough and self._takes_floor(text) else Verdict.WAIT

    def understood(self, utterance: UtteranceId, text: str) -> Verdict:
        """The words of an utterance (empty: there were none)."""
        self.texts[utterance] = text
        return self._weigh()

    def due(self, now: float) -> Verdict:
        """The deadline has come: go by what there is."""
        wants = bool(self._guess) and self._takes_floor(self._guess)
        if not self._speaking:
            long_enough = self._spoken >= self._window or (self._loud and self._spoken >= self._policy.barge_in_min)
            return Verdict.TURN if wants or (long_enough and not self._guess) else Verdict.RESUME
        listening = self._streams and not wants
        if not listening or self._patient:
            return Verdict.TURN
        # So far nothing but "yeah, okay", or words that are late: we are silent anyway, so a little longer costs nothing.
        self._patient = True
        self._until = now + self._policy.barge_in_patience
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
        takes = not is_courtesy(text) if self._farewell else self._answering or not is_backchannel(text)
        return takes and not (self.brief and not interrupts(text))
