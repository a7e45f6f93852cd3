"""Twilio ConversationRelay, the server's side: what Twilio heard comes in, what it is to say goes out, both as text.

Spec: https://www.twilio.com/docs/voice/conversationrelay/websocket-messages. The `info` messages that
`events="speaker-events tokens-played"` brings are named there in the table of attributes alone; their shape is the one
Twilio's own samples read, and nothing depends on their coming.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode

from stella.domain.errors import MalformedMessage

MAX_MESSAGE: Final = 65_536
"""Bytes of one message; anything above is refused unread."""

_MAX_PARAMETERS: Final = 100
_MAX_WORD: Final = 1_000
_MAX_WORDS: Final = 8_000
"""Characters of what somebody said or was heard saying: ten minutes of talk."""


class Setup(Struct, frozen=True):
    """The first message. Missing words are empty: the door decides what it cannot do without."""

    session_id: str = ""
    account_sid: str = ""
    call_sid: str = ""
    from_: str = ""
    to: str = ""
    direction: str = ""
    custom_parameters: Mapping[str, str] = {}


class Prompt(Struct, frozen=True, gc=False):
    """What the caller said. All of the utterance so far; `last` when Twilio takes it for finished."""

    text: str
    language: str = ""
    last: bool = True


class Interrupted(Struct, frozen=True, gc=False):
    """The caller stopped what was being said. `heard` is what had been played of it until then."""

    heard: str = ""
    after_s: float | None = None


class Key(Struct, frozen=True, gc=False):
    """The caller pressed a key."""

    digit: str


class Speaking(Struct, frozen=True, gc=False):
    """The agent's voice, or the caller's, began or ended."""

    agent: bool
    on: bool


class Played(Struct, frozen=True, gc=False):
    """These words have been played."""

    text: str


class Complaint(Struct, frozen=True, gc=False):
    """Twilio could not use a message of ours (64107), or something in the session failed. The call goes on."""

    text: str


class Unknown(Struct, frozen=True, gc=False):
    """A message this version does not know; to be counted once and passed over."""

    name: str


Inbound: TypeAlias = Setup | Prompt | Interrupted | Key | Speaking | Played | Complaint | Unknown

_any_tree = Decoder()
_UNREADABLE = (DecodeError, UnicodeError, RecursionError)


def parse(data: bytes | bytearray | memoryview) -> Inbound:
    """Read one message. Raises MalformedMessage and nothing else; its `kind` is `size`, `json` or `shape`."""
    if len(data) > MAX_MESSAGE:
        raise MalformedMessage(f"a relay message of {len(data)} bytes; the bound is {MAX_MESSAGE}", "size")
    try:
        tree = _any_tree.decode(data)
    except _UNREADABLE as error:
        # The text of the error may repeat what was received, so only its kind goes on.
        raise MalformedMessage(f"a relay message is not JSON ({type(error).__name__})", "json") from None
    if not isinstance(tree, dict) or not isinstance(kind := tree.get("type"), str):
        raise MalformedMessage("a relay message is not an object with a type", "shape")
    match kind:
        case "setup":
            return _setup(tree)
        case "prompt":
            return Prompt(_words(_needed(tree, "voicePrompt")), _word(tree.get("lang")), tree.get("last") is not False)
        case "interrupt":
            return Interrupted(_words(tree.get("utteranceUntilInterrupt")), _ms(tree.get("durationUntilInterruptMs")))
        case "dtmf":
            return Key(_word(_needed(tree, "digit")))
        case "info":
            return _info(tree)
        case "error":
            return Complaint(_words(tree.get("description")))
        case _:
            return Unknown(kind[:64])


def _needed(tree: Mapping[str, Any], name: str) -> object:
    if name not in tree:
        raise MalformedMessage(f"a relay message without {name}", "shape")
    return tree[name]


def _word(value: object, most: int = _MAX_WORD) -> str:
    if isinstance(value, str):
        return value[:most]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _words(value: object) -> str:
    return _word(value, _MAX_WORDS)


def _ms(value: object) -> float | None:
    # Documented as a number, shown as a string in an older version of the page.
    text = _word(value)
    return int(text) / 1000 if text.isdecimal() and len(text) <= 9 else None


def _setup(tree: Mapping[str, Any]) -> Setup:
    parameters = tree.get("customParameters")
    pairs = list(parameters.items())[:_MAX_PARAMETERS] if isinstance(parameters, dict) else []
    return Setup(
        _word(tree.get("sessionId")), _word(tree.get("accountSid")), _word(tree.get("callSid")),
        _word(tree.get("from")), _word(tree.get("to")), _word(tree.get("direction")),
        {name: _word(value) for name, value in pairs},
    )  # fmt: skip


def _info(tree: Mapping[str, Any]) -> Speaking | Played | Unknown:
    name, value = _word(tree.get("name")), tree.get("value")
    if name in {"agentSpeaking", "clientSpeaking"} and value in ("on", "off"):
        return Speaking(agent=name == "agentSpeaking", on=value == "on")
    if name == "tokensPlayed":
        return Played(_words(value))
    return Unknown(f"info {name[:58]}")


_NO_TAGS: Final = str.maketrans("<>", "  ")


def text_message(token: str, *, last: bool = False, interruptible: bool = True) -> bytes:
    """Words to be spoken behind those sent before; `last` ends the turn. A later turn of ours always takes their place.

    Since October 2025 tags in a token are orders to the voice (SSML). Words are only words here: no text, wherever it
    comes from, makes a pause or a sound of its own.
    """
    return encode(
        {
            "type": "text",
            "token": token.translate(_NO_TAGS),
            "last": last,
            "interruptible": interruptible,
            "preemptible": True,
        }
    )


def language_message(locale: str) -> bytes:
    """Hear and speak `locale` from now on."""
    return encode({"type": "language", "ttsLanguage": locale, "transcriptionLanguage": locale})


def end_message(handoff: Mapping[str, str]) -> bytes:
    """End the session: Twilio goes on with the `action`, which is told `handoff` as JSON in HandoffData."""
    return encode({"type": "end", "handoffData": encode(dict(handoff)).decode()})


def relay_locale(locale: str) -> str:
    """The nearest locale that Twilio's ears and voices both have: Austria's and Switzerland's German is Germany's.

    Languages: https://www.twilio.com/docs/voice/conversationrelay/voice-configuration
    """
    language, _, region = locale.partition("-")
    known = {"de": ("DE",), "en": ("US", "GB", "AU", "IN")}.get(language.lower())
    return locale if known is None or region in known else f"{language.lower()}-{known[0]}"


def relay_voice(say_voice: str) -> tuple[str, str]:
    """Provider and voice for a voice named as `<Say>` names it; empty where Twilio should choose its own.

    A name the provider does not have would end the session (64101), so only families that it has are passed on.
    """
    family, _, name = say_voice.partition(".")
    if family == "Polly" and name.endswith(("-Neural", "-Generative")):
        return "Amazon", name
    return ("Google", name) if family == "Google" and name else ("", "")
