"""Runs a command and runs it again when STELLA's own code changes. For people who change it; nothing else."""

from __future__ import annotations

import signal
import subprocess
import threading
from pathlib import Path
from types import FrameType

SOURCE = Path(__file__).resolve().parent.parent
EVERY_S = 1.0


def run_reloading(command: list[str], source: Path = SOURCE) -> int:
    """The exit code of the last run. Signals are handed on, so that a stop is the child's own clean stop."""
    stopping = threading.Event()
    child: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        stopping.set()
        for process in child:
            process.send_signal(number)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, hand_on)
    while True:
        seen = _stamps(source)
        # A group of its own: Ctrl-C reaches it once, through hand_on, and not twice.
        process = subprocess.Popen(command, process_group=0)
        child[:] = [process]
        if stopping.is_set():
            process.terminate()
        changed = False
        while process.poll() is None and not changed:
            try:
                process.wait(EVERY_S)
            except subprocess.TimeoutExpired:
                changed = not stopping.is_set() and _stamps(source) != seen
        if changed:
            process.terminate()
            process.wait()
            continue
        if process.returncode == 0 or stopping.is_set():
            return process.returncode if process.returncode >= 0 else 128 - process.returncode
        return process.returncode


def _stamps(source: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in source.rglob("*.py") if path.is_file()}
