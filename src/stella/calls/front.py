"""What the doors may ask of the house. `Switchboard` keeps these promises; tests of the doors bring a scripted one."""

from __future__ import annotations

from typing import Protocol

from stella.domain.call import MediaCounts
from stella.domain.plan import Plan
from stella.domain.request import CallRequest, StreamNotice
from stella.ports.line import Line, WordLine


class StreamSession(Protocol):
    """One verified stream. The door feeds it and counts into `counts`; nothing here blocks or raises."""

    counts: MediaCounts

    def media(self, mulaw: bytes) -> None:
        """Inbound sound, in order, gaps already filled with silence."""

    def mark(self, name: str) -> None:
        """A mark came back."""

    def dtmf(self, digit: str) -> None:
        """A key was pressed."""

    def stopped(self) -> None:
        """The carrier said `stop`: the stream ends because the call does, or because the carrier goes on elsewhere."""

    def gone(self) -> None:
        """The socket is closed, with or without `stop`. Called exactly once, last."""


class RelaySession(Protocol):
    """One verified session in which the carrier hears and speaks. Nothing here blocks or raises."""

    counts: MediaCounts

    def prompt(self, text: str, *, last: bool) -> None:
        """What the caller says: all of the utterance so far, `last` when it is over."""

    def interrupted(self, heard: str) -> None:
        """The caller stopped the voice; `heard` is what it had said of its turn."""

    def dtmf(self, digit: str) -> None:
        """A key was pressed."""

    def speaking(self, *, agent: bool, on: bool) -> None:
        """The agent's voice, or the caller's, began or ended."""

    def played(self, text: str) -> None:
        """These words have been spoken."""

    def complained(self) -> None:
        """The carrier could not use a message of ours."""

    def gone(self) -> None:
        """The socket is closed. Called exactly once, last."""


class Front(Protocol):
    """Everything HTTP and WebSocket doors may ask. Requests have been authenticated before they come here.

    `incoming`, `after` and `gather` never raise: every fault inside ends in a plan with words in it.
    """

    async def incoming(self, request: CallRequest) -> Plan:
        """A call comes in. The same call asked twice before leg 1 began gets the identical plan."""

    async def after(self, request: CallRequest) -> Plan:
        """What follows a stream, a dialled person, or a refused handshake."""

    async def gather(self, request: CallRequest) -> Plan:
        """A turn of the `gather` path."""

    def fallback(self, request: CallRequest) -> Plan:
        """The voice fallback: synchronous, touches no provider and no database."""

    async def status(self, request: CallRequest) -> None:
        """A call status callback, in any order, any number of times, for calls known or unknown."""

    async def stream_status(self, notice: StreamNotice) -> None:
        """A stream status callback."""

    def connect(self, call_sid: str, account_sid: str, stream_sid: str, token: str, line: Line) -> StreamSession:
        """A `start` arrived. Checks and spends the token; raises Refused (`no-token`, `unknown-token`, `spent-token`,
        `expired-token`, `other-call`, `stale-leg`) and then has touched nothing."""

    def connect_relay(
        self, call_sid: str, account_sid: str, session_sid: str, token: str, line: WordLine
    ) -> RelaySession:
        """A `setup` arrived: `connect` for a carrier that hears and speaks by itself, with the same refusals."""

    @property
    def accepting(self) -> bool:
        """Whether a new call would be taken now (not draining, not full, store alive)."""

    @property
    def live_calls(self) -> int:
        """How many calls have a stream or are on the gather path now."""
