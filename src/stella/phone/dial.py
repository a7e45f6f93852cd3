"""`<Dial>` to a scripted person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urljoin

from stella.phone.context import Call
from stella.phone.form import new_sid
from stella.phone.sound import SAMPLE_RATE
from stella.wire.twiml_reader import Verb

GREETING = {"de": "Hallo, hier spricht ein Mensch.", "en": "Hello, this is a person speaking."}
RINGS_S = 2.0


@dataclass
class _ChildLeg:
    """The person's own call: its progress goes to the noun's `statusCallback`, for the events it asks for."""

    call: Call
    noun: Verb | None
    base: str
    sid: str
    sequence: int = 0

    def progress(self, event: str, status: str, **more: str) -> None:
        """`event` is `initiated`, `ringing`, `answered` or `completed`."""
        noun = self.noun
        wanted = noun.get("statusCallbackEvent", "completed").split() if noun and noun.get("statusCallback") else []
        if noun is None or event not in wanted:
            return
        about = {"CallSid": self.sid, "ParentCallSid": self.call.form.call_sid, "CallStatus": status}
        person = {"To": noun.text, "Called": noun.text, "Direction": "outbound-dial"}
        when = {"Timestamp": format_datetime(datetime.now(UTC)), "SequenceNumber": str(self.sequence)}
        source = {"CallbackSource": "call-progress-events"}
        fields = self.call.form.fields(**about, **person, **when, **source, **more)
        self.sequence += 1
        url, method = urljoin(self.base, noun.get("statusCallback")), noun.get("statusCallbackMethod", "POST")
        self.call.tasks.create_task(self.call.web.ask(f"status of the person: {event}", url, fields, method))


async def dial(call: Call, verb: Verb, base: str = "") -> dict[str, str]:
    """Ring the person, let them talk, and say what the `action` is told. Raises CallOver when the caller hangs up."""
    nouns = [child for child in verb.children if child.name in {"Number", "Client", "Sip"}]
    target = nouns[0].text if nouns else verb.text
    run = call.verb("Dial", dict(verb.attributes), target)
    for noun in nouns:
        if noun.get("sendDigits"):
            call.note("keys sent to the person", noun.get("sendDigits"))
    person = call.habits.person
    call.note("dialled", f"{target or 'nobody'}: {person}")
    sid, seconds = new_sid("CA"), 0
    leg = _ChildLeg(call, nouns[0] if nouns else None, base, sid)
    leg.progress("initiated", "initiated")
    leg.progress("ringing", "ringing")
    if person == "answers" and target:
        await call.pass_time(RINGS_S)
        began = call.clock.now()
        leg.progress("answered", "in-progress")
        sound = await call.voiced(GREETING.get(call.language[:2], GREETING["en"]), call.language)
        call.hearing.heard(began, sound.mulaw, "person", sound.text)
        await call.pass_time(max(call.habits.person_talks_s, len(sound.mulaw) / SAMPLE_RATE))
        call.hearing.silence_until(call.clock.now())
        seconds = round(call.clock.now() - began)
    elif person == "no-answer":
        await call.pass_time(float(verb.get("timeout", "30")))
    else:
        await call.pass_time(1.0)
    run.ended_s = call.clock.now()
    status = {"answers": "completed", "busy": "busy", "no-answer": "no-answer"}[person] if target else "failed"
    leg.progress("completed", status, CallDuration=str(seconds), Duration=str(-(-seconds // 60)))
    outcome = {"DialCallStatus": status, "DialCallSid": sid, "DialBridged": str(status == "completed").lower()}
    return {**outcome, "DialCallDuration": str(seconds)} if status == "completed" else outcome
