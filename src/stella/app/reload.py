"""Runs a command and runs it again when STELLA's own code or its environment changes. For development only."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

SOURCE = Path(__file__).resolve().parent.parent
EVERY_S = 1.0


def run_reloading(
    command: list[str],
    source: Path = SOURCE,
    *,
    environ: Callable[[], Mapping[str, str]] = dict,
    watch: bool = True,
    stopping: threading.Event | None = None,
) -> int:
    """The exit code of the last run. Signals are handed on, so that a stop is the child's own clean stop.

    `environ` is added to the child's environment and asked again and again: another answer is another start. Without
    `watch` the code may change unseen. `stopping` is set as soon as a signal comes, long before a live call has ended.
    """
    stopping = stopping or threading.Event()
    child: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        stopping.set()
        for process in child:
            # The server takes a closed terminal for its end, not for an end that can wait for live calls.
            process.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, hand_on)
    while True:
        seen, added = _stamps(source) if watch else {}, dict(environ())
        # A group of its own: Ctrl-C reaches it once, through hand_on, and not twice.
        process = subprocess.Popen(command, process_group=0, env={**os.environ, **added})
        child[:] = [process]
        if stopping.is_set():
            process.terminate()
        changed = False
        while process.poll() is None and not changed:
            try:
                process.wait(EVERY_S)
            except subprocess.TimeoutExpired:
                other = environ() != added or (watch and _stamps(source) != seen)
                changed = not stopping.is_set() and other
        if changed:
            process.terminate()
            process.wait()
            continue
        if process.returncode == 0 or stopping.is_set():
            return process.returncode if process.returncode >= 0 else 128 - process.returncode
        return process.returncode


def _stamps(source: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in source.rglob("*.py") if path.is_file()}
