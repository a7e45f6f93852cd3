"""May we? The consent question, its answer, and exactly one record of it."""

from __future__ import annotations

from enum import Enum, auto

from stella.conversation.policy import Policy
from stella.conversation.words import Answer, yes_or_no
from stella.domain.acts import ExpectAnswer
from stella.domain.consent import Preset

YES_OR_NO = ExpectAnswer("yes-no", max_digits=1, terminator="")


class Step(Enum):
    """Where the question stands."""

    CLOSED = auto()
    ASKING = auto()
    WAITING = auto()


class ConsentGate:
    """One question, asked at most twice. Silence, and a second unclear answer, are a no."""

    __slots__ = ("_policy", "_since", "overlapped", "preset", "repeated", "step")

    def __init__(self, policy: Policy, preset: Preset, *, asks: bool) -> None:
        """Open where the preset asks."""
        self._policy = policy
        self.preset = preset
        self.step = Step.ASKING if asks else Step.CLOSED
        self.repeated = False
        self.overlapped = False
        self._since = 0.0

    def asked(self, now: float) -> None:
        """The question was heard: whatever comes now is an answer."""
        self.step = Step.WAITING
        self._since = now

    def deadline(self) -> float | None:
        """When silence becomes the answer."""
        return self._since + self._policy.consent_patience if self.step is Step.WAITING else None

    def judge(self, text: str, digits: str) -> Answer:
        """What words or keys mean: 1 is yes, 2 is no."""
        if digits:
            return {"1": Answer.YES, "2": Answer.NO}.get(digits[0], Answer.UNCLEAR)
        return yes_or_no(text)

    def ask_again(self) -> bool:
        """Whether the question may be put once more; it then is being asked."""
        if self.repeated:
            return False
        self.repeated = True
        self.overlapped = False
        self.step = Step.ASKING
        return True

    def close(self) -> None:
        """The answer is recorded."""
        self.step = Step.CLOSED
