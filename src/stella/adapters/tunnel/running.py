"""A tunnel that is open: a child process, what it says, and its end."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from stella.adapters.tunnel import leash
from stella.adapters.tunnel.programs import Program
from stella.ports.failure import Unavailable

_LINE_MOST = 4096
_LINES_KEPT = 30
_JOIN_S = 10.0
_CLOSE_S = leash.GRACE_S + 2.0


class Tunnel:
    """One running tunnel program. `url` is empty until it has said its address."""

    def __init__(self, program: Program, process: subprocess.Popen[bytes]) -> None:
        """Read along from now on: a program whose pipe is full stands still."""
        self.program, self.url = program, ""
        self._process = process
        self._said: deque[str] = deque(maxlen=_LINES_KEPT)
        self._heard, self._joined = threading.Event(), threading.Event()
        self._reader = threading.Thread(
            target=self._listen, args=(process.stdout or io.BytesIO(),), name="tunnel-words", daemon=True
        )
        self._reader.start()

    def _listen(self, out: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := out.readline(_LINE_MOST):
                text = line.decode("utf-8", "replace").strip()
                self._said.append(text)
                if not self.url and (found := self.program.address.search(text)):
                    self.url = next(each for each in found.groups() if each).rstrip("/")
                    self._heard.set()
                if self.url and (self.program.joined is None or self.program.joined.search(text)):
                    self._joined.set()
        self._heard.set()
        self._joined.set()

    @property
    def alive(self) -> bool:
        """Whether the program runs."""
        return self._process.poll() is None

    def wait_for_address(self, deadline_s: float) -> str:
        """The public URL. Raises Unavailable with what the program said, and what that means."""
        self._heard.wait(deadline_s)
        if self.url:
            self._joined.wait(min(_JOIN_S, deadline_s))
            return self.url
        if self._process.poll() is None and not self._reader.is_alive():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        ended = "ended" if not self.alive else f"gave no address within {deadline_s:.0f} s"
        raise Unavailable("tunnel", "no-address", f"{self.program.name} {ended}: {self.why()}")

    def why(self) -> str:
        """What the program's last words mean, or the words themselves."""
        said = "\n".join(self._said)
        last = [line[:300] for line in self._said if line][-3:]
        return self.program.explain(said) or " / ".join(last) or "it said nothing"

    def close(self) -> None:
        """End the program and everything it started. Safe to call again."""
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._reader.join(1.0)
        if process.stdout is not None and not self._reader.is_alive():
            process.stdout.close()


def open_tunnel(program: Program, target: str, folder: Path, environ: Mapping[str, str]) -> Tunnel:
    """Start the program towards `target` (`127.0.0.1:3001`) and wait for its address.

    `environ` is all it gets to see: give it no secrets of ours. Raises Unavailable, in words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    binary = shutil.which(program.binary, path=environ.get("PATH", os.defpath))
    if binary is None:
        raise Unavailable("tunnel", "no-program", f"{program.binary} is not on the PATH: {program.install}")
    command = [sys.executable, "-I", leash.__file__, binary, *program.arguments(target, folder)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(environ),
        # A group of its own: Ctrl-C is for the server first, and the tunnel stands until that has ended.
        process_group=0,
    )  # fmt: skip
    tunnel = Tunnel(program, process)
    until = time.monotonic() + program.deadline_s
    try:
        tunnel.wait_for_address(until - time.monotonic())
    except BaseException:
        tunnel.close()
        raise
    return tunnel
