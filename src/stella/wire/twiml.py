"""Plans written down as TwiML, by the official writer; `twiml_reader` reads.

Spec: https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, assert_never

from twilio.twiml import TwiML  # type: ignore[import-untyped]
from twilio.twiml.voice_response import Connect, Dial, Gather, VoiceResponse  # type: ignore[import-untyped]

from stella.domain.plan import (
    AskAgain,
    AskByGather,
    ConnectPerson,
    HoldOn,
    OpenRelay,
    OpenStream,
    Plan,
    SayGoodbye,
    Spoken,
    TakeMessage,
)
from stella.wire.twilio_relay import relay_locale, relay_voice
from stella.wire.twiml_reader import Verb, parse_document

__all__ = ["MAX_SAY", "Verb", "parse_document", "render"]

MAX_SAY: Final = 4_096
"""Characters Twilio takes in one `<Say>`."""

_ROOT: Final = "/api/stella/call"
_MAX_HINTS: Final = 200
_FIND_THE_END: Final = ("", "default", "numbers_and_commands", "phone_call")

# Everything outside the characters of XML 1.0 (https://www.w3.org/TR/xml/#charsets): one of them makes the whole
# document unreadable (12100). A lone surrogate is among them.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_A_KEY: Final = re.compile("[^0-9*#wW]")
_NOT_IN_A_NUMBER: Final = re.compile("[^+0-9]")


def render(plan: Plan, base_url: str) -> str:
    """The TwiML of a plan. `base_url` is the public URL; the stream's is the same with `ws` in place of `http`.

    Text from anywhere may be in a plan: it never changes the tree.
    """
    base = base_url.rstrip("/") + _ROOT
    document = VoiceResponse()
    match plan:
        case OpenStream():
            _open_stream(document, plan, base)
        case OpenRelay():
            _open_relay(document, plan, base)
        case AskByGather():
            _ask(document, plan, base)
        case HoldOn():
            _say(document, plan.says)
            document.redirect(f"{base}/gather?turn={plan.turn}", method="POST")
        case ConnectPerson():
            _say(document, plan.says)
            dial = Dial(action=f"{base}/after?dial=1", method="POST", answer_on_bridge=True, timeout=plan.timeout_s)
            _number(dial, plan.number, plan.extension)
            document.append(dial)
        case SayGoodbye():
            _say(document, plan.says)
            document.hangup()
        case AskAgain():
            document.redirect(f"{base}/after", method="POST")
        case TakeMessage():
            _say(document, plan.says)
            if plan.number:
                dial = Dial(answer_on_bridge=True)
                _number(dial, plan.number, "")
                document.append(dial)
            _say(document, plan.farewell)
            document.hangup()
        case _:
            assert_never(plan)
    return str(document)


def _open_stream(document: VoiceResponse, plan: OpenStream, base: str) -> None:
    _say(document, plan.says)
    connect = Connect(action=f"{base}/after", method="POST")
    stream = connect.stream(
        url=_socket(base) + "/stream",
        status_callback=f"{base}/stream-status",
        status_callback_method="POST",
    )
    _connect(document, connect, stream, plan.token, base)


def _socket(base: str) -> str:
    # "http" is four letters; what is left of "https" keeps its "s".
    return "ws" + base.removeprefix("http")


def _connect(document: VoiceResponse, connect: Connect, noun: TwiML, token: str, base: str) -> None:
    for name, value in (("token", token), ("provider", "twilio"), ("feature", "stella-call")):
        noun.parameter(name=name, value=_clean(value))
    document.append(connect)
    # Whether `action` fires after a failed handshake is not proven, so the way on is written down twice.
    document.redirect(f"{base}/after", method="POST")


def _open_relay(document: VoiceResponse, plan: OpenRelay, base: str) -> None:
    """Spec: https://www.twilio.com/docs/voice/twiml/connect/conversationrelay. What has a default that changed once
    (input during speech is not reported since May 2025) is written out."""
    _say(document, plan.says)
    connect = Connect(action=f"{base}/after", method="POST")
    relay = connect.conversation_relay(
        url=_socket(base) + "/relay",
        language=_clean(relay_locale(plan.languages[0].locale)),
        interruptible="any",
        report_input_during_agent_speech="any",
        dtmf_detection=True,
        partial_prompts=True,
        speech_timeout=min(5_000, max(600, round(plan.speech_timeout_s * 1_000))),
        hints=_hints(plan.hints),
        events="speaker-events tokens-played",
    )
    for language in plan.languages:
        provider, voice = relay_voice(language.voice)
        relay.language(
            code=_clean(relay_locale(language.locale)), tts_provider=provider or None, voice=_clean(voice) or None
        )
    _connect(document, connect, relay, plan.token, base)


def _ask(document: VoiceResponse, plan: AskByGather, base: str) -> None:
    """Spec: https://www.twilio.com/docs/voice/twiml/gather. Without a model Twilio chooses one, and another when it fails."""
    keys, model = plan.keys_only, _clean(plan.speech_model)
    gather = Gather(
        input="dtmf" if keys else "speech dtmf",
        action=f"{base}/gather?turn={plan.turn}",
        method="POST",
        action_on_empty_result=True,
        timeout=plan.timeout_s,
        finish_on_key=_NOT_A_KEY.sub("", plan.finish_on_key),
        num_digits=plan.max_digits or None,
        # Only the older models find the end of speech by themselves; for the others a silence is named, in seconds.
        speech_timeout=None if keys else "auto" if model in _FIND_THE_END else 1,
        language=None if keys else _clean(plan.locale),
        hints=None if keys else _hints(plan.hints),
        speech_model=None if keys else model or None,
        enhanced=True if model == "phone_call" and not keys else None,
        profanity_filter=None if keys else False,
    )
    # Words before a <Gather> cannot be talked over, words inside can.
    _say(document, plan.before)
    _say(gather if plan.barge_in else document, plan.says)
    document.append(gather)


def _hints(hints: tuple[str, ...]) -> str | None:
    """As Twilio takes them: a comma between two, none inside; 100 characters each, and fewer than its 500."""
    phrases = (" ".join(_clean(hint).replace(",", " ").split())[:100] for hint in hints[:_MAX_HINTS])
    return ",".join(phrase for phrase in phrases if phrase) or None


def _say(inside: TwiML, says: tuple[Spoken, ...]) -> None:
    for spoken in says:
        for piece in _pieces(_clean(spoken.text)):
            attributes = {"language": _clean(spoken.locale) or None, "voice": _clean(spoken.voice) or None}
            inside.add_child("Say", piece, **attributes)


def _number(dial: Dial, number: str, extension: str) -> None:
    # A second (each w is half of one) before the first key: switchboards need to pick up first.
    keys = _NOT_A_KEY.sub("", extension)
    dial.number(_NOT_IN_A_NUMBER.sub("", number), send_digits=f"ww{keys}" if keys else None)


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)


def _pieces(text: str) -> Iterator[str]:
    """Split at a blank where there is one in the second half, so that no word is cut that need not be."""
    rest = text.strip()
    while len(rest) > MAX_SAY:
        cut = rest.rfind(" ", MAX_SAY // 2, MAX_SAY)
        cut = cut if cut > 0 else MAX_SAY
        yield rest[:cut].rstrip()
        rest = rest[cut:].lstrip()
    if rest:
        yield rest
