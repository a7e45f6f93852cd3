"""How long a call may be and what it may cost: a warning in good time, then the end."""

from __future__ import annotations

from stella.conversation.policy import Policy


class Limits:
    """The length of one call, and how much of its money is used up."""

    __slots__ = ("_cost_warn", "_ends_at", "_warned", "_warns_at", "_warns_now", "spent")

    def __init__(self, policy: Policy, answered: float) -> None:
        """Start counting; a warning that would come at once or never is left out."""
        self._ends_at: float | None = answered + policy.call_s
        warns = 0.0 < policy.warn_before_s < policy.call_s
        self._warns_at = self._ends_at - policy.warn_before_s if warns else None
        self._cost_warn = policy.cost_warn
        self._warned = self._warns_now = False
        self.spent = False
        """Whether nothing more may be paid for: the caller's next turn is not put to the brain, the call ends in words."""

    @property
    def warned(self) -> bool:
        """Whether the caller knows that the end is near."""
        return self._warned

    def cost_grew(self, share: float) -> None:
        """So much of what the call may cost is used up. It never becomes less."""
        self.spent = self.spent or share >= 1.0
        if share >= self._cost_warn and not self._warned and not self.spent:
            self._warns_now = True

    def deadline(self, now: float) -> float | None:
        """When something becomes due after now (a warning that had to wait for the floor is not asked for again)."""
        return self._warns_at if self._warns_at is not None and self._warns_at > now else self._ends_at

    def warning(self, now: float) -> bool:
        """Whether the warning is due; true once, whether for time or for money."""
        due = self._warns_now or (self._warns_at is not None and now >= self._warns_at)
        if due:
            self._warns_at, self._warns_now = None, False
            due, self._warned = not self._warned, True
        return due

    def over(self, now: float) -> bool:
        """Whether the call has to end; true once."""
        due = self._ends_at is not None and now >= self._ends_at
        if due:
            self._ends_at = None
        return due
