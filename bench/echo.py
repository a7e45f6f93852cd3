"""How often STELLA takes her own echo for a caller: real calls, one after another, over lines that bring her voice back.

    .venv/bin/python bench/echo.py [calls a line]

It depends on a machine that keeps up (a stall of tens of milliseconds moves the echo), so it is a measurement, not a test.
"""

from __future__ import annotations

import asyncio
import sys

from stella.app.child_server import TOKEN, serve
from stella.app.settings import load_settings
from stella.app.voices import caller_voice
from stella.phone import Account, LineFaults, Speak, Telephony

LINES = ((-20, 60, 30), (-20, 180, 30), (-20, 500, 25), (-10, 250, 30), (-25, 120, 30))
"""Echo in dB, delay in ms, noise in dB below the caller."""
SCRIPT = (Speak("What services do you offer?"), Speak("What are your opening hours?"))


def main() -> None:
    """Ring every line and print what was cleared."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    models = load_settings().models.absolute()
    account = Account(TOKEN, "AC" + "0" * 32, "+447700900123", "+4312345678")
    replies = clears = 0
    with serve("receptionist", models) as server:
        for db, ms, snr in LINES:
            for _ in range(times):
                faults = LineFaults(snr_db=snr, echo_db=db, echo_ms=ms)
                phone = Telephony(server.url, account, voice=caller_voice(models=models), faults=faults)
                report = asyncio.run(phone.ring(SCRIPT))
                replies += len([spurt for spurt in report.heard if spurt.source == "stream"])
                clears += len(report.clears)
                print(f"{db} dB after {ms} ms, noise {snr} dB: {len(report.clears)} clears")
    print(f"{clears} clears in {replies} replies")


if __name__ == "__main__":
    main()
