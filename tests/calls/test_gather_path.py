"""The carrier listens and speaks; the same brain answers, and only what must have been heard counts as heard."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, TransferTo
from stella.domain.call import EndedBy
from stella.domain.consent import Preset
from stella.domain.plan import AskByGather, ConnectPerson, HoldOn, OpenStream, SayGoodbye
from stella.ports.failure import Unavailable

from .conftest import AGENT, request

ENGLISH = frozenset({"en"})
VIENNA = "+4312345000"


async def turn(h, plan, speech="", digits="", after=8.0, confidence=None):
    """The carrier comes back so many seconds later with what the caller said."""
    await asyncio.sleep(after)
    return await h.switchboard.gather(
        request(
            from_=VIENNA, speech=speech, digits=digits, confidence=confidence, query={"turn": str(plan.turn)}
        )
    )  # fmt: skip


async def to_the_end(h, plan):
    """Follow holds as the carrier does: say, come back; the plans on the way, the last one not a hold."""
    plans = [plan]
    while isinstance(plans[-1], HoldOn):
        plans.append(await turn(h, plans[-1], after=len(texts(plans[-1])) / 15))
    return plans


def texts(plan):
    """What a plan says."""
    return " ".join(say.text for say in plan.says)


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
    assert opening.hints[:4] == ("Vintaro", "Zahnkrone", "Anna Berger", "Anna")
    assert not set(digits.hints) & set(opening.hints)


def test_a_slow_brain_is_waited_for_in_words_and_never_for_long(run, house):
    """One moment, then silence, then other words; each request is answered within seconds, and the reply comes whole."""

    async def call():
        h = house(lambda _asked: [14.0, "Wir haben offen."], languages=ENGLISH)
        opening = await h.voice_webhook(from_=VIENNA)
        await asyncio.sleep(8)
        loop = asyncio.get_running_loop()
        plans, took, plan = [], [], opening
        while not plans or isinstance(plans[-1], HoldOn):
            began = loop.time()
            plan = await turn(h, plan, "" if plans else "wann haben sie offen", after=0)
            took.append(loop.time() - began)
            plans.append(plan)
        return h, plans, took

    h, plans, took = run(call())
    phrases = AGENT.language("de").phrases
    assert max(took) < 5
    assert [texts(plan) for plan in plans] == [phrases.one_moment, "", *phrases.still_working, "Wir haben offen."]
    assert len({plan.turn for plan in plans}) == len(plans)
    assert len(h.brain.asked) == 1


def test_sentences_are_said_while_the_brain_goes_on_and_are_one_turn(run, house):
    """What was held was heard; the record has the reply as one turn, fillers are none of it."""
    pieces = ["Ein erster Satz. ", 4.0, "Ein zweiter Satz. ", 4.0, "Und ein dritter."]

    async def call():
        h = house(lambda _asked: pieces, languages=ENGLISH)
        opening = await h.voice_webhook(from_=VIENNA)
        plans = await to_the_end(h, await turn(h, opening, "hallo", after=30))
        await turn(h, plans[-1], after=15)
        return h, plans

    h, plans = run(call())
    assert [texts(plan) for plan in plans if texts(plan)] == [
        "Ein erster Satz.",
        "Ein zweiter Satz.",
        "Und ein dritter.",
    ]
    reply = h.record.turns[2]
    assert reply.text == reply.heard_text == "Ein erster Satz. Ein zweiter Satz. Und ein dritter."
    assert reply.started_s < h.record.turns[2].ended_s - 8


def test_a_hold_asked_twice_gets_the_same_answer(run, house):
    """A retry of the carrier neither skips a sentence nor asks the brain again."""

    async def call():
        h = house(lambda _asked: ["Ein erster Satz. ", 4.0, "Ein zweiter."], languages=ENGLISH)
        opening = await h.voice_webhook(from_=VIENNA)
        first = await turn(h, opening, "hallo")
        again = await turn(h, opening, "hallo", after=0)
        second = await asyncio.gather(turn(h, first, after=1), turn(h, first, after=1))
        return h, first, again, second

    h, first, again, second = run(call())
    assert first == again
    assert isinstance(first, HoldOn)
    assert second[0] == second[1]
    assert texts(second[0]) == "Ein zweiter."
    assert len(h.brain.asked) == 1


def test_a_brain_that_never_ends_is_stopped_and_the_caller_asked_again(run, house):
    """Half a minute; then an apology if there was not a word, else what was said stands."""

    async def call(pieces):
        h = house(lambda _asked: pieces, languages=ENGLISH)
        return (await to_the_end(h, await turn(h, await h.voice_webhook(from_=VIENNA), "hallo")))[-1]

    mute, halting = run(call([300.0])), run(call(["Ein Satz. ", 300.0]))
    assert texts(mute) == AGENT.language("de").phrases.apology
    assert isinstance(halting, AskByGather)
    assert texts(halting) == ""


def test_who_hangs_up_in_a_hold_leaves_nothing_behind(run, house):
    """The brain is stopped with the call (the fixture looks for tasks that are left)."""

    async def call():
        h = house(lambda _asked: ["Ein Satz. ", 300.0], languages=ENGLISH)
        await turn(h, await h.voice_webhook(from_=VIENNA), "hallo")
        await asyncio.sleep(2)
        await h.switchboard.status(request(status="completed"))
        await asyncio.sleep(1)
        return h

    assert run(call()).record.turns[-1].text == "Ein Satz."


def test_words_the_carrier_doubts_are_asked_back_or_not_taken(run, house):
    """Half sure: "is that right?"; hardly sure: once more; 0 says that there was no figure."""
    phrases = AGENT.language("de").phrases

    async def call():
        h = house(lambda _asked: ["Gut."], languages=ENGLISH)
        plan = await h.voice_webhook(from_=VIENNA)
        doubted = await turn(h, plan, "Termin morgen", confidence=0.4)
        assert h.brain.asked == []
        taken = await turn(h, doubted, "ja genau", confidence=0.9)
        again = await turn(h, taken, "Termin übermorgen", confidence=0.4)
        refused = await turn(h, again, "nein", confidence=0.9)
        noise = await turn(h, refused, "hrm", confidence=0.1)
        certain = await turn(h, noise, "Termin heute", confidence=0.0)
        keyed = await turn(h, await turn(h, certain, "Termin gestern", confidence=0.4), digits="1")
        return h, doubted, taken, refused, noise, certain, keyed

    h, doubted, taken, refused, noise, certain, keyed = run(call())
    assert "Termin morgen" in texts(doubted)
    assert "ja" in doubted.hints
    assert [texts(plan) for plan in (taken, certain, keyed)] == ["Gut."] * 3
    assert [texts(plan) for plan in (refused, noise)] == [phrases.no_match] * 2
    assert [asked.text for asked in h.brain.asked] == ["Termin morgen", "Termin heute", "Termin gestern"]


def test_patience_grows_and_misunderstanding_has_an_end(run, house):
    """Each rung waits longer; a third time in a row nothing was understood, the call ends politely."""

    async def call():
        h = house(languages=ENGLISH)
        silent = [await h.voice_webhook(from_=VIENNA)]
        for _ in range(2):
            silent.append(await turn(h, silent[-1]))
        h = house(languages=ENGLISH)
        mumbled = [await h.voice_webhook(from_=VIENNA)]
        for _ in range(3):
            mumbled.append(await turn(h, mumbled[-1], "hrm", confidence=0.1))
        return silent, mumbled

    silent, mumbled = run(call())
    assert [plan.timeout_s for plan in silent] == [5, 7, 10]
    assert [plan.timeout_s for plan in mumbled[:3]] == [5, 7, 10]
    assert isinstance(mumbled[3], SayGoodbye)


def test_what_is_expected_outlives_a_question_back(run, house):
    """Silence on a number is asked about, and the number is still what is waited for."""

    async def call():
        h = house(lambda _asked: ["Die Nummer?", ExpectAnswer("digits", 4, masked=True)], languages=ENGLISH)
        asked = await turn(h, await h.voice_webhook(from_=VIENNA), "hallo")
        silent = await turn(h, asked)
        await turn(h, silent, digits="1234")
        return h, asked, silent

    h, asked, silent = run(call())
    assert (asked.max_digits, silent.max_digits, asked.timeout_s) == (4, 4, 8)
    assert silent.timeout_s > asked.timeout_s
    assert h.brain.asked[-1].digits == "1234"
    assert [key.digit for key in h.record.dtmf] == ["x"] * 4
    assert h.record.turns[-1].text == "xxxx"


def test_hints_are_those_of_the_question(run, house):
    """Yes and no, digits, names: the carrier hears best what it is told to expect, in the caller's language."""
    kinds = ["yes-no", "digits", "name", "open"]

    async def call():
        h = house(lambda asked: ["Und?", ExpectAnswer(asked.text, hints=("Besonderes",))], languages=ENGLISH)
        plan = await h.voice_webhook(from_=VIENNA)
        hints = {}
        for kind in kinds:
            plan = await turn(h, plan, kind)
            hints[kind] = plan.hints
        return hints

    hints = run(call())
    assert all(words[0] == "Besonderes" for words in hints.values())
    assert "nein" in hints["yes-no"]
    assert "sieben" in hints["digits"]
    assert "Anna Berger" in hints["name"]
    assert {"Montag", "Anna Berger"} <= set(hints["open"])


