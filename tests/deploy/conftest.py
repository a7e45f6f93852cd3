"""The files for people who put STELLA onto a server, and programs that stand in front of it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def program(name: str) -> str:
    """The program's path. Skips where it is not installed: nobody needs three proxies to work on STELLA."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.skip(f"{name} is not installed here, so its example cannot be tried")
    return found


def free_port() -> int:
    """A port of loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def caddy_knows(binary: str, version: tuple[int, int]) -> bool:
    """Whether this Caddy is at least so new."""
    said = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=20, check=False).stdout
    numbers = re.search(r"(\d+)\.(\d+)", said)
    return bool(numbers) and (int(numbers[1]), int(numbers[2])) >= version  # type: ignore[index]


def nginx_files(folder: Path, upstream: str, port: int) -> Path:
    """deploy/nginx/stella.conf without its certificate, listening on loopback, in a whole configuration."""
    text = (DEPLOY / "nginx/stella.conf").read_text().replace("127.0.0.1:3001", upstream)
    text = re.sub(r"server \{\s+listen 80;.*?\n\}\n", "", text, flags=re.DOTALL)
    text = re.sub(r" +ssl_\w+ .*;\n", "", text).replace("    listen [::]:443 ssl;\n", "")
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    (folder / "stella.conf").write_text(text)
    temps = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {temps}\ninclude {folder}/stella.conf; }}\n"
    )
    return whole


def haproxy_file(folder: Path, upstream: str, port: int) -> Path:
    """deploy/haproxy/haproxy.cfg without its certificate, listening on loopback."""
    text = (DEPLOY / "haproxy/haproxy.cfg").read_text().replace("127.0.0.1:3001", upstream)
    text = re.sub(r"bind :443 ssl .*", f"bind 127.0.0.1:{port}", text)
    path = folder / "haproxy.cfg"
    path.write_text(text)
    return path


def caddy_file(folder: Path, *, old: bool) -> Path:
    """deploy/caddy/Caddyfile, without its administration port, and without the line that an old Caddy does not know."""
    text = (DEPLOY / "caddy/Caddyfile").read_text().replace("{\n\tservers", "{\n\tadmin off\n\tservers", 1)
    if old:
        text = re.sub(r"\t+stream_close_delay .*\n", "", text)
    path = folder / "Caddyfile"
    path.write_text(text)
    return path


@contextmanager
def running(command: list[str], port: int, environ: dict[str, str] | None = None) -> Iterator[None]:
    """A program for the length of a block, from when it listens."""
    process = subprocess.Popen(command, env={**os.environ, **(environ or {})}, stdout=subprocess.DEVNULL, stderr=-1)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, process.stderr and process.stderr.read()
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=20)


@contextmanager
def nginx(folder: Path, upstream: str) -> Iterator[str]:
    """Its address."""
    port = free_port()
    with running([program("nginx"), "-c", str(nginx_files(folder, upstream, port)), "-p", str(folder)], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def haproxy(folder: Path, upstream: str) -> Iterator[str]:
    """Its address."""
    port = free_port()
    with running([program("haproxy"), "-f", str(haproxy_file(folder, upstream, port))], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def caddy(folder: Path, upstream: str) -> Iterator[str]:
    """Its address."""
    port, binary = free_port(), program("caddy")
    path = caddy_file(folder, old=not caddy_knows(binary, (2, 7)))
    home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    environ = {"CADDY_SITE": f"http://127.0.0.1:{port}", "STELLA_UPSTREAM": upstream, **home}
    with running([binary, "run", "--config", str(path), "--adapter", "caddyfile"], port, environ):
        yield f"http://127.0.0.1:{port}"


PROXIES: dict[str, Callable[[Path, str], object]] = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}
