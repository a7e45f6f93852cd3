"""A call for a person's eyes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stella.domain.call import CallRecord, Percentiles
from stella.domain.transcript import Turn

BEGINNING = 10
"""So much of a CallSid tells one of a million calls from the others, and can be typed."""


def plain(cell: str) -> str:
    """Text from outside, without what a terminal or its mark-up would obey."""
    return "".join(sign if sign.isprintable() else "·" for sign in cell).replace("[", r"\[")


def as_text(data: Any, indent: int | None = None) -> str:
    """JSON in readable letters; half of a surrogate pair, which no terminal takes, becomes a question mark."""
    return json.dumps(data, ensure_ascii=False, indent=indent).encode("utf-8", "replace").decode()


def when(stamp: str | None) -> str:
    """`2026-11-23T10:00:00.000Z` as `2026-11-23 10:00:00`."""
    return (stamp or "").replace("T", " ")[:19]


def clock(seconds: float) -> str:
    """Seconds from the answer as minutes:seconds."""
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def newest(records: Sequence[CallRecord], *, narrow: bool) -> Table:
    """The list. A name that is cut off with dots cannot be copied: `narrow` has its beginning, which `show` takes."""
    table = Table(box=None, pad_edge=False)
    for title in ("call", "began (UTC)", "from", *([] if narrow else ["agent"]), "status", "talk s", "ended by"):
        table.add_column(title, no_wrap=title != "agent")
    for one in records:
        length = "" if one.duration_s is None else f"{one.duration_s:.0f}"
        name, began = (
            (one.call_sid[:BEGINNING], when(one.created_at)[:16]) if narrow else (one.call_sid, when(one.created_at))
        )
        row = [name, began, one.from_, *([] if narrow else [one.agent]), one.status.value, length]
        table.add_row(*(plain(cell) for cell in (*row, one.ended_by.value if one.ended_by else "")))
    return table


def show(record: CallRecord, console: Console) -> None:
    """Header, disclosure and consent, what was said, and how it went."""
    _header(record, console)
    _turns(record, console)
    _rest(record, console)


def _header(record: CallRecord, console: Console) -> None:
    rows = Table.grid(padding=(0, 2))
    ended = f" by {record.ended_by.value}" if record.ended_by else ""
    length = "" if record.duration_s is None else f", {record.duration_s:.1f} s"
    rows.add_row("call", plain(record.call_sid))
    rows.add_row("from, to", plain(f"{record.from_} → {record.to} ({record.direction})"))
    rows.add_row("agent", plain(f"{record.agent} · {record.language} · {record.voice_path}"))
    rows.add_row(
        "began", f"{plain(when(record.created_at))}, answered {plain(when(record.answered_at)) or 'never'} UTC"
    )
    rows.add_row(
        "status", f"{record.status.value}{ended}{length}" + (f" · {plain(record.error)}" if record.error else "")
    )
    if record.disclosure:
        heard = (
            f"heard {plain(when(record.disclosure.heard_at))}"
            if record.disclosure.heard_at
            else "not proven to be heard"
        )
        rows.add_row("disclosure", f"{heard}: {plain(record.disclosure.text)}")
    if record.consent:
        said = record.consent
        rows.add_row("consent", plain(f"{said.answer} (by {said.by}, {when(said.at)}): {said.question}"))
    console.print(rows)


def _turns(record: CallRecord, console: Console) -> None:
    if not record.turns:
        console.print("\nNo words are kept of this call.")
        return
    rows = Table.grid(padding=(0, 2))
    for turn in record.turns:
        rows.add_row(clock(turn.started_s), turn.speaker[:6], _said(turn))
    console.print()
    console.print(rows)


def _said(turn: Turn) -> Text:
    """What was meant to be said, with the part that was not heard struck through where it is the end of it."""
    text = turn.text
    if turn.speaker != "agent" or turn.heard_text == text:
        return Text(_bare(text))
    if text.startswith(turn.heard_text):
        said = Text(_bare(turn.heard_text))
        said.append(_bare(text[len(turn.heard_text) :]), style="strike dim")
        return said.append("  (interrupted)" if turn.interrupted else "  (not heard to the end)", style="italic")
    return Text.assemble(_bare(text), ("  heard: ", "italic"), _bare(turn.heard_text) or "nothing")


def _bare(text: str) -> str:
    return "".join(sign if sign.isprintable() else "·" for sign in text)


def _rest(record: CallRecord, console: Console) -> None:
    console.print()
    if record.dtmf:
        console.print("keys   " + plain(" ".join(f"{key.digit}@{clock(key.at_s)}" for key in record.dtmf)))
    for use in record.tools:
        fault = f" failed: {use.error}" if use.error else ""
        console.print("tool   " + plain(f"{clock(use.started_s)} {use.name}({use.arguments}) → {use.result}{fault}"))
    latency = record.latency
    gap, barge = _two(latency.response_gap_ms), _two(latency.barge_in_ms)
    console.print(f"gap    {gap} · barge-in {barge} · stt {_two(latency.stt_ms)}")
    console.print(f"       brain {_two(latency.brain_first_token_ms)} · tts {_two(latency.tts_first_audio_ms)}")
    media = record.media
    console.print(
        f"media  {media.frames_received} frames in ({media.frames_missing} missing, {media.frames_rejected} rejected) ·"
        f" {media.bytes_sent} bytes out · {media.marks_heard}/{media.marks_sent} marks heard · {media.clears} clears"
    )
    if record.recording.available:
        console.print(f"sound  a recording of {record.recording.duration_s:.1f} s")


def _two(one: Percentiles) -> str:
    return "–" if one.p50 is None else f"{one.p50:.0f}/{one.p95 or one.p50:.0f} ms"
