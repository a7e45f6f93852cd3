"""Whether a provider is worth asking: it is left alone after failures, and tried again, one call at a time."""

from __future__ import annotations

from collections.abc import Callable
from random import random

from stella.ports.failure import ProviderError, Rejected, Unavailable

FAILURES = 2
"""So many in a row, and it is left alone."""
FIRST_S, LONGEST_S = 5.0, 120.0
"""How long at first, doubled with every try that fails."""
REJECTED_S = 60.0
"""A wrong key or a spent quota does not mend itself in seconds."""
WISH_MOST_S = 300.0
PROBE_S = 15.0
"""A probe that never ends is forgotten."""


class Breaker:
    """One provider's health, shared by all calls. Every `allows` that said yes is followed by `worked` or `failed`,
    or by nothing when the caller hung up."""

    def __init__(self, clock: Callable[[], float], jitter: Callable[[], float] = random) -> None:
        """Healthy. `clock` in seconds; `jitter` 0…1, so that many nodes do not come back at once."""
        self._clock, self._jitter = clock, jitter
        self._failures = 0
        self._wait = FIRST_S
        self._until = 0.0
        self._probed_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether it is being left alone, or has only just been tried again."""
        return self._failures >= FAILURES

    def allows(self) -> bool:
        """Whether it may be asked now. While it is left alone: no; afterwards one call may try."""
        if not self.open:
            return True
        now = self._clock()
        if now < self._until:
            return False
        if self._probed_at is not None and now < self._probed_at + PROBE_S:
            return False
        self._probed_at = now
        return True

    def worked(self) -> None:
        """It answered."""
        self._failures, self._wait, self._probed_at = 0, FIRST_S, None

    def failed(self, failure: ProviderError | None = None) -> None:
        """It did not. A provider that says how long to wait is believed, within reason."""
        self._probed_at = None
        again = self.open
        self._failures += 1
        if isinstance(failure, Rejected):
            self._failures, wait = max(self._failures, FAILURES), REJECTED_S
        elif isinstance(failure, Unavailable) and failure.retry_after is not None:
            self._failures, wait = max(self._failures, FAILURES), min(failure.retry_after, WISH_MOST_S)
        else:
            self._wait = min(self._wait * 2, LONGEST_S) if again else FIRST_S
            wait = self._wait
        self._until = self._clock() + wait * (1.0 + 0.2 * self._jitter())
