"""What happened in a call, with times. All times are call seconds since the phone began to ring unless named `_ms`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import ceil
from typing import Any, Literal, TypeAlias

from stella.phone.playout import How
from stella.phone.recording import Recording


@dataclass(frozen=True, slots=True)
class Exchange:
    """An HTTP request of the carrier's. `error_code` is Twilio's, 0 where all was well; `took_s` is real time."""

    at_s: float
    purpose: str
    method: str
    url: str
    status: int
    took_s: float
    attempts: int = 1
    error_code: int = 0
    error: str = ""
    body: str = ""


@dataclass(slots=True)
class VerbRun:
    """A TwiML verb that was carried out, with its words and attributes."""

    at_s: float
    name: str
    attributes: dict[str, str]
    text: str = ""
    ended_s: float = 0.0


@dataclass(slots=True)
class Spurt:
    """What the caller heard without a break: `mulaw` as played from `start_s` to `end_s`.

    `source` is `stream`, `say`, `play` or `person`; `first_sound_s` is when it was first audible.
    """

    source: str
    start_s: float
    end_s: float
    mulaw: bytes = b""
    text: str = ""
    first_sound_s: float | None = None
    cleared: bool = False


@dataclass(slots=True)
class Utterance:
    """What the caller said: true onset and end by the energy of the voice, not by its padding.

    `response_gap_s` is below zero where the agent began before the end.
    """

    text: str
    start_s: float
    end_s: float
    interrupts: bool = False
    response_gap_s: float | None = None
    barge_in_ms: float | None = None


@dataclass(frozen=True, slots=True)
class MarkTrace:
    """A mark: when the server sent it, when it was echoed and why."""

    name: str
    sent_s: float
    echoed_s: float
    how: How


@dataclass(frozen=True, slots=True)
class ClearTrace:
    """A `clear`: how much unheard sound it dropped, and the time since the caller began to talk over the agent."""

    at_s: float
    dropped_s: float
    since_onset_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What Twilio would write into its debugger: a code of its own, error or warning."""

    at_s: float
    code: int
    level: Literal["error", "warning"]
    detail: str


@dataclass(slots=True)
class StreamRun:
    """A media stream's socket. `closed_by` is `server`, `caller` or `loss`; `close_code` what the server sent, if any."""

    url: str
    stream_sid: str
    opened_s: float
    closed_s: float = 0.0
    handshake_ms: float = 0.0
    refused: int = 0
    close_code: int | None = None
    closed_by: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    frames_sent: int = 0
    frames_late: int = 0
    frames_lost: int = 0
    messages_received: int = 0
    bytes_received: int = 0
    first_media_s: float | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Anything else worth a line: keys pressed, a person dialled, patience lost."""

    at_s: float
    kind: str
    detail: str


Entry: TypeAlias = Exchange | VerbRun | Spurt | Utterance | MarkTrace | ClearTrace | Fault | StreamRun | Note
Observer: TypeAlias = Callable[[Entry], None]


def quantile(values: list[float], share: float) -> float | None:
    """The value below which `share` of them lie (nearest rank), None for none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


@dataclass(slots=True)
class CallReport:
    """The call, whole. `status` is Twilio's last word (`completed`, `busy`, `failed` …), `ended_by` who ended it."""

    call_sid: str
    from_: str
    to: str
    status: str = "ringing"
    ended_by: str = ""
    answered_s: float | None = None
    ended_s: float = 0.0
    exchanges: list[Exchange] = field(default_factory=list)
    verbs: list[VerbRun] = field(default_factory=list)
    heard: list[Spurt] = field(default_factory=list)
    said: list[Utterance] = field(default_factory=list)
    marks: list[MarkTrace] = field(default_factory=list)
    clears: list[ClearTrace] = field(default_factory=list)
    streams: list[StreamRun] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    recording: Recording = field(default_factory=Recording)

    def errors(self) -> list[Fault]:
        """The faults that are errors. 31921, logged for every intended close too, is one only if the server closed in anger."""
        return [fault for fault in self.faults if fault.level == "error"]

    @property
    def ok(self) -> bool:
        """The call was answered, completed, and Twilio would have logged no error."""
        return self.status == "completed" and not self.errors()

    @property
    def response_gaps_s(self) -> list[float]:
        """End of the caller's speech to the first sound in their ear, for every turn that was heard out and answered."""
        gaps = [said.response_gap_s for said in self.said if said.response_gap_s is not None]
        return [gap for gap in gaps if gap >= 0]

    @property
    def cut_ins(self) -> int:
        """How often the agent began before the caller had finished: below zero, and so no response gap."""
        return sum(said.response_gap_s is not None and said.response_gap_s < 0 for said in self.said)

    @property
    def barge_ins_ms(self) -> list[float]:
        """Onset of the caller's voice to `clear` on the wire, for every interruption that was noticed."""
        return [said.barge_in_ms for said in self.said if said.barge_in_ms is not None]

    @property
    def heard_text(self) -> str:
        """The words of what was heard, where they are known (`<Say>`, or recognised afterwards)."""
        return " ".join(spurt.text for spurt in self.heard if spurt.text)

    def as_json(self) -> dict[str, Any]:
        """All but the sound, ready for `json.dumps`."""
        rows = {
            name: [asdict(row) for row in getattr(self, name)]
            for name in ("exchanges", "verbs", "heard", "said", "marks", "clears", "streams", "faults", "notes")
        }
        for spurt in rows["heard"]:
            spurt["mulaw_bytes"] = len(spurt.pop("mulaw"))
        gaps = [round(gap * 1000, 1) for gap in self.response_gaps_s]
        return {
            "call_sid": self.call_sid,
            "from": self.from_,
            "to": self.to,
            "ok": self.ok,
            "status": self.status,
            "ended_by": self.ended_by,
            "answered_s": self.answered_s,
            "ended_s": self.ended_s,
            "response_gap_ms": {"p50": quantile(gaps, 0.5), "p95": quantile(gaps, 0.95), "all": gaps},
            "cut_ins": self.cut_ins,
            "barge_in_ms": {"all": self.barge_ins_ms},
            **rows,
        }
