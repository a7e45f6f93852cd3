"""What the receptionist does besides messages: opening hours, people, questions."""

from __future__ import annotations

from stella.adapters.receptionist import aloud, message
from stella.adapters.receptionist.copy import line
from stella.adapters.receptionist.desk import Answer, Desk, Heard
from stella.adapters.receptionist.memory import Memory
from stella.adapters.receptionist.names import GUESS, people_meant
from stella.adapters.receptionist.when import day_meant, means_now, means_weekend, only_a_day
from stella.domain.acts import TransferTo
from stella.domain.agent import Person


def hours(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    """When we are open: now, on a day, or in general."""
    language, opening = memory.language, desk.opening
    answer = Answer(language)
    if opening.always:
        return answer.say("open-always")
    today = opening.local(desk.now).date()
    holidays = opening.holidays_after(today, language)
    day = day_meant(heard.folded, language, today, holidays)
    if means_now(heard.folded, language) or (day == today and "bis" not in heard.folded.split()):
        return _now(desk, answer)
    if day is not None:
        times = opening.spans(day)
        said = aloud.day(day, today, language)
        said = said[0].upper() + said[1:]
        if times:
            return answer.say("day-open", Day=said, spans=aloud.spans(times, language))
        if name := opening.holiday(day, language):
            return answer.say("day-holiday", Day=said, holiday=name)
        return answer.say("day-closed", Day=said)
    if means_weekend(heard.folded) and not any(opening.hours.weekly.get(number) for number in (5, 6)):
        answer.say("day-closed", Day="Am Wochenende" if language == "de" else "On weekends")
    if ("feiertag" in heard.folded or "holiday" in heard.folded) and holidays:
        when, name = next(iter(holidays.items()))
        return answer.say("no-holidays", holiday=name, day=aloud.day(when, today, language))
    return answer.say("weekly", week=aloud.week(opening.hours.weekly, language))


def day_only(desk: Desk, memory: Memory, heard: Heard) -> Answer | None:
    """A day and nothing else is a question about that day: "And on Christmas Eve?"."""
    today = desk.opening.local(desk.now).date()
    names = desk.opening.holidays_after(today, memory.language)
    day = day_meant(heard.folded, memory.language, today, names)
    if day is None or not only_a_day(heard.folded, memory.language, names):
        return None
    return hours(desk, memory, heard)


def _now(desk: Desk, answer: Answer) -> Answer:
    until = desk.opening.closes(desk.now)
    if until is not None:
        return answer.say("open-now", until=aloud.clock(until, answer.language, part=False))
    answer.say("closed-now")
    return answer.quote(opens) if (opens := next_opening(desk, answer.language)) else answer


def next_opening(desk: Desk, language: str) -> str:
    """`Wir öffnen morgen um neun Uhr.`, or nothing when that is too far away to say."""
    coming = desk.opening.next_opening(desk.now)
    if coming is None:
        return ""
    today = desk.opening.local(desk.now).date()
    return line(
        language, "opens", day=aloud.day(coming.date(), today, language), at=aloud.clock(coming.time(), language)
    )


def transfer(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    """A person asked for: by name, or any. Only names of the agent file lead anywhere; digits never do."""
    people = desk.agent.people
    answer = Answer(memory.language)
    meant = people_meant(heard.folded, people)
    if not people:
        memory.kind, memory.step = "call-back", "offer-message"
        return answer.say("nobody")
    if not desk.opening.is_open(desk.now):
        return _closed(desk, memory, answer, meant)
    if len(meant) == 1:
        return _connect(desk, memory, answer, meant[0])
    if len(meant) > 1:
        memory.step = "whom"
        return answer.say("which", names=_names([person.name for person in meant], memory.language))
    guesses = people_meant(heard.folded, people, GUESS)
    if len(guesses) == 1 and memory.step != "whom":
        memory.step, memory.for_, memory.tries = "whom", guesses[0].name, 0
        return answer.say("which", names=guesses[0].name)
    return ask_whom(desk, memory, answer, "whom-unknown")


def connect_named(desk: Desk, memory: Memory, name: str) -> Answer:
    """The caller said yes to a name we guessed."""
    answer = Answer(memory.language)
    person = next((person for person in desk.agent.people if person.name == name), None)
    if person is None:
        return ask_whom(desk, memory, answer, "whom-unknown")
    return _connect(desk, memory, answer, person)


def human(desk: Desk, memory: Memory) -> Answer:
    """Anybody: the only person there is, the first one when asked twice, else the caller chooses."""
    people = desk.agent.people
    answer = Answer(memory.language)
    if not people:
        memory.kind, memory.step = "call-back", "offer-message"
        return answer.say("nobody")
    if not desk.opening.is_open(desk.now):
        return _closed(desk, memory, answer, [])
    if len(people) == 1 or memory.asked_human:
        return _connect(desk, memory, answer, people[0])
    memory.asked_human = True
    return ask_whom(desk, memory, answer, "whom")


def ask_whom(desk: Desk, memory: Memory, answer: Answer, key: str) -> Answer:
    """Ask who is wanted, three names at most. Asked too often, a message is offered instead."""
    memory.tries = memory.tries + 1 if memory.step == "whom" else 0
    if memory.tries >= message.RETRIES:
        memory.step, memory.tries = "offer-message", 0
        return answer.say("offer-message")
    names = [person.name for person in desk.agent.people]
    memory.step = "whom"
    return answer.say(key, names=_names(names, memory.language))


def _names(names: list[str], language: str) -> str:
    joined = aloud.joined(names[:3], language, "oder" if language == "de" else "or")
    return line(language, "example", names=joined) if len(names) > 3 else joined


def _closed(desk: Desk, memory: Memory, answer: Answer, meant: list[Person]) -> Answer:
    memory.step, memory.kind = "offer-message", "message"
    memory.for_ = meant[0].name if len(meant) == 1 else ""
    opens = next_opening(desk, memory.language)
    return answer.quote(" ".join(line(memory.language, "closed-message", opens=opens).split()))


def _connect(desk: Desk, memory: Memory, answer: Answer, person: Person) -> Answer:
    memory.for_, memory.kind = person.name, "message"
    # Whatever comes after a transfer comes because it failed, and then the caller has been asked for a message.
    memory.step, memory.tries = "offer-message", 0
    if not desk.may_transfer():
        answer.used("transfer_to", {"name": person.name}, "", error="hourly-cap")
        return answer.say("busy-message")
    answer.used("transfer_to", {"name": person.name}, "asked")
    return answer.say("putting", name=person.name).act(TransferTo(person.name))


def question(desk: Desk, memory: Memory, heard: Heard) -> Answer:
    """An answer out of the knowledge, or the honest word that there is none."""
    answer = Answer(memory.language)
    found = desk.knowledge.search(heard.text, memory.language)
    sources = ", ".join(finding.chunk.source for finding in found)
    answer.used("knowledge_search", {"question": message.tidy(heard.text)[:200]}, sources)
    if not found:
        memory.step, memory.kind, memory.for_ = "offer-message", "message", ""
        memory.misses += 1
        return answer.say("unknown")
    said = found[0].chunk.say
    answer.quote(said)
    if _invites(said, memory.language):
        memory.step, memory.kind, memory.for_ = "offer-message", "message", ""
        return answer.say("offer-now")
    memory.answers += 1
    if memory.answers == 1:
        answer.say("more")
    return answer


def _invites(said: str, language: str) -> bool:
    words = ("Nachricht auf", "hinterlassen Sie mir", "nehme ich gerne Ihren Namen") if language == "de" else (
        "take a message", "leave me a message", "take your name")  # fmt: skip
    return any(word in said for word in words)
