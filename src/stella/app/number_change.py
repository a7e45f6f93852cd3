"""Changing where a number's calls go: keep what was there, change, read back, compare; and all of it backwards."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from stella.adapters.twilio import Change, NumberSettings, OutcomeUnknown, TwilioRest, changes
from stella.app.number_journal import Entry, Kept, NumberJournal
from stella.ports.failure import ProviderError, Unavailable

READS = 3
"""How often a change is looked for before it counts as not made: an answer may come from a copy that lags."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The number as it was read back, and what of it is still not as wished."""

    number: NumberSettings
    left: tuple[Change, ...]


class NumberChange:
    """One account, one journal."""

    def __init__(
        self, rest: TwilioRest, journal: NumberJournal, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`sleep` is between two looks at what came of a change."""
        self._rest, self._journal, self._sleep = rest, journal, sleep

    def make(self, number: NumberSettings, wanted: Mapping[str, str], *, by: str) -> Changed:
        """Set `wanted` and read it back. `by` is the command, for the journal.

        A `stella dev` that changes its own change (a tunnel with a new address) keeps what was there before the first.
        Raises ProviderError: then nothing was changed, unless it is OutcomeUnknown.
        """
        at, mine = datetime.now(UTC).isoformat(timespec="seconds"), self.mine(number.sid)
        again = mine is not None and mine.by == by == "dev"
        if mine is not None and again:
            self._journal.amend(number.sid, Entry(at, by, mine.pid, mine.before, wanted))
        else:
            self._journal.push(number, Entry(at, by, os.getpid(), number.settings, wanted))
        try:
            return self._set(number, wanted)
        except OutcomeUnknown:
            raise
        except ProviderError:
            if not again:
                self._journal.pop(number.sid)
            raise

    def mine(self, sid: str) -> Entry | None:
        """The newest change of this number, if this very process made it. Raises ConfigError."""
        kept = self._journal.read(sid)
        newest = kept.entries[-1] if kept and kept.entries else None
        return newest if newest and newest.pid == os.getpid() else None

    def put_back(self, kept: Kept, now: NumberSettings) -> Changed:
        """Undo the newest change that is kept. Raises ProviderError; then it stays kept."""
        done = self._set(now, kept.entries[-1].before)
        if not done.left:
            self._journal.pop(kept.sid)
        return done

    def _set(self, number: NumberSettings, wanted: Mapping[str, str]) -> Changed:
        differences = changes(number.settings, wanted)
        if not differences:
            return Changed(number, ())
        doubt: OutcomeUnknown | None = None
        try:
            self._rest.change(number.sid, {each.name: each.after for each in differences})
        except OutcomeUnknown as unknown:
            doubt = unknown
        done = self._read_back(number.sid, wanted, doubt)
        if doubt and done.left and not changes(number.settings, done.number.settings):
            raise Unavailable(
                "twilio", doubt.code, f"{doubt.detail} It was read back and was not made; try again."
            ) from None
        return done

    def _read_back(self, sid: str, wanted: Mapping[str, str], doubt: OutcomeUnknown | None) -> Changed:
        try:
            for look in range(READS):
                found = self._rest.fetch(sid)
                left = tuple(changes(found.settings, wanted))
                if not left or look == READS - 1:
                    return Changed(found, left)
                self._sleep(1.0)
        except ProviderError as fault:
            words = doubt.detail if doubt else "The change was accepted."
            raise OutcomeUnknown(
                "twilio", fault.code, f"{words} Reading it back failed: {fault.detail} Look with `stella numbers show`."
            ) from None
        raise AssertionError("the loop returns")
