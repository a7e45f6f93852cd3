"""One media socket: reads Twilio's messages once, keeps them in their order, and feeds the session of its call.

Law 1: `connect` is asked at most once, by the first `start`, and nothing before it touches the house.
Law 2: a session that was handed out hears `stopped` at most once and `gone` exactly once, last.
Law 3: in the good case a frame costs a parse, an order check and `session.media`; clocks are the patrol's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Protocol

import structlog
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from stella.calls.front import Front, StreamSession
from stella.domain.errors import MalformedMessage, Refused
from stella.ports.metrics import Metrics
from stella.web.config import WebConfig
from stella.web.media_line import StreamLine
from stella.web.refusals import Refusals
from stella.wire.media_order import MediaOrder
from stella.wire.twilio_stream import Connected, Dtmf, MarkReturned, Media, Start, Stop, Unknown, parse

log = structlog.get_logger("stella.web")

_SID = re.compile(r"[A-Za-z0-9_-]{2,64}")
TELL_EVERY_S = 2.0
"""Frames are counted for the metrics this often; the rest at the end."""
_TEXT, _CONTINUATION, _BINARY = WSMsgType.TEXT, WSMsgType.CONTINUATION, WSMsgType.BINARY


class _Phase(Enum):
    PENDING = auto()
    LIVE = auto()
    CLOSING = auto()
    GONE = auto()


class Keeper(Protocol):
    """Who keeps the sockets: told when one has started and when one has gone."""

    front: Front
    config: WebConfig
    metrics: Metrics
    refusals: Refusals

    def started(self, socket: MediaSocket) -> None:
        """It is no longer pending."""

    def ended(self, socket: MediaSocket) -> None:
        """It is closed."""


class MediaSocket(WSListener):
    """A stream from handshake to close. `clock` is the loop's; `address` is who is held to account."""

    def __init__(self, keeper: Keeper, address: str, clock: Callable[[], float]) -> None:
        self._keeper, self.address, self._clock = keeper, address, clock
        self._caps, self._deadlines = keeper.config.caps, keeper.config.deadlines
        self._phase = _Phase.PENDING
        self._transport: WSTransport | None = None
        self._session: StreamSession | None = None
        self._order: MediaOrder | None = None
        self._line: StreamLine | None = None
        self._stream_sid = ""
        self._closing = False
        self._parts: list[bytes] | None = None
        self._parts_size = self._bad = self._control = self._others = 0
        self._unknown: set[str] = set()
        self._seen = self._counted = (0, 0, 0)
        self._active_at = self._start_due = self._told_at = self._asked_at = self._pong_at = clock()
        self._start_due += self._deadlines.start
        self._close_due = math.inf

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done; `start` has its deadline."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """One frame. Whatever is wrong with it ends here."""
        try:
            if self._closing:
                self._after_close(frame)
            elif frame.msg_type == _TEXT and frame.fin and self._parts is None:
                self._message(frame.get_payload_as_memoryview())
            else:
                self._unusual(frame)
        except Exception:
            log.exception("stream-failed", stream=self._stream_sid)
            self._shut(WSCloseCode.INTERNAL_ERROR, "internal error")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is closed, by whomever."""
        self._phase, self._closing = _Phase.GONE, True
        if self._line is not None:
            self._line.open = False
        self._tell_frames()
        self._keeper.ended(self)
        session, self._session = self._session, None
        if session is not None:
            session.gone()

    def pause_writing(self) -> None:
        """The carrier reads slowly; `send_media` looks at the backlog itself."""

    def resume_writing(self) -> None:
        """It caught up."""

    def _message(self, data: memoryview | bytes) -> None:
        try:
            message = parse(data)
        except MalformedMessage:
            self._reject()
            return
        if isinstance(message, Media):
            if (
                self._phase is _Phase.LIVE
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
            case _ if self._phase is not _Phase.LIVE or message.stream_sid != self._stream_sid:
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
        if self._phase is not _Phase.PENDING or self._line is not None or transport is None:
            self._count_rejected()
            return
        details, config = message.start, self._keeper.config
        stream_sid = message.stream_sid or details.stream_sid
        try:
            if not all(_SID.fullmatch(sid) for sid in (details.call_sid, stream_sid)):
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
        if self._phase is _Phase.PENDING:
            self._phase = _Phase.LIVE
        self._keeper.started(self)

    def _stop(self) -> None:
        session, order = self._session, self._order
        if session is not None and order is not None:
            if rest := order.flush():
                session.media(rest)
            self._phase = _Phase.CLOSING
            session.stopped()
        self._shut(WSCloseCode.OK, "")

    def _after_close(self, frame: WSFrame) -> None:
        """What was still on its way: nobody listens any more."""
        if frame.msg_type == WSMsgType.CLOSE:
            self._close_received()
        else:
            self._count_rejected()

    def _unusual(self, frame: WSFrame) -> None:
        """Control frames, binary ones, pieces of messages: legal, never sent by Twilio, so kept on a short lead."""
        kind: Any = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self._close_received()
        elif kind in {WSMsgType.PING, WSMsgType.PONG}:
            self._control += 1
            if self._control > self._caps.control_frames:
                self._refuse_flood("too many control frames")
            elif kind == WSMsgType.PONG:
                self._pong_at = self._clock()
            elif self._transport is not None:
                self._transport.send_pong(frame.get_payload_as_bytes())
        elif kind == _BINARY:
            # Not `_reject`: a binary frame is passed over, as Twilio does (31950), but a flood of them is not.
            self._reject()
        else:
            self._piece(frame)

    def _piece(self, frame: WSFrame) -> None:
        if (frame.msg_type == _CONTINUATION) is (self._parts is None):
            self._shut(WSCloseCode.PROTOCOL_ERROR, "a continuation of nothing")
            return
        if self._parts is None:
            self._parts, self._parts_size = [], 0
        self._parts.append(frame.get_payload_as_bytes())
        self._parts_size += frame.payload_size
        if self._parts_size > self._caps.frame_bytes or len(self._parts) > self._caps.fragments:
            self._parts = None
            self._shut(WSCloseCode.MESSAGE_TOO_BIG, "message too big")
        elif frame.fin:
            whole, self._parts = b"".join(self._parts), None
            self._message(whole)

    def _reject(self) -> None:
        """A message that cannot be read. A few are tolerated; a hundred are no accident."""
        self._bad += 1
        self._count_rejected()
        if self._bad > self._caps.bad_messages:
            self._keeper.refusals.note(Refused("bad-messages", "the peer sends what no Twilio sends"), "stream")
            self._shut(WSCloseCode.POLICY_VIOLATION, "too many unreadable messages")

    def _count_rejected(self) -> None:
        if self._session is not None:
            self._session.counts.frames_rejected += 1
        else:
            self._others += 1

    def _pass_over(self, name: str) -> None:
        if name not in self._unknown and len(self._unknown) < 16:
            self._unknown.add(name)
            self._keeper.metrics.dropped("unknown-event")

    def _refuse_flood(self, reason: str) -> None:
        self._keeper.refusals.note(Refused("flood", f"{reason}; only Twilio may connect here"), "stream")
        self._shut(WSCloseCode.POLICY_VIOLATION, reason)

    def check(self, now: float) -> None:
        """The patrol came by: `start` in time, life on the line, no flood, and closing that ends."""
        if self._phase is _Phase.PENDING and now > self._start_due:
            self._keeper.refusals.note(Refused("no-start", "a socket was opened and never sent `start`"), "stream")
            self._shut(WSCloseCode.POLICY_VIOLATION, "no start in time")
        elif self._phase is _Phase.CLOSING and now > self._close_due and self._transport is not None:
            self._transport.disconnect(graceful=False)
        counts = self._session.counts if self._session is not None else None
        seen = (counts.frames_received, counts.frames_rejected, self._others) if counts else (0, 0, self._others)
        messages = sum(seen) - sum(self._seen)
        self._control, self._seen = 0, seen
        if messages > self._caps.messages and not self._closing:
            self._refuse_flood("too many messages")
        elif messages:
            self._active_at = now
            if now > self._told_at + TELL_EVERY_S:
                self._told_at = now
                self._tell_frames()
        elif self._phase is _Phase.LIVE:
            self._look_for_life(now)

    def _look_for_life(self, now: float) -> None:
        """Nothing came since the last round. The carrier sends sound in silence too, so a quiet socket is asked whether
        anybody is there: who answers may be quiet for longer (a gap), who does not is half-open and gone."""
        deadlines, transport = self._deadlines, self._transport
        unanswered = self._asked_at > max(self._active_at, self._pong_at)
        gone = (unanswered and now > self._asked_at + deadlines.pong) or now > self._active_at + deadlines.idle
        if gone:
            self._keeper.refusals.note(Refused("idle-stream", "no sound for a long time; the peer is gone"), "stream")
            self._shut(WSCloseCode.OK, "")
        elif not unanswered and now > max(self._active_at, self._pong_at) + deadlines.ask and transport is not None:
            self._asked_at = now
            transport.send_ping(b"there?")

    def _tell_frames(self) -> None:
        if self._session is not None:
            counts = self._session.counts
            now = (counts.frames_received, counts.frames_rejected, counts.frames_missing)
            self._keeper.metrics.frames(*(new - old for new, old in zip(now, self._counted, strict=True)))
            self._counted = now

    def _close_received(self) -> None:
        if self._transport is not None:
            self._end()
            if not self._transport.is_close_frame_sent:
                self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    def _end(self) -> None:
        """Nothing is listened to or sent any more; closing has its deadline."""
        self._phase, self._closing = _Phase.CLOSING, True
        self._close_due = self._clock() + self._deadlines.close
        if self._line is not None:
            self._line.open = False

    def _shut(self, code: WSCloseCode, reason: str, *, wait: bool = False) -> None:
        """Say goodbye once. The carrier has time to answer before the patrol cuts the line; who misbehaves has none."""
        if self._transport is None or self._phase is _Phase.GONE or self._closing:
            return
        self._end()
        self._transport.send_close(code, reason)
        if code != WSCloseCode.OK and not wait:
            self._transport.disconnect()

    def close(self) -> None:
        """Normally (1000): the carrier goes on with what follows `<Connect>`."""
        self._shut(WSCloseCode.OK, "")

    def broken(self) -> None:
        """The peer broke the framing; picows has sent the close frame. Nothing more is read or written."""
        self._end()
        if self._transport is not None and not self._transport.underlying_transport.is_closing():
            self._transport.underlying_transport.pause_reading()

    def cut(self) -> None:
        """Without waiting for an answer."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)
