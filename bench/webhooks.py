"""How fast the voice webhook answers: an open loop of signed requests at a fixed rate against a server on one core.

    .venv/bin/python bench/webhooks.py [requests per second] [seconds]

Every request is a new call, so each answer includes the signature check, the record's commit to disk and the TwiML.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import aiohttp
import uvloop
from yarl import URL

from stella.app.child_server import TOKEN, Watched, serve
from stella.app.settings import load_settings
from stella.phone import Account
from stella.phone.form import CallForm, form_headers
from stella.phone.report import quantile
from stella.wire.signature import sign_form


async def knock(server: Watched, rate: float, seconds: float) -> tuple[list[float], int]:
    """Latencies in milliseconds, counted from when each request was due, and how many were not answered with 200."""
    url = f"{server.url}/api/stella/call/voice"
    account = Account(TOKEN, "AC" + "0" * 32, "+447700900123", "+4312345678")
    took: list[float] = []
    bad = 0

    async def one(http: aiohttp.ClientSession, due: float) -> None:
        nonlocal bad
        fields = CallForm(account).fields()
        headers = form_headers(sign_form(TOKEN, url, fields.items()))
        async with http.post(URL(url), data=fields, headers=headers) as answer:
            await answer.read()
            bad += answer.status != 200
        took.append((time.perf_counter() - due) * 1000)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http, asyncio.TaskGroup() as tasks:
        began = time.perf_counter()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(one(http, due))
    return took, bad


def main() -> None:
    """Measure and print one line."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 200.0
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15.0
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {0} or {0})
    with serve("bench", load_settings().models.absolute(), 0) as server:
        cpu = server.cpu_s()
        took, bad = uvloop.run(knock(server, rate, seconds))
        cpu = server.cpu_s() - cpu
    p50, p95, p99 = (quantile(took, share) or 0.0 for share in (0.5, 0.95, 0.99))
    print(
        f"{rate:.0f}/s for {seconds:.0f} s: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, most {max(took):.1f} ms; "
        f"{bad} not 200; {1000 * cpu / len(took):.2f} ms CPU each"
    )


if __name__ == "__main__":
    main()
