"""One ConversationRelay socket: reads what Twilio heard, and feeds the session of its call.

Its laws are those of every `CarrierSocket`; `setup` stands where a media stream has `start`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import structlog
from picows import WSCloseCode

from stella.calls.front import RelaySession
from stella.domain.errors import MalformedMessage, Refused
from stella.web.carrier_socket import SID, CarrierSocket, Keeper, Phase
from stella.web.relay_line import RelayLine
from stella.wire.twilio_relay import (
    Complaint,
    Inbound,
    Interrupted,
    Key,
    Played,
    Prompt,
    Setup,
    Speaking,
    Unknown,
    parse,
)

log = structlog.get_logger("stella.web")

ASK_S, IDLE_S = 20.0, 120.0
"""Nothing travels while nobody speaks: a socket is asked for a pong after the one, and given up without any after the other."""


class RelaySocket(CarrierSocket):
    """A session from handshake to close."""

    kind, opening = "relay", "setup"
    _session: RelaySession | None
    _line: RelayLine | None

    def __init__(self, keeper: Keeper, address: str, clock: Callable[[], float]) -> None:
        super().__init__(keeper, address, clock)
        self._end_due = math.inf

    def _message(self, data: memoryview | bytes) -> None:
        try:
            message = parse(data)
        except MalformedMessage:
            self._reject()
            return
        match message:
            case Setup():
                self._setup(message)
            case Unknown(name):
                self._others += 1
                self._pass_over(name)
            case _ if self._phase is not Phase.LIVE or self._session is None:
                self._count_rejected()
            case _:
                self._session.counts.frames_received += 1
                self._tell(self._session, message)

    def _tell(self, session: RelaySession, message: Inbound) -> None:
        match message:
            case Prompt(text, _, last):
                session.prompt(text, last=last)
            case Interrupted(heard):
                session.interrupted(heard)
            case Key(digit):
                if digit:
                    session.dtmf(digit[:1])
            case Speaking(agent, on):
                session.speaking(agent=agent, on=on)
            case Played(text):
                session.played(text)
            case Complaint():
                # Its words may repeat what was said to the caller: they are for Twilio's debugger.
                log.warning("relay-error", session=self._stream_sid)
                session.complained()
            case _:
                pass

    def _setup(self, message: Setup) -> None:
        transport, config = self._transport, self._keeper.config
        if self._phase is not Phase.PENDING or self._line is not None or transport is None:
            self._count_rejected()
            return
        try:
            if not all(SID.fullmatch(sid) for sid in (message.call_sid, message.session_id)):
                raise Refused("malformed-setup", "the setup names no call and session; only Twilio may connect here")
            if config.account_sid and message.account_sid != config.account_sid:
                raise Refused("foreign-account", "the session belongs to another account than TWILIO_ACCOUNT_SID")
            self._stream_sid = message.session_id
            line = RelayLine(
                transport, self._caps.backlog_bytes, self._keeper.metrics, self._ending, self._choked
            )  # fmt: skip
            self._line = line
            token = message.custom_parameters.get("token", "")
            session = self._keeper.front.connect_relay(
                message.call_sid, message.account_sid, message.session_id, token, line
            )
        except Refused as refused:
            self._keeper.refusals.note(refused, "setup")
            self._shut(WSCloseCode.POLICY_VIOLATION, refused.cause, wait=True)
            return
        self._session = session
        line.count_into(session.counts)
        session.counts.frames_rejected += self._bad
        self._active_at = self._clock()
        if self._phase is Phase.PENDING:
            self._phase = Phase.LIVE
        self._keeper.started(self)

    def _ending(self) -> None:
        """`end` was sent: Twilio closes. If it does not, we do."""
        self._end_due = self._clock() + self._deadlines.close

    def _choked(self) -> None:
        """Nothing is read at the other end: cut at once, so that the call goes on by way of another session."""
        self._keeper.refusals.note(
            Refused("relay-choked", "the carrier reads nothing; another session goes on"), "relay"
        )
        self.cut()

    def check(self, now: float) -> None:
        """See `CarrierSocket`."""
        if now > self._end_due:
            self._end_due = math.inf
            self.close()
        super().check(now)

    def _look_for_life(self, now: float) -> None:
        """A pong is as good as a word: between two turns there are none."""
        alive = max(self._active_at, self._pong_at)
        if now > alive + IDLE_S:
            self._keeper.refusals.note(Refused("idle-relay", "nothing came for a long time; the peer is gone"), "relay")
            self._shut(WSCloseCode.OK, "")
        elif now > max(alive, self._asked_at) + ASK_S and self._transport is not None:
            self._asked_at = now
            self._transport.send_ping(b"there?")
