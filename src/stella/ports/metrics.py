"""What is counted while calls go on. The do-nothing version is the default, so nobody asks whether metrics are on."""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    """Counts and durations. Labels are words of ours, never a caller's. Nothing here blocks or raises."""

    def refused(self, cause: str) -> None:
        """Somebody was not let in (`bad-signature`, `spent-token`, `http-408` …)."""

    def call_ended(self, outcome: str) -> None:
        """A call is over: how (`caller`, `agent`, `error` …)."""

    def frames(self, received: int, rejected: int, missing: int) -> None:
        """So many more frames arrived, were rejected, were missing, since the last time of asking."""

    def dropped(self, what: str, count: int = 1) -> None:
        """Something was given up on purpose (`outbound-audio`, `log-line` …)."""

    def response_gap(self, seconds: float) -> None:
        """From the end of the caller's speech to the first sound of the answer."""

    def barge_in(self, seconds: float) -> None:
        """From the caller's onset to `clear` on the wire."""

    def webhook(self, route: str, seconds: float) -> None:
        """A webhook was answered."""

    def spent(self, kind: str, usd: float) -> None:
        """Something was paid for, by its kind (`brain`, `stt`, `tts`, `carrier` …)."""

    def budget(self, share: float) -> None:
        """So much of what a day may cost is used up; 1 is all."""


class NullMetrics:
    """Counts nothing."""

    def refused(self, cause: str) -> None:
        """Nothing."""

    def call_ended(self, outcome: str) -> None:
        """Nothing."""

    def frames(self, received: int, rejected: int, missing: int) -> None:
        """Nothing."""

    def dropped(self, what: str, count: int = 1) -> None:
        """Nothing."""

    def response_gap(self, seconds: float) -> None:
        """Nothing."""

    def barge_in(self, seconds: float) -> None:
        """Nothing."""

    def webhook(self, route: str, seconds: float) -> None:
        """Nothing."""

    def spent(self, kind: str, usd: float) -> None:
        """Nothing."""

    def budget(self, share: float) -> None:
        """Nothing."""
