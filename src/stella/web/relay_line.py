"""The outbound half of a relay socket: the `WordLine` of one call, in Twilio's words, with a bound on what may wait."""

from __future__ import annotations

from collections.abc import Callable

from picows import WSMsgType, WSTransport

from stella.domain.call import MediaCounts
from stella.ports.metrics import Metrics
from stella.wire.twilio_relay import end_message, language_message, relay_locale, text_message

_TEXT = WSMsgType.TEXT


class RelayLine:
    """Keeps the promises of `ports.line.WordLine` for one session, until `open` is False.

    A carrier that leaves `most_waiting` bytes unread is given up (`on_choked`): a word dropped in the middle would count as
    heard, and nothing that comes behind it would make sense.
    """

    def __init__(
        self, transport: WSTransport, most_waiting: int, metrics: Metrics, on_end: Callable[[], None],
        on_choked: Callable[[], None],
    ) -> None:  # fmt: skip
        self._transport, self._most, self._metrics = transport, most_waiting, metrics
        self._on_end, self._on_choked = on_end, on_choked
        self._waiting: Callable[[], int] = transport.underlying_transport.get_write_buffer_size
        self._counts = MediaCounts()
        self._ended = False
        self.open = True

    def count_into(self, counts: MediaCounts) -> None:
        """From now on count here."""
        counts.bytes_sent += self._counts.bytes_sent
        self._counts = counts

    def send_text(self, text: str, *, last: bool, interruptible: bool) -> None:
        """See `WordLine`."""
        if not self.open or self._ended:
            return
        if self._waiting() > self._most:
            self._metrics.dropped("outbound-text")
            self.open = False
            self._on_choked()
            return
        self._transport.send(_TEXT, text_message(text, last=last, interruptible=interruptible))
        self._counts.bytes_sent += len(text.encode("utf-8", "replace"))

    def send_language(self, locale: str) -> None:
        """See `WordLine`."""
        if self.open and not self._ended:
            self._transport.send(_TEXT, language_message(relay_locale(locale)))

    def end(self, after: str) -> None:
        """See `WordLine`: Twilio closes the socket, and goes on."""
        if self.open and not self._ended:
            self._ended = True
            self._transport.send(_TEXT, end_message({"after": after}))
            self._on_end()
