"""Is the caller done? How much silence ends a turn, given what is known of the words, the question and the caller."""

from __future__ import annotations

from stella.conversation.policy import Policy
from stella.conversation.words import Answer, count_digits, is_complete_number, is_unfinished, yes_or_no
from stella.domain.acts import ExpectAnswer

_LEARNING = 0.3
"""Weight of the newest pause in the caller's pace: about three pauses make a habit."""


class Endpointing:
    """How long to wait after the caller fell silent. Learns the pauses this caller makes inside turns."""

    __slots__ = ("_pace", "_policy")

    def __init__(self, policy: Policy) -> None:
        """Begin without any idea of the caller's pace."""
        self._policy = policy
        self._pace = 0.0

    def paused(self, seconds: float, after: str = "") -> None:
        """The caller went on after a pause inside a turn: such pauses are no endings for this caller. One after words
        that were plainly unfinished tells nothing of the others: it is waited for anyway."""
        if is_unfinished(after):
            return
        if 0.0 < seconds <= self._policy.endpointing_max:
            self._pace = seconds if not self._pace else self._pace + _LEARNING * (seconds - self._pace)

    def wait(self, text: str, expected: ExpectAnswer, spoken_for: float = 0.0, *, over: bool = False) -> float:
        """Seconds of silence that end the turn. `text` is what is known of its words so far (empty: nothing yet).

        `over`: speech-to-text, which heard how they were said, judged that the turn ends with them.
        """
        policy = self._policy
        if spoken_for >= policy.monologue:
            return min(policy.monologue_gap, policy.endpointing_max)
        wait = max(policy.endpointing_usual, self._pace * policy.pace_margin)
        if text:
            wait = self._informed(text, expected, wait, over=over)
        return min(max(wait, policy.endpointing_min), policy.endpointing_max)

    def _informed(self, text: str, expected: ExpectAnswer, wait: float, *, over: bool) -> float:
        """The wait that the words themselves suggest."""
        shortest, longest = self._policy.endpointing_min, self._policy.endpointing_max
        if expected.kind == "yes-no" and yes_or_no(text) is not Answer.UNCLEAR:
            return shortest
        if expected.kind in {"digits", "number"} and count_digits(text):
            return shortest if is_complete_number(text, expected.max_digits) else longest
        if over:
            return shortest
        if is_unfinished(text):
            return longest
        return shortest if text.rstrip().endswith("?") else wait
