"""A socket that the carrier opened, whatever travels on it: framing, caps, deadlines and the way to close.

Law 1: the house is asked at most once, by the first message that says whose socket it is, and nothing before touches it.
Law 2: a session that was handed out hears `gone` exactly once, last.
Law 3: clocks are the patrol's: no socket carries a timer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Protocol

import structlog
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from stella.calls.front import Front
from stella.domain.call import MediaCounts
from stella.domain.errors import Refused
from stella.ports.metrics import Metrics
from stella.web.config import WebConfig
from stella.web.refusals import Refusals

log = structlog.get_logger("stella.web")

SID = re.compile(r"[A-Za-z0-9_-]{2,64}")
TELL_EVERY_S = 2.0
"""Frames are counted for the metrics this often; the rest at the end."""
_TEXT, _CONTINUATION, _BINARY = WSMsgType.TEXT, WSMsgType.CONTINUATION, WSMsgType.BINARY


class Phase(Enum):
    """Where a socket is in its life."""

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

    def started(self, socket: CarrierSocket) -> None:
        """It is no longer pending."""

    def ended(self, socket: CarrierSocket) -> None:
        """It is closed."""


class Line(Protocol):
    """The way out of a socket."""

    open: bool


class Session(Protocol):
    """What every session is told in the end, and counts into."""

    counts: MediaCounts

    def gone(self) -> None:
        """The socket is closed."""


class CarrierSocket(WSListener):
    """A socket from handshake to close. `clock` is the loop's; `address` is who is held to account."""

    kind: str
    """What it is called in logs and metrics."""

    opening: str
    """The message that says whose it is."""

    def __init__(self, keeper: Keeper, address: str, clock: Callable[[], float]) -> None:
        self._keeper, self.address, self._clock = keeper, address, clock
        self._caps, self._deadlines = keeper.config.caps, keeper.config.deadlines
        self._phase = Phase.PENDING
        self._transport: WSTransport | None = None
        self._line: Line | None = None
        self._session: Session | None = None
        self._stream_sid = ""
        self._closing = False
        self._parts: list[bytes] | None = None
        self._parts_size = self._bad = self._control = self._others = 0
        self._unknown: set[str] = set()
        self._seen = self._counted = (0, 0, 0)
        self._active_at = self._start_due = self._told_at = self._asked_at = self._pong_at = clock()
        self._start_due += self._deadlines.start
        self._close_due = math.inf

    def _message(self, data: memoryview | bytes) -> None:
        """A whole text message."""
        raise NotImplementedError

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
            log.exception("stream-failed", kind=self.kind, stream=self._stream_sid)
            self._shut(WSCloseCode.INTERNAL_ERROR, "internal error")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is closed, by whomever."""
        self._phase, self._closing = Phase.GONE, True
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
            self._keeper.refusals.note(Refused("bad-messages", "the peer sends what no Twilio sends"), self.kind)
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
        self._keeper.refusals.note(Refused("flood", f"{reason}; only Twilio may connect here"), self.kind)
        self._shut(WSCloseCode.POLICY_VIOLATION, reason)

    def check(self, now: float) -> None:
        """The patrol came by: `start` in time, life on the line, no flood, and closing that ends."""
        if self._phase is Phase.PENDING and now > self._start_due:
            self._keeper.refusals.note(
                Refused("no-start", f"a socket was opened and never sent `{self.opening}`"), self.kind
            )
            self._shut(WSCloseCode.POLICY_VIOLATION, f"no {self.opening} in time")
        elif self._phase is Phase.CLOSING and now > self._close_due and self._transport is not None:
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
        elif self._phase is Phase.LIVE:
            self._look_for_life(now)

    def _look_for_life(self, now: float) -> None:
        """Nothing came since the last round. A quiet socket is asked whether anybody is there: who answers may be quiet
        for longer (a gap), who does not is half-open and gone."""
        deadlines, transport = self._deadlines, self._transport
        unanswered = self._asked_at > max(self._active_at, self._pong_at)
        gone = (unanswered and now > self._asked_at + deadlines.pong) or now > self._active_at + deadlines.idle
        if gone:
            self._keeper.refusals.note(
                Refused(f"idle-{self.kind}", "nothing came for a long time; the peer is gone"), self.kind
            )
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
        self._phase, self._closing = Phase.CLOSING, True
        self._close_due = self._clock() + self._deadlines.close
        if self._line is not None:
            self._line.open = False

    def _shut(self, code: WSCloseCode, reason: str, *, wait: bool = False) -> None:
        """Say goodbye once. The carrier has time to answer before the patrol cuts the line; who misbehaves has none."""
        if self._transport is None or self._phase is Phase.GONE or self._closing:
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