def test_a_speech_model_is_the_agents_choice(run, house):
    """Without one Twilio chooses, and another when that fails."""

    async def call(**changes):
        return await house(agent=replace(AGENT, **changes), languages=ENGLISH).voice_webhook(from_=VIENNA)

    assert run(call()).speech_model == ""
    assert run(call(speech_model="phone_call")).speech_model == "phone_call"


def test_a_call_that_lost_its_stream_twice_stays_on_this_path(run, house):
    """A change of language does not lead back to a socket that does not hold."""

    async def call():
        h = house(lambda asked: [ChangeLanguage("en")] if "English" in asked.text else ["Gerne."])
        plan = await h.voice_webhook(from_=VIENNA)
        for _ in range(2):
            session, _line = h.connect(plan)
            await asyncio.sleep(3)
            session.gone()
            await asyncio.sleep(1)
            plan = await h.after(from_=VIENNA)
        return h, plan, await turn(h, plan, "English please")

    h, plan, switched = run(call())
    assert isinstance(plan, AskByGather)
    assert isinstance(switched, AskByGather)
    assert switched.locale == "en-GB"
    assert len(h.record.stream_sids) == 2


def test_a_yes_that_is_doubted_is_no_yes(run, house):
    """Not to the consent question, and not to one of the brain's: what it allows may cost something."""

    async def call():
        h = house(agent=replace(AGENT, preset=Preset.ASK_RECORDING), languages=ENGLISH)
        asked = await h.voice_webhook(from_=VIENNA)
        await turn(h, await turn(h, asked, "ja", confidence=0.4), "ja", confidence=0.4)
        consent = h.record.consent
        h = house(lambda _asked: ["Wirklich?", ExpectAnswer("yes-no")], languages=ENGLISH)
        doubted = await turn(h, await turn(h, await h.voice_webhook(from_=VIENNA), "buchen"), "ja", confidence=0.4)
        return consent, doubted, [asked.text for asked in h.brain.asked]

    consent, doubted, asked = run(call())
    assert (consent.answer, consent.by) == ("none", "silence")
    assert texts(doubted) == AGENT.language("de").phrases.no_match
    assert asked == ["buchen"]
