"""`<Dial>` to a scripted person."""

from __future__ import annotations

from stella.phone.context import Call
from stella.phone.form import new_sid
from stella.phone.sound import SAMPLE_RATE
from stella.wire.twiml_reader import Verb

GREETING = {"de": "Hallo, hier spricht ein Mensch.", "en": "Hello, this is a person speaking."}
RINGS_S = 2.0


async def dial(call: Call, verb: Verb) -> dict[str, str]:
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
    if person == "answers" and target:
        await call.pass_time(RINGS_S)
        began = call.clock.now()
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
    outcome = {"DialCallStatus": status, "DialCallSid": sid, "DialBridged": str(status == "completed").lower()}
    return {**outcome, "DialCallDuration": str(seconds)} if status == "completed" else outcome
