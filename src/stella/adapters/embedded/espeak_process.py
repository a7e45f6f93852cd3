"""espeak-ng in a process of its own: it has one global state, and its licence (GPL-3) stays on its side of the pipe.

Run as a script with library, data folder (or nothing) as arguments; standard library only. Each message is a length (4 bytes,
network order) and a body. Hello: the sample rate (4 bytes). A request: JSON `{"voice", "rate", "pitch", "range", "text"}`.
Its answer: any number of bodies of `s` and 16-bit samples; then an empty body, or one of `!` and an error's name.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys
from typing import BinaryIO

_LONGEST = 64_000
_SYNCHRONOUS, _BUFFER_MS, _DONT_EXIT = 2, 200, 0x8000
_UTF8, _POSITION_CHARACTER = 1, 1
_RATE, _PITCH, _RANGE = 1, 3, 4


def _send(out: BinaryIO, body: bytes) -> None:
    out.write(struct.pack("!I", len(body)) + body)


def _receive(source: BinaryIO) -> bytes | None:
    head = source.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack("!I", head)
    body = source.read(size) if size <= _LONGEST else b""
    return body if len(body) == size else None


def main(library: str, data: str) -> int:
    """Serve requests until the pipe closes."""
    espeak = ctypes.CDLL(library)
    espeak.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    espeak.espeak_Synth.argtypes = [
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
        *(ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p),
    ]
    rate = espeak.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data.encode() if data else None, _DONT_EXIT)
    if rate <= 0:
        return 3
    out, source = sys.stdout.buffer, sys.stdin.buffer

    def sounded(samples: int, count: int, _events: int) -> int:
        if samples and count > 0:
            _send(out, b"s" + ctypes.string_at(samples, 2 * count))
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(sounded)
    espeak.espeak_SetSynthCallback(callback)
    _send(out, struct.pack("!I", rate))
    out.flush()
    while (body := _receive(source)) is not None:
        request = json.loads(body)
        if espeak.espeak_SetVoiceByName(str(request["voice"]).encode()) != 0:
            _send(out, b"!voice")
        else:
            for name, parameter in (("rate", _RATE), ("pitch", _PITCH), ("range", _RANGE)):
                espeak.espeak_SetParameter(parameter, int(request[name]), 0)
            text = str(request["text"]).encode() + b"\0"
            failed = espeak.espeak_Synth(text, len(text), 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
            _send(out, b"!synth" if failed else b"")
        out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
