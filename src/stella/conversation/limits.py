"""How long a call may be: a warning in good time, then the end."""

from __future__ import annotations

from stella.conversation.policy import Policy


class Limits:
    """The length of one call."""

    __slots__ = ("_ends_at", "_warns_at")

    def __init__(self, policy: Policy, answered: float) -> None:
        """Start counting; a warning that would come at once or never is left out."""
        self._ends_at: float | None = answered + policy.call_s
        warns = 0.0 < policy.warn_before_s < policy.call_s
        self._warns_at = self._ends_at - policy.warn_before_s if warns else None

    def deadline(self, now: float) -> float | None:
        """When something becomes due after now (a warning that had to wait for the floor is not asked for again)."""
        return self._warns_at if self._warns_at is not None and self._warns_at > now else self._ends_at

    def warning(self, now: float) -> bool:
        """Whether the warning is due; true once."""
        due = self._warns_at is not None and now >= self._warns_at
        if due:
            self._warns_at = None
        return due

    def over(self, now: float) -> bool:
        """Whether the call has to end; true once."""
        due = self._ends_at is not None and now >= self._ends_at
        if due:
            self._ends_at = None
        return due
