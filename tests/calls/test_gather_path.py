"""The carrier listens and speaks; the same brain answers, and only what must have been heard counts as heard."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, TransferTo
from stella.domain.call import EndedBy
from stella.domain.consent import Preset
from stella.domain.plan import AskByGather, ConnectPerson, OpenStream, SayGoodbye
from stella.ports.failure import Unavailable

from .conftest import AGENT, request

ENGLISH = frozenset({"en"})
VIENNA = "+4312345000"


async def turn(h, plan, speech="", digits="", after=8.0):
    """The carrier comes back so many seconds later with what the caller said."""
    await asyncio.sleep(after)
    return await h.switchboard.gather(
        request(from_=VIENNA, speech=speech, digits=digits, query={"turn": str(plan.turn)})
    )


def test_a_german_caller_is_understood_without_a_german_engine(run, house):
    """The whole path: disclosure that cannot be talked over, question, answer, record."""

    async def call():
        h = house(lambda _asked: ["Wir haben von neun bis siebzehn Uhr offen."], languages=ENGLISH)
        opening = await h.voice_webhook(from_=VIENNA)
        answer = await turn(h, opening, "wann haben sie offen", after=30)
        await turn(h, answer, after=15)
        await h.switchboard.status(request(status="completed"))
        await asyncio.sleep(1)
        return h, opening, answer

    h, opening, answer = run(call())
    german = h.agent.language("de").phrases
    assert isinstance(opening, AskByGather)
    assert [say.text for say in opening.before] == [german.disclosure]
    assert opening.says[0].text == german.greeting
    assert answer.says[0].text == "Wir haben von neun bis siebzehn Uhr offen."
    assert [turn.speaker for turn in h.record.turns][:3] == ["agent", "caller", "agent"]
    assert h.record.turns[2].heard_text == "Wir haben von neun bis siebzehn Uhr offen."
    assert h.record.voice_path == "gather"
    assert h.record.ended_by is EndedBy.CALLER


def test_a_caller_who_answers_early_has_not_heard_the_rest(run, house):
    """Talking over a Gather: only the sentences that must have ended count."""
    long = ["Ein erster Satz. ", "Und dann noch ein zweiter sehr langer Satz, den niemand bis zum Ende gehört hat."]

    async def call():
        h = house(lambda _asked: long, languages=ENGLISH)
        opening = await h.voice_webhook(from_=VIENNA)
        answer = await turn(h, opening, "erzählen sie", after=30)
        await turn(h, answer, "halt", after=3.6)
        return h

    h = run(call())
    cut = h.record.turns[2]
    assert cut.interrupted
    assert cut.heard_text == "Ein erster Satz."


def test_an_old_turn_asked_again_gets_the_plan_it_had(run, house):
    """A retry of the carrier does not ask the brain twice."""

    async def call():
        h = house(languages=ENGLISH)
        opening = await h.voice_webhook(from_=VIENNA)
        first = await turn(h, opening, "hallo")
        again = await turn(h, opening, "hallo", after=0)
        return h, first, again

    h, first, again = run(call())
    assert first == again
    assert len(h.brain.asked) == 1


def test_silence_is_asked_about_and_then_ends_politely(run, house):
    """Prompts with patience, then a farewell."""

    async def call():
        h = house(languages=ENGLISH)
        plan = await h.voice_webhook(from_=VIENNA)
        plans = []
        while isinstance(plan, AskByGather):
            plan = await turn(h, plan)
            plans.append(plan)
        await h.switchboard.status(request(status="completed"))
        await asyncio.sleep(1)
        return h, plans

    h, plans = run(call())
    phrases = h.agent.language("de").phrases
    assert [plan.says[0].text for plan in plans] == [*phrases.no_input, phrases.farewell]
    assert h.record.ended_by is EndedBy.SILENCE


def test_goodbye_transfer_and_failure_each_end_in_words(run, house):
    """Acts and faults of the brain become plans."""
    replies = {
        "tschüss": ["Auf Wiederhören.", EndCall()],
        "anna": ["Gerne.", TransferTo("Anna")],
        "kaputt": [Unavailable("brain", "refused")],
        "langsam": [30.0, "zu spät"],
        "pin": ["Bitte die Nummer.", ExpectAnswer("digits", 4)],
    }

    async def call():
        plans = {}
        for word in replies:
            h = house(lambda asked: replies[asked.text], languages=ENGLISH)
            plans[word] = await turn(h, await h.voice_webhook(from_=VIENNA), word)
        return plans

    plans = run(call())
    assert isinstance(plans["tschüss"], SayGoodbye)
    assert isinstance(plans["anna"], ConnectPerson)
    assert plans["anna"].says[0].text == "Gerne."
    assert plans["kaputt"].says[0].text == AGENT.language("de").phrases.apology
    assert plans["langsam"].says
    assert plans["pin"].max_digits == 4


def test_english_please_goes_on_in_a_stream(run, house):
    """The stream is always first where the language is understood."""

    async def call():
        h = house(lambda _asked: [ChangeLanguage("en")], languages=ENGLISH)
        plan = await turn(h, await h.voice_webhook(from_=VIENNA), "English please")
        session, _ = h.connect(plan)
        await asyncio.sleep(5)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h, plan

    h, plan = run(call())
    assert isinstance(plan, OpenStream)
    assert h.record.language == "en"


def test_a_person_who_does_not_answer_brings_the_caller_back(run, house):
    """The conversation resumes where a transfer failed."""

    async def call():
        h = house(lambda _asked: [TransferTo("Anna")], languages=ENGLISH)
        await turn(h, await h.voice_webhook(from_=VIENNA), "anna")
        return h, await h.after(query={"dial": "1"}, dial_status="busy")

    h, plan = run(call())
    assert plan.says[0].text == h.agent.language("de").phrases.transfer_failed


def test_consent_is_asked_first_and_unclear_once_more(run, house):
    """Unclear is asked again once; still unclear is no answer, and no answer is not a yes."""

    async def call():
        h = house(agent=replace(AGENT, preset=Preset.ASK_EVERYTHING), languages=ENGLISH)
        asked = await h.voice_webhook(from_=VIENNA)
        unclear = await turn(h, asked, "vielleicht")
        done = await turn(h, unclear, "tja das kommt darauf an")
        await turn(h, done, "mein geheimnis")
        await asyncio.sleep(1)
        return h, asked, unclear, done

    h, asked, unclear, done = run(call())
    phrases = h.agent.language("de").phrases
    assert asked.says[0].text == phrases.consent_question
    assert not asked.barge_in
    assert unclear.says[0].text == phrases.consent_unclear
    assert done.says[-1].text == phrases.greeting
    assert h.record.consent.answer == "none"
    assert "geheimnis" not in repr(h.record)


def test_the_carriers_ears_are_told_the_words_of_the_house_where_any_words_may_come(run, house):
    """The same list as for every other ear; where digits are asked for it would only mislead."""

    async def call():
        asks = {1: ["Worum geht es?"], 2: ["Welche Nummer?", ExpectAnswer("digits", max_digits=4)]}
        agent = replace(AGENT, vocabulary={"de": ("Zahnkrone",)})
        h = house(lambda asked: asks[min(2, len(h.brain.asked))], languages=ENGLISH, agent=agent)
        opening = await h.voice_webhook(from_=VIENNA)
        digits = await turn(h, await turn(h, opening, "hallo", after=30), "eine krone", after=15)
        return opening, digits

    opening, digits = run(call())
    assert opening.hints == ("Vintaro", "Zahnkrone", "Anna Berger", "Anna")
    assert digits.hints == ()
