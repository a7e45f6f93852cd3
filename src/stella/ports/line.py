"""The wire to one caller's telephone, as a session sees it."""

from typing import Protocol


class Line(Protocol):
    """What a call session may do to its stream. Nothing here blocks or raises; after the end all of it is a no-op."""

    def send_media(self, mulaw: bytes) -> None:
        """Queue sound behind everything queued before."""

    def send_mark(self, name: str) -> None:
        """Ask to be told when everything queued so far has been played."""

    def send_clear(self) -> None:
        """Drop everything queued; outstanding marks come back."""

    def close(self) -> None:
        """Close the stream normally (1000); the carrier goes on with what follows `<Connect>`."""

    @property
    def backlog(self) -> int:
        """Bytes that the operating system has not taken yet."""


class WordLine(Protocol):
    """The same for a carrier that hears and speaks by itself: words travel. Nothing here blocks or raises."""

    def send_text(self, text: str, *, last: bool, interruptible: bool) -> None:
        """Have words spoken behind those sent before. `last` ends the turn; a later turn takes the place of
        what is left of it."""

    def send_language(self, locale: str) -> None:
        """Hear and speak another language from now on (BCP-47)."""

    def end(self, after: str) -> None:
        """End the session; the carrier goes on with what follows `<Connect>`. `after` is a word for its logs."""
