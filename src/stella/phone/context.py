"""Everything the parts of one ringing call share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal, TypeAlias

import aiohttp

from stella.phone.caller import Caller, PressKeys, PutDown
from stella.phone.clock import CallClock
from stella.phone.exchange import Answer, WebhookClient
from stella.phone.form import Account, CallForm
from stella.phone.hearing import Hearing
from stella.phone.line import Line
from stella.phone.reach import Reach
from stella.phone.report import CallReport, Entry, Exchange, Fault, Note, Observer, StreamRun, VerbRun
from stella.phone.script import Voice
from stella.phone.sound import SAMPLE_RATE, Sound, sound_of

Person = Literal["answers", "busy", "no-answer"]
AfterFailedHandshake = Literal["action", "next", "both"]

SLICE_S = 0.1
"""How finely time passes where no frames do (`<Say>`, `<Pause>`)."""


class CallOver(Exception):
    """The call has ended. `ended_by` is `caller`, `agent` or `error`."""

    def __init__(self, ended_by: str, status: str = "completed", why: str = "") -> None:
        """`status` is Twilio's last word."""
        super().__init__(why or ended_by)
        self.ended_by, self.status = ended_by, status


class Wire:
    """Sees everything before it leaves and may spoil it: for tests of the doors. Does nothing by itself."""

    def request(self, headers: dict[str, str], fields: dict[str, str]) -> None:
        """A signed form post; change it in place."""

    def upgrade(self, url: str, headers: dict[str, str]) -> str:
        """The stream's handshake: change the headers in place, return the URL to dial."""
        return url

    def outgoing(self, kind: str, message: bytes) -> Iterable[bytes | str]:
        """A stream message (`connected`, `start`, `media`, `dtmf`, `mark`, `stop`): what to send instead.

        Bytes go out as a text frame, as all Twilio's do; a `str` beginning with `binary:` as a binary one.
        """
        return (message,)

    def connected(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """The raw socket, once it is open."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How this Twilio behaves where its number, the people and the unproven parts of the protocol leave a choice."""

    person: Person = "answers"
    person_talks_s: float = 3.0
    after_failed_handshake: AfterFailedHandshake = "action"
    after_loss: AfterFailedHandshake = "action"
    http_limit_s: float = 15.0
    handshake_limit_s: float = 5.0
    fallback_url: str = ""
    status_callback: bool = True


Microphone: TypeAlias = Callable[[], bytes]
"""Gives the next 20 ms of a living caller as mu-law, or nothing when there is none yet; must not wait."""


Loudspeaker: TypeAlias = Callable[[bytes], None]
"""Takes mu-law the moment it sounds in the caller's ear; must not wait."""


@dataclass(slots=True)
class Meters:
    """The newest 20 ms in both directions, for whoever draws levels; `queued_s` waits in the playout buffer.

    Whoever sets `hang_up` makes the caller put the phone down; keys added to `press` are pressed and taken out.
    """

    caller: bytes = b""
    agent: bytes = b""
    agent_at_s: float = 0.0
    now_s: float = 0.0
    queued_s: float = 0.0
    hang_up: bool = False
    press: str = ""

    def take_keys(self) -> str:
        """What is to be pressed now."""
        keys, self.press = self.press, ""
        return keys


@dataclass
class Call:
    """One call while it lives."""

    account: Account
    reach: Reach
    habits: Habits
    form: CallForm
    clock: CallClock
    caller: Caller
    line: Line
    session: aiohttp.ClientSession
    report: CallReport
    tasks: asyncio.TaskGroup
    wire: Wire
    voice: Voice | None
    language: str
    observer: Observer | None = None
    meters: Meters = field(default_factory=Meters)
    microphone: Microphone | None = None
    loudspeaker: Loudspeaker | None = None
    voices: dict[tuple[str, str], Sound] = field(default_factory=dict)
    hearing: Hearing = field(init=False)
    web: WebhookClient = field(init=False)

    def __post_init__(self) -> None:
        """Join what observes to what happens."""
        self.hearing = Hearing(self.report, self.tell, self._sounded)
        self.web = WebhookClient(
            self.session,
            self.reach,
            self.account,
            self.clock,
            self._exchanged,
            total_s=self.habits.http_limit_s,
            amend=self.wire.request,
        )

    def tell(self, entry: Entry) -> None:
        """Show an entry to whoever watches."""
        if self.observer is not None:
            self.observer(entry)

    def _sounded(self, at_s: float, mulaw: bytes) -> None:
        self.meters.agent, self.meters.agent_at_s = mulaw, at_s + len(mulaw) / SAMPLE_RATE
        if self.loudspeaker is not None:
            self.loudspeaker(mulaw)

    def _exchanged(self, exchange: Exchange) -> None:
        self.report.exchanges.append(exchange)
        self.tell(exchange)
        if exchange.error_code:
            # A callback that fails is a warning in the debugger: no caller notices.
            callback = exchange.purpose.startswith(("status", "stream status"))
            level: Literal["error", "warning"] = "warning" if callback else "error"
            self.fault(exchange.error_code, f"{exchange.purpose}: {exchange.error}", level)

    def fault(self, code: int, detail: str, level: Literal["error", "warning"] = "error") -> None:
        """Something for Twilio's debugger."""
        fault = Fault(self.clock.now(), code, level, detail)
        self.report.faults.append(fault)
        self.tell(fault)

    def note(self, kind: str, detail: str) -> None:
        """Something worth a line."""
        note = Note(self.clock.now(), kind, detail)
        self.report.notes.append(note)
        self.tell(note)

    def verb(self, name: str, attributes: dict[str, str], text: str = "") -> VerbRun:
        """A verb begins."""
        run = VerbRun(self.clock.now(), name, attributes, text)
        self.report.verbs.append(run)
        self.tell(run)
        return run

    def answer(self) -> None:
        """The call is taken: from here it is in progress and paid for."""
        if self.report.answered_s is None:
            self.report.answered_s = self.clock.now()
            self.form.status = "in-progress"
            self.caller.answered(self.clock.now())

    async def ask(self, purpose: str, url: str, method: str = "POST", **more: str) -> Answer:
        """Ask the server, with the call's fields."""
        return await self.web.ask(purpose, url, self.form.fields(**more), method or "POST")

    async def voiced(self, text: str, language: str) -> Sound:
        """The carrier's voice saying `text`; without a voice, silence of the right length."""
        key = (text, language[:2] or self.language)
        if key not in self.voices:
            if self.voice is None:
                mulaw = b"\xff" * int(SAMPLE_RATE * max(0.3, len(text) / 15))
            else:
                mulaw = await asyncio.to_thread(self.voice, *key)
            self.voices[key] = sound_of(text, mulaw)
        return self.voices[key]

    async def pass_time(self, seconds: float) -> list[str]:
        """Let time pass without frames; the keys that were pressed meanwhile. Raises CallOver on hanging up."""
        end, keys = self.clock.now() + seconds, []
        while True:
            self.meters.now_s = self.clock.now()
            for order in self.caller.due_by_clock(self.clock.now(), self.hearing.replies):
                if isinstance(order, PutDown):
                    raise CallOver("caller", "completed", order.why)
                if isinstance(order, PressKeys):
                    keys.append(order.digits)
            left = end - self.clock.now()
            if left <= 1e-6:
                return keys
            await self.clock.sleep(min(SLICE_S, left))

    def stream_event(self, url: str, method: str, run: StreamRun, name: str, event: str, error: str = "") -> None:
        """Send a stream status callback, without waiting for it."""
        if not url:
            return
        fields = {
            "AccountSid": self.account.account_sid,
            "CallSid": self.form.call_sid,
            "StreamSid": run.stream_sid,
            "StreamName": name or run.stream_sid,
            "StreamEvent": event,
            "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if error:
            fields["StreamError"] = error
        self.tasks.create_task(self.web.ask(f"stream status {event}", url, fields, method or "POST"))


def completed_fields(answered_s: float | None, ended_s: float) -> dict[str, str]:
    """What the call status callback adds: CallDuration in seconds, Duration in minutes begun."""
    seconds = 0 if answered_s is None else max(0, round(ended_s - answered_s))
    return {
        "CallDuration": str(seconds),
        "Duration": str(-(-seconds // 60)),
        "Timestamp": format_datetime(datetime.now(UTC)).replace("-0000", "+0000"),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": "0",
        "SipResponseCode": "200",
    }
