"""What the carrier is told to do next, whatever it asks, however often and in whatever order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import permutations

import pytest

from stella.domain.agent import Limits
from stella.domain.call import CallStatus, EndedBy
from stella.domain.consent import Preset
from stella.domain.errors import Refused
from stella.domain.plan import AskAgain, AskByGather, OpenStream, SayGoodbye, TakeMessage

from .conftest import ACCOUNT, AGENT, CALL, Carrier, request


async def hang_up(session):
    """The caller hangs up."""
    session.stopped()
    session.gone()
    await asyncio.sleep(1)


def test_a_repeated_voice_webhook_before_the_stream_gets_the_identical_answer(run, house):
    """The carrier may retry; the same token opens the same leg, and there is one call."""

    async def call():
        h = house()
        first = await h.voice_webhook()
        plans = [await h.voice_webhook() for _ in range(100)]
        return h, first, plans

    h, first, plans = run(call())
    assert isinstance(first, OpenStream)
    assert all(plan == first for plan in plans)
    assert len(h.store.kept) == 1


def test_a07_a_replayed_voice_webhook_after_the_stream_began_gives_no_new_token(run, house):
    """A replay is worth a redirect and nothing else: live, ended, or known only to the store."""

    async def call():
        h = house()
        plan = await h.voice_webhook()
        session, _ = h.connect(plan)
        live = await h.voice_webhook()
        await hang_up(session)
        ended = await h.voice_webhook()
        h.switchboard._ledger.ended.clear()
        stored = await h.voice_webhook()
        return [live, ended, stored]

    assert run(call()) == [AskAgain(), AskAgain(), AskAgain()]


def test_a08_a09_a_token_opens_one_stream_of_one_call_once(run, house):
    """Guessed, empty, foreign, spent and late tokens are refused, and nothing was touched."""

    async def call():
        h = house()
        plan = await h.voice_webhook()
        causes = []

        def attempt(call_sid=CALL, account=ACCOUNT, token=plan.token):
            try:
                h.switchboard.connect(call_sid, account, "MZx", token, Carrier())
            except Refused as refused:
                causes.append(refused.cause)

        attempt(token="")
        attempt(token="guess")
        attempt(token="ü" * 40)
        attempt(call_sid="CA" + "9" * 32)
        attempt(account="AC" + "9" * 32)
        assert h.ears.opened == 0
        session, _ = h.connect(plan)
        await asyncio.sleep(1)
        attempt()
        assert h.ears.opened == 1
        await hang_up(session)
        attempt()
        return causes

    assert run(call()) == [
        "no-token", "unknown-token", "unknown-token", "unknown-token", "other-call", "spent-token", "unknown-token",
    ]  # fmt: skip


def test_an_expired_token_leads_to_after_and_a_new_leg(run, house):
    """Slow networks are not silence: the carrier is told to go on, and goes on."""

    async def call():
        h = house()
        plan = await h.voice_webhook()
        await asyncio.sleep(110)
        with pytest.raises(Refused, match="expired-token"):
            h.connect(plan)
        again = await h.after()
        session, _ = h.connect(again)
        await asyncio.sleep(3)
        await hang_up(session)
        return h, again

    h, again = run(call())
    assert isinstance(again, OpenStream)
    assert h.agent.language("en").phrases.greeting in h.voice.said


def test_a_handshake_that_never_came_ends_on_the_gather_path(run, house):
    """Sockets may be blocked; the carrier's own ears are not. Nothing was interrupted, so nobody says so."""

    async def call():
        h = house()
        await h.voice_webhook()
        await asyncio.sleep(5)
        return h, await h.after()

    h, plan = run(call())
    assert isinstance(plan, AskByGather)
    assert plan.says[0].text == h.agent.language("en").phrases.greeting


def test_after_while_the_stream_is_alive_gives_nothing(run, house):
    """Whoever asks `/after` for a call that is talking is not the carrier of that call."""

    async def call():
        h = house()
        session, _ = h.connect(await h.voice_webhook())

        async def talk():
            for _ in range(200):
                session.media(b"\xff" * 160)
                await asyncio.sleep(0.02)

        talking = asyncio.create_task(talk())
        await asyncio.sleep(1)
        plan = await h.after()
        await talking
        await hang_up(session)
        return plan

    assert run(call()) == AskAgain()


