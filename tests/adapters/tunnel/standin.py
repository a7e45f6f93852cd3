"""Plays ngrok, cloudflared or npx localtunnel by the name it is called: prints what they print, and forwards TCP.

STANDIN_SAYS: words to print in place of an address, then end. STANDIN_SILENT: print nothing. STANDIN_DIES: a file whose
appearance is the end. STANDIN_NOTES: a file to which process id, arguments and the names in the environment are written.
"""
# ruff: noqa: T201 - printing is what the real ones do

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

FORWARDED = b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"


def target(name: str, words: list[str]) -> tuple[str, int]:
    """Where to forward, read as the real program reads it."""
    if name == "npx":
        assert words[:2] == ["--yes", "localtunnel"], words
        return "127.0.0.1", int(words[words.index("--port") + 1])
    where = words[words.index("--url") + 1] if name == "cloudflared" else words[1]
    host, _, port = where.rpartition("/")[2].rpartition(":")
    return host, int(port)


def announce(name: str, url: str) -> None:
    """The words of the real programs around their address."""
    if name == "ngrok":
        line = {"addr": "http://x", "lvl": "info", "msg": "started tunnel", "obj": "tunnels", "url": url}
        print(json.dumps({"lvl": "info", "msg": "no configuration paths supplied"}))
        print(json.dumps(line, separators=(",", ":")), flush=True)
    elif name == "cloudflared":
        stamp = "2026-01-01T00:00:00Z INF "
        print(stamp + "Thank you for trying Cloudflare Tunnel. https://developers.cloudflare.com", file=sys.stderr)
        print(stamp + "+" + "-" * 60 + "+", file=sys.stderr)
        print(stamp + "|  Your quick Tunnel has been created! Visit it at:  |", file=sys.stderr)
        print(stamp + f"|  {url}    |", file=sys.stderr, flush=True)
        print(stamp + "Registered tunnel connection connIndex=0 protocol=quic", file=sys.stderr, flush=True)
    else:
        print(f"your url is: {url}", flush=True)


def pump(source: socket.socket, sink: socket.socket, first: bytes = b"") -> None:
    """One direction until its end."""
    try:
        while chunk := first or source.recv(65536):
            sink.sendall(chunk)
            first = b""
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def forward(client: socket.socket, where: tuple[str, int]) -> None:
    """One connection, with the headers real tunnels add to its first request."""
    head = b""
    with client:
        while b"\r\n\r\n" not in head and (chunk := client.recv(65536)):
            head += chunk
        try:
            server = socket.create_connection(where, 5)
        except OSError:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with server:
            server.settimeout(None)
            line, _, rest = head.partition(b"\r\n")
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server, line + b"\r\n" + FORWARDED + rest)
            back.join()


def main() -> None:
    """Until killed."""
    name, words = Path(sys.argv[0]).name, sys.argv[1:]
    notes, dies = os.environ.get("STANDIN_NOTES"), os.environ.get("STANDIN_DIES")
    if notes:
        note = {"pid": os.getpid(), "arguments": words, "environment": sorted(os.environ)}
        with Path(notes).open("a") as file:
            file.write(json.dumps(note) + "\n")
    if said := os.environ.get("STANDIN_SAYS"):
        print(said, flush=True)
        sys.exit(1)
    where = target(name, words)
    door = socket.create_server(("127.0.0.1", 0))
    if not os.environ.get("STANDIN_SILENT"):
        announce(name, f"http://127.0.0.1:{door.getsockname()[1]}")

    def serve() -> None:
        while True:
            threading.Thread(target=forward, args=(door.accept()[0], where), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    while not (dies and Path(dies).exists()):
        time.sleep(0.05)
    Path(str(dies)).unlink()
    print("connection lost", flush=True)
    os._exit(1)


main()
