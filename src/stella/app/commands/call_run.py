"""Rings, shows the call as it happens, and sums it up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from stella.app.commands.call_mic import loudspeaker, microphone
from stella.app.commands.call_plan import CallPlan
from stella.app.commands.call_show import Show
from stella.app.commands.call_summary import summary, summary_of_many, why_it_failed
from stella.app.commands.call_words import AgentWords
from stella.audio import wav
from stella.audio.mulaw import decode
from stella.phone import CallReport, Meters
from stella.phone.form import new_sid
from stella.phone.report import Entry

STAGGER_S = 0.137
"""Between the rings of --calls: no two in the same 20 ms."""


async def run(plan: CallPlan) -> int:
    """Make the call or calls. The exit code."""
    console = Console(stderr=plan.wishes.as_json)
    if plan.wishes.calls > 1:
        return await _many(plan, console)
    report, words = await _one(plan, console)
    if plan.wishes.record is not None:
        _write(plan.wishes.record, report)
    if plan.wishes.as_json:
        print(json.dumps(_as_json(report, words), indent=2, ensure_ascii=False))
    else:
        console.print(summary(report, plan.wishes.record, words.understood()))
        for line in why_it_failed(report, signed=bool(plan.telephony.account.auth_token)):
            console.print(line)
    return 0 if report.ok else 1


async def _one(plan: CallPlan, console: Console) -> tuple[CallReport, AgentWords]:
    meters, call_sid = Meters(), new_sid("CA")
    show = Show(console, meters, quiet=plan.wishes.as_json, number=plan.telephony.account.to)
    words = AgentWords(plan.origin, plan.operator_token, call_sid, plan.recognise, show.agent_said)

    def observe(entry: Entry) -> None:
        show.entry(entry)
        words.entry(entry)

    def hang_up() -> None:
        meters.hang_up = True

    with contextlib.ExitStack() as stack:
        stack.enter_context(_on_interrupt(hang_up))
        source = stack.enter_context(microphone()) if plan.wishes.mic else None
        sink = stack.enter_context(loudspeaker()) if plan.wishes.mic else None
        if plan.wishes.mic and sink is None:
            console.print("There is no aplay here: you will see the agent but not hear it (install alsa-utils).")
        async with asyncio.TaskGroup() as tasks:
            showing = tasks.create_task(show.run())
            listening = tasks.create_task(words.run())
            try:
                report = await plan.telephony.ring(
                    plan.script, observer=observe, call_sid=call_sid, meters=meters, microphone=source, loudspeaker=sink
                )
                await words.finish()
            finally:
                listening.cancel()
                showing.cancel()
    return report, words


@contextlib.contextmanager
def _on_interrupt(hang_up: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C hangs up politely; a second one ends the program."""
    loop = asyncio.get_running_loop()

    def once() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        hang_up()

    try:
        loop.add_signal_handler(signal.SIGINT, once)
    except (NotImplementedError, RuntimeError, ValueError):
        # Windows, or not the main thread: Ctrl-C then ends the program at once.
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _many(plan: CallPlan, console: Console) -> int:
    done: list[CallReport] = []

    async def ring(place: int) -> None:
        await asyncio.sleep(place * STAGGER_S)
        report = await plan.telephony.ring(plan.script)
        done.append(report)
        gaps = ", ".join(f"{gap * 1000:.0f} ms" for gap in report.response_gaps_s) or "no answer"
        state = "ok" if report.ok else "FAILED " + "; ".join(fault.detail for fault in report.errors()[:1])
        console.print(
            f"{len(done)}/{plan.wishes.calls} {report.call_sid[:10]}… {report.ended_s:.1f} s, {gaps}: {state}"
        )

    async with asyncio.TaskGroup() as tasks:
        for place in range(plan.wishes.calls):
            tasks.create_task(ring(place))
    if plan.wishes.record is not None:
        for number, report in enumerate(done, 1):
            _write(plan.wishes.record.with_stem(f"{plan.wishes.record.stem}-{number}"), report)
    if plan.wishes.as_json:
        print(json.dumps([report.as_json() for report in done], indent=2, ensure_ascii=False))
    else:
        console.print(summary_of_many(done))
    return 0 if all(report.ok for report in done) else 1


def _as_json(report: CallReport, words: AgentWords) -> dict[str, Any]:
    return {**report.as_json(), "transcript": words.transcript(report), "words_from": words.source}


def _write(path: Path, report: CallReport) -> None:
    caller, agent = report.recording.tracks()
    with path.open("wb") as file:
        wav.write(file, 8000, decode(caller), decode(agent))
