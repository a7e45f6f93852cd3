"""Obeys TwiML as Twilio does: verb after verb, document after document, until the call ends.

Spec: https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urljoin

from stella.domain.errors import MalformedMessage
from stella.phone.caller import PutDown
from stella.phone.context import Call, CallOver
from stella.phone.dial import dial
from stella.phone.exchange import Answer
from stella.phone.gather import gather
from stella.phone.mouthpiece import speak_verb
from stella.phone.relay import relay
from stella.phone.socket import End, StreamOrder, StreamSocket
from stella.wire.twiml_reader import Verb, parse_document

PARSE_FAILURE, SCHEMA_WARNING = 12100, 12200
SORRY = "We are sorry, an application error has occurred. Goodbye."
_NOT_MODELLED = {"Record", "Enqueue", "Leave", "Refer", "Start", "Stop", "Pay", "Prompt", "Siprec", "Transcription"}


@dataclass(frozen=True, slots=True)
class Next:
    """Another document is to be fetched."""

    purpose: str
    url: str
    method: str = "POST"
    fields: dict[str, str] = field(default_factory=dict)


Step: TypeAlias = Next | None


async def obey(call: Call, first: Next) -> None:
    """Run the call from its first request on. Returns when the documents end; raises CallOver when a party ends it."""
    step: Step = first
    base = first.url
    while step is not None:
        verbs, base = await _fetch(call, step)
        step = await _run(call, verbs, base)


async def _fetch(call: Call, step: Next) -> tuple[list[Verb], str]:
    answer = await call.ask(step.purpose, step.url, step.method, **step.fields)
    read = _read(call, answer)
    if isinstance(read, list):
        return read, answer.url
    if call.habits.fallback_url:
        trouble = {"ErrorCode": str(read), "ErrorUrl": call.reach.sign(answer.url)}
        answer = await call.ask("fallback", call.habits.fallback_url, "POST", **step.fields, **trouble)
        second = _read(call, answer)
        if isinstance(second, list):
            return second, answer.url
    call.answer()
    await speak_verb(call, Verb("Say", {}, SORRY))
    raise CallOver("error", "completed", f"error {read}")


def _read(call: Call, answer: Answer) -> list[Verb] | int:
    """The verbs of an answer, or Twilio's code for why there are none."""
    if answer.error_code:
        return answer.error_code
    if answer.kind == "audio":
        return [Verb("Play", {"bytes": str(len(answer.body))}, answer.url), Verb("Hangup")]
    text = answer.body.decode("utf-8", "replace")
    try:
        return parse_document(text)
    except MalformedMessage as error:
        if answer.kind == "text":
            call.note("read aloud", "a text/plain answer that is no TwiML is spoken to the caller")
            return [Verb("Say", {}, text), Verb("Hangup")]
        call.fault(PARSE_FAILURE, str(error))
        return PARSE_FAILURE


async def _run(call: Call, verbs: Sequence[Verb], base: str) -> Step:
    for place, verb in enumerate(verbs):
        if verb.name == "Reject":
            if place == 0 and call.report.answered_s is None:
                call.verb("Reject", dict(verb.attributes))
                status = "busy" if verb.get("reason") == "busy" else "rejected"
                raise CallOver("agent", "busy" if status == "busy" else "no-answer", status)
            call.fault(SCHEMA_WARNING, "<Reject> after another verb hangs up", "warning")
            raise CallOver("agent")
        call.answer()
        jump = await _one(call, verb, base)
        if jump is not None:
            return jump
    call.answer()
    return None


async def _one(call: Call, verb: Verb, base: str) -> Step:
    """Carry out one verb. What it returns is where control goes; None is the next verb."""
    match verb.name:
        case "Say" | "Play" | "Pause":
            await speak_verb(call, verb, base)
        case "Hangup":
            call.verb("Hangup", {})
            raise CallOver("agent")
        case "Redirect":
            call.verb("Redirect", dict(verb.attributes), verb.text)
            return Next("redirect", urljoin(base, verb.text), verb.get("method", "POST"))
        case "Gather":
            answer = await gather(call, verb, base)
            return _action("gather", verb, base, answer) if answer is not None else None
        case "Dial":
            outcome = await dial(call, verb, base)
            return _action("dial", verb, base, outcome) if verb.get("action") else None
        case "Connect":
            return await _connect(call, verb, base)
        case name if name in _NOT_MODELLED:
            call.verb(name, dict(verb.attributes), verb.text)
            call.note("not modelled", f"<{name}> is passed over")
        case name:
            call.fault(SCHEMA_WARNING, f"<{name[:40]}> is not a verb of TwiML", "warning")
    return None


def _action(purpose: str, verb: Verb, base: str, fields: dict[str, str]) -> Next:
    return Next(f"{purpose} action", urljoin(base, verb.get("action")), verb.get("method", "POST"), fields)


async def _connect(call: Call, verb: Verb, base: str) -> Step:
    noun = next((child for child in verb.children if child.name in ("Stream", "ConversationRelay")), None)
    run = call.verb("Connect", dict(verb.attributes), noun.get("url") if noun else "")
    if noun is None:
        call.note("not modelled", "<Connect> without a <Stream> or a <ConversationRelay> is passed over")
        return None
    order = StreamOrder(
        # A relative URL is resolved against the document's, and becomes a socket's.
        noun.get("url") if "://" in noun.get("url") else "ws" + urljoin(base, noun.get("url")).removeprefix("http"),
        noun.get("name"),
        noun.parameters(),
        urljoin(base, noun.get("statusCallback")) if noun.get("statusCallback") else "",
        noun.get("statusCallbackMethod", "POST"),
    )
    if noun.name == "ConversationRelay":
        end, put_down, told = await relay(call, noun, order)
    else:
        (end, put_down), told = await _stream(call, noun, order), {}
    run.ended_s = call.clock.now()
    if put_down is not None:
        raise CallOver("caller", "completed", put_down.why)
    action = verb.get("action")
    habit = {"refused": call.habits.after_failed_handshake, "loss": call.habits.after_loss}.get(end, "action")
    if not action or habit == "next":
        return None
    jump = _action("connect", verb, base, told)
    if habit == "both":
        # Not proven which of the two a carrier does: the action is asked and its answer dropped, then the next verb runs.
        await call.ask(jump.purpose, jump.url, jump.method, **told)
        return None
    return jump


async def _stream(call: Call, noun: Verb, order: StreamOrder) -> tuple[End, PutDown | None]:
    if noun.get("track", "inbound_track") != "inbound_track":
        call.fault(31941, f"track {noun.get('track')} is not possible under <Connect>")
        return "refused", None
    return await StreamSocket(call, order).run()
