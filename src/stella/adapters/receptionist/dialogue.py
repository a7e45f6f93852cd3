"""The dialogue: which intent or which open question a turn belongs to. Pure: the same turn gives the same answer."""

from __future__ import annotations

from stella.adapters.receptionist import message, reception, slots
from stella.adapters.receptionist.copy import line
from stella.adapters.receptionist.desk import EXPECTS, Answer, Desk, Heard
from stella.adapters.receptionist.intents import Intent, has, intent_of, only_by_the_way, yes_or_no
from stella.adapters.receptionist.memory import Memory
from stella.adapters.receptionist.names import name_in, people_meant, says_name
from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer

OPEN = ExpectAnswer()
MESSAGE_STEPS = frozenset(
    {"name", "name-check", "number-offer", "number", "number-check", "concern", "summary", "change", "try-again"}
)
_ANYTIME = (Intent.EMERGENCY, Intent.STOP, Intent.REPEAT, Intent.GERMAN, Intent.ENGLISH)


def hear(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    """Answer one turn and move the memory on."""
    if not heard.folded and not heard.digits:
        return _again(memory, "no-match")
    if len(heard.digits) == 1 and (answer := _key(desk, memory, heard)):
        return answer
    if heard.folded and not heard.digits and (answer := _anytime(desk, memory, heard)):
        return answer
    if memory.step == "idle":
        return _wish(desk, memory, heard)
    if memory.step in MESSAGE_STEPS:
        return _in_message(desk, memory, heard)
    return _offer(desk, memory, heard)


def repeat(memory: Memory) -> Answer:
    """Say the last thing again."""
    return _again(memory, "")


def _again(memory: Memory, key: str) -> Answer:
    answer = Answer(memory.language, rest=True)
    if key:
        memory.misses += 1
        answer.say(key)
    if memory.last and (not key or memory.step != "idle"):
        answer.lines += memory.last[-2:] if key else memory.last
    return answer if answer.lines else answer.say("hello")


def _key(desk: Desk, memory: Memory, heard: Heard) -> Answer | None:
    """0 is a person, 9 says it again; elsewhere than at a yes-or-no question other keys mean nothing."""
    if heard.digits == "0":
        return reception.human(desk, memory)
    if heard.digits == "9":
        return repeat(memory)
    if heard.digits == "*":
        return _stop(memory)
    asked = EXPECTS.get(memory.step, OPEN).kind
    meant = asked == "number" or (asked == "yes-no" and heard.digits in "12")
    return None if meant else _again(memory, "no-match")


def _anytime(desk: Desk, memory: Memory, heard: Heard) -> Answer | None:
    """What holds at every step. A long concern is taken down even if it has such a word in it."""
    intent = intent_of(heard.folded, memory.language)
    if memory.step in ("concern", "number", "number-check") and len(heard.folded.split()) > 4:
        if intent is not Intent.EMERGENCY:
            return None
        # Both: what to do in an emergency, and the words are not lost.
        answer = slots.take(desk, memory, heard)
        answer.lines.insert(0, line(memory.language, "emergency"))
        return answer
    match intent:
        case Intent.EMERGENCY:
            return _then_ask_again(memory, Answer(memory.language, rest=True).say("emergency"))
        case Intent.STOP:
            return _stop(memory)
        case Intent.REPEAT:
            return repeat(memory)
        case Intent.GERMAN | Intent.ENGLISH:
            return _language(desk, memory, "de" if intent is Intent.GERMAN else "en")
        case _:
            return None


def _then_ask_again(memory: Memory, answer: Answer) -> Answer:
    """After an aside in the middle of something, the open question is put again."""
    if memory.step != "idle" and memory.last:
        answer.lines.append(memory.last[-1])
    return answer


def _stop(memory: Memory) -> Answer:
    memory.forget_message()
    return Answer(memory.language).say("stopped")


def _language(desk: Desk, memory: Memory, code: str) -> Answer:
    if code == memory.language:
        return _then_ask_again(memory, Answer(memory.language).say("already-here"))
    if code not in {setup.code for setup in desk.agent.languages}:
        return Answer(memory.language).say("only-here")
    # The shell says so in the new language and asks what it can do: nothing else is open then.
    memory.language, memory.step, memory.tries = code, "idle", 0
    return Answer(code, rest=True).act(ChangeLanguage(code))


def _wish(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    """Nothing is open: find out what the caller wants."""
    language = memory.language
    intent = intent_of(heard.folded, language)
    if intent in (Intent.TRANSFER, Intent.HUMAN) and _rather_asks(desk, memory, heard):
        return reception.question(desk, memory, heard)
    match intent:
        case Intent.ROBOT:
            return Answer(language).say("robot")
        case Intent.GOODBYE:
            return _goodbye(desk, memory)
        case Intent.CALL_BACK:
            return _take(desk, memory, heard, "call-back")
        case Intent.MESSAGE:
            return _take(desk, memory, heard, "message")
        case Intent.TRANSFER:
            return _transfer(desk, memory, heard)
        case Intent.HUMAN:
            return (
                reception.transfer(desk, memory, heard)
                if people_meant(heard.folded, desk.agent.people)
                else reception.human(desk, memory)
            )
        case Intent.HOURS:
            return reception.hours(desk, memory, heard)
        case Intent.HELP:
            return Answer(language).say("help", company=desk.agent.company)
        case Intent.THANKS if yes_or_no(heard.folded, language) is False and memory.last:
            return _goodbye(desk, memory)
        case Intent.THANKS:
            return Answer(language).say("welcome")
        case Intent.GREETING:
            return Answer(language).say("hello")
        case _:
            return _other(desk, memory, heard)


def _rather_asks(desk: Desk, memory: Memory, heard: Heard) -> bool:
    """Whether a page answers what only sounds like a wish for a person."""
    by_the_way = only_by_the_way(heard.folded) and not people_meant(heard.folded, desk.agent.people)
    return by_the_way and bool(desk.knowledge.search(heard.text, memory.language, 1))


def _transfer(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    if not people_meant(heard.folded, desk.agent.people) and has(Intent.HUMAN, heard.folded, memory.language):
        return reception.human(desk, memory)
    return reception.transfer(desk, memory, heard)


def _take(desk: Desk, memory: Memory, heard: Heard, kind: str) -> Answer:
    meant = people_meant(heard.folded, desk.agent.people)
    if not memory.name and says_name(heard.text, memory.language):
        memory.name = name_in(heard.text, memory.language)
    return message.start(desk, memory, kind, heard, meant[0].name if len(meant) == 1 else "")


def _other(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    """No intent by its words: a yes or no to "anything else?", a name, or a question."""
    if says_name(heard.text, memory.language) and (name := name_in(heard.text, memory.language)):
        memory.name, memory.name_sure = name, False
        return Answer(memory.language).say("pleased", name=name)
    few = len(heard.folded.split()) <= 4
    verdict = yes_or_no(heard.folded, memory.language) if few else None
    if few and len(people_meant(heard.folded, desk.agent.people)) == 1:
        return reception.transfer(desk, memory, heard)
    if verdict is False:
        return _goodbye(desk, memory) if memory.last else Answer(memory.language).say("fine-then")
    if verdict is True:
        return Answer(memory.language).say("what-else")
    if about_day := reception.day_only(desk, memory, heard):
        return about_day
    return reception.question(desk, memory, heard)


def _goodbye(desk: Desk, memory: Memory) -> Answer:
    memory.step = "idle"
    farewell = desk.agent.language(memory.language).phrases.farewell
    return Answer(memory.language).quote(farewell).act(EndCall())


def _in_message(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    """A message is being taken. Asides are answered and the open question is put again."""
    if heard.digits or memory.step in ("concern", "number", "number-check", "change"):
        return slots.take(desk, memory, heard)
    intent = intent_of(heard.folded, memory.language)
    match intent:
        case Intent.HUMAN | Intent.TRANSFER if memory.step != "summary" and not says_name(heard.text, memory.language):
            return _transfer(desk, memory, heard)
        case Intent.GOODBYE if memory.step != "summary":
            return _goodbye(desk, memory)
        case Intent.ROBOT:
            return _then_ask_again(memory, Answer(memory.language, rest=True).say("robot"))
        case Intent.HOURS if memory.step in ("name", "number-offer"):
            aside = reception.hours(desk, memory, heard)
            aside.rest = True
            return _then_ask_again(memory, aside)
        case _:
            return slots.take(desk, memory, heard)


def _offer(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    """A yes-or-no offer or "whom?" is open. Another wish replaces it."""
    intent = intent_of(heard.folded, memory.language)
    verdict = {"1": True, "2": False}.get(heard.digits, yes_or_no(heard.folded, memory.language))
    if memory.step == "whom":
        return _whom(desk, memory, heard, intent, verdict=verdict)
    if intent in (Intent.OTHER, Intent.THANKS, Intent.GREETING) or (verdict is True and intent is Intent.MESSAGE):
        return _answer_offer(desk, memory, heard, verdict=verdict)
    memory.step, memory.tries = "idle", 0
    return _wish(desk, memory, heard)


def _answer_offer(desk: Desk, memory: Memory, heard: Heard, *, verdict: bool | None) -> Answer:
    if verdict is True and len(heard.folded.split()) <= 8:
        if memory.step == "offer-transfer":
            memory.asked_human = True
            return reception.human(desk, memory)
        return message.start(desk, memory, memory.kind, heard, memory.for_)
    if verdict is False and len(heard.folded.split()) <= 6:
        memory.forget_message()
        return Answer(memory.language).say("fine-then")
    if len(heard.folded.split()) >= 3:
        memory.step, memory.tries = "idle", 0
        return _wish(desk, memory, heard)
    memory.tries += 1
    if memory.tries > message.RETRIES:
        memory.forget_message()
        return Answer(memory.language).say("fine-then")
    return Answer(memory.language, rest=True).say("yes-or-no")


def _whom(desk: Desk, memory: Memory, heard: Heard, intent: Intent, *, verdict: bool | None) -> Answer:
    if people_meant(heard.folded, desk.agent.people):
        return reception.transfer(desk, memory, heard)
    if verdict is True and memory.for_:
        return reception.connect_named(desk, memory, memory.for_)
    memory.for_ = ""
    if intent is Intent.HUMAN:
        return reception.human(desk, memory)
    if intent not in (Intent.OTHER, Intent.TRANSFER):
        memory.step, memory.tries = "idle", 0
        return _wish(desk, memory, heard)
    if verdict is False:
        memory.forget_message()
        return Answer(memory.language).say("fine-then")
    return reception.ask_whom(desk, memory, Answer(memory.language), "whom-unknown")
