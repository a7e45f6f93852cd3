"""A living caller: sound from `arecord`, to `aplay`, both of ALSA's tools and neither required to be there."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator

import typer

_FORMAT = ["-q", "-t", "raw", "-f", "MU_LAW", "-r", "8000", "-c", "1"]
_FRAME = 160
_MOST_WAITING = 8000
"""A second of sound; older is dropped, or the caller would be late for the rest of the call."""


@contextlib.contextmanager
def microphone() -> Iterator[Callable[[], bytes]]:
    """The next 20 ms of the microphone, or nothing. Raises typer.BadParameter without a recorder."""
    program = shutil.which("arecord")
    if program is None:
        raise typer.BadParameter(
            "--mic needs the program arecord, which is not here: install alsa-utils, or use --say or --wav"
        )
    with subprocess.Popen([program, *_FORMAT], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as recorder:
        pipe = recorder.stdout
        if pipe is None:
            raise typer.BadParameter("--mic: arecord gives no sound")
        os.set_blocking(pipe.fileno(), False)
        waiting = bytearray()

        def frame() -> bytes:
            with contextlib.suppress(BlockingIOError):
                waiting.extend(os.read(pipe.fileno(), 65_536))
            if len(waiting) > _MOST_WAITING:
                del waiting[: len(waiting) - _FRAME]
            taken = bytes(waiting[:_FRAME])
            del waiting[:_FRAME]
            return taken

        try:
            yield frame
        finally:
            recorder.terminate()


@contextlib.contextmanager
def loudspeaker() -> Iterator[Callable[[bytes], None] | None]:
    """Plays what the caller hears; None where there is no player: then the call is seen but not heard."""
    program = shutil.which("aplay")
    if program is None:
        yield None
        return
    with subprocess.Popen([program, *_FORMAT], stdin=subprocess.PIPE) as player:
        pipe = player.stdin
        if pipe is None:
            yield None
            return
        os.set_blocking(pipe.fileno(), False)

        def play(mulaw: bytes) -> None:
            # A player that cannot keep up loses sound rather than holding up the call.
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(pipe.fileno(), mulaw)

        try:
            yield play
        finally:
            player.terminate()