def test_a_newer_leg_displaces_a_half_open_socket(run, house):
    """A dead network keeps a socket open on our side only; the resumed call goes on on the new one."""

    async def call():
        h = house()
        session, line = h.connect(await h.voice_webhook())
        await asyncio.sleep(6)
        plan = await h.after()
        second, _ = h.connect(plan, "MZ" + "6" * 32)
        await asyncio.sleep(4)
        assert line.closed_at is not None
        await hang_up(second)
        return h

    h = run(call())
    assert len(h.record.stream_sids) == 2
    assert h.record.status is CallStatus.COMPLETED


def test_a_full_house_says_so_in_words(run, house):
    """Overload is valid TwiML with a sentence in it."""

    async def call():
        h = house(calls_at_once=1)
        await h.voice_webhook()
        return await h.voice_webhook(call_sid="CA" + "8" * 32)

    plan = run(call())
    assert isinstance(plan, SayGoodbye)
    assert plan.says


def test_an_agents_own_limit_holds(run, house):
    """Limits of a number bind before those of the house."""

    async def call():
        h = house(agent=replace(AGENT, limits=Limits(calls_at_once=1)))
        await h.voice_webhook()
        return await h.voice_webhook(call_sid="CA" + "8" * 32)

    assert isinstance(run(call()), SayGoodbye)


def test_a19_a_number_that_is_not_ours_starts_no_call(run, house):
    """Signed by the right key, but for another number."""

    async def call():
        h = house()
        h.switchboard._agents.agent = None
        return h, await h.voice_webhook()

    h, plan = run(call())
    assert isinstance(plan, SayGoodbye)
    assert not h.store.kept


def test_a_dead_database_does_not_cost_the_caller_a_word(run, house):
    """The call is answered, talks, and its record waits."""

    async def call():
        h = house()
        h.store.broken = True
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(5)
        await h.ears.says("hello")
        await asyncio.sleep(5)
        await hang_up(session)
        return h

    h = run(call())
    assert "We are open from nine to five." in h.voice.said
    assert h.record.status is CallStatus.COMPLETED


def test_the_disclosure_is_committed_before_anything_is_said(run, house):
    """The evidence, with the time it was heard, is on disk before the first engine is touched."""

    async def call():
        h = house()
        session, _ = h.connect(await h.voice_webhook())
        said_before_commit = []
        commit = h.store.commit

        async def watched(record):
            said_before_commit.append((list(h.voice.said), h.ears.opened))
            await commit(record)

        h.store.commit = watched
        await asyncio.sleep(3)
        await hang_up(session)
        return h, said_before_commit[0]

    h, before = run(call())
    assert h.store.commits[0].disclosure.text == h.agent.language("en").phrases.disclosure
    assert h.store.commits[0].disclosure.heard_at is not None
    assert before == ([], 0)


def test_on_the_gather_path_the_disclosure_is_committed_with_the_answer(run, house):
    """There is no `start` to wait for: the record is safe before the carrier has the words."""

    async def call():
        h = house(languages=frozenset({"en"}))
        plan = await h.voice_webhook(from_="+4312345000")
        return h, plan

    h, plan = run(call())
    assert isinstance(plan, AskByGather)
    assert h.store.commits[0].disclosure.text == h.agent.language("de").phrases.disclosure


def test_a_call_of_a_dead_process_goes_on_where_it_was(run, house):
    """Another process finds record and state, and the brain gets its memory back."""

    async def call():
        h = house()
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        await h.ears.says("hello")
        await asyncio.sleep(5)
        kept, states = dict(h.store.kept), dict(h.store.states)
        assert states
        await hang_up(session)
        other = house()
        kept[CALL] = replace(kept[CALL], status=CallStatus.IN_PROGRESS, ended_at=None)
        other.store.kept, other.store.states = kept, states
        plan = await other.after()
        session, _ = other.connect(plan)
        await asyncio.sleep(4)
        await hang_up(session)
        return other, plan

    other, plan = run(call())
    assert isinstance(plan, OpenStream)
    assert other.brain.states == [b"state"]
    assert other.agent.language("en").phrases.resumed in other.voice.said


def test_after_for_a_call_nobody_knows_is_a_goodbye_in_words(run, house):
    """A caller is perhaps on the line; a stranger learns nothing."""

    async def call():
        return await house().after()

    plan = run(call())
    assert isinstance(plan, SayGoodbye)
    assert plan.says


