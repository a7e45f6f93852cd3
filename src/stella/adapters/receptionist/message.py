"""Takes a message: name, number, concern, summary. One question at a time, each answer confirmed, two retries a slot."""

from __future__ import annotations

import re

from stella.adapters.receptionist import aloud
from stella.adapters.receptionist.copy import line
from stella.adapters.receptionist.desk import NAME, NUMBER, YES_NO, Answer, Desk, Heard
from stella.adapters.receptionist.digits import caller_number, keyed, plausible, spoken
from stella.adapters.receptionist.intents import yes_or_no
from stella.adapters.receptionist.memory import TEXT_LIMIT, Memory
from stella.adapters.receptionist.names import name_in
from stella.adapters.receptionist.words import fold
from stella.domain.acts import ExpectAnswer
from stella.ports.store import Notice

RETRIES = 2
"""How often a slot is asked again before the dialogue goes on without it."""

_ABOUT = {
    "de": re.compile(r"\b(?:dass|wegen|bezüglich|betreffend|es geht um|und zwar)\s+(.{12,})", re.IGNORECASE),
    "en": re.compile(r"\b(?:that|about|regarding|because of|concerning)\s+(.{12,})", re.IGNORECASE),
}
_CHANGE = (
    ("name", re.compile(r"\b(nam\w*|name)\b")),
    ("number", re.compile(r"\b(nummer|telefon\w*|number|phone)\b")),
    ("concern", re.compile(r"\b(anliegen|nachricht|text|grund|thema|message|concern|subject|reason|massage)\b")),
)


def start(desk: Desk, memory: Memory, kind: str, heard: Heard | None = None, whom: str = "") -> Answer:
    """Begin a message, or say that there were enough. What the caller already told is not asked again."""
    answer = Answer(memory.language)
    if memory.messages >= desk.agent.limits.messages_per_call:
        memory.step = "idle"
        return answer.say("enough")
    memory.kind, memory.for_, memory.tries, memory.fixing = kind, whom, 0, False
    memory.concern = ""
    if heard is not None and (told := _ABOUT[memory.language].search(heard.text)):
        memory.concern = tidy(told[1])
    return _next(desk, memory, answer)


