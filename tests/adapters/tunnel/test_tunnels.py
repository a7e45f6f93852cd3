"""The tunnel programs, played by stand-ins that print what the real ones print."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from stella.adapters.tunnel import TUNNELS, NotReached, choose, open_tunnel, reach, running
from stella.adapters.tunnel.reach import AGENT, ask_health
from stella.domain.errors import ConfigError
from stella.ports.failure import Unavailable

Notes = Callable[[], list[dict[str, Any]]]
HEALTHY = (200, {"Content-Type": "application/json"}, b'{"status":"ok","timestamp":"2026-01-01T00:00:00Z"}')


class Behind:
    """A server with a scripted answer; the last one stays."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = [HEALTHY]
        self.agents: list[str] = []
        self.paths: list[str] = []
        self.port = 0


@pytest.fixture
def behind() -> Iterator[Behind]:
    """What a tunnel leads to."""
    state = Behind()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.agents.append(self.headers["User-Agent"])
            state.paths.append(self.path)
            status, headers, body = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def gone(pid: int, within_s: float = 6.0) -> bool:
    """Whether a process is no more, or only its entry in the table is."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("name", sorted(TUNNELS))
def test_each_program_says_its_address_and_leads_here(
    name: str, environ: dict[str, str], behind: Behind, tmp_path: Path, notes: Notes
) -> None:
    """Its own words around the address differ, and other addresses stand among them."""
    tunnel = open_tunnel(TUNNELS[name], f"127.0.0.1:{behind.port}", tmp_path / "own", environ)
    try:
        assert tunnel.alive
        reach(tunnel.url, 5.0)
        assert behind.paths == ["/health"]
        assert behind.agents == [AGENT]
    finally:
        tunnel.close()
    assert not tunnel.alive
    assert gone(notes()[0]["pid"]), "the program itself, not only its leash"


COMPLAINTS = [
    ("ngrok", '{"err":"authentication failed: ERR_NGROK_4018","lvl":"eror"}', "NGROK_AUTHTOKEN"),
    ("ngrok", "ERROR:  ERR_NGROK_108", "end that one first"),
    ("cloudflared", "ERR failed to request quick Tunnel: 429 Too Many Requests", "wait some minutes"),
    ("cloudflared", "dial tcp: lookup api.trycloudflare.com: no such host", "does not reach"),
    ("localtunnel", "Error: connection refused: localtunnel.me:443 (check your firewall settings)", "server is down"),
    ("localtunnel", "npm error code E404", "cannot fetch"),
    ("cloudflared", "something nobody has seen", "something nobody has seen"),
]


@pytest.mark.parametrize(("name", "said", "mend"), COMPLAINTS)
def test_a_complaint_is_explained(name: str, said: str, mend: str, environ: dict[str, str], tmp_path: Path) -> None:
    """What the program prints helps those who know the program."""
    with pytest.raises(Unavailable, match=mend):
        open_tunnel(TUNNELS[name], "127.0.0.1:1", tmp_path, {**environ, "STANDIN_SAYS": said})


def test_a_program_that_says_nothing_is_not_waited_for_forever(
    environ: dict[str, str], tmp_path: Path, notes: Notes
) -> None:
    """And it is ended, too."""
    slow = replace(TUNNELS["cloudflared"], deadline_s=0.6)
    with pytest.raises(Unavailable, match="gave no address within"):
        open_tunnel(slow, "127.0.0.1:1", tmp_path, {**environ, "STANDIN_SILENT": "1"})
    assert all(gone(each["pid"]) for each in (notes() if (tmp_path / "notes").exists() else []))


def test_a_tunnel_does_not_outlive_a_killed_starter(environ: dict[str, str], tmp_path: Path, notes: Notes) -> None:
    """After kill -9 nobody is left to tidy up; an open tunnel to a machine is a hole nobody knows of."""
    script = (
        "import sys, time; from pathlib import Path; from stella.adapters.tunnel import TUNNELS, open_tunnel\n"
        "import os; t = open_tunnel(TUNNELS['ngrok'], '127.0.0.1:1', Path(sys.argv[1]), dict(os.environ))\n"
        "print(t.url, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "own")], env=environ, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    with starter.stdout:
        assert starter.stdout.readline().startswith(b"http://")
        pid = notes()[0]["pid"]
        assert not gone(pid, 0.05)
        starter.send_signal(signal.SIGKILL)
        starter.wait()
        assert gone(pid)


def test_cloudflared_does_not_read_the_persons_own_tunnels(
    environ: dict[str, str], tmp_path: Path, notes: Notes
) -> None:
    """A config.yml of theirs would swallow every request with its own rules."""
    open_tunnel(TUNNELS["cloudflared"], "127.0.0.1:3001", tmp_path / "own", environ).close()
    words = notes()[0]["arguments"]
    assert Path(words[words.index("--config") + 1]).read_text() == "{}\n"
    assert words[-1] == "http://127.0.0.1:3001"


def test_auto_takes_what_would_work(environ: dict[str, str], tmp_path: Path) -> None:
    """Ngrok without its token only complains; localtunnel is the last resort."""
    assert [each.name for each in choose("auto", environ)] == ["cloudflared", "localtunnel"]
    with_token = {**environ, "NGROK_AUTHTOKEN": "t"}
    assert [each.name for each in choose("auto", with_token)] == ["ngrok", "cloudflared", "localtunnel"]
    (tmp_path / ".config/ngrok").mkdir(parents=True)
    (tmp_path / ".config/ngrok/ngrok.yml").touch()
    assert choose("auto", environ)[0].name == "ngrok"
    assert [each.name for each in choose("ngrok", environ)] == ["ngrok"]


def test_ngrok_by_its_library_where_there_is_no_program(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It installs with pip, where nobody may install programs."""
    fake = "class _L:\n    def url(self): return 'https://lib.ngrok.app'\n\ndef forward(target, authtoken_from_env): return _L()"
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/ngrok.py").write_text(fake)
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    [program] = choose("ngrok", {"PATH": "/nowhere"})
    tunnel = open_tunnel(program, "127.0.0.1:1", tmp_path, {**environ, "PYTHONPATH": str(tmp_path / "lib")})
    tunnel.close()
    assert tunnel.url == "https://lib.ngrok.app"
    assert not tunnel.alive


