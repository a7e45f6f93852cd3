"""`stella bench`: callers in real time against a server of its own, and what it cost."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from stella.app.child_server import Watched
    from stella.phone.load import LoadPlan, LoadResult

ENGLISH = (
    "What are your opening hours?",
    "Can I park my car near your office?",
    "I would like to know what you charge.",
    "Where can I find you?",
)
FIGURES = (
    "calls", "failed", "cpu_ms_per_call_s", "memory_mb_per_call", "barge_in_p50", "barge_in_p95", "gap_p50", "gap_p95",
    "stt_p50", "stt_p95", "lag_p99", "webhook_p99", "late_pct", "lost",
)  # fmt: skip
HEADS = (
    "calls", "failed", "CPU ms/call-s", "MB/call", "barge-in p50", "p95 ms", "gap p50", "p95 ms", "STT p50", "p95 ms",
    "lag p99 ≤ ms", "webhook p99 ms", "load late %", "turns lost",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; milliseconds where nothing else is said, None where nothing was seen."""

    calls: int
    failed: int
    cpu_ms_per_call_s: float
    memory_mb_per_call: float
    barge_in_p50: float | None
    barge_in_p95: float | None
    gap_p50: float | None
    gap_p95: float | None
    stt_p50: float | None
    stt_p95: float | None
    lag_p99: float | None
    webhook_p99: float | None
    late_pct: float
    lost: int
    detail: dict[str, Any]


def command(
    calls: Annotated[
        str, typer.Option(help="How many callers at once, one measurement each, with commas.")
    ] = "1,50,100,200",
    seconds: Annotated[float, typer.Option(help="Seconds each caller stays.", min=5)] = 30.0,
    agent: Annotated[
        str, typer.Option(help="bench (everything but thinking), receptionist (real ears and voice).")
    ] = "bench",
    snr: Annotated[float, typer.Option(help="Line noise, dB below the caller's voice.")] = 20.0,
    server_core: Annotated[int, typer.Option(help="Core of the server; the callers take another one.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print data instead of a table.")] = False,
) -> None:
    """Measure calls per core, CPU per call-second, memory, barge-in and response gap, each over the real protocol.

    The server runs as in production (signatures checked), pinned to one core; the callers run here, on the others.
    """
    from rich.console import Console

    from stella.app.settings import load_settings

    try:
        counts = [int(part) for part in calls.split(",")]
    except ValueError:
        raise typer.BadParameter("use numbers with commas, such as 1,50,100", param_hint="--calls") from None
    cores = sorted(os.sched_getaffinity(0))
    apart = len(cores) > 1 and server_core in cores
    if apart:
        os.sched_setaffinity(0, {core for core in cores if core != server_core})
    models = load_settings().models.absolute()
    console = Console(stderr=True)
    rows = [_measure(count, seconds, agent, snr, models, server_core if apart else None, console) for count in counts]
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        typer.echo(_machine(apart=apart))
        typer.echo(_table(rows))


def _measure(count: int, seconds: float, agent: str, snr: float, models: Path, core: int | None, console: Any) -> Row:
    from rich.progress import Progress

    from stella.app.child_server import TOKEN, serve
    from stella.app.voices import caller_voice
    from stella.phone.form import Account
    from stella.phone.load import LoadPlan

    voice = caller_voice(models=models)
    account = Account(TOKEN, "AC" + "0" * 32, "+442012345678", "+4312345678")
    with serve(agent, models, core) as server, Progress(console=console, transient=True) as bar:
        plan = LoadPlan(
            server.url, account, [voice(text, "en") for text in ENGLISH], calls=count, seconds=seconds, snr_db=snr,
            ramp_s=min(10.0, max(1.0, count / 20)),
        )  # fmt: skip
        task = bar.add_task(f"{count} calls, {seconds:.0f} s each", total=count)
        return _watched(server, plan, lambda done: bar.update(task, completed=done))


def _watched(server: Watched, plan: LoadPlan, tell: Any) -> Row:
    import uvloop

    from stella.app.child_server import lag_p99_ms
    from stella.phone.load import run_load

    lag, cpu, rss = server.lag(), server.cpu_s(), server.rss()
    server.watch_memory()
    result = uvloop.run(run_load(plan, tell=tell))
    most, cpu = server.settle(), server.cpu_s() - cpu
    return _row(result, cpu, most - rss, lag_p99_ms(lag, server.lag()), _stt(server))


def _stt(server: Watched) -> tuple[float | None, float | None]:
    """The median of the calls' medians, and of their 95th percentiles."""
    records = json.loads(server.get("/api/stella/v1/calls?limit=500")).get("calls", [])
    both = []
    for name in ("p50", "p95"):
        values = sorted(
            record["latency"]["stt_ms"][name] for record in records if record["latency"]["stt_ms"][name] is not None
        )
        both.append(values[len(values) // 2] if values else None)
    return both[0], both[1]


def _row(
    result: LoadResult, cpu_s: float, memory: int, lag: float | None, stt: tuple[float | None, float | None]
) -> Row:
    return Row(
        result.calls, result.failed, round(1000 * cpu_s / max(result.call_seconds, 0.001), 2),
        round(memory / 1e6 / result.calls, 2), result.barge_in_ms.p50, result.barge_in_ms.p95,
        result.response_gap_ms.p50, result.response_gap_ms.p95, stt[0], stt[1], lag, result.webhook_ms.p99,
        round(100 * result.late_share, 2), result.unanswered + result.unnoticed, asdict(result),
    )  # fmt: skip


def _machine(*, apart: bool) -> str:
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    where = "server and callers on cores of their own" if apart else "server and callers share the processor"
    return f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}; {where}\n"


def _table(rows: list[Row]) -> str:
    lines = ["| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
    for row in rows:
        cells = (getattr(row, name) for name in FIGURES)
        lines.append("| " + " | ".join("–" if cell is None else f"{cell:.4g}" for cell in cells) + " |")
    lines += [
        f"{row.calls} calls, failed: {cause} × {n}" for row in rows for cause, n in row.detail["failures"].items()
    ]
    return "\n".join(lines)
