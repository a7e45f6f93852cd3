"""Nobody speaks: prompts with growing patience, then a polite end."""

from __future__ import annotations

from stella.conversation.policy import Policy


class Silence:
    """The ladder of re-prompts. `rung` counts those already said since the caller last said something."""

    __slots__ = ("_policy", "_until", "rung")

    def __init__(self, policy: Policy) -> None:
        """Begin at the foot of the ladder, not waiting."""
        self._policy = policy
        self._until: float | None = None
        self.rung = 0

    def wait(self, now: float) -> float:
        """The floor is free: when patience ends, counted from the first time this was said since somebody held it."""
        if self._until is None:
            self._until = now + self._policy.silence * self._policy.silence_growth**self.rung
        return self._until

    def stop(self) -> None:
        """Somebody holds the floor."""
        self._until = None

    def spoken(self) -> None:
        """The caller said something: back to the foot."""
        self._until = None
        self.rung = 0

    def climb(self, prompts: tuple[str, ...]) -> str | None:
        """Patience has ended: what to say now, or None when it is time to go."""
        self._until = None
        rung, self.rung = self.rung, self.rung + 1
        return prompts[rung] if rung < len(prompts) else None
