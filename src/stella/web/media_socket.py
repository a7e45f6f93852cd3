"""One media socket: reads Twilio's messages once, keeps them in their order, and feeds the session of its call.

Law 1: `connect` is asked at most once, by the first `start`, and nothing before it touches the house.
Law 2: a session that was handed out hears `stopped` at most once and `gone` exactly once, last.
Law 3: in the good case a frame costs a parse, an order check and `session.media`; clocks are the patrol's.
"""

from __future__ import annotations

from collections.abc import Callable

from picows import WSCloseCode

from stella.calls.front import StreamSession
from stella.domain.errors import MalformedMessage, Refused
from stella.web.carrier_socket import SID, CarrierSocket, Keeper, Phase
from stella.web.media_line import StreamLine
from stella.wire.media_order import MediaOrder
from stella.wire.twilio_stream import Connected, Dtmf, MarkReturned, Media, Start, Stop, Unknown, parse


class MediaSocket(CarrierSocket):
    """A stream from handshake to close."""

    kind, opening = "stream", "start"
    _session: StreamSession | None
    _line: StreamLine | None

    def __init__(self, keeper: Keeper, address: str, clock: Callable[[], float]) -> None:
        super().__init__(keeper, address, clock)
        self._order: MediaOrder | None = None

    def _message(self, data: memoryview | bytes) -> None:
        try:
            message = parse(data)
        except MalformedMessage:
            self._reject()
            return
        if isinstance(message, Media):
            if (
                self._phase is Phase.LIVE
                and message.stream_sid == self._stream_sid
                and message.media.track == "inbound"
            ):
                order, session = self._order, self._session
                assert order is not None and session is not None  # noqa: S101, PT018 - LIVE means both are there
                sound = message.media
                if heard := order.accept(sound.chunk, sound.timestamp, sound.payload):
                    session.media(heard)
            else:
                self._count_rejected()
            return
        self._others += 1
        self._rare(message)

    def _rare(self, message: Start | Stop | MarkReturned | Dtmf | Connected | Unknown) -> None:
        """Everything but sound: a few a second at most."""
        match message:
            case Start():
                self._start(message)
            case Connected():
                pass
            case Unknown(name):
                self._pass_over(name)
            case _ if self._phase is not Phase.LIVE or message.stream_sid != self._stream_sid:
                self._count_rejected()
            case MarkReturned():
                if self._session is not None:
                    self._session.mark(message.name)
            case Dtmf():
                if self._session is not None and message.digit:
                    self._session.dtmf(message.digit[:1])
            case Stop():
                self._stop()

    def _start(self, message: Start) -> None:
        transport = self._transport
        if self._phase is not Phase.PENDING or self._line is not None or transport is None:
            self._count_rejected()
            return
        details, config = message.start, self._keeper.config
        stream_sid = message.stream_sid or details.stream_sid
        try:
            if not all(SID.fullmatch(sid) for sid in (details.call_sid, stream_sid)):
                raise Refused(
                    "malformed-start", "the start message names no call and stream; only Twilio may connect here"
                )
            if details.stream_sid not in {"", stream_sid}:
                raise Refused("malformed-start", "the start message names two streams; only Twilio may connect here")
            if config.account_sid and details.account_sid != config.account_sid:
                raise Refused("foreign-account", "the stream belongs to another account than TWILIO_ACCOUNT_SID")
            form = details.media_format
            if (form.encoding, form.sample_rate, form.channels) not in {("audio/x-mulaw", 8000, 1), ("", 0, 0)}:
                raise Refused("wrong-format", "the stream is not mu-law at 8000 Hz in one channel")
            self._stream_sid = stream_sid
            line = StreamLine(transport, stream_sid, self._caps.backlog_bytes, self._keeper.metrics, self.close)
            self._line = line
            token = details.custom_parameters.get("token", "")
            session = self._keeper.front.connect(details.call_sid, details.account_sid, stream_sid, token, line)
        except Refused as refused:
            self._keeper.refusals.note(refused, "start")
            self._shut(WSCloseCode.POLICY_VIOLATION, refused.cause, wait=True)
            return
        self._session = session
        line.count_into(session.counts)
        self._order = MediaOrder(session.counts, self._clock)
        session.counts.frames_rejected += self._bad
        self._active_at = self._clock()
        if self._phase is Phase.PENDING:
            self._phase = Phase.LIVE
        self._keeper.started(self)

    def _stop(self) -> None:
        session, order = self._session, self._order
        if session is not None and order is not None:
            if rest := order.flush():
                session.media(rest)
            self._phase = Phase.CLOSING
            session.stopped()
        self._shut(WSCloseCode.OK, "")
