"""The development server's supervisor: what makes it start again, and what ends it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stella.app import reload
from stella.app.reload import run_reloading

NAMES = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look often, and leave the signals of the test run as they were."""
    monkeypatch.setattr(reload, "EVERY_S", 0.02)
    before = {name: signal.getsignal(name) for name in NAMES}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def child(tmp_path: Path, body: str) -> list[str]:
    """A program that writes one line a start to `starts`, then does `body`."""
    program = tmp_path / "child.py"
    program.write_text(
        f"import os, signal, sys, time\nopen({str(tmp_path / 'starts')!r}, 'a').write(os.environ.get('WHERE', '-') + '\\n')\n"
        + body
    )
    return [sys.executable, "-I", str(program)]


def starts(tmp_path: Path) -> list[str]:
    """What the starts wrote."""
    return (tmp_path / "starts").read_text().split()


def test_another_environment_is_another_start(tmp_path: Path) -> None:
    """A tunnel that comes back has another address, and the server signs over its address."""
    source = tmp_path / "source"
    source.mkdir()

    def environ() -> dict[str, str]:
        begun = (tmp_path / "starts").exists() and starts(tmp_path)
        return {"WHERE": "second" if begun else "first"}

    command = child(tmp_path, "sys.exit(0) if os.environ['WHERE'] == 'second' else time.sleep(30)")
    assert run_reloading(command, source, environ=environ) == 0
    assert starts(tmp_path) == ["first", "second"]


def test_without_watch_the_code_may_change(tmp_path: Path) -> None:
    """`--no-reload` means it with a tunnel as well."""
    source = tmp_path / "source"
    source.mkdir()
    touch = f"open({str(source / 'new.py')!r}, 'w').close(); time.sleep(0.3)"
    assert run_reloading(child(tmp_path, touch), source, watch=False) == 0
    assert len(starts(tmp_path)) == 1
    again = child(
        tmp_path,
        f"p = {str(source / 'more.py')!r}\nif not os.path.exists(p):\n    open(p, 'w').close(); time.sleep(30)",
    )
    assert run_reloading(again, source) == 0
    assert len(starts(tmp_path)) == 3


@pytest.mark.parametrize("number", NAMES)
def test_a_signal_is_known_before_the_server_has_ended(tmp_path: Path, number: signal.Signals) -> None:
    """A number is put back while live calls still end; a closed terminal is a polite end too."""
    stopping = threading.Event()
    body = f"""
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
os.kill({os.getpid()}, {int(number)})
time.sleep(30)
"""
    assert run_reloading(child(tmp_path, body), tmp_path / "none", stopping=stopping) == 7
    assert stopping.is_set()
    assert len(starts(tmp_path)) == 1