@pytest.mark.parametrize("word", ["auto", "ngrok", "cloudflared", "localtunnel", "bore"])
def test_without_a_program_it_says_what_to_install(word: str) -> None:
    """All three, since the person has none."""
    with pytest.raises(ConfigError, match=r"install|use auto"):
        choose(word, {"PATH": "/nowhere"})


PAGES = [
    ((511, {}, b"<title>Tunnel website ahead!</title> tunnel password ... loca.lt"), "password page even to Twilio"),
    ((200, {"Content-Type": "text/html"}, b"You are about to visit ... ngrok ... Visit Site"), "ngrok shows"),
    ((502, {}, b""), "nothing answers behind it"),
    ((530, {}, b"error code: 1033"), "nothing answers behind it"),
    ((404, {}, b""), "HTTP 404"),
    ((302, {"Location": "https://elsewhere.example"}, b""), "redirects"),
    ((200, {"Content-Type": "text/html"}, b"<html>hello"), "another program"),
    ((200, {}, b"[1]"), "another program"),
    ((500, {}, b""), "HTTP 500"),
]


@pytest.mark.parametrize(("page", "words"), PAGES, ids=[str(n) for n in range(len(PAGES))])
def test_what_stands_in_the_way_is_named(behind: Behind, page: tuple[int, dict[str, str], bytes], words: str) -> None:
    """A tunnel's warning page answers 200 to every check that does not look."""
    behind.answers = [page]
    assert words in ask_health(f"http://127.0.0.1:{behind.port}")


def test_a_server_that_starts_late_is_waited_for(behind: Behind) -> None:
    """Models load, names spread: the first answers are not the last."""
    behind.answers = [(502, {}, b""), (404, {}, b""), HEALTHY]
    reach(f"http://127.0.0.1:{behind.port}", 5.0, every_s=0.01)
    assert len(behind.paths) == 3


