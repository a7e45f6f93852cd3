"""Is the caller done? How much silence ends a turn, given what is known of the words, the question and the caller."""

from __future__ import annotations

from stella.conversation.policy import Policy
from stella.conversation.whole import End, how_it_ends
from stella.conversation.words import (
    Answer,
    count_digits,
    ends_in_digits,
    is_complete_number,
    is_unfinished,
    yes_or_no,
)
from stella.domain.acts import ExpectAnswer

_LEARNING = 0.3
"""Weight of the newest pause in the caller's pace: about three pauses make a habit."""


class Endpointing:
    """How long to wait after the caller fell silent. Learns the pauses this caller makes inside turns and numbers.

    `hint` is how likely the caller is done by the sound of the last words, where somebody listened to that; it counts
    where the words say nothing, and for one pause.
    """

    __slots__ = ("_beat", "_pace", "_policy", "hint")

    def __init__(self, policy: Policy) -> None:
        """Begin without any idea of the caller's pace."""
        self._policy = policy
        self._pace = self._beat = 0.0
        self.hint: float | None = None

    def paused(self, seconds: float, after: str = "") -> None:
        """The caller went on after a pause inside a turn: such pauses are no endings for this caller. One after words
        that were plainly unfinished tells nothing of the others: it is waited for anyway. One inside a number is the
        beat in which this caller says numbers."""
        if not 0.0 < seconds <= self._policy.endpointing_max:
            return
        if ends_in_digits(after):
            self._beat = max(seconds, self._beat)
        elif not is_unfinished(after):
            self._pace = seconds if not self._pace else self._pace + _LEARNING * (seconds - self._pace)

    def wait(self, text: str, expected: ExpectAnswer, spoken_for: float = 0.0, *, over: bool = False) -> float:
        """Seconds of silence that end the turn. `text` is what is known of its words so far (empty: nothing yet).

        `over`: speech-to-text, which heard how they were said, judged that the turn ends with them.
        """
        policy = self._policy
        if spoken_for >= policy.monologue:
            return min(policy.monologue_gap, policy.endpointing_max)
        usual = max(policy.endpointing_usual, self._pace * policy.pace_margin)
        wait = self._by_the_words(text, expected, usual, over=over) if text else None
        if wait is None:
            wait = self._by_the_sound(usual)
        return min(max(wait, policy.endpointing_min), policy.endpointing_max)

    def _by_the_words(self, text: str, expected: ExpectAnswer, usual: float, *, over: bool) -> float | None:
        """The wait that the words themselves suggest; None where they say nothing."""
        shortest, longest = self._policy.endpointing_min, self._policy.endpointing_max
        if expected.kind == "yes-no" and yes_or_no(text) is not Answer.UNCLEAR:
            return shortest
        if expected.kind in {"digits", "number"} and count_digits(text):
            return self._number(text, expected.max_digits, usual)
        if over:
            return shortest
        end = how_it_ends(text)
        if end is End.OPEN:
            return None
        if end is End.WHOLE:
            return max(shortest, self._pace * self._policy.pace_margin)
        return shortest if end is End.QUESTION else longest

    def _number(self, text: str, digits: int, usual: float) -> float:
        """A number that has all its digits is over. Where nobody knows how many it has, it may go on in its beat."""
        policy = self._policy
        if not is_complete_number(text, digits):
            return policy.endpointing_max
        return policy.endpointing_min if digits or not self._beat else max(usual, self._beat * policy.pace_margin)

    def _by_the_sound(self, usual: float) -> float:
        """The wait where the words say nothing: the usual one, unless the words sounded like an end or like more."""
        policy, hint = self._policy, self.hint
        if hint is None:
            return usual
        if hint >= policy.hint_sure:
            return policy.endpointing_min
        return max(usual, policy.hint_patience) if hint <= policy.hint_doubt else usual
