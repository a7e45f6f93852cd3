"""Twilio Media Streams, the server's side: messages in are read once into values, messages out come from templates.

Spec: https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import Any, Final, TypeAlias

from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode

from stella.domain.errors import MalformedMessage

MAX_MESSAGE: Final = 65_536
"""Bytes of one message. Twilio's own are under 400; anything above is refused unread."""

_MAX_PARAMETERS: Final = 100
_MAX_NAME: Final = 1_000


class Connected(Struct, tag="connected", tag_field="event", frozen=True, gc=False):
    """The first message on a socket; it names no stream."""

    protocol: str = ""
    version: str = ""


class MediaFormat(Struct, rename="camel", frozen=True, gc=False):
    """What the sound of a stream is. Twilio sends `audio/x-mulaw`, 8000, 1 and nothing else."""

    encoding: str = ""
    sample_rate: int = 0
    channels: int = 0


class StartDetails(Struct, rename="camel", frozen=True):
    """Whose stream it is. Missing words are empty: the door decides what it cannot do without."""

    account_sid: str = ""
    call_sid: str = ""
    stream_sid: str = ""
    tracks: list[str] = []
    media_format: MediaFormat = MediaFormat()
    custom_parameters: dict[str, str] = {}


class Start(Struct, tag="start", tag_field="event", rename="camel", frozen=True):
    """The stream begins."""

    start: StartDetails
    stream_sid: str = ""


class Sound(Struct, frozen=True, gc=False):
    """A piece of the caller's sound: mu-law bytes, chunk counted from 1, milliseconds since the stream began.

    A counter that is missing or not a number reads -1.
    """

    payload: bytes
    chunk: int = -1
    timestamp: int = -1
    track: str = "inbound"


class Media(Struct, tag="media", tag_field="event", rename="camel", frozen=True, gc=False):
    """Sound from the caller, as a rule 20 ms of it."""

    media: Sound
    stream_sid: str = ""


class MarkName(Struct, frozen=True, gc=False):
    """The name of a mark."""

    name: str


class MarkReturned(Struct, tag="mark", tag_field="event", rename="camel", frozen=True, gc=False):
    """A mark of ours came back: its place in playout was reached, or a clear dropped it."""

    mark: MarkName
    stream_sid: str = ""

    @property
    def name(self) -> str:
        """The mark's name."""
        return self.mark.name


class Key(Struct, frozen=True, gc=False):
    """A key of a telephone."""

    digit: str
    track: str = ""


class Dtmf(Struct, tag="dtmf", tag_field="event", rename="camel", frozen=True, gc=False):
    """The caller pressed a key."""

    dtmf: Key
    stream_sid: str = ""

    @property
    def digit(self) -> str:
        """The key that was pressed."""
        return self.dtmf.digit


class Stop(Struct, tag="stop", tag_field="event", rename="camel", frozen=True, gc=False):
    """The stream ends. Twilio gives no reason."""

    stream_sid: str = ""


class Unknown(Struct, frozen=True, gc=False):
    """A message this version does not know; to be counted once and passed over."""

    name: str


Inbound: TypeAlias = Connected | Start | Media | MarkReturned | Dtmf | Stop | Unknown

_strict_tree = Decoder(Connected | Start | Media | MarkReturned | Dtmf | Stop, strict=False)
_any_tree = Decoder()
_UNREADABLE = (DecodeError, UnicodeError, RecursionError)


def parse(data: bytes | bytearray | memoryview) -> Inbound:
    """Read one message. Raises MalformedMessage and nothing else; its `kind` is `size`, `json`, `shape` or `payload`.

    What Twilio sends is read in one pass, base64 included. Whatever deviates (numbers for strings, fields missing)
    is read a second time, patiently.
    """
    if len(data) > MAX_MESSAGE:
        raise MalformedMessage(f"a stream message of {len(data)} bytes; the bound is {MAX_MESSAGE}", "size")
    try:
        message: Inbound = _strict_tree.decode(data)
    except _UNREADABLE:
        return _parse_patiently(data)
    return message


