"""The outbound half of a media socket: the `Line` of one call, in Twilio's words, with a bound on what may wait."""

from __future__ import annotations

from collections.abc import Callable

from picows import WSMsgType, WSTransport

from stella.domain.call import MediaCounts
from stella.ports.metrics import Metrics
from stella.wire.twilio_stream import Outbound

_TEXT = WSMsgType.TEXT


class StreamLine:
    """Keeps the promises of `ports.line.Line` for one stream, until `open` is False.

    Beyond `most_waiting` bytes that the carrier has not read, sound is dropped and counted.
    """

    def __init__(
        self, transport: WSTransport, stream_sid: str, most_waiting: int, metrics: Metrics, on_close: Callable[[], None]
    ) -> None:
        self._transport, self._most, self._metrics, self._on_close = transport, most_waiting, metrics, on_close
        self._waiting: Callable[[], int] = transport.underlying_transport.get_write_buffer_size
        self._out = Outbound(stream_sid)
        self._counts = MediaCounts()
        self._choked = False
        self.open = True

    def count_into(self, counts: MediaCounts) -> None:
        """From now on count here; what was sent before the session had its counts is added."""
        counts.bytes_sent += self._counts.bytes_sent
        counts.marks_sent += self._counts.marks_sent
        counts.clears += self._counts.clears
        self._counts = counts

    def send_media(self, mulaw: bytes) -> None:
        """See `Line`."""
        if not self.open:
            return
        if self._waiting() > self._most:
            self._choked = True
            self._metrics.dropped("outbound-audio")
            return
        self._transport.send(_TEXT, self._out.media(mulaw))
        self._counts.bytes_sent += len(mulaw)

    def send_mark(self, name: str) -> None:
        """See `Line`. A mark behind dropped sound would prove what nobody heard: it is dropped until the next clear."""
        if not self.open:
            return
        if self._choked:
            self._metrics.dropped("outbound-mark")
            return
        self._transport.send(_TEXT, self._out.mark(name))
        self._counts.marks_sent += 1

    def send_clear(self) -> None:
        """See `Line`."""
        if not self.open:
            return
        self._choked = False
        self._transport.send(_TEXT, self._out.clear())
        self._counts.clears += 1

    def close(self) -> None:
        """See `Line`: 1000, and the carrier goes on."""
        if self.open:
            self._on_close()

    @property
    def backlog(self) -> int:
        """See `Line`."""
        return self._waiting()
