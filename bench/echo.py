"""How often STELLA takes her own echo for a caller: real calls over lines that bring her voice back.

    .venv/bin/python bench/echo.py [calls a line] [calls at once]

It depends on a machine that keeps up (a stall of tens of milliseconds moves the echo), so it is a measurement, not a test;
the load of the machine is printed beside it.
"""

from __future__ import annotations

import asyncio
import os
import sys

from stella.app.child_server import TOKEN, serve
from stella.app.settings import load_settings
from stella.app.voices import caller_voice
from stella.phone import Account, CallReport, LineFaults, Speak, Telephony

LINES = ((-20, 60, 30), (-20, 180, 30), (-20, 300, 30), (-20, 500, 25), (-10, 250, 30), (-25, 120, 30))
"""Echo in dB, delay in ms, noise in dB below the caller."""
SCRIPT = (
    Speak("What services do you offer?"),
    Speak("What are your opening hours?"),
    Speak("Where are you?"),
    Speak("How much does it cost?"),
)


async def ring(url: str, models: object, line: tuple[int, int, int], free: asyncio.Semaphore) -> CallReport:
    """One call over one line."""
    db, ms, snr = line
    account = Account(TOKEN, "AC" + "0" * 32, "+447700900123", "+4312345678")
    faults = LineFaults(snr_db=snr, echo_db=db, echo_ms=ms)
    async with free:
        return await Telephony(url, account, voice=caller_voice(models=models), faults=faults).ring(SCRIPT)  # type: ignore[arg-type]


async def ring_all(url: str, models: object, times: int, at_once: int) -> list[tuple[tuple[int, int, int], CallReport]]:
    """Every line so often, some at a time."""
    free = asyncio.Semaphore(at_once)
    lines = [line for _ in range(times) for line in LINES]
    return list(zip(lines, await asyncio.gather(*(ring(url, models, line, free) for line in lines)), strict=True))


def replies(report: CallReport) -> int:
    """How many turns of hers began to sound in the caller's ear: stretches of her voice half a second and more apart."""
    spurts = [spurt for spurt in report.heard if spurt.source == "stream"]
    return sum(not place or spurt.start_s > spurts[place - 1].end_s + 0.5 for place, spurt in enumerate(spurts))


def main() -> None:
    """Ring every line and print what was cleared."""
    times, at_once = ([int(each) for each in sys.argv[1:]] + [1, 4][len(sys.argv) - 1 :])[:2]
    models = load_settings().models.absolute()
    with serve("receptionist", models) as server:
        rung = asyncio.run(ring_all(server.url, models, times, at_once))
    print("| echo dB | delay ms | noise dB | turns of hers | false clears |\n|---|---|---|---|---|")
    for line in LINES:
        some = [report for rung_line, report in rung if rung_line == line]
        clears = [clear for report in some for clear in report.clears]
        print(f"| {line[0]} | {line[1]} | {line[2]} | {sum(map(replies, some))} | {len(clears)} |")
        for report in some:
            for clear in report.clears:
                print(
                    f"clear at {clear.at_s:.2f} s of {report.call_sid}, {clear.since_onset_ms} ms after an onset",
                    file=sys.stderr,
                )
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", file=sys.stderr)


if __name__ == "__main__":
    main()
