"""A call from `start` to its end, through the real conversation, with a carrier that plays what it is sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, TransferTo
from stella.domain.call import CallStatus, EndedBy
from stella.domain.plan import AskByGather, ConnectPerson, OpenStream, SayGoodbye
from stella.ports.failure import Unavailable

from .conftest import AGENT


def test_a_question_is_answered_and_written_down_as_heard(run, house):
    """The main job: greeting, question, answer, and a record that says what was heard."""

    async def call():
        h = house()
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("what are your opening hours")
        await asyncio.sleep(6)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h

    h = run(call())
    assert [turn.speaker for turn in h.record.turns] == ["agent", "caller", "agent"]
    greeting, asked, answer = h.record.turns
    assert greeting.heard_text == greeting.text == h.agent.language("en").phrases.greeting
    assert asked.text == "what are your opening hours"
    assert answer.heard_text == answer.text == "We are open from nine to five."
    assert h.record.status is CallStatus.COMPLETED
    assert h.record.ended_by is EndedBy.CALLER
    assert h.record.disclosure.heard_at is not None
    assert h.record.latency.response_gap_ms.p50 is not None


def test_an_interruption_clears_and_cuts_the_record_at_what_was_heard(run, house):
    """The words after the interruption were never played, so they are neither heard nor remembered."""
    long = ["First sentence of the answer is here. ", "Second sentence is never heard by anybody at all. "]

    async def call():
        h = house(lambda asked: long if asked.turn < 4 else ["Yes."])
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("tell me everything")
        await asyncio.sleep(3.0)
        await h.ears.says("stop that please I have another question", 1.5)
        await asyncio.sleep(5)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h, line

    h, line = run(call())
    cut = next(turn for turn in h.record.turns if turn.interrupted)
    assert line.clears
    assert cut.heard_text == "First sentence of the answer is here."
    assert "Second" in cut.text
    assert all("Second sentence" not in turn.heard_text for context in h.brain.contexts for turn in context)
    assert session_answered(h, "stop that please I have another question")


def session_answered(h, text):
    """Whether the words reached the brain."""
    return any(text in asked.text for asked in h.brain.asked)


def test_the_farewell_is_heard_before_the_line_closes_and_after_says_hang_up(run, house):
    """Nothing is cut off, and the carrier is told to hang up exactly once."""

    async def call():
        h = house(lambda _asked: ["Goodbye and thank you. ", EndCall()])
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("bye")
        await asyncio.sleep(10)
        plan = await h.after()
        return h, line, plan

    h, line, plan = run(call())
    assert line.closed_at is not None
    assert line.closed_at >= line.ends_at
    assert plan == SayGoodbye()
    assert h.record.ended_by is EndedBy.AGENT
    assert h.record.turns[-1].heard_text == "Goodbye and thank you."


def test_a_transfer_goes_by_name_and_comes_back_when_nobody_answers(run, house):
    """Cold transfer over `/after`; a busy person brings the caller back into the same conversation."""

    async def call():
        h = house(lambda asked: ["One moment. ", TransferTo("anna")] if asked.turn < 4 else ["All right."])
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("anna please")
        await asyncio.sleep(10)
        dial = await h.after()
        back = await h.after(query={"dial": "1"}, dial_status="no-answer")
        second, line2 = h.connect(back, "MZ" + "4" * 32)
        await asyncio.sleep(6)
        second.stopped()
        second.gone()
        await asyncio.sleep(1)
        return h, dial, back

    h, dial, back = run(call())
    assert dial == ConnectPerson((), "+431111111")
    assert isinstance(back, OpenStream)
    assert back.says == ()
    assert h.agent.language("en").phrases.transfer_failed in h.record.turns[-1].heard_text
    assert len(h.record.stream_sids) == 2


def test_a_completed_transfer_ends_the_call(run, house):
    """The person and the caller have talked: there is nothing left to say."""

    async def call():
        h = house(lambda _asked: [TransferTo("Anna Berger")])
        h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("anna")
        await asyncio.sleep(10)
        await h.after()
        plan = await h.after(query={"dial": "1"}, dial_status="completed")
        return h, plan

    h, plan = run(call())
    assert plan == SayGoodbye()
    assert h.record.ended_by is EndedBy.TRANSFER


def test_a_language_nobody_here_understands_goes_on_by_the_carriers_ears(run, house):
    """German on an engine that knows English only: the stream closes and `gather` carries on in German."""

    async def call():
        h = house(lambda _asked: [ChangeLanguage("de")], languages=frozenset({"en"}))
        _, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("deutsch bitte")
        await asyncio.sleep(5)
        return h, line, await h.after()

    h, line, plan = run(call())
    assert line.closed_at is not None
    assert isinstance(plan, AskByGather)
    assert plan.locale == "de-AT"
    assert plan.says[0].text == h.agent.language("de").phrases.language_switch


def test_a_language_understood_here_is_switched_in_the_stream(run, house):
    """No leg is lost: ears, voice and phrases change under way."""

    async def call():
        h = house(lambda asked: [ChangeLanguage("de")] if asked.turn < 4 else ["Gut."])
        _, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("deutsch bitte")
        await asyncio.sleep(6)
        assert line.closed_at is None
        line.session.stopped()
        line.session.gone()
        await asyncio.sleep(1)
        return h

    h = run(call())
    assert h.record.language == "de"
    assert h.agent.language("de").phrases.language_switch in h.voice.said


def test_a_brain_that_fails_twice_ends_in_the_carriers_voice_not_in_silence(run, house):
    """Retry, apologise, then the gather path: the caller hears words all the way."""

    async def call():
        h = house(lambda _asked: [Unavailable("brain", "refused")])
        _, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("hello")
        await asyncio.sleep(60)
        return h, line, await h.after()

    h, line, plan = run(call())
    assert line.closed_at is not None
    assert isinstance(plan, AskByGather)
    assert plan.says


def test_a_voice_that_fails_ends_in_the_carriers_voice(run, house):
    """No sound can be made: the line is given to the carrier at once."""

    async def call():
        h = house()
        h.voice.broken = True
        _, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(10)
        return line, await h.after()

    line, plan = run(call())
    assert line.closed_at is not None
    assert isinstance(plan, AskByGather)


def test_a_fault_of_ours_ends_this_call_in_words(run, house, monkeypatch):
    """An exception nobody expected: apology by the carrier, record failed, nothing left behind."""

    async def call():
        h = house()
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(1)
        monkeypatch.setattr(session._speaker, "say", None)
        session._speaker.say = None
        await h.ears.says("hello")
        await asyncio.sleep(10)
        return h, line, await h.after()

    class Broken(Exception):
        pass

    h, line, plan = run(call())
    assert isinstance(plan, SayGoodbye)
    assert plan.says
    assert h.record.status is CallStatus.FAILED
    assert h.record.error == "internal error"


def test_an_engine_that_cannot_be_let_go_of_leaves_no_call_behind(run, house, monkeypatch):
    """Whatever its closing raises: the call ends, its record is written, its place is free, and what was said is dropped."""

    async def broken():
        raise RuntimeError("closing failed")

    async def call():
        h = house()
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        monkeypatch.setattr(h.ears, "close", broken)
        monkeypatch.setattr(h.brain, "close", broken)
        await h.ears.says("what are your opening hours")
        await asyncio.sleep(4)
        kept = dict(h.store.states)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h, kept

    h, kept = run(call())
    assert kept
    assert h.record.status is CallStatus.COMPLETED
    assert not h.switchboard._sessions
    assert not any(h.store.states.values())


def test_a_language_that_cannot_be_changed_ends_the_call_in_words(run, house, monkeypatch):
    """The conversation would wait for it for ever; a fault of ours must not end in silence."""

    async def broken(*_given):
        raise RuntimeError("no ears")

    async def call():
        h = house(lambda asked: [ChangeLanguage("de")])
        _, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        monkeypatch.setattr(h.ears, "open", broken)
        await h.ears.says("german please")
        await asyncio.sleep(10)
        return h, line, await h.after()

    h, line, plan = run(call())
    assert line.closed_at is not None
    assert isinstance(plan, SayGoodbye)
    assert plan.says
    assert h.record.error == "internal error"


def test_a_reply_cancelled_by_nobody_is_a_reply_that_failed(run, house):
    """The brain is asked once more, at once, instead of when the silence has become too long."""

    async def call():
        h = house(lambda asked: [asyncio.CancelledError()] if len(h.brain.asked) == 1 else ["We are open."])
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("are you open")
        await asyncio.sleep(4)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h

    h = run(call())
    assert len(h.brain.asked) == 2
    assert h.record.turns[-1].heard_text == "We are open."
    assert h.record.latency.response_gap_ms.p50 < 1500


def test_a_socket_lost_without_stop_is_resumed_once_and_then_the_carrier_listens(run, house):
    """First loss: a new leg with an apology. Second: the gather path."""

    async def call():
        h = house()
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        session.gone()
        await asyncio.sleep(0.5)
        again = await h.after()
        session2, _ = h.connect(again, "MZ" + "5" * 32)
        await asyncio.sleep(4)
        session2.gone()
        await asyncio.sleep(0.5)
        last = await h.after()
        await asyncio.sleep(200)
        h.switchboard.sweep()
        await asyncio.sleep(1)
        return h, again, last

    h, again, last = run(call())
    assert isinstance(again, OpenStream)
    assert isinstance(last, AskByGather)
    assert h.agent.language("en").phrases.resumed in h.voice.said
    assert h.record.status is CallStatus.COMPLETED


def test_keys_reach_the_brain_and_the_record(run, house):
    """A key is a turn."""

    async def call():
        h = house(lambda asked: [f"You pressed {asked.digits}."])
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        session.dtmf("9")
        await asyncio.sleep(6)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h

    h = run(call())
    assert h.brain.asked[0].digits == "9"
    assert [key.digit for key in h.record.dtmf] == ["9"]


def test_masked_digits_are_not_in_the_record(run, house):
    """What was asked for as a secret never gets written down."""

    async def call():
        h = house(lambda asked: ["Your PIN? ", ExpectAnswer("digits", 4, masked=True)] if not asked.digits else ["Ok."])
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("I have a PIN")
        await asyncio.sleep(4)
        for digit in "8642":
            session.dtmf(digit)
            await asyncio.sleep(0.2)
        await asyncio.sleep(5)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h

    h = run(call())
    assert "8642" not in repr(h.record)
    assert any(asked.digits == "8642" for asked in h.brain.asked)


def speaking(house, agent, spoken="de"):
    """A British caller who speaks another language than the one the call began in."""

    async def call():
        h = house(lambda _asked: ["Von neun bis fünf."], agent=agent)
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        h.ears.spoken = spoken
        await h.ears.says("wann haben sie offen")
        await asyncio.sleep(6)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h

    return call()


def test_the_call_goes_on_in_the_language_that_was_heard(run, house):
    """No key, no question: brain, voice and record follow the caller, before the answer is made."""
    h = run(speaking(house, replace(AGENT, listens_to_all=True)))
    assert list(h.ears.also) == ["de"]
    assert h.brain.languages == ["de"]
    assert h.record.language == "de"
    assert [turn.text for turn in h.record.turns][-1] == "Von neun bis fünf."
    assert h.agent.language("de").phrases.language_switch not in h.voice.said
    assert h.ears.opened == 1


def test_a_language_nobody_asked_to_follow_changes_nothing(run, house):
    """One language is listened for unless the agent file says otherwise; and one it does not speak is not followed."""
    h = run(speaking(house, AGENT))
    assert (list(h.ears.also), h.brain.languages, h.record.language) == ([], [], "en")
    h = run(speaking(house, replace(AGENT, listens_to_all=True), spoken="fr"))
    assert (h.brain.languages, h.record.language) == ([], "en")


def test_the_ears_are_told_the_words_of_the_house(run, house):
    """The company, its vocabulary and its people, in the language that is spoken."""
    words = {"words": ("Zahnkrone",), "en": ("crown",), "de": ("Krone",)}
    h = run(speaking(house, replace(AGENT, vocabulary=words)))
    assert list(h.ears.hints) == ["Vintaro", "Zahnkrone", "crown", "Anna Berger", "Anna"]


def test_a_pause_is_listened_to_where_somebody_can(run, house):
    """The hint ends a turn sooner whose words say nothing; without anybody to ask, turns end as they do."""
    gaps = []

    class Sure:
        languages = frozenset({"en"})

        def ask(self, _mulaw, told):
            asyncio.get_running_loop().call_later(0.06, told, 0.99)

    async def call(hints):
        h = house()
        h.switchboard._engines.turn_hints = hints
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("I would like a table")
        await asyncio.sleep(6)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        gaps.append(h.record.latency.response_gap_ms.p50)

    run(call(None))
    run(call(Sure()))
    assert gaps[0] - gaps[1] == 200


def test_engines_are_told_of_a_call_when_it_rings(run, house):
    """Connections can stand before `start` comes: the disclosure is playing meanwhile."""

    async def call():
        h = house()
        plan = await h.voice_webhook()
        expected = list(h.engines.expected)
        session, _ = h.connect(plan)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return expected, h.engines.expected

    assert run(call()) == ([("receptionist", "en")], [("receptionist", "en")])


def test_a_line_without_a_person_is_in_the_record(run, house):
    """Another machine that says the same again and again: asked, let go politely, and the reason written down."""

    async def call():
        h = house()
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        for _ in range(5):
            await h.ears.says("good morning we have an offer for your company", 2.0)
            await asyncio.sleep(9)
        return h, session, line

    h, session, line = run(call())
    assert session.chosen_end is EndedBy.AGENT
    assert line.closed_at is not None
    assert h.record.error == "no-person:repeats"
    said = [turn.heard_text for turn in h.record.turns if turn.speaker == "agent"]
    assert said[-2:] == [h.agent.language("en").phrases.person_check, h.agent.language("en").phrases.farewell]
    assert len(h.brain.asked) == 3
