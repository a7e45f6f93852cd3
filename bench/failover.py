"""The longest silence in a caller's ear when ears, brain or voice die in mid-sentence: real calls, real sockets, many deaths.

    .venv/bin/python bench/failover.py [deaths of each kind]

One call at a time; the first of each row of vendors (servers on this machine) is killed at another place in every call, by a
broken connection or by saying nothing any more, and refuses everybody from then on. Counted is the longest stretch without
sound from the end of the caller's question to the end of the answer, so the ordinary wait for an answer is in it: the first
row is of calls in which nobody dies. Also counted are answers of which a word was lost or doubled, in the record or in the ear.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.acceptance.killing import ASKED, HOWS, KINDS, Killed, rigged, ring  # noqa: E402 a script of the repository

from stella.app.settings import load_settings  # noqa: E402
from stella.phone.report import quantile  # noqa: E402

WORD_S = 0.4


def whole(call: Killed, reply: str) -> bool:
    """Every word once: in the record, in what was heard, and in the ear as far as its length tells."""
    written = (call.words("caller"), call.words("agent"), call.words("agent", "heard_text")) == (ASKED, reply, reply)
    return written and abs(call.sounded_s - 0.08 * len(reply)) < WORD_S


async def one(models: Path, kind: str, how: str, share: float) -> tuple[Killed, str]:
    """One call to a STELLA of its own: whoever died in another call is not trusted for a while, and would not be asked."""
    with tempfile.TemporaryDirectory() as folder:
        async with rigged(models, Path(folder)) as rig:
            return await ring(rig, kind, how, share), rig.reply


async def die(times: int) -> None:
    """Ring, kill, and print a row for each way to die."""
    models = load_settings().models.absolute()
    print(
        "| who | how | deaths | longest silence p50 | p95 | longest | words lost or doubled |\n|---|---|---|---|---|---|---|"
    )
    for kind, how in [("", ""), *((kind, how) for how in HOWS for kind in KINDS)]:
        silences, broken, died = [], 0, 0
        for number in range(times):
            call, reply = await one(models, kind, how, (number + 0.5) / times)
            silences.append(call.silence_s)
            broken += not whole(call, reply)
            died += any(switch["kind"] == kind for switch in call.switches)
        figures = " | ".join(f"{quantile(silences, share):.2f} s" for share in (0.5, 0.95, 1.0))
        print(f"| {kind or 'nobody'} | {how} | {died} of {times if kind else 0} | {figures} | {broken} |", flush=True)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(die(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
