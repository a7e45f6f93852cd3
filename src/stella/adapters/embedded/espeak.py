"""espeak-ng (German; English where flite is missing) over pipes to `espeak_process.py`, restarted when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stella.ports.failure import Unavailable

_SCRIPT = Path(__file__).with_name("espeak_process.py")
_SYSTEM = "libespeak-ng.so.1"
_MEND = "install Debian's libespeak-ng1 (apt install libespeak-ng1), or run: stella models pull espeak"
_PATIENCE_S = 10.0
_MOST_BYTES = 16_000_000
_NAME = "espeak"


@dataclass(frozen=True, slots=True)
class Speaker:
    """How espeak speaks a language. `rate` in words a minute, `pitch` and `range` 0 … 100."""

    voice: str
    rate: int
    pitch: int
    range: int


SPEAKERS = {"de": Speaker("de", 150, 42, 60), "en": Speaker("en-us", 155, 42, 60)}
"""Slow and lively enough for a telephone's 3.4 kHz; the default of 175 runs German endings together."""


def command(pulled: tuple[Path, Path] | None = None) -> list[str]:
    """How to start the process with the system's library, else with the `pulled` one (library, data's parent).

    Raises Unavailable where there is neither.
    """
    with contextlib.suppress(OSError):
        ctypes.CDLL(_SYSTEM)
        return [sys.executable, "-I", str(_SCRIPT), _SYSTEM]
    if pulled is None or not pulled[0].is_file():
        raise Unavailable(_NAME, "missing", _MEND)
    return [sys.executable, "-I", str(_SCRIPT), str(pulled[0]), str(pulled[1])]


def request(text: str, language: str) -> bytes:
    """The message that asks for a text. Raises Unavailable for a language that has no speaker."""
    speaker = SPEAKERS.get(language)
    if speaker is None:
        raise Unavailable(_NAME, "language", language)
    asked = {"voice": speaker.voice, "rate": speaker.rate, "pitch": speaker.pitch, "range": speaker.range}
    body = json.dumps({**asked, "text": text.replace("\0", " ")}).encode()
    return struct.pack("!I", len(body)) + body


def render_once(text: str, language: str, pulled: tuple[Path, Path] | None = None) -> tuple[NDArray[np.int16], int]:
    """One text by a process of its own (about 60 ms): for tools that have no event loop. Blocks. Raises Unavailable."""
    try:
        done = subprocess.run(
            command(pulled), input=request(text, language), capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise Unavailable(_NAME, "process", type(fault).__name__) from fault
    bodies, at, answer = [], 0, done.stdout
    while at + 4 <= len(answer):
        (size,) = struct.unpack_from("!I", answer, at)
        bodies.append(answer[at + 4 : at + 4 + size])
        at += 4 + size
    if len(bodies) < 2 or bodies[-1] != b"":
        raise Unavailable(_NAME, "died", f"exit code {done.returncode}")
    return np.frombuffer(b"".join(body[1:] for body in bodies[1:-1]), np.int16), int(struct.unpack("!I", bodies[0])[0])


class Espeak:
    """The process and its pipes; one text at a time. `restarts` counts how often it had to be started again."""

    def __init__(self, pulled: tuple[Path, Path] | None = None) -> None:
        """Nothing is started yet. Raises Unavailable where there is no library."""
        self._command = command(pulled)
        self._process: asyncio.subprocess.Process | None = None
        self._rate = 0
        self._turn = asyncio.Lock()
        self._closed = False
        self._rendering: set[asyncio.Task[tuple[NDArray[np.int16], int]]] = set()
        self.restarts = -1

    async def start(self) -> None:
        """Have the process running. Raises Unavailable."""
        async with self._turn:
            await self._alive()

    async def render(self, text: str, language: str) -> tuple[NDArray[np.int16], int]:
        """The text as 16-bit samples and their rate. Raises Unavailable; the next text then finds a new process.

        A caller that goes away in the middle leaves no half answer in the pipe: the few milliseconds are worked off.
        """
        work = asyncio.create_task(self._render(request(text, language)))
        self._rendering.add(work)
        work.add_done_callback(self._rendered)
        return await asyncio.shield(work)

    def _rendered(self, work: asyncio.Task[tuple[NDArray[np.int16], int]]) -> None:
        self._rendering.discard(work)
        if not work.cancelled():
            work.exception()  # seen, though its caller may have gone

    async def _render(self, message: bytes) -> tuple[NDArray[np.int16], int]:
        async with self._turn:
            process = await self._alive()
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    return await self._ask(process, message), self._rate
            except TimeoutError as fault:
                await self._end()
                raise Unavailable(_NAME, "timeout") from fault
            except (OSError, EOFError, ValueError) as fault:
                await self._end()
                raise Unavailable(_NAME, "died", type(fault).__name__) from fault
            except BaseException:
                await self._end()
                raise

    async def _alive(self) -> asyncio.subprocess.Process:
        if self._closed:
            raise Unavailable(_NAME, "closed")
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._process = None
        pipe = asyncio.subprocess.PIPE
        try:
            async with asyncio.timeout(_PATIENCE_S):
                self._process = process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=pipe,
                    stdout=pipe,
                    stderr=asyncio.subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C ends the server by way of its drain: live calls still speak
                )
                (self._rate,) = struct.unpack("!I", await _receive(process))
        except (OSError, EOFError, TimeoutError, ValueError, struct.error) as fault:
            await self._end()
            raise Unavailable(_NAME, "start", f"{type(fault).__name__}; {_MEND}") from fault
        self.restarts += 1
        return process

    async def _ask(self, process: asyncio.subprocess.Process, message: bytes) -> NDArray[np.int16]:
        if process.stdin is None:
            raise EOFError
        process.stdin.write(message)
        await process.stdin.drain()
        bodies: list[bytes] = []
        size = 0
        while body := await _receive(process):
            if not body.startswith(b"s"):
                raise ValueError(body[1:].decode(errors="replace"))
            bodies.append(body[1:])
            size += len(body)
            if size > _MOST_BYTES:
                raise ValueError("too much sound")
        return np.frombuffer(b"".join(bodies), np.int16)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(1):
                await process.communicate()  # to the pipes' end, or they outlive the loop
                if process.stdin is not None:
                    process.stdin.close()
                    await process.stdin.wait_closed()

    async def close(self) -> None:
        """End the process."""
        self._closed = True
        async with self._turn:
            await self._end()


async def _receive(process: asyncio.subprocess.Process) -> bytes:
    """One body. Raises EOFError (asyncio.IncompleteReadError) where the process is gone."""
    if process.stdout is None:
        raise EOFError
    (size,) = struct.unpack("!I", await process.stdout.readexactly(4))
    if size > _MOST_BYTES:
        raise ValueError("the answer is too long")
    return await process.stdout.readexactly(size)
