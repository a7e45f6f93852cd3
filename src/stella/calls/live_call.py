"""One call while it lives: what its legs, its brain and its record share."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import structlog

from stella.calls.keep import redact
from stella.calls.legs import Legs
from stella.calls.meter import Meter
from stella.domain.acts import UsedTool
from stella.domain.agent import Agent, LanguageSetup
from stella.domain.call import CallRecord, CallStatus, EndedBy, Percentiles, ToolUse
from stella.domain.consent import Consent, Preset
from stella.domain.plan import Plan
from stella.domain.transcript import Turn
from stella.ports.brain import BrainSession
from stella.ports.failure import ProviderError
from stella.ports.speech import Switched
from stella.ports.store import CallStore

_log = structlog.get_logger("stella.call")

COMMIT_DEADLINE_S = 1.0
"""A database that does not answer must not keep a caller waiting; the record is kept in memory and tried again."""

NextKind = Literal["nothing", "goodbye", "transfer", "gather", "resume", "apology"]


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, handed in so that tests need not wait for it."""

    monotonic: Callable[[], float]
    wall: Callable[[], datetime]

    def stamp(self) -> str:
        """Now as records write it: UTC, ISO 8601, milliseconds."""
        return self.wall().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def percentiles(values: list[float]) -> Percentiles:
    """Nearest-rank p50 and p95 of some milliseconds."""
    if not values:
        return Percentiles()
    ordered = sorted(values)
    return Percentiles(
        round(ordered[(len(ordered) - 1) // 2], 1), round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1)
    )


@dataclass(slots=True)
class LiveCall:
    """Everything about a call that outlives one of its streams.

    `after` is what the carrier is to do when the stream has closed; `plan` the answer given last, for a request that
    is asked twice; `last_word` the carrier's final status while a stream is still being put away. `frugal`: there is no
    money left for it, so that only engines are used that cost nothing.
    """

    record: CallRecord
    agent: Agent
    language: LanguageSetup
    brain: BrainSession
    legs: Legs
    clock: Clock
    store: CallStore
    language_certain: bool = True
    meter: Meter = field(default_factory=Meter)
    frugal: bool = False
    path: str = "stream"
    turns: list[Turn] = field(default_factory=list)
    plan: Plan | None = None
    plan_at: float = 0.0
    after: NextKind = "nothing"
    after_detail: str = ""
    resume_why: str = ""
    stream_failures: int = 0
    gather_turn: int = 0
    answered_at: float | None = None
    last_word: CallStatus | None = None
    turning: asyncio.Future[Plan] | None = None
    ended: bool = False
    gaps_ms: list[float] = field(default_factory=list)
    barge_ins_ms: list[float] = field(default_factory=list)
    stt_ms: list[float] = field(default_factory=list)
    brain_ms: list[float] = field(default_factory=list)
    tts_ms: list[float] = field(default_factory=list)
    leg_over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def sid(self) -> str:
        """The call's name."""
        return self.record.call_sid

    def seconds(self) -> float:
        """Seconds since the call was answered."""
        return 0.0 if self.answered_at is None else max(0.0, self.clock.monotonic() - self.answered_at)

    def look(self) -> None:
        """Count what grows by itself: the carrier's minutes, and ears that are charged while they are open."""
        if self.answered_at is not None:
            self.meter.look(self.seconds(), self.path, self.clock.monotonic())

    def answer(self) -> None:
        """The caller is on the line; the disclosure before this moment has been heard."""
        if self.answered_at is None:
            self.answered_at = self.clock.monotonic()
            self.record.answered_at = self.clock.stamp()
        self.record.status = CallStatus.IN_PROGRESS
        if self.record.disclosure is not None and self.record.disclosure.heard_at is None:
            self.record.disclosure.heard_at = self.clock.stamp()

    def speak(self, language: LanguageSetup) -> None:
        """The call goes on in `language`."""
        self.language = language
        self.record.language = language.code
        self.brain.switch(language.code)

    @property
    def last_turn(self) -> int:
        """The number of the newest turn, 0 before the first."""
        return self.turns[-1].turn if self.turns else 0

    def note_turn(self, turn: Turn, base_s: float = 0.0, base_turn: int = 0) -> None:
        """Write a turn down. Its leg began `base_s` seconds after the answer and after turn `base_turn`; numbers grow."""
        turn = Turn(
            max(turn.turn + base_turn, self.last_turn + 1), turn.speaker, turn.text, round(turn.started_s + base_s, 3),
            round(turn.ended_s + base_s, 3), turn.interrupted, turn.heard_text,
        )  # fmt: skip
        self.turns.append(turn)
        self.record.turns.append(turn)
        self.save()

    def note_tool(self, used: UsedTool) -> None:
        """A tool was used just now; what it took is known to whoever used it."""
        use = used.use
        if use.ended_s is None:
            use.ended_s = round(self.seconds(), 3)
            use.started_s = round(max(0.0, use.ended_s - used.took_s), 3)
        self.record.tools.append(use)

    def note_switch(self, switched: Switched) -> None:
        """One engine went on for another."""
        told = {"kind": switched.kind, "from": switched.before, "to": switched.after, "mid_reply": switched.begun}
        self.note_tool(UsedTool(ToolUse("engine_switch", told, switched.code)))

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """What is likely to be said in the language spoken now: key terms for every ear, hints for the carrier's."""
        return self.agent.hints(self.language.code)

    def asked_for(self, preset: str) -> str:
        """The words that stand behind an answer: the question, or the notice that staying on the line agrees to."""
        phrases = self.language.phrases
        return phrases.consent_question if Preset(preset).asks else phrases.disclosure

    def note_consent(self, question: str, answer: str, by: str) -> None:
        """An answer arrived; what the preset forbids without it is decided anew at every save."""
        self.record.consent = Consent(question, answer, by, self.clock.stamp())

    def kept(self) -> CallRecord:
        """The record as it may be stored."""
        record = self.record
        record.latency.response_gap_ms = percentiles(self.gaps_ms)
        record.latency.barge_in_ms = percentiles(self.barge_ins_ms)
        record.latency.stt_ms = percentiles(self.stt_ms)
        record.latency.brain_first_token_ms = percentiles(self.brain_ms)
        record.latency.tts_first_audio_ms = percentiles(self.tts_ms)
        return redact(record, self.agent.preset)

    def save(self) -> None:
        """Store the record soon."""
        self.store.save(self.kept())

    async def commit(self) -> None:
        """Make the record safe now; soon, where the store does not answer in time: it must not silence the call."""
        try:
            async with asyncio.timeout(COMMIT_DEADLINE_S):
                await self.store.commit(self.kept())
        except (ProviderError, TimeoutError) as failure:
            _log.error("commit-failed", call=self.sid, code=getattr(failure, "code", "timeout"))
            self.save()

    async def keep_state(self) -> None:
        """Keep what another process needs to go on, while the call lives and where the preset allows it."""
        if self.ended or not self.agent.preset.keeps_transcript(self.record.consent):
            return
        try:
            async with asyncio.timeout(COMMIT_DEADLINE_S):
                await self.store.keep_state(self.sid, self.state())
        except (ProviderError, TimeoutError) as failure:
            _log.warning("state-not-kept", call=self.sid, code=getattr(failure, "code", "timeout"))

    def state(self) -> bytes:
        """What another process needs to go on with this call."""
        return json.dumps(
            {
                "agent": self.agent.name,
                "language": self.language.code,
                "path": self.path,
                "to": self.record.to,
                "legs": self.legs.current.number if self.legs.current else 0,
                "brain": b64encode(self.brain.state()).decode(),
            }
        ).encode()

    def finish(self, by: EndedBy | None, status: CallStatus = CallStatus.COMPLETED, error: str | None = None) -> None:
        """The call is over, once: later words change nothing but a missing reason."""
        record = self.record
        if self.ended:
            record.error = record.error or error
            return
        self.ended = True
        record.status, record.error = status, error or record.error
        record.ended_by = record.ended_by or by
        record.ended_at = self.clock.stamp()
        record.duration_s = round(self.seconds(), 3)
