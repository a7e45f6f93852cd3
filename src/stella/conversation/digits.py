"""Keys of the caller's telephone, collected into what they mean together."""

from __future__ import annotations

from stella.conversation.policy import Policy
from stella.domain.acts import ExpectAnswer


class Digits:
    """Collects keys until enough, a terminator or a silence ends them."""

    __slots__ = ("_policy", "_until")

    def __init__(self, policy: Policy) -> None:
        """Nothing is being keyed."""
        self._policy = policy
        self._until: float | None = None

    def deadline(self) -> float | None:
        """When the keys count as complete; None when nothing is being keyed."""
        return self._until

    def stop(self) -> None:
        """The keys are complete, or forgotten."""
        self._until = None

    def pressed(self, digit: str, before: str, expected: ExpectAnswer, now: float) -> str:
        """Add a key to those before it. A terminator that ends something is not part of it."""
        collecting = expected.kind in {"digits", "number"} or expected.max_digits > 0
        if not collecting:
            self._until = now + self._policy.key_timeout
            return before + digit
        if digit == expected.terminator and before:
            self._until = now
            return before
        keyed = before + digit
        full = 0 < expected.max_digits <= len(keyed)
        self._until = now if full or digit == expected.terminator else now + self._policy.digit_timeout
        return keyed