def _next(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    """Ask for the first thing that is missing."""
    memory.tries = 0
    if not memory.name:
        return _ask(memory, answer, "name", "ask-name", NAME)
    if not memory.number and memory.number_sure is False:
        return _ask_number(desk, memory, answer)
    if not memory.concern:
        return _ask(memory, answer, "concern", "ask-concern", ExpectAnswer("open"))
    return _summary(memory, answer)


def _ask(memory: Memory, answer: Answer, step: str, key: str, expect: ExpectAnswer, **values: str) -> Answer:
    memory.step = step
    return answer.say(key, **values).act(expect)


def _ask_number(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    if own := caller_number(desk.caller):
        return _ask(memory, answer, "number-offer", "offer-number", YES_NO, ending=ending(own))
    return _ask(memory, answer, "number", "ask-number", NUMBER)


def _summary(memory: Memory, answer: Answer) -> Answer:
    language = memory.language
    name = memory.name or line(language, "unknown-name")
    reach = (
        line(language, "reach-number", ending=ending(memory.number)) if memory.number else line(language, "reach-none")
    )
    concern = memory.concern or line(language, "unknown-concern")
    concern = concern if concern[-1:] in ".!?" else f"{concern}."
    return _ask(memory, answer, "summary", "summary", YES_NO, name=name, reach=reach, concern=concern)


def ending(number: str) -> str:
    """The last two digits, one by one."""
    return " ".join(number[-2:])


def tidy(text: str) -> str:
    """What a caller said, fit for one line: no control characters, single spaces, a bound."""
    clean = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return clean[:TEXT_LIMIT].strip()


def take(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    """The answer to the question that is open."""
    answer = Answer(memory.language)
    match memory.step:
        case "name":
            return _name(desk, memory, heard, answer)
        case "name-check":
            return _name_check(desk, memory, heard, answer)
        case "number-offer":
            return _number_offer(desk, memory, heard, answer)
        case "number":
            return _number(desk, memory, heard, answer)
        case "number-check":
            return _number_check(desk, memory, heard, answer)
        case "concern":
            return _concern(memory, heard, answer)
        case "change":
            return _change(desk, memory, heard, answer)
        case _:
            return _verdict(desk, memory, heard, answer)


def _name(desk: Desk, memory: Memory, heard: Heard, answer: Answer) -> Answer:
    if name := name_in(heard.text, memory.language):
        return _check_name(memory, answer, name)
    return _name_again(desk, memory, answer)


def _check_name(memory: Memory, answer: Answer, name: str) -> Answer:
    memory.name = name
    if memory.tries:
        spelled = ", ".join(" ".join(word.upper()) for word in name.split())
        return _ask(memory, answer, "name-check", "check-spelled", YES_NO, spelled=f"{name}, {spelled}")
    return _ask(memory, answer, "name-check", "check-name", YES_NO, name=name)


def _name_again(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    memory.tries += 1
    if memory.tries > RETRIES:
        memory.name = memory.name or line(memory.language, "unknown-name")
        memory.name_sure = False
        return _onward(desk, memory, answer)
    return _ask(memory, answer, "name", "again-name", NAME)


def _onward(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    """A slot is filled: the next one, or back to the summary after a correction."""
    memory.tries = 0
    if memory.fixing:
        memory.fixing = False
        return _summary(memory, answer)
    return _next(desk, memory, answer)


def _name_check(desk: Desk, memory: Memory, heard: Heard, answer: Answer) -> Answer:
    verdict = _verdict_of(heard, memory.language)
    if verdict is True:
        memory.name_sure = True
        return _onward(desk, memory, answer)
    corrected = name_in(_after_no(heard.text, memory.language), memory.language)
    if corrected and fold(corrected) != fold(memory.name) and (verdict is False or len(corrected.split()) <= 3):
        memory.tries += 1
        if memory.tries > RETRIES:
            memory.name, memory.name_sure = corrected, False
            return _onward(desk, memory, answer)
        return _check_name(memory, answer, corrected)
    if verdict is None and not memory.tries:
        memory.tries += 1
        return answer.say("yes-or-no").act(YES_NO)
    return _name_again(desk, memory, answer)


def _verdict_of(heard: Heard, language: str) -> bool | None:
    if heard.digits in ("1", "2"):
        return heard.digits == "1"
    return yes_or_no(heard.folded, language)


def _after_no(text: str, language: str) -> str:
    """What is said after the no: "Nein, Burger mit U" is a correction."""
    pattern = (
        r"^\W*(?:nein|nee|falsch|nicht|stimmt nicht)\W+" if language == "de" else r"^\W*(?:no|nope|not quite|wrong)\W+"
    )
    return re.sub(pattern, "", text, flags=re.IGNORECASE)


def _number_offer(desk: Desk, memory: Memory, heard: Heard, answer: Answer) -> Answer:
    told = _told_number(heard, memory.language)
    if plausible(told):
        return _check_number(memory, answer, told)
    verdict = _verdict_of(heard, memory.language)
    if verdict is True:
        memory.number, memory.number_sure = caller_number(desk.caller), True
        return _onward(desk, memory, answer)
    if verdict is False:
        memory.tries = 0
        return _ask(memory, answer, "number", "ask-number", NUMBER)
    memory.tries += 1
    if memory.tries > RETRIES:
        memory.number, memory.number_sure = "", True
        return _onward(desk, memory, answer.say("no-number"))
    return answer.say("yes-or-no").act(YES_NO)


def _told_number(heard: Heard, language: str) -> str:
    return keyed(heard.digits) if len(heard.digits) > 1 else spoken(heard.text, language)


def _number(desk: Desk, memory: Memory, heard: Heard, answer: Answer) -> Answer:
    told = _told_number(heard, memory.language)
    if plausible(told):
        return _check_number(memory, answer, told)
    if not told and _verdict_of(heard, memory.language) is False:
        memory.number, memory.number_sure = "", True
        return _onward(desk, memory, answer.say("no-number"))
    return _number_again(desk, memory, answer)


def _check_number(memory: Memory, answer: Answer, number: str) -> Answer:
    memory.number, memory.number_sure = number, False
    return _ask(memory, answer, "number-check", "check-number", YES_NO, digits=aloud.digits(number))


def _number_again(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    memory.tries += 1
    if memory.tries > RETRIES:
        # What was heard is kept with the remark that it is not confirmed; nothing heard is said to be nothing.
        if not memory.number:
            answer.say("no-number")
            memory.number_sure = True
        return _onward(desk, memory, answer)
    return _ask(memory, answer, "number", "again-number", NUMBER)


def _number_check(desk: Desk, memory: Memory, heard: Heard, answer: Answer) -> Answer:
    told = _told_number(heard, memory.language)
    if plausible(told) and told != memory.number:
        memory.tries += 1
        if memory.tries <= RETRIES:
            return _check_number(memory, answer, told)
    verdict = _verdict_of(heard, memory.language)
    if verdict is True:
        memory.number_sure = True
        return _onward(desk, memory, answer)
    if verdict is None and memory.tries < RETRIES:
        memory.tries += 1
        return answer.say("yes-or-no").act(YES_NO)
    return _number_again(desk, memory, answer)


def _concern(memory: Memory, heard: Heard, answer: Answer) -> Answer:
    text = tidy(heard.text)
    enough = len(re.findall(r"[^\W\d_]", text)) >= 3 and not _bare(heard.folded)
    if not enough and memory.tries < RETRIES:
        memory.tries += 1
        return _ask(memory, answer, "concern", "again-concern", ExpectAnswer("open"))
    memory.concern = text if enough else ""
    memory.fixing = False
    return _summary(memory, answer)


def _bare(folded: str) -> bool:
    return bool(re.fullmatch(r"(ja|nein|yes|no|okay|ok|gut|bitte|please|hallo|hello|aehm?|um|uh|mhm| )+", folded))


def _change(desk: Desk, memory: Memory, heard: Heard, answer: Answer) -> Answer:
    for slot, pattern in _CHANGE:
        if pattern.search(heard.folded):
            return _fix(desk, memory, answer, slot)
    memory.tries += 1
    if memory.tries > RETRIES:
        return _summary(memory, answer)
    return answer.say("change").act(ExpectAnswer("open"))


def _fix(desk: Desk, memory: Memory, answer: Answer, slot: str) -> Answer:
    memory.fixing, memory.tries = True, 0
    if slot == "name":
        return _ask(memory, answer, "name", "again-name", NAME)
    if slot == "number":
        memory.number, memory.number_sure = "", False
        return _ask(memory, answer, "number", "ask-number", NUMBER)
    return _ask(memory, answer, "concern", "again-concern", ExpectAnswer("open"))


def _verdict(desk: Desk, memory: Memory, heard: Heard, answer: Answer) -> Answer:
    verdict = _verdict_of(heard, memory.language)
    if verdict is True:
        answer.save = True
        return answer
    slot = next((slot for slot, pattern in _CHANGE if pattern.search(heard.folded)), "")
    if memory.step == "try-again" and verdict is False:
        memory.forget_message()
        return answer.say("lost-for-good")
    if slot:
        return _fix(desk, memory, answer, slot)
    if verdict is False:
        memory.step, memory.tries = "change", 0
        return answer.say("change").act(ExpectAnswer("open"))
    memory.tries += 1
    if memory.tries > RETRIES:
        # Better a message too many than a caller who believes that one was left.
        answer.save = True
        return answer
    return answer.say("yes-or-no").act(YES_NO)


def notice(desk: Desk, memory: Memory) -> Notice:
    """The message as people will read it, in the agent's first language. The same message has the same key."""
    language = desk.agent.languages[0].code
    unsure = f" ({line(language, 'unconfirmed')})"
    name = memory.name or line(language, "unknown-name")
    rows = [
        (line(language, "for"), memory.for_),
        (line(language, "name"), name + ("" if memory.name_sure or not memory.name else unsure)),
        (line(language, "number"), memory.number + ("" if memory.number_sure or not memory.number else unsure)),
        (line(language, "concern"), memory.concern or line(language, "unknown-concern")),
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
            "language": memory.language,
        },
    )


def kept(desk: Desk, memory: Memory) -> Answer:
    """The message is safe."""
    answer = Answer(memory.language)
    answer.used("take_message", {"kind": memory.kind, "for": memory.for_, "key": notice(desk, memory).key}, "kept")
    key = "kept-call-back" if memory.kind == "call-back" else "kept"
    memory.messages += 1
    memory.forget_message()
    return answer.say(key)


def lost(desk: Desk, memory: Memory, code: str) -> Answer:
    """The message could not be kept, and the caller is told so."""
    answer = Answer(memory.language)
    answer.used("take_message", {"kind": memory.kind, "for": memory.for_}, "", error=code)
    if desk.agent.people and desk.opening.is_open(desk.now) and memory.step != "try-again":
        memory.step = "offer-transfer"
        return answer.say("lost-transfer").act(YES_NO)
    memory.step, memory.tries = "try-again", 0
    return answer.say("lost").act(YES_NO)
