"""What a call came to: a table for people, and for each failure its cause and its mend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stella.phone import CallReport
from stella.phone.report import quantile


def _ms(value: float | None, factor: float = 1.0) -> str:
    return "—" if value is None else f"{value * factor:.0f} ms"


def _gap(seconds: float | None) -> str:
    return "cut in" if seconds is not None and seconds < 0 else _ms(seconds, 1000)


def summary(report: CallReport, recording: Path | None, understood: Sequence[str] = ()) -> Group:
    """One call: each turn of the caller's, then the figures. `understood` is the server's word for each turn."""
    table = Table("said", "at", "response gap", "barge-in", *(["understood as"] if understood else []))
    for place, said in enumerate(report.said):
        row = (said.text or "…", f"{said.start_s:.1f} s", _gap(said.response_gap_s), _ms(said.barge_in_ms))
        table.add_row(*row, *([understood[place] if place < len(understood) else "—"] if understood else []))
    gaps, marks = report.response_gaps_s, report.marks
    lines = [
        f"{report.call_sid}: {report.status}, ended by {report.ended_by} after {report.ended_s:.1f} s",
        f"response gap: p50 {_ms(quantile(gaps, 0.5), 1000)}, p95 {_ms(quantile(gaps, 0.95), 1000)}",
        f"marks: {len(marks)}, of them cleared: {sum(mark.how == 'cleared' for mark in marks)}",
        f"clears: {len(report.clears)}",
        f"frames sent: {sum(run.frames_sent for run in report.streams)}, late: {_late([report])}",
    ]
    if recording is not None:
        lines.append(f"recorded to {recording} (left the caller, right the agent)")
    return Group(*([table] if report.said else []), *(Text(line) for line in lines))


def summary_of_many(reports: list[CallReport]) -> Table:
    """Several calls in one table."""
    gaps = [gap for report in reports for gap in report.response_gaps_s]
    barges = [ms for report in reports for ms in report.barge_ins_ms]
    table = Table("", "p50", "p95", "most", title=f"{len(reports)} calls", title_justify="left")
    for name, values, factor in (("response gap", gaps, 1000.0), ("barge-in", barges, 1.0)):
        table.add_row(
            name, _ms(quantile(values, 0.5), factor), _ms(quantile(values, 0.95), factor),
            _ms(max(values, default=None), factor),
        )  # fmt: skip
    good = sum(report.ok for report in reports)
    table.caption = f"{good} good, {len(reports) - good} failed; {_late(reports)} of our own frames were late"
    return table


def _late(reports: list[CallReport]) -> int:
    return sum(run.frames_late for report in reports for run in report.streams)


def why_it_failed(report: CallReport, *, signed: bool) -> Iterator[str]:
    """For each error a line with cause and mend."""
    seen: set[str] = set()
    for fault in report.errors():
        # A server that is not there fails every request of the call; saying so once is enough.
        cause = fault.detail.partition(": ")[2] or fault.detail
        if cause in seen:
            continue
        seen.add(cause)
        yield f"[red]{fault.code}[/red] {escape(fault.detail)}. {_mend(fault.code, fault.detail, signed=signed)}"
    if not report.errors() and not report.ok:
        yield f"The call ended as {report.status}: the server did not take it."


def _mend(code: int, detail: str, *, signed: bool) -> str:
    if "403" in detail and not signed:
        return "The server wants signed calls: set TWILIO_AUTH_TOKEN to the token that the server has."
    if "403" in detail:
        return (
            "Signature or URL differ: compare TWILIO_AUTH_TOKEN and STELLA_PUBLIC_URL (--public-url) with the server's; "
            "behind `stella dev --tunnel` ring the https address that it printed."
        )
    if "404" in detail:
        return "There is no such path: is this the address of a STELLA?"
    return {
        11205: "Is the server running? Start it with: make run",
        11210: "Check the spelling of the address.",
        11237: "The server needs a publicly trusted certificate.",
        12100: "The answer is no valid TwiML: see the server's log.",
        12300: "The server must answer text/xml.",
        31902: "The stream's address in the TwiML cannot be reached: check STELLA_PUBLIC_URL.",
        31903: "The server dropped the stream: see its log.",
        31920: "The stream's handshake was refused: see the server's log for the cause.",
        31921: "The server did not want this stream (1008) or failed in it (1011): see its log for the cause.",
        31922: "The stream's address must begin with wss: check STELLA_PUBLIC_URL.",
        64101: "Twilio does not take an attribute of <ConversationRelay>: see `say_voice` in the agent file.",
        64102: "The relay's socket cannot be opened: check STELLA_PUBLIC_URL, and see the server's log for the cause.",
        64105: "The server dropped the relay's socket: see its log.",
        64107: "The server sent what ConversationRelay does not take: a fault of STELLA's, or not a STELLA.",
    }.get(code, "See the server's log.")
