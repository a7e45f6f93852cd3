"""Which calls the database knows, answered without asking it: for a single writer of a local file."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 500_000
"""About 40 MB. A house with more calls than that asks the database each time."""


class Seen:
    """The names of all calls, as hashes. `certain` is False once there were too many to remember."""

    def __init__(self, call_sids: Iterable[str] = ()) -> None:
        """Begin with what the database has."""
        self._hashes: set[int] = set()
        self.certain = True
        for call_sid in call_sids:
            self.add(call_sid)

    def add(self, call_sid: str) -> None:
        """A call was written."""
        if self.certain:
            self._hashes.add(hash(call_sid))
            if len(self._hashes) > MOST:
                self._hashes.clear()
                self.certain = False

    def maybe(self, call_sid: str) -> bool:
        """False only where the call is surely not in the database."""
        return not self.certain or hash(call_sid) in self._hashes