def test_the_fallback_touches_nothing_that_could_be_broken(run, house):
    """No database, no engine, no brain: words and a person."""

    async def call():
        h = house()
        h.store.broken = True
        return h.switchboard.fallback(request())

    plan = run(call())
    assert isinstance(plan, TakeMessage)
    assert plan.number == "+431111111"
    assert len(plan.says) == 2


def test_a16_without_any_callback_no_call_stays_in_progress(run, house):
    """Streams that ended, streams that never opened, gather calls that stopped asking: all are finished."""

    async def call():
        h = house()
        await h.voice_webhook()
        await h.voice_webhook(call_sid="CA" + "7" * 32, from_="+4366012345")
        session, _ = h.connect(await h.voice_webhook(call_sid=CALL))
        await asyncio.sleep(3)
        session.gone()
        for _ in range(300):
            await asyncio.sleep(1)
            h.switchboard.sweep()
        return h

    h = run(call())
    assert h.switchboard.live_calls == 0
    assert all(record.status.terminal for record in h.store.kept.values())


@pytest.mark.parametrize("order", list(permutations(["stop", "gone", "status", "after"])))
def test_a17_callbacks_in_any_order_end_in_the_same_record(run, house, order):
    """Duplicated, reordered and late: one end, one reason."""

    async def call():
        h = house()
        session, _ = h.connect(await h.voice_webhook())
        session.counts.frames_received = 7
        await asyncio.sleep(4)
        for step in order:
            match step:
                case "stop":
                    session.stopped()
                case "gone":
                    session.gone()
                case "status":
                    for _ in range(2):
                        await h.switchboard.status(request(status="completed", call_duration_s=4))
                case _:
                    await h.after()
        await asyncio.sleep(60)
        h.switchboard.sweep()
        await asyncio.sleep(1)
        return h

    h = run(call())
    assert h.switchboard.live_calls == 0
    assert h.record.status is CallStatus.COMPLETED
    assert h.record.ended_by is EndedBy.CALLER
    assert len(h.record.turns) == 1
    assert h.record.media.bytes_sent == 0
    assert h.record.media.frames_received == 7


def test_a_bare_request_shows_the_twiml_and_starts_nothing(run, house):
    """`curl` in development."""

    async def call():
        h = house(languages=frozenset({"en"}))
        return h, await h.switchboard.incoming(request(call_sid="", account_sid="", from_="", to=""))

    h, plan = run(call())
    assert isinstance(plan, OpenStream)
    assert plan.says
    assert not h.store.kept
    assert h.switchboard.live_calls == 0


def test_a_caller_whose_country_says_nothing_may_change_the_language_by_a_key(run, house):
    """Asked inside the stream, because nothing hears a key while <Say> plays."""

    async def call():
        h = house()
        session, _ = h.connect(await h.voice_webhook(from_="anonymous"))
        await asyncio.sleep(6)
        session.dtmf("2")
        await asyncio.sleep(6)
        await hang_up(session)
        return h

    h = run(call())
    assert "For English, press 2." in h.voice.said[0]
    assert h.record.language == "en"


def test_without_consent_to_everything_only_metadata_is_kept(run, house):
    """`ask-everything` without a yes: no word, no key."""

    async def call():
        h = house(agent=replace(AGENT, preset=Preset.ASK_EVERYTHING))
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(8)
        await h.ears.says("no")
        await asyncio.sleep(8)
        await h.ears.says("my secret question")
        await asyncio.sleep(8)
        await hang_up(session)
        return h

    h = run(call())
    assert h.record.consent.answer == "no"
    assert "secret" not in repr(h.record)
    assert not h.store.states
    assert any("secret" in asked.text for asked in h.brain.asked)


def test_consent_to_everything_keeps_the_transcript(run, house):
    """A yes, by speech, committed."""

    async def call():
        h = house(agent=replace(AGENT, preset=Preset.ASK_EVERYTHING))
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(8)
        await h.ears.says("yes")
        await asyncio.sleep(8)
        await h.ears.says("my question")
        await asyncio.sleep(8)
        await hang_up(session)
        return h

    h = run(call())
    assert (h.record.consent.answer, h.record.consent.by) == ("yes", "speech")
    assert any(turn.text == "my question" for turn in h.record.turns)
