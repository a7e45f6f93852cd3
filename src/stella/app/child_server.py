"""A server of its own, as a child process watched from outside: for measurements and for acceptance tests."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stella.domain.errors import ConfigError

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
READY_S = 60.0
TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 signs requests of this machine to this machine only
_BUCKET = re.compile(r'stella_event_loop_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.e+]+)')


@dataclass(slots=True)
class Watched:
    """One server process: its address and what the operating system knows of it."""

    url: str
    operator_token: str
    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path
    rss_most: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def cpu_s(self) -> float:
        """Seconds of processor time, user and system, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def open_files(self) -> int:
        """How many file descriptors it has open."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def rss(self) -> int:
        """Resident bytes now."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE

    def get(self, path: str) -> bytes:
        """A page behind the operator's gate."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.operator_token}"})  # noqa: S310 our own address
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 our own address
            body: bytes = answer.read()
            return body

    def lag(self) -> dict[float, float]:
        """The histogram of event-loop lag: upper bound in seconds to count."""
        return {float(le): float(count) for le, count in _BUCKET.findall(self.get("/metrics").decode())}

    def watch_memory(self) -> None:
        """Keep the highest resident size, looked at four times a second, until `settle`."""
        self.rss_most, self._stop = self.rss(), threading.Event()
        threading.Thread(target=self._look, args=(self._stop,), daemon=True).start()

    def settle(self) -> int:
        """Stop watching; the highest resident size seen."""
        self._stop.set()
        return self.rss_most

    def _look(self, stop: threading.Event) -> None:
        while not stop.wait(0.25):
            try:
                self.rss_most = max(self.rss_most, self.rss())
            except OSError:
                return


def lag_p99_ms(before: dict[float, float], after: dict[float, float]) -> float | None:
    """The upper bound of the bucket that holds the 99th percentile of what came between two looks, milliseconds."""
    grown = sorted((le, count - before.get(le, 0.0)) for le, count in after.items())
    if not grown or not grown[-1][1]:
        return None
    return next((le * 1000 for le, count in grown if count >= 0.99 * grown[-1][1]), None)


@contextmanager
def serve(
    agent: str, models: Path, core: int | None = None, *, mode: str = "serve", environ: Mapping[str, str] | None = None
) -> Iterator[Watched]:
    """`stella serve` (or `dev`) with this agent in an empty data folder, locked by `TOKEN`. Raises ConfigError.

    `core` pins it to one processor; `environ` is added to its environment.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    data = Path(tempfile.mkdtemp(prefix="stella-"))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("STELLA_", "TWILIO_"))}
    operator = "operator-" + TOKEN
    env |= {
        "STELLA_AGENT": agent, "STELLA_DATA_DIR": str(data), "STELLA_MODELS_DIR": str(models),
        "STELLA_PUBLIC_URL": url, "STELLA_SERVER_PORT": str(port), "STELLA_HOST": "127.0.0.1",
        "TWILIO_AUTH_TOKEN": TOKEN, "STELLA_OPERATOR_TOKEN": operator, "STELLA_CALLS_AT_ONCE": "5000",
        "STELLA_LOG_LEVEL": "warning", "STELLA_DRAIN_SECONDS": "0",
        **(environ or {}),
    }  # fmt: skip
    log = data / "server.log"
    command = [sys.executable, "-m", "stella", mode, *(["--no-reload"] if mode == "dev" else [])]
    if core is not None and shutil.which("taskset"):
        command = ["taskset", "-c", str(core), *command]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=data)
    try:
        _wait_until_ready(process, url, log)
        yield Watched(url, operator, process, data, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(data, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ConfigError(f"the server to be measured did not start: {log.read_text()[-500:]}")
        try:
            with urllib.request.urlopen(url + "/readyz", timeout=1):  # noqa: S310 our own address
                return
        except OSError:
            time.sleep(0.1)
    raise ConfigError(f"the server to be measured was not ready within {READY_S:.0f} s: {log.read_text()[-500:]}")
