"""A call record as rows, taken at one moment: the record lives on, a snapshot never changes."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from typing import Any, TypeAlias

import msgspec

from stella.domain.call import (
    CallRecord,
    CallStatus,
    EndedBy,
    KeyPressed,
    Latency,
    MediaCounts,
    Percentiles,
    RecordingInfo,
    ToolUse,
)
from stella.domain.consent import Consent, Disclosure
from stella.domain.transcript import Turn

Row: TypeAlias = tuple[Any, ...]

TURN = ("turn", "speaker", "text", "started_s", "ended_s", "interrupted", "heard_text")
KEY = ("digit", "at_s")
TOOL = ("name", "arguments", "result", "started_s", "ended_s", "error")
CONSENT = ("question", "answer", "by", "at")
DISCLOSURE = ("text", "heard_at")

_REFUSED = re.compile("[\0\ud800-\udfff]")
_LATENCY = tuple(one.name for one in fields(Latency))
_MEDIA = tuple(one.name for one in fields(MediaCounts))


class Snapshot(msgspec.Struct, frozen=True):
    """Everything of one call at one save. `revision` grows with every save of the call, also over restarts."""

    call_sid: str
    revision: int
    node: str
    call: dict[str, Any]
    turns: tuple[Row, ...] = ()
    dtmf: tuple[Row, ...] = ()
    tools: tuple[Row, ...] = ()
    consents: tuple[Row, ...] = ()
    """Answers given since the call was last written, oldest first: none is lost when saves are joined."""
    disclosures: tuple[Row, ...] = ()

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return CallStatus(self.call["status"]).terminal


def text(value: str) -> str:
    """Text every database takes: NUL and lone surrogates, which some refuse, become U+FFFD."""
    return _REFUSED.sub("\ufffd", value) if _REFUSED.search(value) else value


def number(value: float) -> float:
    """A float every database takes: what is not finite becomes 0."""
    return float(value) if math.isfinite(value) else 0.0


def _maybe(value: str | None) -> str | None:
    return None if value is None else text(value)


def consent_row(consent: Consent | None) -> Row | None:
    """An answer as it is kept."""
    return (
        None if consent is None else (text(consent.question), text(consent.answer), text(consent.by), text(consent.at))
    )


def disclosure_row(disclosure: Disclosure | None) -> Row | None:
    """A disclosure as it is kept."""
    return None if disclosure is None else (text(disclosure.text), _maybe(disclosure.heard_at))


def _turn_row(turn: Turn) -> Row:
    started, ended = number(turn.started_s), number(turn.ended_s)
    return turn.turn, text(turn.speaker), text(turn.text), started, ended, bool(turn.interrupted), text(turn.heard_text)


def _tool_row(use: ToolUse) -> Row:
    ended = None if use.ended_s is None else number(use.ended_s)
    # Arguments are encoded now: the dictionary belongs to the call and may change before the row is written. ASCII JSON
    # takes whatever a model invents (NUL, lone surrogates, NaN, endless integers) past every database, and back.
    arguments = json.dumps(use.arguments, default=str) if use.arguments else "{}"
    return text(use.name), arguments, text(use.result), number(use.started_s), ended, _maybe(use.error)


def _call_row(record: CallRecord) -> dict[str, Any]:
    consent, disclosure = consent_row(record.consent), disclosure_row(record.disclosure)
    return {
        "stream_sids": [text(sid) for sid in record.stream_sids],
        "account_sid": text(record.account_sid),
        "direction": text(record.direction),
        "from_": text(record.from_),
        "to": text(record.to),
        "status": CallStatus(record.status).value,
        "voice_path": text(record.voice_path),
        "agent": text(record.agent),
        "language": text(record.language),
        "created_at": text(record.created_at),
        "answered_at": _maybe(record.answered_at),
        "ended_at": _maybe(record.ended_at),
        "duration_s": None if record.duration_s is None else number(record.duration_s),
        "ended_by": None if record.ended_by is None else EndedBy(record.ended_by).value,
        "error": _maybe(record.error),
        "disclosure": None if disclosure is None else list(disclosure),
        "consent": None if consent is None else list(consent),
        "latency": {name: _percentiles(getattr(record.latency, name)) for name in _LATENCY},
        "media": {name: getattr(record.media, name) for name in _MEDIA},
        "cost": {text(name): number(value) for name, value in record.cost.items()},
        "recording": {"available": record.recording.available, "duration_s": number(record.recording.duration_s)},
    }


def _percentiles(one: Percentiles) -> dict[str, float | None]:
    return {"p50": None if one.p50 is None else number(one.p50), "p95": None if one.p95 is None else number(one.p95)}


def _turn_rows(turns: list[Turn], had: tuple[Row, ...]) -> tuple[Row, ...]:
    """Rows for all turns. Those that did not change since the last snapshot are the same objects as then."""
    kept = min(len(turns), len(had))
    rows = [had[at] if _same(turns[at], had[at]) else _turn_row(turns[at]) for at in range(kept)]
    return (*rows, *map(_turn_row, turns[kept:]))


def _same(turn: Turn, row: Row) -> bool:
    return bool(
        turn.text == row[2]
        and turn.heard_text == row[6]
        and turn.ended_s == row[4]
        and turn.interrupted == row[5]
        and turn.started_s == row[3]
        and turn.turn == row[0]
        and turn.speaker == row[1]
    )


def take(
    record: CallRecord,
    revision: int,
    node: str,
    evidence: tuple[tuple[Row, ...], tuple[Row, ...]] = ((), ()),
    had: tuple[Row, ...] = (),
) -> Snapshot:
    """The record as it is now; some ten microseconds. `evidence` are answers and disclosures new in it; `had` are the
    turns of the last snapshot."""
    return Snapshot(
        text(record.call_sid),
        revision,
        node,
        _call_row(record),
        _turn_rows(record.turns, had),
        tuple((text(key.digit), number(key.at_s)) for key in record.dtmf),
        tuple(map(_tool_row, record.tools)),
        *evidence,
    )


def restore(snapshot: Snapshot) -> CallRecord:
    """The record that was saved."""
    record = record_from(snapshot.call_sid, snapshot.call)
    record.turns = [Turn(*row) for row in snapshot.turns]
    record.dtmf = [KeyPressed(*row) for row in snapshot.dtmf]
    record.tools = [tool_from(row) for row in snapshot.tools]
    return record


def tool_from(row: Row) -> ToolUse:
    """A use of a tool, its arguments decoded."""
    name, arguments, *rest = row
    return ToolUse(name, json.loads(arguments), *rest)


def record_from(call_sid: str, row: dict[str, Any]) -> CallRecord:
    """The record of a row of `calls`, without turns, keys and tools."""
    plain = {name: row[name] for name in _PLAIN}
    return CallRecord(
        call_sid=call_sid,
        status=CallStatus(row["status"]),
        ended_by=EndedBy(row["ended_by"]) if row["ended_by"] else None,
        disclosure=Disclosure(*row["disclosure"]) if row["disclosure"] is not None else None,
        consent=Consent(*row["consent"]) if row["consent"] is not None else None,
        latency=Latency(**{name: Percentiles(**row["latency"].get(name, {})) for name in _LATENCY}),
        media=MediaCounts(**{name: row["media"].get(name, 0) for name in _MEDIA}),
        recording=RecordingInfo(**row["recording"]),
        cost=dict(row["cost"]),
        stream_sids=list(row["stream_sids"]),
        **plain,
    )


_PLAIN = (
    "account_sid",
    "direction",
    "from_",
    "to",
    "voice_path",
    "agent",
    "language",
    "created_at",
    "answered_at",
    "ended_at",
    "duration_s",
    "error",
)
