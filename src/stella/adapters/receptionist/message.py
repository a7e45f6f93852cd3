"""Takes a message: name, number, concern, summary. One question at a time, each answer confirmed, two retries a slot."""

from __future__ import annotations

import re
from dataclasses import replace

from stella.adapters.receptionist.copy import line
from stella.adapters.receptionist.desk import Answer, Desk, Heard
from stella.adapters.receptionist.digits import caller_number
from stella.adapters.receptionist.intents import Intent, intent_of
from stella.adapters.receptionist.memory import TEXT_LIMIT, Memory
from stella.adapters.receptionist.words import fold
from stella.domain.consent import Preset
from stella.ports.store import Notice

RETRIES = 2
"""How often a slot is asked again before the dialogue goes on without it."""

_ABOUT = {
    "de": re.compile(r"\b(?:es geht um\s+|und zwar\s+)?((?:dass|wegen|bezüglich|betreffend)\s+.{10,})", re.IGNORECASE),
    "en": re.compile(r"\b(?:that|about|regarding|because of|concerning)\s+(.{12,})", re.IGNORECASE),
}


def start(desk: Desk, memory: Memory, kind: str, heard: Heard | None = None, whom: str = "") -> Answer:
    """Begin a message, or say that there were enough. What the caller already told is not asked again."""
    answer = Answer(memory.language)
    if memory.messages >= desk.agent.limits.messages_per_call:
        memory.step = "idle"
        return answer.say("enough")
    memory.kind, memory.for_, memory.tries, memory.fixing = kind, whom, 0, False
    memory.concern = ""
    if heard is not None and (told := _ABOUT[memory.language].search(heard.text)):
        wish = intent_of(fold(told[1], 1000), memory.language)
        memory.concern = tidy(told[1]) if wish in (Intent.OTHER, Intent.HOURS) else ""
    if memory.name and not memory.name_sure:
        return ask(memory, answer, "name-check", "check-name", name=memory.name)
    return next_question(desk, memory, answer)


def next_question(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    """Ask for the first thing that is missing."""
    memory.tries = 0
    if not memory.name:
        return ask(memory, answer, "name", "ask-name")
    if not memory.number and memory.number_sure is False:
        return ask_number(desk, memory, answer)
    if not memory.concern:
        return ask(memory, answer, "concern", "ask-concern")
    return summarise(memory, answer)


def ask(memory: Memory, answer: Answer, step: str, key: str, **values: str) -> Answer:
    """Put the question of a step."""
    memory.step = step
    return answer.say(key, **values)


def ask_number(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    """Offer the number the caller calls from; ask where there is none."""
    if own := caller_number(desk.caller):
        return ask(memory, answer, "number-offer", "offer-number", ending=ending(own))
    return ask(memory, answer, "number", "ask-number")


def summarise(memory: Memory, answer: Answer) -> Answer:
    """Say everything back and ask whether to pass it on."""
    language = memory.language
    name = memory.name or line(language, "unknown-name")
    reach = (
        line(language, "reach-number", ending=ending(memory.number)) if memory.number else line(language, "reach-none")
    )
    concern = memory.concern or line(language, "unknown-concern")
    concern = concern if concern[-1:] in ".!?" else f"{concern}."
    return ask(memory, answer, "summary", "summary", name=name, reach=reach, concern=concern)


def ending(number: str) -> str:
    """The last two digits, one by one."""
    return " ".join(number[-2:])


def tidy(text: str) -> str:
    """What a caller said, fit for one line: no control characters, single spaces, a bound."""
    clean = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return clean[:TEXT_LIMIT].strip()


def notice(desk: Desk, memory: Memory) -> Notice:
    """The message as people will read it, in the agent's first language. The same message has the same key.

    Where a number asks before it keeps anything, a name or number the caller did not confirm is left out: whether the
    caller agreed to more is not for a brain to know.
    """
    if desk.agent.preset is Preset.ASK_EVERYTHING:
        memory = replace(
            memory,
            name=memory.name if memory.name_sure else "",
            number=memory.number if memory.number_sure else "",
        )
    language = desk.agent.languages[0].code
    unsure = f" ({line(language, 'unconfirmed')})"
    name = memory.name or line(language, "unknown-name")
    rows = [
        (line(language, "for"), memory.for_),
        (line(language, "name"), name + ("" if memory.name_sure or not memory.name else unsure)),
        (line(language, "number"), memory.number + ("" if memory.number_sure or not memory.number else unsure)),
        (
            line(language, "concern"),
            (memory.concern or line(language, "unknown-concern")) + ("" if memory.agreed else unsure),
        ),
    ]
    return Notice(
        key=f"{desk.call_sid}-message-{memory.messages + 1}",
        call_sid=desk.call_sid,
        kind=memory.kind,
        subject=line(language, f"subject-{memory.kind}", name=name),
        text="\n".join(f"{label}: {value}" for label, value in rows if value),
        fields={
            "for": memory.for_,
            "name": memory.name,
            "name_confirmed": memory.name_sure,
            "number": memory.number,
            "number_confirmed": memory.number_sure and bool(memory.number),
            "concern": memory.concern,
            "concern_confirmed": memory.agreed,
            "language": memory.language,
        },
    )


def kept(desk: Desk, memory: Memory) -> Answer:
    """The message is safe."""
    answer = Answer(memory.language)
    answer.used("take_message", _told(desk, memory), "kept")
    key = "kept-call-back" if memory.kind == "call-back" else "kept"
    memory.messages += 1
    memory.forget_message()
    return answer.say(key)


def _told(desk: Desk, memory: Memory) -> dict[str, object]:
    """The message for the record; `confirmed` names what may be stored even where nothing else may."""
    sure = {"name": memory.name_sure, "number": memory.number_sure, "concern": memory.agreed}
    return {
        "kind": memory.kind,
        "for": memory.for_,
        "key": notice(desk, memory).key,
        "name": memory.name,
        "number": memory.number,
        "concern": memory.concern,
        "confirmed": ["kind", "for", "key", *(slot for slot, is_sure in sure.items() if is_sure)],
    }


def lost(desk: Desk, memory: Memory, code: str) -> Answer:
    """The message could not be kept, and the caller is told so."""
    answer = Answer(memory.language)
    answer.used("take_message", {"kind": memory.kind, "for": memory.for_}, "", error=code)
    if desk.agent.people and desk.opening.is_open(desk.now) and memory.step != "try-again":
        memory.step = "offer-transfer"
        return answer.say("lost-transfer")
    memory.step, memory.tries = "try-again", 0
    return answer.say("lost")
