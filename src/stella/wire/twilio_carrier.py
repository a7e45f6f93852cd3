"""Media Streams from Twilio's side, for the telephone that plays Twilio: what it says and how strictly it hears.

Field order and types are those of real captures: every counter is a string.
Spec: https://www.twilio.com/docs/voice/media-streams/websocket-messages
Errors: https://www.twilio.com/docs/api/errors (31924, 31950, 31951)
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from msgspec import DecodeError
from msgspec.json import decode, encode

from stella.domain.errors import MalformedMessage

CANNOT_DECODE: Final = 31950
NOT_A_VALID_MESSAGE: Final = 31951
PROTOCOL_ERROR: Final = 31924

CONNECTED: Final = b'{"event":"connected","protocol":"Call","version":"1.0.0"}'


class StreamFault(MalformedMessage):
    """A server's message that Twilio would ignore; `code` is the warning or error it would log."""

    def __init__(self, code: int, text: str) -> None:
        """Keep the code beside the words."""
        super().__init__(f"{code}: {text}", str(code))
        self.code = code


@dataclass(frozen=True, slots=True)
class PlayMedia:
    """Sound to be queued for playout, mu-law."""

    mulaw: bytes


@dataclass(frozen=True, slots=True)
class SetMark:
    """To be echoed when everything queued before it has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class ClearQueue:
    """Forget what is queued and echo the outstanding marks."""


FromServer: TypeAlias = PlayMedia | SetMark | ClearQueue


class CarrierStream:
    """Writes what Twilio sends on one stream, with its counters."""

    def __init__(self, account_sid: str, call_sid: str, stream_sid: str) -> None:
        """Begin before `start`; nothing has been counted."""
        self.account_sid, self.call_sid, self.stream_sid = account_sid, call_sid, stream_sid
        self._sequence = 0
        self._chunk = 0

    def connected(self) -> bytes:
        """The first message; neither counted nor named."""
        return CONNECTED

    def start(self, parameters: Mapping[str, str]) -> bytes:
        """The stream begins, with the `<Parameter>`s of the TwiML."""
        details = {
            "accountSid": self.account_sid,
            "streamSid": self.stream_sid,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(parameters),
        }
        return self._message("start", details)

    def media(self, mulaw: bytes | memoryview, timestamp_ms: int, *, skipped: int = 0) -> bytes:
        """The caller's sound; `skipped` chunks were lost before it and are counted all the same."""
        self._chunk += 1 + skipped
        sound = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str(timestamp_ms),
            "payload": b2a_base64(mulaw, newline=False).decode("ascii"),
        }
        return self._message("media", sound)

    def dtmf(self, digit: str) -> bytes:
        """The caller pressed a key."""
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> bytes:
        """A mark of the server's comes back."""
        return self._message("mark", {"name": name})

    def stop(self) -> bytes:
        """The stream ends."""
        return self._message("stop", {"accountSid": self.account_sid, "callSid": self.call_sid})

    def _message(self, event: str, body: Mapping[str, Any]) -> bytes:
        self._sequence += 1
        return encode(
            {"event": event, "sequenceNumber": str(self._sequence), "streamSid": self.stream_sid, event: body}
        )


def parse_outbound(data: bytes | str, stream_sid: str, *, binary: bool = False) -> FromServer:
    """Read what a server sends, as strictly as Twilio: raises StreamFault with Twilio's code, and nothing else.

    Binary frames and undecodable text are 31950; an unknown event, a missing or extra field and a foreign streamSid
    are 31951; Twilio's own events sent back to it are 31924.
    """
    if binary:
        raise StreamFault(CANNOT_DECODE, "a binary frame")
    try:
        tree = decode(data if isinstance(data, str) else data.decode("utf-8"))
    except UnicodeError:
        raise StreamFault(CANNOT_DECODE, "not UTF-8") from None
    except (DecodeError, RecursionError):
        raise StreamFault(NOT_A_VALID_MESSAGE, "not JSON") from None
    if not isinstance(tree, dict):
        raise StreamFault(NOT_A_VALID_MESSAGE, "not an object")
    event = tree.get("event")
    if event in ("connected", "start", "dtmf", "stop"):
        raise StreamFault(PROTOCOL_ERROR, f"a server never sends {event}")
    if event not in ("media", "mark", "clear"):
        raise StreamFault(NOT_A_VALID_MESSAGE, "an unknown event")
    _only(tree, {"event", "streamSid"} if event == "clear" else {"event", "streamSid", event})
    if tree["streamSid"] != stream_sid:
        raise StreamFault(NOT_A_VALID_MESSAGE, "a foreign streamSid")
    if event == "clear":
        return ClearQueue()
    field = "payload" if event == "media" else "name"
    value = _only(tree[event], {field})[field]
    if not isinstance(value, str):
        raise StreamFault(NOT_A_VALID_MESSAGE, f"{field} is not a string")
    return PlayMedia(_mulaw(value)) if event == "media" else SetMark(value)


def _only(tree: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise StreamFault(NOT_A_VALID_MESSAGE, f"no object with {', '.join(sorted(names))}")
    if missing := names - tree.keys():
        raise StreamFault(NOT_A_VALID_MESSAGE, f"without {', '.join(sorted(missing))}")
    if extra := tree.keys() - names:
        raise StreamFault(NOT_A_VALID_MESSAGE, f"with {len(extra)} field(s) too many")
    return tree


def _mulaw(payload: str) -> bytes:
    try:
        return a2b_base64(payload.encode("ascii"), strict_mode=True)
    except (Base64Error, UnicodeError):
        raise StreamFault(NOT_A_VALID_MESSAGE, "the payload is not base64") from None
