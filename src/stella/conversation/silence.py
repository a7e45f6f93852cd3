"""Nobody speaks: prompts with growing patience, then a polite end."""

from __future__ import annotations

from stella.conversation.policy import Policy


class Silence:
    """The ladder of re-prompts. `rung` counts those already said since the caller last said something."""

    __slots__ = ("_policy", "_since", "rung")

    def __init__(self, policy: Policy) -> None:
        """Begin at the foot of the ladder, not waiting."""
        self._policy = policy
        self._since: float | None = None
        self.rung = 0

    def wait(self, now: float) -> None:
        """The floor is free from now on; no effect while it already was."""
        if self._since is None:
            self._since = now

    def stop(self) -> None:
        """Somebody holds the floor."""
        self._since = None

    def spoken(self) -> None:
        """The caller said something: back to the foot."""
        self._since = None
        self.rung = 0

    def deadline(self) -> float | None:
        """When patience ends."""
        if self._since is None:
            return None
        return self._since + self._policy.silence * self._policy.silence_growth**self.rung

    def climb(self, prompts: tuple[str, ...]) -> str | None:
        """Patience has ended: what to say now, or None when it is time to go."""
        self._since = None
        rung, self.rung = self.rung, self.rung + 1
        return prompts[rung] if rung < len(prompts) else None
