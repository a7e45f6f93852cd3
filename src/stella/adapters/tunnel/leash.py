"""Runs a program, and ends it with everything it started as soon as the writer of its own standard input is gone.

A tunnel must not outlive the server it leads to, however that ends: a pipe closes even after `kill -9`. Run as a
script, so that it starts fast; it needs nothing of STELLA.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from types import FrameType

GRACE_S = 3.0


def main(command: list[str]) -> int:
    """The program's exit code."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True)

    def end(*_: int | FrameType | None) -> None:
        _signal_group(child.pid, signal.SIGTERM)
        threading.Timer(GRACE_S, _signal_group, (child.pid, signal.SIGKILL)).start()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        end()

    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(name, end)
    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    # npx goes first and leaves the program it started behind.
    _signal_group(child.pid, signal.SIGKILL)
    sys.stdout.flush()
    os._exit(code if code >= 0 else 128 - code)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    main(sys.argv[1:])
