"""The agent's words: from the operator API where it can be had, else from recognition of what the caller heard."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Literal

import aiohttp

from stella.phone import CallReport
from stella.phone.report import Entry, Spurt, StreamRun

POLL_S = 0.5
PATIENCE_S = 3.0
"""How long after the call a record may take to be whole."""

Recognise = Callable[[bytes], str]
Said = Callable[[str, float, str], None]


class AgentWords:
    """Follows one call beside the telephone. `said(words, at_s, remark)` gets each of the agent's turns once."""

    def __init__(self, origin: str, token: str, call_sid: str, recognise: Recognise | None, said: Said) -> None:
        """Nothing is asked before `run`."""
        self._url = f"{origin}/api/stella/v1/calls/{call_sid}"
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._recognise, self._said = recognise, said
        self._streaming = asyncio.Event()
        self._shown = 0
        self._stream_at_s = 0.0
        self._heard: asyncio.Queue[Spurt] = asyncio.Queue()
        self.source: Literal["nothing", "record", "as heard"] = "nothing"
        self.record: dict[str, Any] | None = None

    def entry(self, entry: Entry) -> None:
        """The telephone's news."""
        if isinstance(entry, StreamRun) and not entry.closed_s:
            self._stream_at_s = entry.opened_s
            self._streaming.set()
        elif isinstance(entry, Spurt) and entry.source in ("stream", "relay"):
            self._heard.put_nowait(entry)

    async def run(self) -> None:
        """Until cancelled: show each turn as soon as it is whole."""
        await self._streaming.wait()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            if await self._ask(session) not in {200, 404}:
                await self._by_ear()
            while True:
                await asyncio.sleep(POLL_S)
                await self._ask(session)
                self._show(whole=False)

    async def finish(self) -> None:
        """After the call: the last turns."""
        if not self._streaming.is_set():
            return
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    while True:
                        if await self._ask(session) != 200 or (self.record or {}).get("ended_at"):
                            break
                        await asyncio.sleep(POLL_S)
        self._show(whole=True)
        while self.source != "record" and not self._heard.empty():
            await self._recognised(self._heard.get_nowait())

    async def _ask(self, session: aiohttp.ClientSession) -> int:
        try:
            async with session.get(self._url, headers=self._headers) as response:
                if response.status == 200:
                    record = await response.json()
                    if isinstance(record, dict):
                        self.record, self.source = record, "record"
                return response.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0

    def turns(self, speaker: str) -> list[dict[str, Any]]:
        """The record's turns of one party, as far as they are known."""
        rows = (self.record or {}).get("turns") or []
        return [row for row in rows if isinstance(row, dict) and row.get("speaker") == speaker]

    def understood(self) -> list[str]:
        """What the server took the caller's turns for."""
        return [str(turn.get("text") or "") for turn in self.turns("caller")]

    def _show(self, *, whole: bool) -> None:
        for turn in self.turns("agent")[self._shown :]:
            if not whole and turn.get("ended_s") is None:
                return
            self._shown += 1
            heard, meant = str(turn.get("heard_text") or ""), str(turn.get("text") or "")
            cut = bool(turn.get("interrupted"))
            words = heard if cut and heard else meant
            # The record counts from its own beginning, which only the server knows: the order is what matters here.
            remark = "" if not cut else "interrupted" if heard else "interrupted, none of it proven heard"
            self._said(words or "…", float(turn.get("started_s") or 0.0), remark)

    async def _by_ear(self) -> None:
        while True:
            await self._recognised(await self._heard.get())

    async def _recognised(self, spurt: Spurt) -> None:
        if spurt.source == "relay":
            self.source = "as heard"
            self._said(spurt.text or "…", spurt.start_s, "interrupted" if spurt.cleared else "")
            return
        if self._recognise is None:
            self._said("(sound, words unknown)", spurt.start_s, "interrupted" if spurt.cleared else "")
            return
        spurt.text = await asyncio.to_thread(self._recognise, spurt.mulaw)
        if spurt.text:
            self.source = "as heard"
            self._said(spurt.text, spurt.start_s, "as heard, interrupted" if spurt.cleared else "as heard")

    def transcript(self, report: CallReport) -> list[dict[str, Any]]:
        """Both sides for --json: the record's turns, or what was said and heard."""
        if self.record is not None:
            return list(self.record.get("turns") or [])
        rows: list[dict[str, Any]] = [
            {"speaker": "caller", "text": said.text, "started_s": said.start_s, "ended_s": said.end_s}
            for said in report.said
        ]
        rows += [
            {"speaker": "agent", "text": spurt.text, "started_s": spurt.start_s, "ended_s": spurt.end_s}
            for spurt in report.heard
        ]
        return sorted(rows, key=lambda row: float(row["started_s"]))
