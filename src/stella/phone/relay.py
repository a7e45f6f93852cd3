"""`<Connect><ConversationRelay>`: checks the attributes as Twilio does, then carries a session over its socket.

Spec: https://www.twilio.com/docs/voice/twiml/connect/conversationrelay
"""

from __future__ import annotations

from collections.abc import Callable

from stella.phone.caller import PutDown
from stella.phone.context import Call
from stella.phone.leg import Send
from stella.phone.relay_leg import KIND, RelayLeg
from stella.phone.report import StreamRun
from stella.phone.socket import End, StreamOrder, StreamSocket
from stella.wire.twiml_reader import Verb

BAD_PARAMETER, SCHEMA_WARNING = 64101, 12200

_INPUT = {"none", "dtmf", "speech", "any", "true", "false"}
_SWITCH = {"true", "false"}
_ALLOWED: dict[str, set[str] | None] = {
    "url": None,
    "welcomeGreeting": None,
    "welcomeGreetingInterruptible": _INPUT,
    "language": None,
    "ttsLanguage": None,
    "transcriptionLanguage": None,
    "ttsProvider": {"Google", "Amazon", "ElevenLabs"},
    "voice": None,
    "transcriptionProvider": {"Google", "Deepgram"},
    "speechModel": None,
    "speechTimeout": None,
    "eotThreshold": None,
    "partialPrompts": _SWITCH,
    "interruptible": _INPUT,
    "interruptSensitivity": {"low", "medium", "high"},
    "reportInputDuringAgentSpeech": _INPUT,
    "ignoreBackchannel": _SWITCH,
    "preemptible": _SWITCH,
    "dtmfDetection": _SWITCH,
    "hints": None,
    "events": None,
    "debug": None,
    "deepgramSmartFormat": _SWITCH,
    "elevenlabsTextNormalization": {"on", "auto", "off"},
    "intelligenceService": None,
}
"""Every attribute of the reference page, and what may stand in it where that is a list."""


async def relay(call: Call, noun: Verb, order: StreamOrder) -> tuple[End, PutDown | None, dict[str, str]]:
    """Carry the session. What is returned besides its end are the fields that the action is told."""
    for name in noun.attributes.keys() - _ALLOWED.keys():
        call.fault(SCHEMA_WARNING, f"{name[:40]} is no attribute of <ConversationRelay>", "warning")
    if noun.get("welcomeGreeting"):
        call.note("not modelled", "welcomeGreeting is passed over")
    fault = wrong_parameter(noun)
    if fault:
        call.fault(BAD_PARAMETER, fault)
        return "refused", None, {"SessionStatus": "failed", "ErrorCode": str(BAD_PARAMETER), "ErrorMessage": fault}
    legs: list[RelayLeg] = []

    def talk(call: Call, run: StreamRun, send: Send, hang_up: Callable[[PutDown], None]) -> RelayLeg:
        legs.append(RelayLeg(noun, call, run, send, hang_up))
        return legs[0]

    end, put_down = await StreamSocket(call, order, talk, KIND).run()
    if not legs:
        trouble = {"SessionStatus": "failed", "ErrorCode": str(KIND.handshake), "ErrorMessage": "Unable to connect"}
        return end, put_down, trouble
    return end, put_down, legs[0].fields(end)


def wrong_parameter(noun: Verb) -> str:
    """What would end the session before it begins (64101), or nothing. Names Twilio does not know it passes over."""
    for name, value in noun.attributes.items():
        allowed = _ALLOWED.get(name)
        if allowed is not None and value not in allowed:
            return f"{name} must be one of {', '.join(sorted(allowed))}"
    silence = noun.get("speechTimeout", "auto")
    if silence != "auto" and not (silence.isdecimal() and 600 <= int(silence) <= 5000):
        return "speechTimeout must be auto or 600 to 5000"
    return ""
