"""Server-sent events, both ways.

Spec: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from msgspec import DecodeError
from msgspec.json import decode as decode_json
from msgspec.json import encode as encode_json

from stella.domain.errors import MalformedMessage

MAX_EVENT: Final = 1_048_576
"""Bytes of one event, whatever it is made of."""

COMMENT: Final = b": \n\n"
"""Keeps a connection warm; no client sees it."""


def encode(data: object) -> bytes:
    """One event with `data` as JSON on a single line."""
    # JSON escapes every line break inside strings, so a value can never end the event.
    return b"data: " + encode_json(data) + b"\n\n"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """What a server sent. `data` has the lines of all `data` fields, joined by line breaks."""

    data: str
    event: str = "message"
    id: str = ""


class EventReader:
    """Reads a stream that may be split anywhere, with LF, CR and CRLF mixed."""

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        """Begin at the start of a stream. An event above `max_event` bytes is refused."""
        self._max = max_event
        self._line = bytearray()
        self._data: list[str] = []
        self._event = ""
        self._id = ""
        self._size = 0
        self._after_cr = False
        self._first = True

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """Take the next bytes; hand back the events they complete.

        Raises MalformedMessage (`size`, `utf-8`); the stream is of no use afterwards.
        """
        if self._after_cr and piece:
            self._after_cr = False
            piece = piece.removeprefix(b"\n")
        if piece.endswith(b"\r"):
            # Its LF may still come; a bare CR ends the line all the same.
            self._after_cr = True
        *whole, rest = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        found: list[ServerEvent] = []
        for end in whole:
            self._grow(end)
            self._take_line(bytes(self._line), found)
            self._line.clear()
        self._grow(rest)
        return found

    def _grow(self, more: bytes) -> None:
        self._size += len(more)
        if self._size > self._max:
            raise MalformedMessage(f"a server-sent event of more than {self._max} bytes", "size")
        self._line += more

    def _take_line(self, raw: bytes, found: list[ServerEvent]) -> None:
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedMessage("a server-sent event that is not UTF-8", "utf-8") from None
        if self._first:
            self._first = False
            line = line.removeprefix("\ufeff")
        if not line:
            self._end(found)
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif not name:
            # A comment: it belongs to no event, so it uses up none of its bound.
            self._size -= len(raw)

    def _end(self, found: list[ServerEvent]) -> None:
        if self._data:
            found.append(ServerEvent("\n".join(self._data), self._event or "message", self._id))
        self._data, self._event, self._size = [], "", 0


def json_of(event: ServerEvent) -> Any:
    """The JSON in an event. Raises MalformedMessage (`json`)."""
    try:
        return decode_json(event.data)
    except (DecodeError, UnicodeError, RecursionError):
        raise MalformedMessage("a server-sent event without JSON in it", "json") from None
