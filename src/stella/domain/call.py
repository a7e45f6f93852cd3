"""The call as it is remembered: field names are the public contract of the operator API."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from stella.domain.consent import Consent, Disclosure
from stella.domain.transcript import Turn


class CallStatus(StrEnum):
    """Twilio's words for where a call is."""

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def terminal(self) -> bool:
        """Whether a call never leaves this status again."""
        return self not in (CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS)


class EndedBy(StrEnum):
    """Who or what ended the call."""

    CALLER = "caller"
    AGENT = "agent"
    TRANSFER = "transfer"
    LIMIT = "limit"
    SILENCE = "silence"
    ERROR = "error"
    CARRIER = "carrier"
    SHUTDOWN = "shutdown"


@dataclass(slots=True)
class KeyPressed:
    """A key of the caller's telephone, `at_s` seconds after the call was answered. A masked digit is `*`-free: `x`."""

    digit: str
    at_s: float


@dataclass(slots=True)
class ToolUse:
    """One use of a tool, seconds after the call was answered."""

    name: str
    arguments: dict[str, Any]
    result: str = ""
    started_s: float = 0.0
    ended_s: float | None = None
    error: str | None = None


@dataclass(slots=True)
class Percentiles:
    """Of a latency in milliseconds; None while there is nothing to count."""

    p50: float | None = None
    p95: float | None = None


@dataclass(slots=True)
class Latency:
    """How long things took, milliseconds."""

    response_gap_ms: Percentiles = field(default_factory=Percentiles)
    barge_in_ms: Percentiles = field(default_factory=Percentiles)
    stt_ms: Percentiles = field(default_factory=Percentiles)
    brain_first_token_ms: Percentiles = field(default_factory=Percentiles)
    tts_first_audio_ms: Percentiles = field(default_factory=Percentiles)


@dataclass(slots=True)
class MediaCounts:
    """What travelled on the media streams of a call. Nothing is dropped without being counted here."""

    frames_received: int = 0
    frames_rejected: int = 0
    frames_missing: int = 0
    bytes_sent: int = 0
    marks_sent: int = 0
    marks_heard: int = 0
    clears: int = 0


@dataclass(slots=True)
class RecordingInfo:
    """Whether a recording can be fetched."""

    available: bool = False
    duration_s: float = 0.0


@dataclass(slots=True)
class CallRecord:
    """What remains of a call. Times are UTC in ISO 8601 with milliseconds; `*_s` are seconds from `answered_at`."""

    call_sid: str
    stream_sids: list[str] = field(default_factory=list)
    account_sid: str = ""
    direction: str = "inbound"
    from_: str = ""
    to: str = ""
    status: CallStatus = CallStatus.RINGING
    voice_path: str = "stream"
    agent: str = ""
    language: str = ""
    created_at: str = ""
    answered_at: str | None = None
    ended_at: str | None = None
    duration_s: float | None = None
    ended_by: EndedBy | None = None
    error: str | None = None
    disclosure: Disclosure | None = None
    consent: Consent | None = None
    turns: list[Turn] = field(default_factory=list)
    dtmf: list[KeyPressed] = field(default_factory=list)
    tools: list[ToolUse] = field(default_factory=list)
    latency: Latency = field(default_factory=Latency)
    media: MediaCounts = field(default_factory=MediaCounts)
    cost: dict[str, float] = field(default_factory=dict)
    recording: RecordingInfo = field(default_factory=RecordingInfo)

    def public(self) -> dict[str, Any]:
        """The record as the operator API shows it: `from_` becomes `from`, enums become words."""
        shown = asdict(self)
        shown["from"] = shown.pop("from_")
        return shown
