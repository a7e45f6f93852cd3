"""ConversationRelay from Twilio's side, for the telephone that plays Twilio: what it says and how strictly it hears.

Spec: https://www.twilio.com/docs/voice/conversationrelay/websocket-messages
Errors: https://www.twilio.com/docs/api/errors/64107 (a message that does not match is reported and passed over)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from msgspec import DecodeError
from msgspec.json import decode, encode

from stella.domain.errors import MalformedMessage

INVALID_MESSAGE: Final = 64107


class RelayFault(MalformedMessage):
    """A server's message that Twilio does not process; `code` is the error it logs."""

    def __init__(self, text: str, code: int = INVALID_MESSAGE) -> None:
        """Keep the code beside the words."""
        super().__init__(f"{code}: {text}", str(code))
        self.code = code


@dataclass(frozen=True, slots=True)
class SayText:
    """Words to be spoken; `last` ends the talk cycle."""

    token: str
    last: bool
    interruptible: bool = True
    preemptible: bool = False
    language: str = ""


@dataclass(frozen=True, slots=True)
class PlaySource:
    """A sound file to be played."""

    source: str
    loop: int = 1


@dataclass(frozen=True, slots=True)
class SendKeys:
    """Keys to be sent into the line."""

    digits: str


@dataclass(frozen=True, slots=True)
class UseLanguage:
    """Another language to speak, to hear, or both; empty stays as it is."""

    speech: str = ""
    hearing: str = ""


@dataclass(frozen=True, slots=True)
class EndSession:
    """The session is over; `handoff` goes to the action."""

    handoff: str = ""


FromServer: TypeAlias = SayText | PlaySource | SendKeys | UseLanguage | EndSession

_FIELDS: Final[Mapping[str, Mapping[str, type]]] = {
    "text": {"token": str, "last": bool, "lang": str, "interruptible": bool, "preemptible": bool},
    "play": {"source": str, "loop": int, "interruptible": bool, "preemptible": bool},
    "sendDigits": {"digits": str},
    "language": {"ttsLanguage": str, "transcriptionLanguage": str},
    "end": {"handoffData": str},
}
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {"text": ("token",), "play": ("source",), "sendDigits": ("digits",)}


def setup(ids: Mapping[str, str], from_: str, to: str, parameters: Mapping[str, str]) -> bytes:
    """The first message of a session. `ids` has sessionId, accountSid and callSid."""
    return encode(
        {
            "type": "setup",
            "sessionId": ids["sessionId"],
            "accountSid": ids["accountSid"],
            "parentCallSid": "",
            "callSid": ids["callSid"],
            "from": from_,
            "to": to,
            "forwardedFrom": "",
            "callType": "PSTN",
            "callerName": "",
            "direction": "inbound",
            "callStatus": "IN-PROGRESS",
            "customParameters": dict(parameters),
        }
    )


def prompt(text: str, language: str, *, last: bool) -> bytes:
    """The caller's words so far, or to the end of the utterance."""
    return encode({"type": "prompt", "voicePrompt": text, "lang": language, "last": last})


def interrupt(heard: str, after_ms: int) -> bytes:
    """The caller stopped the voice, which had said `heard`."""
    return encode({"type": "interrupt", "utteranceUntilInterrupt": heard, "durationUntilInterruptMs": after_ms})


def dtmf(digit: str) -> bytes:
    """The caller pressed a key."""
    return encode({"type": "dtmf", "digit": digit})


def info(name: str, value: str, ts_ms: int) -> bytes:
    """Something the TwiML subscribed to with `events`."""
    told: dict[str, Any] = {"type": "info", "name": name, "value": value}
    return encode(told if name == "tokensPlayed" else {**told, "ts": ts_ms})


def error(description: str) -> bytes:
    """A message of the server's could not be used."""
    return encode({"type": "error", "description": description})


def parse_from_server(data: bytes | str, *, binary: bool = False) -> FromServer:
    """Read what a server sends, as strictly as Twilio: raises RelayFault (64107) and nothing else."""
    if binary:
        raise RelayFault("a binary frame")
    try:
        tree = decode(data if isinstance(data, str) else data.decode("utf-8"))
    except (UnicodeError, DecodeError, RecursionError):
        raise RelayFault("not JSON") from None
    kind = tree.get("type") if isinstance(tree, dict) else None
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise RelayFault("no type that a server may send")
    fields = _fields(kind, tree)
    match kind:
        case "text":
            return SayText(
                fields["token"], fields.get("last", False), fields.get("interruptible", True),
                fields.get("preemptible", False), fields.get("lang", ""),
            )  # fmt: skip
        case "play":
            return PlaySource(fields["source"], fields.get("loop", 1))
        case "sendDigits":
            return SendKeys(fields["digits"])
        case "language":
            return UseLanguage(fields.get("ttsLanguage", ""), fields.get("transcriptionLanguage", ""))
        case _:
            return EndSession(fields.get("handoffData", ""))


def _fields(kind: str, tree: Mapping[str, Any]) -> dict[str, Any]:
    known = _FIELDS[kind]
    fields = {name: value for name, value in tree.items() if name != "type"}
    for name, value in fields.items():
        if name not in known:
            raise RelayFault(f"{kind} has a field too many")
        # JSON's true is no number, whatever Python says.
        if not isinstance(value, known[name]) or (known[name] is int and isinstance(value, bool)):
            raise RelayFault(f"{name} of {kind} is no {known[name].__name__}")
    for name in _NEEDED.get(kind, ()):
        if name not in fields:
            raise RelayFault(f"{kind} without {name}")
    if kind == "language" and not fields:
        raise RelayFault("language names no language")
    return fields
