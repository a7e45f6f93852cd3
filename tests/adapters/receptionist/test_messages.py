"""A message is kept before the caller is told so, once, and honestly when it could not be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import time

import pytest

from stella.domain.acts import TransferTo, UsedTool
from stella.domain.agent import Hours
from stella.domain.consent import Preset
from stella.domain.transcript import Turn

UNTIL_SUMMARY = ["Nachricht bitte", "Anna Gruber", "ja", "ja", "Mein Dach ist undicht."]


async def test_what_the_caller_confirmed_is_what_people_read(telephone):
    """The notice has the fields, and a text for people in the agent's first language."""
    phone = telephone("en")
    await phone.talk("a message please", "John Smith", "yes", "yes", "My roof is leaking", "yes")
    notice = phone.notice
    assert notice.kind == "message"
    assert notice.subject == "Nachricht von John Smith"
    assert notice.text == "Name: John Smith\nNummer: +436641234567\nAnliegen: My roof is leaking"
    assert notice.fields == {
        "for": "", "name": "John Smith", "name_confirmed": True, "number": "+436641234567", "number_confirmed": True,
        "concern": "My roof is leaking", "concern_confirmed": True, "language": "en",
    }  # fmt: skip


async def test_nothing_is_kept_before_the_caller_agrees(telephone):
    """The summary is a question."""
    phone = telephone("de")
    await phone.talk(*UNTIL_SUMMARY)
    assert not phone.outbox.notices


async def test_saying_it_was_passed_on_comes_after_the_outbox_has_it(telephone):
    """When `put` returns it is durable; only then the caller hears it."""
    phone = telephone("de")
    await phone.talk(*UNTIL_SUMMARY)
    order = []
    put = phone.outbox.put

    async def slow(notice, agent):
        await asyncio.sleep(0)
        order.append("kept")
        await put(notice, agent)

    phone.outbox.put = slow
    heard = await phone.say("ja")
    order.append(heard.text)
    assert order[0] == "kept"
    assert "weitergegeben" in order[1]
    assert heard.tools == ["take_message"]


async def test_an_outbox_that_fails_is_told_and_tried_again(telephone):
    """Nobody to transfer to: the caller may try again, and the second try is the same message."""
    phone = telephone("de")
    await phone.talk(*UNTIL_SUMMARY)
    phone.outbox.broken = 1
    heard = await phone.say("ja")
    assert "nicht speichern" in heard.text
    assert not phone.outbox.notices
    phone.resume()
    assert "weitergegeben" in (await phone.say("ja bitte")).text
    assert phone.notice.fields["concern"] == "Mein Dach ist undicht."


async def test_an_outbox_that_stays_broken_is_not_glossed_over(telephone):
    """The caller leaves knowing that nothing was kept."""
    phone = telephone("en")
    phone.outbox.broken = 9
    await phone.talk("a message please", "John Smith", "yes", "yes", "My roof is leaking", "yes")
    assert "call again later" in (await phone.say("no")).text
    assert not phone.outbox.notices


async def test_a_failed_outbox_offers_a_person_where_there_is_one(telephone):
    """In hours, with people: a transfer instead."""
    phone = telephone("de", staffed=True)
    phone.outbox.broken = 1
    await phone.talk(*UNTIL_SUMMARY)
    assert "stattdessen verbinden" in (await phone.say("ja")).text
    assert (await phone.say("ja")).doings == [TransferTo("Anna Berger")]


async def test_the_same_message_twice_is_one(telephone):
    """A process that died between keeping and remembering asks again; the key makes it one message."""
    phone = telephone("de")
    await phone.talk(*UNTIL_SUMMARY)
    state = phone.session.state()
    await phone.say("ja")
    phone.session = phone.brain.open(phone.facts, state)
    await phone.say("ja")
    assert len(phone.outbox.notices) == 1


