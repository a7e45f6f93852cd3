"""The answers to the questions of a message: each slot is heard, confirmed, corrected, and given up after two retries."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from stella.adapters.receptionist import aloud
from stella.adapters.receptionist.copy import line
from stella.adapters.receptionist.desk import Answer, Desk, Heard
from stella.adapters.receptionist.digits import caller_number, keyed, plausible, spoken
from stella.adapters.receptionist.intents import yes_or_no
from stella.adapters.receptionist.memory import Memory
from stella.adapters.receptionist.message import RETRIES, ask, next_question, summarise, tidy
from stella.adapters.receptionist.names import name_in
from stella.adapters.receptionist.words import fold
from stella.domain.consent import Preset

_CHANGE = (
    ("name", re.compile(r"\b(nam\w*|name)\b")),
    ("number", re.compile(r"\b(nummer|telefon\w*|number|phone)\b")),
    ("concern", re.compile(r"\b(anliegen|nachricht|text|grund|thema|message|concern|subject|reason|massage)\b")),
)


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
            return _change(memory, heard, answer)
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
        return ask(memory, answer, "name-check", "check-spelled", spelled=f"{name}, {spelled}")
    return ask(memory, answer, "name-check", "check-name", name=name)


def _name_again(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    memory.tries += 1
    if memory.tries > RETRIES:
        memory.name = memory.name or line(memory.language, "unknown-name")
        memory.name_sure = False
        return _onward(desk, memory, answer)
    return ask(memory, answer, "name", "again-name")


def _onward(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    """A slot is filled: the next one, or back to the summary after a correction."""
    memory.tries = 0
    if memory.fixing:
        memory.fixing = False
        return summarise(memory, answer)
    return next_question(desk, memory, answer)


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
        return _check_name(memory, answer, _corrected(memory.name, corrected))
    if verdict is None and not memory.tries:
        memory.tries += 1
        return answer.say("yes-or-no")
    return _name_again(desk, memory, answer)


def _corrected(before: str, after: str) -> str:
    """One new word takes the place of the one it sounds like: "Anna Berger", then "Burger", is Anna Burger."""
    words = before.split()
    if " " in after or len(words) < 2:
        return after
    alike = [SequenceMatcher(None, fold(word), fold(after)).ratio() for word in words]
    best = max(range(len(words)), key=alike.__getitem__)
    return " ".join([*words[:best], after, *words[best + 1 :]]) if alike[best] >= 0.5 else after


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
        return ask(memory, answer, "number", "ask-number")
    memory.tries += 1
    if memory.tries > RETRIES:
        memory.number, memory.number_sure = "", True
        return _onward(desk, memory, answer.say("no-number"))
    return answer.say("yes-or-no")


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
    return ask(memory, answer, "number-check", "check-number", digits=aloud.digits(number))


def _number_again(desk: Desk, memory: Memory, answer: Answer) -> Answer:
    memory.tries += 1
    if memory.tries > RETRIES:
        # What was heard is kept with the remark that it is not confirmed; nothing heard is said to be nothing.
        if not memory.number:
            answer.say("no-number")
            memory.number_sure = True
        return _onward(desk, memory, answer)
    return ask(memory, answer, "number", "again-number")


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
        return answer.say("yes-or-no")
    return _number_again(desk, memory, answer)


def _concern(memory: Memory, heard: Heard, answer: Answer) -> Answer:
    text = tidy(heard.text)
    enough = len(re.findall(r"[^\W\d_]", text)) >= 3 and not _bare(heard.folded)
    if not enough and memory.tries < RETRIES:
        memory.tries += 1
        return ask(memory, answer, "concern", "again-concern")
    memory.concern = text if enough else ""
    memory.fixing = False
    return summarise(memory, answer)


def _bare(folded: str) -> bool:
    return bool(re.fullmatch(r"(ja|nein|yes|no|okay|ok|gut|bitte|please|hallo|hello|aehm?|um|uh|mhm| )+", folded))


def _change(memory: Memory, heard: Heard, answer: Answer) -> Answer:
    for slot, pattern in _CHANGE:
        if pattern.search(heard.folded):
            return _fix(memory, answer, slot)
    memory.tries += 1
    if memory.tries > RETRIES:
        return summarise(memory, answer)
    return answer.say("change")


def _fix(memory: Memory, answer: Answer, slot: str) -> Answer:
    memory.fixing, memory.tries = True, 0
    if slot == "name":
        return ask(memory, answer, "name", "again-name")
    if slot == "number":
        memory.number, memory.number_sure = "", False
        return ask(memory, answer, "number", "ask-number")
    return ask(memory, answer, "concern", "again-concern")


def _verdict(desk: Desk, memory: Memory, heard: Heard, answer: Answer) -> Answer:
    verdict = _verdict_of(heard, memory.language)
    if verdict is True:
        answer.save = memory.agreed = True
        return answer
    slot = next((slot for slot, pattern in _CHANGE if pattern.search(heard.folded)), "")
    if memory.step == "try-again" and verdict is False:
        memory.forget_message()
        return answer.say("lost-for-good")
    if slot:
        return _fix(memory, answer, slot)
    if verdict is False:
        memory.step, memory.tries = "change", 0
        return answer.say("change")
    memory.tries += 1
    if memory.tries > RETRIES:
        # Better a message too many than a caller who believes that one was left; but where a number promises to keep
        # nothing without a yes, nothing is kept without a yes.
        if desk.agent.preset is Preset.ASK_EVERYTHING:
            memory.forget_message()
            return answer.say("not-passed")
        answer.save = True
        return answer
    return answer.say("yes-or-no")
