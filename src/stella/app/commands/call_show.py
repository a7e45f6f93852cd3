"""A call on the screen as it happens: the talk above, two level meters below. Plain lines where there is no terminal."""

from __future__ import annotations

import asyncio

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from stella.audio.energy import dbfs
from stella.phone import Meters
from stella.phone.report import ClearTrace, Entry, Exchange, Fault, Note, Spurt, StreamRun, Utterance, VerbRun

REDRAW_S = 0.1
STREAM_CLOSED = 31921
"""A warning only where the server meant to; every real call that STELLA ends leaves it in Twilio's debugger."""

_BAR = 30
_FLOOR_DB = -60.0
_COLOURS = {"caller": "cyan", "agent": "green", "carrier": "magenta", "": "dim", "fault": "red"}


def bar(mulaw: bytes) -> str:
    """A level as blocks: nothing at -60 dBFS, all at 0."""
    share = 1 - dbfs(mulaw) / _FLOOR_DB if mulaw else 0.0
    full = round(max(0.0, min(1.0, share)) * _BAR)
    return "█" * full + "·" * (_BAR - full)


def gap_words(seconds: float) -> str:
    """A response gap as a person says it."""
    if seconds < 0:
        return f"the agent cut in {-seconds * 1000:.0f} ms before the end"
    return f"answered after {seconds * 1000:.0f} ms"


class Show:
    """Takes the telephone's news and draws. Quiet, it shows nothing at all."""

    def __init__(self, console: Console, meters: Meters, *, quiet: bool, number: str) -> None:
        """`number` is the one that is called."""
        self._console, self._meters, self._quiet, self._number = console, meters, quiet, number
        self._gap = ""
        self._state = "ringing"
        self._over = False

    async def run(self) -> None:
        """Draw until cancelled."""
        if self._quiet or not self._console.is_terminal:
            await asyncio.Event().wait()
        with Live(self._meters_now(), console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                live.update(self._meters_now(), refresh=True)
                await asyncio.sleep(REDRAW_S)

    def _meters_now(self) -> Group:
        meters = self._meters
        agent = meters.agent if meters.now_s <= meters.agent_at_s + REDRAW_S else b""
        head = f"{self._number}  {self._state}  {int(meters.now_s // 60)}:{meters.now_s % 60:04.1f}"
        return Group(
            Text(f"{head}  {self._gap}", style="bold"),
            Text(f"you   {bar(meters.caller)}", style="cyan"),
            Text(f"agent {bar(agent)}  {meters.queued_s:4.1f} s queued", style="green"),
        )

    def _line(self, who: str, words: str, remark: str = "", at_s: float | None = None) -> None:
        if self._quiet:
            return
        at = self._meters.now_s if at_s is None else at_s
        text = Text(f"{at:7.1f}  ")
        text.append(f"{who:8}", style=_COLOURS.get(who, ""))
        text.append(words, style="" if who in {"caller", "agent", "carrier"} else _COLOURS.get(who, "dim"))
        if remark:
            text.append(f"  ({remark})", style="dim")
        self._console.print(text, soft_wrap=True)

    def agent_said(self, words: str, at_s: float, remark: str) -> None:
        """A turn of the agent's, when its words are known: those of the last one are when all is over."""
        late = "before the stream closed" if self._over else ""
        self._line("agent", words, ", ".join(filter(None, (remark, late))))

    def entry(self, entry: Entry) -> None:
        """Something has happened."""
        match entry:
            case Exchange() if entry.error_code:
                pass
            case Exchange():
                self._line("", f"{entry.purpose}: {entry.status} in {entry.took_s * 1000:.0f} ms")
            case VerbRun(name="Say"):
                self._state = "answered"
                self._line("carrier", entry.text, "Say")
            case VerbRun(name="Connect"):
                self._state = "connecting"
            case VerbRun():
                self._state = entry.name.lower()
                self._line("", f"<{entry.name}> {entry.text}".rstrip())
            case StreamRun() if not entry.closed_s:
                self._state = "in the stream"
                self._line("", f"stream open, handshake {entry.handshake_ms:.0f} ms")
            case StreamRun():
                self._state, self._over = "after the stream", True
                self._line("", f"stream closed by {entry.closed_by or 'nobody: it was refused'}")
            case Utterance(response_gap_s=None):
                self._line("caller", entry.text, "interrupting" if entry.interrupts else "")
            case Utterance():
                self._gap = gap_words(entry.response_gap_s or 0.0)
                self._line("", self._gap)
            case ClearTrace(since_onset_ms=float() as since):
                self._line("", f"interrupted: clear {since:.0f} ms after the voice, {entry.dropped_s:.1f} s dropped")
            case Spurt(source="person"):
                self._line("person", entry.text)
            case Fault(level="warning"):
                meant = ", as it does after a goodbye" if entry.code == STREAM_CLOSED else ""
                self._line("", f"{entry.code} in Twilio's debugger, a warning: {entry.detail}{meant}")
            case Fault():
                self._line("fault", f"{entry.code}: {entry.detail}", "Twilio's debugger")
            case Note():
                self._line("", f"{entry.kind}: {entry.detail}")
            case _:
                pass
