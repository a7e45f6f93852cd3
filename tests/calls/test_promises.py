"""Promises that a review found broken. Each was a call that ended wrongly, or a record that did not say the truth."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from stella.domain.acts import ChangeLanguage, TransferTo
from stella.domain.agent import Limits
from stella.domain.call import CallStatus, EndedBy
from stella.domain.consent import Preset
from stella.domain.errors import Refused
from stella.domain.plan import AskByGather, ConnectPerson, SayGoodbye
from stella.domain.request import StreamNotice
from stella.ports.failure import Unavailable

from .conftest import AGENT, CALL, request

GATHER = replace(AGENT, voice_path="gather")


async def hang_up(session):
    """The caller hangs up."""
    session.stopped()
    session.gone()
    await asyncio.sleep(1)


def test_a_call_is_not_swept_while_its_first_record_is_written(run, house):
    """Nothing is late that has only begun: the sweep must not end a call that waits for the disk."""

    async def call():
        await asyncio.sleep(100)
        h = house(agent=GATHER)
        real = h.store.commit

        async def slow(record):
            await asyncio.sleep(0.05)
            await real(record)

        h.store.commit = slow
        task = asyncio.ensure_future(h.voice_webhook())
        await asyncio.sleep(0.01)
        h.switchboard.sweep()
        plan = await task
        turn = await h.switchboard.gather(request(speech="hello", query={"turn": "1"}))
        return h, plan, turn

    h, plan, turn = run(call())
    assert h.record.status is not CallStatus.FAILED
    assert isinstance(turn, AskByGather)


def test_the_gather_path_has_a_call_length_too(run, house):
    """A bot that keeps talking is not answered for ever."""

    async def call():
        h = house(agent=replace(GATHER, limits=Limits(call_s=60.0)))
        await h.voice_webhook()
        plan = None
        for turn in range(1, 40):
            await asyncio.sleep(10)
            plan = await h.switchboard.gather(request(speech="and then", query={"turn": str(turn)}))
            if not isinstance(plan, AskByGather):
                break
        return plan, asyncio.get_running_loop().time()

    plan, at = run(call())
    assert isinstance(plan, SayGoodbye), at


def test_key_one_at_the_consent_question_is_a_yes_and_no_language(run, house):
    """Where the language is uncertain, the question that is open decides what a key means."""

    async def call():
        h = house(agent=replace(AGENT, preset=Preset.ASK_EVERYTHING))
        plan = await h.voice_webhook(from_="anonymous")
        session, _ = h.connect(plan)
        await asyncio.sleep(7)
        session.dtmf("1")
        await asyncio.sleep(2)
        c1 = session.call.record.consent
        await asyncio.sleep(15)
        c = session.call.record.consent
        await hang_up(session)
        return c1, c, h.voice.said

    c1, c, said = run(call())
    assert c is not None and (c.answer, c.by) == ("yes", "key"), (c1, c)


def test_key_two_at_the_consent_question_is_a_no_and_no_language(run, house):
    """And it is recorded as given by key."""

    async def call():
        h = house(agent=replace(AGENT, preset=Preset.ASK_EVERYTHING))
        plan = await h.voice_webhook(from_="anonymous")
        session, _ = h.connect(plan)
        await asyncio.sleep(7)
        session.dtmf("2")
        await asyncio.sleep(2)
        lang = session.call.language.code
        await asyncio.sleep(15)
        c = session.call.record.consent
        await hang_up(session)
        return lang, c

    lang, c = run(call())
    assert lang == "de" and c.by == "key", (lang, c)


def test_ears_that_open_after_the_end_are_closed(run, house):
    """A hang-up during a change of language leaves nothing open."""

    async def call():
        h = house()
        plan = await h.voice_webhook(from_="anonymous")
        session, _ = h.connect(plan)
        await asyncio.sleep(8)
        closed = []

        class Second:
            def feed(self, m):
                pass

            def begin(self, u):
                pass

            def drop(self, u):
                pass

            def finish(self, u):
                pass

            async def close(self):
                closed.append(1)

        async def slow(*a):
            await asyncio.sleep(0.5)
            return Second()

        h.ears.open = slow
        session.dtmf("2")
        await asyncio.sleep(0.1)
        await hang_up(session)
        await asyncio.sleep(3)
        return closed

    assert run(call()) == [1]


def test_ears_that_cannot_be_opened_lead_to_the_carriers(run, house):
    """An engine that is down at the start costs the stream, not the call."""

    async def call():
        h = house()

        async def broken(*a):
            raise Unavailable("scripted", "refused")

        h.ears.open = broken
        plan = await h.voice_webhook()
        session, line = h.connect(plan)
        await asyncio.sleep(1)
        return await h.after()

    plan = run(call())
    assert isinstance(plan, AskByGather), plan


def test_two_afters_at_once_revive_one_call(run, house):
    """After a restart one brain goes on and one token is good."""

    async def call():
        h = house()
        plan = await h.voice_webhook()
        session, _ = h.connect(plan)
        await asyncio.sleep(5)
        # the process dies: another one
        h2 = house()
        h2.store.kept = dict(h.store.kept)
        h2.store.states = dict(h.store.states)
        real = h2.store.get

        async def slow(sid):
            await asyncio.sleep(0.01)
            return await real(sid)

        h2.store.get = slow
        a, b = await asyncio.gather(h2.after(), h2.after())
        await hang_up(session)
        opened = len(h2.brain.states)
        try:
            s, _ = h2.connect(a)
            ok = True
            await asyncio.sleep(1)
            await hang_up(s)
        except Refused as r:
            ok = r.cause
            await h2.switchboard.close()
        return a == b, opened, ok

    same, opened, ok = run(call())
    assert (same, opened, ok) == (True, 1, True)


def test_a_call_revived_before_its_start_is_answered_at_its_start(run, house):
    """The record says when."""

    async def call():
        h = house()
        await h.voice_webhook()
        h2 = house()
        h2.store.kept = dict(h.store.kept)
        h2.store.kept[CALL] = replace(h2.store.kept[CALL])
        plan = await h2.after()
        s, _ = h2.connect(plan)
        await asyncio.sleep(3)
        await hang_up(s)
        await h.switchboard.close()
        return h2.record

    record = run(call())
    assert record.answered_at is not None


def test_the_length_of_a_revived_call_counts_from_its_answer(run, house):
    """Also where no turn was kept."""

    async def call():
        h = house(agent=replace(AGENT, preset=Preset.ASK_EVERYTHING))
        plan = await h.voice_webhook()
        s, _ = h.connect(plan)
        await asyncio.sleep(100)
        h2 = house(agent=replace(AGENT, preset=Preset.ASK_EVERYTHING))
        h2.store.kept = {k: replace(v) for k, v in h.store.kept.items()}
        plan = await h2.after()
        s2, _ = h2.connect(plan)
        await asyncio.sleep(5)
        await hang_up(s2)
        d = h2.record.duration_s
        await hang_up(s)
        return d

    d = run(call())
    assert d > 100, d


def test_an_agent_of_the_gather_path_resumes_on_it(run, house):
    """A restart does not change how a number is carried."""

    async def call():
        h = house(agent=GATHER)
        await h.voice_webhook()
        await asyncio.sleep(5)
        h2 = house(agent=GATHER)
        h2.store.kept = {k: replace(v) for k, v in h.store.kept.items()}
        plan = await h2.switchboard.gather(request(speech="hi", query={"turn": "1"}))
        await h.switchboard.close()
        await h2.switchboard.close()
        return plan

    plan = run(call())
    assert isinstance(plan, AskByGather), plan


def test_a_talk_with_a_person_is_not_resumed_by_the_machine(run, house):
    """After a restart too."""

    async def call():
        h = house(lambda a: ["I connect you.", TransferTo("Anna")])
        plan = await h.voice_webhook()
        s, line = h.connect(plan)
        await asyncio.sleep(10)
        await h.ears.says("Anna please")
        await asyncio.sleep(10)
        dial = await h.after()
        h2 = house()
        h2.store.kept = {k: replace(v) for k, v in h.store.kept.items()}
        h2.store.states = dict(h.store.states)
        plan = await h2.after(query={"dial": "1"}, dial_status="completed")
        await h.switchboard.close()
        await h2.switchboard.close()
        return dial, plan

    dial, plan = run(call())
    assert isinstance(dial, ConnectPerson)
    assert isinstance(plan, SayGoodbye), plan


def test_a_dial_asked_about_again_mints_nothing(run, house):
    """One step, one token; the stream that lives is not harmed."""

    async def call():
        h = house(lambda a: ["I connect you.", TransferTo("Anna")])
        plan = await h.voice_webhook()
        s, line = h.connect(plan)
        await asyncio.sleep(10)
        await h.ears.says("Anna please")
        await asyncio.sleep(10)
        await h.after()
        await asyncio.sleep(20)
        a = await h.after(query={"dial": "1"}, dial_status="no-answer")
        b = await h.after(query={"dial": "1"}, dial_status="no-answer")
        # replay of the very same signed request while the stream lives
        s, _ = h.connect(b)
        await asyncio.sleep(3)
        c = await h.after(query={"dial": "1"}, dial_status="no-answer")
        alive = CALL in h.switchboard._calls
        d = await h.after(query={"dial": "1"}, dial_status="completed")
        alive2 = CALL in h.switchboard._calls
        await hang_up(s)
        return a, b, c, alive, d, alive2

    a, b, c, alive, d, alive2 = run(call())
    assert a == b
    assert alive2


def test_a_hang_up_during_a_gather_turn_leaves_no_state(run, house):
    """What ended is not kept for going on."""

    async def call():
        h = house(lambda a: [3.0, ChangeLanguage("de")], agent=GATHER)
        await h.voice_webhook()
        await asyncio.sleep(5)
        task = asyncio.ensure_future(h.switchboard.gather(request(speech="Deutsch", query={"turn": "1"})))
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        await asyncio.sleep(1)
        await task
        await asyncio.sleep(1)
        return h

    h = run(call())
    assert not h.switchboard._gathers and not h.store.states


def test_one_gather_turn_asked_twice_at_once_is_one_turn(run, house):
    """The brain is asked once, the record has the words once."""

    async def call():
        h = house(lambda a: [2.0, "Yes."], agent=GATHER)
        await h.voice_webhook()
        await asyncio.sleep(8)

        def ask():
            return h.switchboard.gather(request(speech="hello", query={"turn": "1"}))

        a, b = await asyncio.gather(ask(), ask())
        n = len(h.brain.asked)
        texts = [t.text for t in h.record.turns]
        await h.switchboard.close()
        return n, texts, a == b

    n, texts, same = run(call())
    assert n == 1, (n, texts, same)


def test_our_own_close_is_no_error_of_the_call(run, house):
    """The carrier reports every intended close as an error."""

    async def call():
        h = house(lambda a: ["I connect you.", TransferTo("Anna")])
        plan = await h.voice_webhook()
        s, line = h.connect(plan)
        await asyncio.sleep(10)
        await h.ears.says("Anna please")
        await asyncio.sleep(10)
        await h.after()
        await h.switchboard.stream_status(
            StreamNotice(CALL, "MZ", "stream-error", "31921 Stream - WebSocket - Close Error")
        )
        await h.switchboard.status(request(status="completed"))
        await asyncio.sleep(1)
        return h.record.error

    assert run(call()) is None


def test_a_status_callback_closes_the_line(run, house):
    """The carrier says it is over: the socket is not kept open."""

    async def call():
        h = house()
        plan = await h.voice_webhook()
        s, line = h.connect(plan)
        await asyncio.sleep(10)
        await h.switchboard.status(request(status="completed"))
        await asyncio.sleep(2)
        return line.closed_at

    assert run(call()) is not None


def test_a_hang_up_during_a_gather_turn_leaves_no_path(run, house):
    """Nor anything in memory."""

    async def call():
        h = house(lambda a: [3.0, "Yes."], agent=GATHER)
        await h.voice_webhook()
        await asyncio.sleep(5)
        task = asyncio.ensure_future(h.switchboard.gather(request(speech="Hello", query={"turn": "1"})))
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        await asyncio.sleep(1)
        await task
        await asyncio.sleep(1)
        return h

    h = run(call())
    assert not h.store.states


def test_the_evidence_of_consent_holds_the_question(run, house):
    """What was asked, word for word."""

    async def call():
        h = house(agent=replace(AGENT, preset=Preset.ASK_EVERYTHING))
        plan = await h.voice_webhook()
        session, _ = h.connect(plan)
        await asyncio.sleep(20)
        await hang_up(session)
        return h.record.consent.question, h.agent.language("en").phrases.consent_question

    q, text = run(call())
    assert q == text


def test_a_transfer_outlives_the_process(run, house):
    """The two go on talking; the record says how the call ended."""

    async def call():
        h = house(lambda a: ["I connect you.", TransferTo("Anna")])
        plan = await h.voice_webhook()
        s, line = h.connect(plan)
        await asyncio.sleep(10)
        await h.ears.says("Anna please")
        await asyncio.sleep(10)
        await h.after()
        await h.switchboard.close()
        h2 = house()
        h2.store.kept = {k: replace(v) for k, v in h.store.kept.items()}
        plan = await h2.after(query={"dial": "1"}, dial_status="completed")
        return h.record.ended_by, plan

    by, plan = run(call())
    assert plan == SayGoodbye() and by is EndedBy.TRANSFER, (by, plan)