def _parse_patiently(data: bytes | bytearray | memoryview) -> Inbound:
    try:
        tree = _any_tree.decode(data)
    except _UNREADABLE as error:
        # The text of the error may repeat what was received, so only its kind goes on.
        raise MalformedMessage(f"a stream message is not JSON ({type(error).__name__})", "json") from None
    if not isinstance(tree, dict) or not isinstance(event := tree.get("event"), str):
        raise MalformedMessage("a stream message is not an object with an event", "shape")
    stream_sid = _word(tree.get("streamSid"))
    match event:
        case "connected":
            return Connected(_word(tree.get("protocol")), _word(tree.get("version")))
        case "start":
            return Start(_start(_object(tree, "start")), stream_sid)
        case "media":
            return Media(_sound(_object(tree, "media")), stream_sid)
        case "mark":
            return MarkReturned(MarkName(_word(_object(tree, "mark").get("name"))), stream_sid)
        case "dtmf":
            key = _object(tree, "dtmf")
            return Dtmf(Key(_word(key.get("digit")), _word(key.get("track"))), stream_sid)
        case "stop":
            return Stop(stream_sid)
        case _:
            return Unknown(event[:64])


def _object(tree: dict[str, Any], name: str) -> dict[str, Any]:
    inner = tree.get(name)
    if not isinstance(inner, dict):
        raise MalformedMessage(f"a {name} message has no object called {name}", "shape")
    return inner


def _word(value: object) -> str:
    if isinstance(value, str):
        return value[:_MAX_NAME]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _number(value: object) -> int:
    if isinstance(value, float) and not value.is_integer():
        return -1
    try:
        return int(value) if isinstance(value, float) else int(_word(value))
    except ValueError:
        return -1


def _start(inner: dict[str, Any]) -> StartDetails:
    form = inner.get("mediaFormat")
    form = form if isinstance(form, dict) else {}
    tracks = inner.get("tracks")
    parameters = inner.get("customParameters")
    pairs = list(parameters.items())[:_MAX_PARAMETERS] if isinstance(parameters, dict) else []
    return StartDetails(
        _word(inner.get("accountSid")),
        _word(inner.get("callSid")),
        _word(inner.get("streamSid")),
        [_word(track) for track in tracks[:2]] if isinstance(tracks, list) else [],
        MediaFormat(_word(form.get("encoding")), _number(form.get("sampleRate")), _number(form.get("channels"))),
        {name: _word(value) for name, value in pairs},
    )


def _sound(inner: dict[str, Any]) -> Sound:
    payload = inner.get("payload")
    if not isinstance(payload, str):
        raise MalformedMessage("a media message has no payload", "payload")
    try:
        mulaw = a2b_base64(payload.encode("ascii"), strict_mode=True)
    except (Base64Error, UnicodeError):
        raise MalformedMessage("the payload of a media message is not base64", "payload") from None
    track = _word(inner.get("track")) if "track" in inner else "inbound"
    return Sound(mulaw, _number(inner.get("chunk")), _number(inner.get("timestamp")), track)


class Outbound:
    """Writes messages for one stream. Exactly Twilio's fields and no more: an extra one is warning 31951."""

    __slots__ = ("_clear", "_mark", "_media")

    def __init__(self, stream_sid: str) -> None:
        """Prepare what every message of this stream begins with."""
        sid = encode(stream_sid)
        self._media = b'{"event":"media","streamSid":' + sid + b',"media":{"payload":'
        self._mark = b'{"event":"mark","streamSid":' + sid + b',"mark":{"name":'
        self._clear = b'{"event":"clear","streamSid":' + sid + b"}"

    def media(self, mulaw: bytes | memoryview) -> bytes:
        """Sound to be played after what is queued already: bare mu-law, 8 kHz, of any length."""
        # msgspec writes bytes as a base64 string, quotes included.
        return self._media + encode(mulaw) + b"}}"

    def mark(self, name: str) -> bytes:
        """A point in playout whose name comes back when it is reached or cleared."""
        return self._mark + encode(name) + b"}}"

    def clear(self) -> bytes:
        """Forget what is queued; every outstanding mark comes back."""
        return self._clear


def media_message(stream_sid: str, mulaw: bytes | memoryview) -> bytes:
    """One media message; `Outbound` is faster for many."""
    return Outbound(stream_sid).media(mulaw)


def mark_message(stream_sid: str, name: str) -> bytes:
    """One mark message."""
    return Outbound(stream_sid).mark(name)


def clear_message(stream_sid: str) -> bytes:
    """One clear message."""
    return Outbound(stream_sid).clear()