def test_what_never_answers_is_given_up_with_the_last_reason() -> None:
    """And at once, where nobody waits any more."""
    with pytest.raises(NotReached, match="no connection"):
        reach("http://127.0.0.1:1", 0.1, every_s=0.02)
    began = time.monotonic()
    with pytest.raises(NotReached):
        reach("http://127.0.0.1:1", 60.0, give_up=lambda: True)
    assert time.monotonic() - began < 5


def test_a_talkative_program_does_not_stand_still(tmp_path: Path) -> None:
    """A pipe that nobody reads is full after 64 KiB, and the tunnel with it."""
    program = tmp_path / "cloudflared"
    program.write_text(
        f"#!{sys.executable} -I\nimport time\nprint('x' * 500_000)\nprint('|  https://a.example  |', flush=True)\n"
        "print('Registered tunnel connection')\nprint('y\\n' * 100_000, flush=True)\n"
        "open(__file__ + '.done', 'w').close()\ntime.sleep(60)\n"
    )
    program.chmod(0o755)
    tunnel = open_tunnel(TUNNELS["cloudflared"], "127.0.0.1:1", tmp_path, {"PATH": str(tmp_path)})
    try:
        assert tunnel.url == "https://a.example"
        until = time.monotonic() + 10
        while not (tmp_path / "cloudflared.done").exists() and time.monotonic() < until:
            time.sleep(0.02)
        assert (tmp_path / "cloudflared.done").exists()
        assert len(tunnel.why()) < 2000
    finally:
        tunnel.close()
        tunnel.close()


def test_what_is_open_is_closed_even_if_the_program_will_not_hear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that ignores the polite signal gets the other one."""
    program = tmp_path / "cloudflared"
    program.write_text(
        f"#!{sys.executable} -I\nimport os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open(__file__ + '.pid', 'w').write(str(os.getpid()))\nprint('|  https://a.example  |')\n"
        "print('Registered tunnel connection', flush=True)\n"
        "time.sleep(60)\n"
    )
    program.chmod(0o755)
    tunnel = open_tunnel(TUNNELS["cloudflared"], "127.0.0.1:1", tmp_path, {"PATH": str(tmp_path)})
    tunnel.close()
    assert gone(int((tmp_path / "cloudflared.pid").read_text()))


def test_the_address_is_used_only_once_the_tunnel_has_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name asked for too early is unknown, and stays so for minutes on this machine."""
    program = tmp_path / "cloudflared"
    program.write_text(
        f"#!{sys.executable} -I\nimport time\nprint('|  https://a.example  |', flush=True)\ntime.sleep(0.3)\n"
        "open(__file__ + '.joined', 'w').close()\nprint('INF Registered tunnel connection', flush=True)\ntime.sleep(60)\n"
    )
    program.chmod(0o755)
    open_tunnel(TUNNELS["cloudflared"], "127.0.0.1:1", tmp_path, {"PATH": str(tmp_path)}).close()
    assert (tmp_path / "cloudflared.joined").exists()
    monkeypatch.setattr(running, "_JOIN_S", 0.1)
    (tmp_path / "cloudflared.joined").unlink()
    program.write_text(program.read_text().replace("sleep(0.3)", "sleep(30)"))
    open_tunnel(TUNNELS["cloudflared"], "127.0.0.1:1", tmp_path, {"PATH": str(tmp_path)}).close()
    assert not (tmp_path / "cloudflared.joined").exists(), "and not for ever"


def test_the_way_back_is_open_to_real_requests(environ: dict[str, str], behind: Behind, tmp_path: Path) -> None:
    """The stand-in is worth something only if it forwards as a tunnel does."""
    tunnel = open_tunnel(TUNNELS["cloudflared"], f"127.0.0.1:{behind.port}", tmp_path / "own", environ)
    try:
        with urllib.request.urlopen(f"{tunnel.url}/some/path?a=b", timeout=5) as answer:
            assert answer.read() == HEALTHY[2]
        assert behind.paths == ["/some/path?a=b"]
    finally:
        tunnel.close()
