"""`<Gather>`: a question the carrier asks by itself. Recognition is Twilio's own, so it hears the script's words."""

from __future__ import annotations

from dataclasses import dataclass, field

from stella.phone.caller import PressKeys, PutDown
from stella.phone.clock import FRAME_S
from stella.phone.context import Call, CallOver
from stella.phone.form import confidence
from stella.phone.mouthpiece import speak_verb
from stella.phone.report import Utterance
from stella.phone.script import HangUp, Interrupt, Press, Speak, Wait
from stella.phone.sound import Sound
from stella.wire.twiml_reader import Verb

KEY_S = 0.25
GAP_S = 0.4
"""From the end of a question to a person's first word."""

AUTO_S = 1.0
"""Silence that `speechTimeout="auto"` takes for the end of speech."""


@dataclass
class _Question:
    call: Call
    verb: Verb
    began: float
    digits: str = ""
    pending: list[str] = field(default_factory=list)
    finished_on: str = ""

    @property
    def hears_speech(self) -> bool:
        return "speech" in self.verb.get("input", "dtmf")

    @property
    def hears_keys(self) -> bool:
        return "dtmf" in self.verb.get("input", "dtmf")

    @property
    def finish_key(self) -> str:
        return self.verb.get("finishOnKey", "#")

    def seconds(self, attribute: str, default: float) -> float:
        try:
            return float(self.verb.get(attribute, str(default)))
        except ValueError:
            return default

    def whole(self) -> bool:
        """Enough keys."""
        wanted = int(self.seconds("numDigits", 0))
        return bool(self.finished_on) or (wanted > 0 and len(self.digits) >= wanted)

    def press(self, keys: str) -> None:
        """Keys, one by one, until there are enough."""
        for key in keys:
            if self.whole() or key in "wW":
                continue
            if key in self.finish_key:
                self.finished_on = key
            else:
                self.digits += key

    def interrupts_now(self, keys: str) -> bool:
        """Whether the caller barges in on the prompt in this moment, by voice or by these keys."""
        if self.hears_keys:
            self.press(keys)
        caller, now = self.call.caller, self.call.clock.now()
        if self.verb.get("bargeIn", "true") == "false":
            return False
        step = caller.next_step
        if isinstance(step, Interrupt) and self.hears_speech:
            return now >= self.began + step.at_s
        return bool(self.digits or self.finished_on)


async def gather(call: Call, verb: Verb, base: str) -> dict[str, str] | None:
    """Ask and wait. The fields for `action`, or None when nothing came and the next verb runs."""
    run = call.verb("Gather", dict(verb.attributes))
    question = _Question(call, verb, call.clock.now())
    call.hearing.leg_began()
    call.caller.leg_began(question.began)
    try:
        for nested in verb.children:
            if nested.name in {"Say", "Play", "Pause"} and not await speak_verb(
                call, nested, base, question.interrupts_now
            ):
                break
        return await _listen(question)
    finally:
        run.ended_s = call.clock.now()
        call.caller.spoke(call.clock.now())


async def _listen(question: _Question) -> dict[str, str] | None:
    call = question.call
    deadline = call.clock.now() + question.seconds("timeout", 5.0)
    act_at = call.clock.now() + GAP_S
    while not question.digits and not question.finished_on:
        now = call.clock.now()
        _by_clock(question)
        step = call.caller.next_step
        if isinstance(step, Interrupt) or (isinstance(step, (Speak, Press, HangUp)) and now >= act_at):
            taken, sound = call.caller.take()
            spoken = await _act(question, taken, sound)
            if spoken is not None:
                return spoken
            deadline = max(deadline, call.clock.now() + question.seconds("timeout", 5.0))
        elif isinstance(step, Wait):
            call.caller.take()
            act_at = now + step.seconds
        elif step is None and now >= act_at + 1.0 and not call.caller.waits_for_clock:
            raise CallOver("caller", "completed", "end of script")
        elif now >= deadline:
            return _nothing(question)
        await call.clock.sleep(FRAME_S)
    return await _more_keys(question)


async def _act(question: _Question, step: object, sound: Sound | None) -> dict[str, str] | None:
    call = question.call
    match step:
        case HangUp():
            raise CallOver("caller", "completed", "script")
        case Press():
            call.note("keys", step.digits)
            for key in step.digits:
                if question.hears_keys:
                    question.press(key)
                await call.pass_time(KEY_S)
        case Speak() | Interrupt() if sound is not None:
            begin = call.clock.now()
            interrupts = isinstance(step, Interrupt)
            said = Utterance(sound.text, begin + sound.onset_s, begin + sound.offset_s, interrupts)
            call.hearing.said(said)
            if interrupts:
                said.barge_in_ms = 0.0
            call.report.recording.caller(begin, sound.mulaw)
            await call.pass_time(sound.offset_s)
            if question.hears_speech:
                pause = question.verb.get("speechTimeout", "auto")
                await call.pass_time(AUTO_S if pause == "auto" else question.seconds("speechTimeout", AUTO_S))
                return {
                    "SpeechResult": sound.text,
                    "Confidence": confidence(),
                    "Language": question.verb.get("language", "en-US"),
                }
    return None


def _by_clock(question: _Question) -> None:
    call = question.call
    for order in call.caller.due_by_clock(call.clock.now(), call.hearing.replies):
        if isinstance(order, PutDown):
            raise CallOver("caller", "completed", order.why)
        if isinstance(order, PressKeys) and question.hears_keys:
            question.press(order.digits)


async def _more_keys(question: _Question) -> dict[str, str] | None:
    """The first key has come: take the rest until there are enough or nobody presses any more."""
    last, seen = question.call.clock.now(), len(question.digits)
    while not question.whole() and question.call.clock.now() < last + question.seconds("timeout", 5.0):
        await question.call.clock.sleep(FRAME_S)
        _by_clock(question)
        if len(question.digits) > seen:
            last, seen = question.call.clock.now(), len(question.digits)
    if not question.digits and question.verb.get("actionOnEmptyResult", "false") != "true":
        return None
    finished = {"FinishedOnKey": question.finished_on} if question.finished_on else {"FinishedOnKey": ""}
    return {"Digits": question.digits, "msg": "Gather End", **finished}


def _nothing(question: _Question) -> dict[str, str] | None:
    question.call.note("no input", "the question timed out")
    if question.verb.get("actionOnEmptyResult", "false") != "true":
        return None
    return {"Digits": "", "msg": "Gather End", "FinishedOnKey": ""} if question.hears_keys else {"SpeechResult": ""}