async def test_an_interrupted_reply_does_not_stop_the_message(telephone):
    """A caller who talks on while it is being kept must not lose it."""
    phone = telephone("de")
    await phone.talk(*UNTIL_SUMMARY)
    gate = asyncio.Event()
    put = phone.outbox.put

    async def slow(notice, agent):
        await gate.wait()
        await put(notice, agent)

    phone.outbox.put = slow
    reply = asyncio.create_task(phone.say("ja"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    reply.cancel()
    await asyncio.gather(reply, return_exceptions=True)
    gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert phone.notice.fields["name"] == "Anna Gruber"


async def test_messages_per_call_are_bounded(telephone):
    """Three by default; then it says so. Name and number are not asked again."""
    phone = telephone("de")
    await phone.talk(*UNTIL_SUMMARY, "ja")
    for _ in range(2):
        heard = await phone.say("Noch eine Nachricht bitte")
        assert "Worum geht es" in heard.text
        await phone.talk("Mein Keller ist nass.", "ja")
    assert len(phone.outbox.notices) == 3
    assert "Mehr Nachrichten" in (await phone.say("Noch eine Nachricht bitte")).text


@pytest.mark.parametrize(
    "caller", ["", "anonymous", "+266696687", "Restricted", "0664123", "+٤٣٦٦٤١٢٣٤٥", "+43664", "client:x"]
)
async def test_a_withheld_number_is_asked_for(telephone, caller):
    """A20: what is no E.164 number is never offered as one."""
    heard = await telephone("de", caller=caller).talk("Nachricht bitte", "Gruber", "ja")
    assert heard.expects == "number"


async def test_what_was_told_at_once_is_not_asked_again(telephone):
    """People who say everything in one breath are not put through a form."""
    phone = telephone("de")
    heard = await phone.say("Ich möchte Frau Berger etwas ausrichten, und zwar wegen der Rechnung vom Oktober")
    assert "Name" in heard.text
    heard = await phone.talk("Gruber", "ja", "ja")
    assert "Anliegen: wegen der Rechnung vom Oktober. Soll ich" in heard.text


async def test_a_message_remembers_whom_it_is_for(telephone):
    """Asked for a person who cannot be had, the message is for that person."""
    phone = telephone("de", staffed=True)
    assert (await phone.say("Frau Berger bitte")).doings == [TransferTo("Anna Berger")]
    await phone.talk("ja bitte", "Gruber", "ja", "ja", "Bitte um Unterlagen", "ja")
    assert phone.notice.fields["for"] == "Anna Berger"
    assert phone.notice.text.startswith("Für: Anna Berger\n")


async def test_a_yes_that_is_never_understood_keeps_the_message(telephone):
    """Isolated yeses are heard badly; a caller who did everything else must not lose the message."""
    phone = telephone("en")
    await phone.talk(
        "a message please", "John Smith", "yes", "yes", "My roof is leaking", "mumble", "grumble", "fumble"
    )
    assert phone.notice.fields["concern"] == "My roof is leaking"
    assert phone.notice.fields["concern_confirmed"] is False
    assert "(nicht bestätigt)" in phone.notice.text


async def test_the_record_names_what_was_confirmed(telephone):
    """Under `ask-everything` only those fields are stored (calls.keep)."""
    phone = telephone("de", preset=Preset.ASK_EVERYTHING)
    heard = await phone.talk(
        "Nachricht bitte", "Mayr", "nein", "Maier", "nein", "Mair", "nein", "ja", "Bitte um ein Angebot", "ja"
    )
    (use,) = [act.use for act in heard.acts if isinstance(act, UsedTool)]
    assert use.arguments["confirmed"] == ["kind", "for", "key", "number", "concern"]
    assert use.arguments["concern"] == "Bitte um ein Angebot"
    assert phone.notice.fields["name"] == ""
    assert "Mair" not in phone.notice.text + phone.notice.subject


async def test_a_number_that_asks_for_everything_keeps_nothing_without_a_yes(telephone):
    """`ask-everything` stores only message fields the caller confirmed (PRODUCT §1)."""
    phone = telephone("en", preset=Preset.ASK_EVERYTHING)
    heard = await phone.talk(
        "a message please", "John Smith", "yes", "yes", "My roof is leaking", "mumble", "grumble", "fumble"
    )
    assert "not pass anything on" in heard.text
    assert not phone.outbox.notices


async def test_a_name_never_understood_goes_on(telephone):
    """Two retries, then the message goes on with what there is, marked as not confirmed."""
    phone = telephone("de")
    await phone.talk("Nachricht bitte", "Mayr", "nein", "Maier", "nein", "Mair", "nein")
    heard = await phone.talk("ja", "Bitte um ein Angebot", "ja")
    assert "weitergegeben" in heard.text
    assert phone.notice.fields["name_confirmed"] is False
    assert "nicht bestätigt" in phone.notice.text


async def test_a_reply_nobody_heard_is_undone(telephone):
    """The caller went on before a word of ours was sent: both halves are one answer."""
    phone = telephone("de")
    await phone.say("Nachricht bitte")
    context = [Turn(1, "agent", "Gerne. Wie ist Ihr Name?", 0, 1, heard_text="Gerne. Wie ist Ihr Name?")]
    await phone.say("Anna", context)
    heard = await phone.say("Maria Gruber", context)
    assert "Anna Maria Gruber" in heard.text
    heard = await phone.say("ja", [*context, Turn(3, "agent", heard.text, 2, 3, interrupted=True)])
    assert "endet auf" in heard.text


async def test_silence_repeats_the_question(telephone):
    """The brain may be told that nobody spoke."""
    phone = telephone("de")
    await phone.say("Nachricht bitte")
    heard = await phone.say("", silent=True)
    assert heard.text == "Gerne. Wie ist Ihr Name?"
    assert heard.expects == "name"


async def test_a_language_switch_leaves_no_question_open(telephone):
    """The shell asks "what can I do for you?" in the new language; a name given before is kept and checked."""
    phone = telephone("de")
    await phone.talk("Nachricht bitte", "John Smith", "English please")
    assert "I understood John Smith" in (await phone.say("I want to leave a message")).text


async def test_a_switch_by_the_shell_holds_through_an_undone_turn(telephone):
    """A key may have chosen the language while a reply was on its way."""
    phone = telephone("de")
    context = [Turn(1, "agent", "Guten Tag", 0, 1, heard_text="Guten Tag")]
    await phone.say("hm", context)
    phone.session.switch("en")
    assert "What is your name" in (await phone.say("leave a message", context)).text


async def test_a_company_that_never_closes_says_so(telephone):
    """Spans that touch midnight are said in words."""
    phone = telephone("en")
    every = dict.fromkeys(range(7), ((time.min, time.max),))
    agent = replace(phone.agent, hours=Hours("Europe/Vienna", every, ""))
    phone.session = phone.brain.open(replace(phone.facts, agent=agent))
    assert "until midnight" in (await phone.say("Are you open now?")).text
    assert "Monday to Sunday around the clock" in (await phone.say("What are your opening hours?")).text
