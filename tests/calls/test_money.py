"""Money: counted while it is spent, bounded before it is, and the caller hears words all the same (FAULTS D15, B17)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import structlog

from stella.calls.budget import Budget
from stella.calls.meter import Meter
from stella.domain.agent import Agent, Limits
from stella.domain.call import CallRecord, EndedBy
from stella.domain.plan import AskByGather, OpenStream, SayGoodbye
from stella.ports.speech import Sound
from stella.ports.spending import paid_by, spent
from stella.ports.store import Bill

from .conftest import AGENT, NUMBER, Voice, request

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CALLER = "+442012345678"


RATES = {
    "stt:scripted": ("minute", 0.01), "stt:line": ("minute", 0.01), "tts:scripted": ("1000", 0.01),
    "stt:gather": ("use", 0.01), "carrier:receive": ("minute", 0.0085), "carrier:stream": ("minute", 0.004),
}  # fmt: skip


class Tariff:
    """Ears at a cent a minute, a voice at a cent for a thousand characters, the carrier's ears at a cent a turn."""

    def of(self, what: str, amount: float, day: date) -> float | None:
        """As the port."""
        if what not in RATES:
            return None
        unit, usd = RATES[what]
        return usd * amount / {"minute": 60, "1000": 1000, "use": 1}[unit]

    def unit(self, what: str) -> str:
        """As the port."""
        return RATES.get(what, ("", 0.0))[0]

    def by_line(self, what: str) -> bool:
        """As the port."""
        return what == "stt:line"


def limited(**limits: float) -> Agent:
    """The agent with these caps."""
    return replace(AGENT, limits=Limits(**limits))  # type: ignore[arg-type]


def record(sid: str = "CA1", to: str = NUMBER, from_: str = CALLER, at: datetime = NOW) -> CallRecord:
    """A call as it begins."""
    return CallRecord(sid, to=to, from_=from_, created_at=at.isoformat())


def budget(now: list[datetime] | None = None) -> Budget:
    """A fresh one, at a time that the test may move."""
    now = now or [NOW]
    return Budget(Tariff(), lambda: now[0])


# One call


def test_everything_is_in_the_record_in_amounts_and_in_money() -> None:
    """Tokens and dollars of the model, seconds of the ears, characters of the voice, minutes of the carrier."""
    bill = record()
    meter = budget().meter(bill, AGENT)
    meter.spend("brain_tokens_sent", 120)
    meter.spend("brain_usd", 0.002)
    meter.spend("tts:scripted", 500)
    meter.listen("scripted", 0.0)
    meter.speaks(10.0)
    meter.spoke(16.0)
    meter.look(61.0, "stream", 61.0)
    meter.look(61.5, "stream", 61.5)
    assert bill.cost == {
        "brain_tokens_sent": 120, "brain_usd": 0.002, "tts_chars": 500, "tts_usd": 0.005, "stt_s": 6.0, "stt_usd": 0.001,
        "carrier_s": 240, "carrier_usd": 0.025, "usd": 0.033,
    }  # fmt: skip
    assert meter.usd == pytest.approx(0.008)


def test_ears_that_are_charged_while_they_are_open_are_charged_for_silence_too() -> None:
    """Some vendors count the line; a switch ends the one and begins the other."""
    bill = record()
    meter = budget().meter(bill, AGENT)
    meter.listen("line", 0.0)
    meter.speaks(1.0)
    meter.spoke(3.0)
    meter.look(30.0, "stream", 30.0)
    meter.listen("scripted", 60.0)
    meter.listen("", 90.0)
    assert bill.cost["stt_s"] == 60.0 and bill.cost["stt_usd"] == pytest.approx(0.01)


def test_nothing_is_ever_paid_back() -> None:
    """Somebody's function may tell what it spent, and may be wrong."""
    meter = budget().meter(record(), limited(cost_call_usd=1.0))
    meter.spend("brain_usd", 2.0)
    meter.spend("brain_usd", -2.0)
    assert not meter.may()


def test_what_has_no_price_is_said_to_have_none() -> None:
    """A total without it would look like all there is."""
    bill = record()
    meter = budget().meter(bill, AGENT)
    meter.spend("tts:unheard-of", 100)
    assert bill.cost == {"unpriced": 1}


def test_the_conversation_is_told_in_steps_and_at_the_end() -> None:
    """Not with every token: of each twentieth, and surely of the last."""
    meter = budget().meter(record(), limited(cost_call_usd=1.0))
    told: list[float] = []
    meter.watch(told.append)
    for _ in range(1010):
        meter.spend("brain_usd", 0.001)
    assert len(told) == 20 and told[-1] >= 1.0 and not meter.may()
    again: list[float] = []
    meter.watch(again.append)
    assert again == [pytest.approx(1.01)]


def test_without_a_cap_nothing_is_ever_used_up() -> None:
    """The default."""
    meter = Meter({})
    meter.watch(lambda _share: pytest.fail("told"))
    meter.spend("brain_usd", 1e6)
    assert meter.may() and meter.share == 0.0


async def test_the_payer_goes_with_the_task() -> None:
    """Through rows of voices, hedges and caches, none of which knows of calls; two calls at once are told apart."""
    told: dict[str, list[tuple[str, float]]] = {"a": [], "b": []}

    async def vendor(text: str) -> AsyncIterator[int]:
        spent("tts:scripted", len(text))
        yield 1

    async def call(name: str, text: str) -> None:
        with paid_by(lambda what, amount: told[name].append((what, amount))):
            await asyncio.create_task(anext(vendor(text)))  # type: ignore[arg-type]

    await asyncio.gather(call("a", "four"), call("b", "seventeen"))
    spent("tts:scripted", 99)
    assert told == {"a": [("tts:scripted", 4)], "b": [("tts:scripted", 9)]}


# Calls together


@pytest.mark.parametrize(
    ("limits", "spends", "next_one", "over"),
    [
        ({"cost_day_usd": 1.0}, (NUMBER, CALLER), ("+431", "+492"), True),
        ({"cost_number_usd": 1.0}, (NUMBER, CALLER), (NUMBER, "+492"), True),
        ({"cost_number_usd": 1.0}, (NUMBER, CALLER), ("+431", CALLER), False),
        ({"cost_caller_usd": 1.0}, (NUMBER, CALLER), ("+431", CALLER), True),
        ({"cost_caller_usd": 1.0}, (NUMBER, CALLER), (NUMBER, "+492"), False),
        ({"cost_caller_usd": 1.0}, (NUMBER, ""), (NUMBER, ""), True),
        ({"cost_call_usd": 1.0}, (NUMBER, CALLER), (NUMBER, CALLER), False),
        ({}, (NUMBER, CALLER), (NUMBER, CALLER), False),
    ],
)
def test_a_cap_is_for_a_day_a_number_or_a_caller(
    limits: dict[str, float], spends: tuple[str, str], next_one: tuple[str, str], over: bool
) -> None:
    """And only for those."""
    agent, money = limited(**limits), budget()
    money.meter(record(to=spends[0], from_=spends[1]), agent).spend("brain_usd", 1.0)
    assert money.spent(agent, *next_one) is over


def test_the_carriers_minutes_are_written_down_and_not_capped() -> None:
    """The only way to save them is not to answer."""
    agent, money = limited(cost_day_usd=0.01), budget()
    bill = record()
    money.meter(bill, agent).look(3600.0, "stream", 3600.0)
    assert bill.cost["carrier_usd"] > 0.5 and not money.spent(agent, NUMBER, CALLER)


def test_a_new_day_in_the_agents_own_time_begins_with_nothing() -> None:
    """Midnight is in Vienna."""
    now = [datetime(2026, 11, 23, 22, 30, tzinfo=UTC)]
    agent, money = limited(cost_day_usd=1.0), budget(now)
    money.meter(record(at=now[0]), agent).spend("brain_usd", 2.0)
    assert money.spent(agent, NUMBER, CALLER)
    now[0] += timedelta(hours=1)
    assert not money.spent(agent, NUMBER, CALLER)


def test_a_restart_forgets_nothing_and_what_is_read_twice_counts_once() -> None:
    """The totals are in the records; those of other processes too."""
    agent, money = limited(cost_day_usd=1.0), budget()
    meter = money.meter(record("CA1"), agent)
    meter.spend("brain_usd", 0.2)
    cost = {"brain_usd": 0.3, "tts_usd": 0.1, "carrier_usd": 50.0, "usd": 50.4}
    bills = [
        Bill("CA1", "receptionist", NUMBER, CALLER, NOW.isoformat(), {"brain_usd": 0.2}),
        Bill("CA2", "receptionist", NUMBER, CALLER, NOW.isoformat(), cost),
        Bill("CA3", "somebody-else", NUMBER, CALLER, NOW.isoformat(), cost),
        Bill("CA4", "receptionist", NUMBER, CALLER, (NOW - timedelta(days=1)).isoformat(), cost),
    ]
    for _ in range(2):
        money.take_in(bills, [agent])
    assert meter.share == pytest.approx(0.6)
    money.take_in([replace(bills[1], cost={"brain_usd": 0.9})], [agent])
    assert money.spent(agent, NUMBER, CALLER)
    assert not meter.may()


def test_what_is_nearly_used_up_is_said_once_in_the_log_and_names_no_number() -> None:
    """Then once more when it is."""
    agent, money = limited(cost_day_usd=1.0, cost_caller_usd=5.0), budget()
    with structlog.testing.capture_logs() as logs:
        meter = money.meter(record(), agent)
        for _ in range(30):
            meter.spend("brain_usd", 0.05)
    assert [line["event"] for line in logs] == ["budget-near", "budget-spent"]
    assert CALLER not in str(logs) and NUMBER not in str(logs)


def test_a_thousand_calls_overrun_a_day_by_no_more_than_what_was_under_way() -> None:
    """Ten at a time, each asking before it pays (D15)."""
    agent, money = limited(cost_day_usd=2.0, cost_call_usd=0.05), budget()
    dice, dearest, at_once = random.Random(7), 0.004, 10
    total, began_after = 0.0, 0
    waiting = [money.meter(record(f"CA{n}", from_=f"+49{n}"), agent) for n in range(1000)]
    live = [waiting.pop() for _ in range(at_once)]
    while live:
        under_way = [meter for meter in live if meter.may()]
        began_after += len(under_way) if total >= 2.0 else 0
        for meter in under_way:
            price = dice.uniform(0.001, dearest)
            meter.spend("brain_usd", price)
            total += price
            assert meter.usd <= 0.05 + dearest
        live = [meter for meter in live if meter in under_way]
        while waiting and len(live) < at_once:
            meter = waiting.pop()
            live += [meter] if not money.spent(agent, NUMBER, "") else []
    assert began_after == 0
    assert 2.0 <= total <= 2.0 + at_once * dearest


# On the line


async def conversation(h, *lines: str, pause: float = 8.0):
    """A call with so many questions, until it is over."""
    session, line = h.connect(await h.voice_webhook())
    await asyncio.sleep(4)
    for text in lines:
        if line.closed_at is None:
            await h.ears.says(text)
            await asyncio.sleep(pause)
    plan = await h.after() if line.closed_at is not None else None
    if plan is None:
        session.stopped()
        session.gone()
    await asyncio.sleep(2)
    return h, plan


def said(h) -> list[str]:
    """What the agent said, as heard."""
    return [turn.heard_text for turn in h.record.turns if turn.speaker == "agent"]


def test_a_dear_call_is_warned_and_ends_politely(run, house):
    """The answer that was paid for is heard; the next question costs nothing any more."""

    async def call():
        answers = {1: [("brain_usd", 0.85), "One."], 2: [("brain_usd", 0.2), "Two."]}
        asked = []

        def script(_asked):
            asked.append(1)
            return answers[len(asked)]

        return await conversation(
            house(script, agent=limited(cost_call_usd=1.0), budget=budget()), "first", "second", "third", "fourth"
        )

    h, plan = run(call())
    phrases = AGENT.language("en").phrases
    assert said(h) == [phrases.greeting, "One.", phrases.limit_warning, "Two.", phrases.farewell]
    assert len(h.brain.asked) == 2
    assert isinstance(plan, SayGoodbye) and h.record.ended_by is EndedBy.LIMIT
    assert h.record.cost["brain_usd"] == pytest.approx(1.05)


class PaidVoice(Voice):
    """Somebody's voice."""

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port, and says what was asked for."""
        spent("tts:scripted", len(text))
        async for sound in super().speak(text, language, voice):
            yield sound


def test_what_ears_and_voice_cost_is_in_the_record(run, house):
    """Seconds of speech, characters of every sentence, and the carrier's minutes."""

    async def call():
        h = house(budget=budget())
        h.switchboard._engines._voice = PaidVoice()
        housekeeping = asyncio.create_task(h.switchboard.run())
        try:
            return await conversation(h, "what are your hours")
        finally:
            housekeeping.cancel()

    h, _ = run(call())
    cost = h.record.cost
    assert cost["tts_chars"] == sum(len(text) for text in said(h))
    assert 0.9 <= cost["stt_s"] <= 2.5
    assert cost["carrier_usd"] == pytest.approx(0.0125) and cost["usd"] > cost["carrier_usd"]


def test_a_caller_after_the_days_money_talks_to_what_costs_nothing(run, house):
    """The message is taken, the day's bill stays what it is."""
    agent, money = limited(cost_day_usd=1.0), budget()
    money.meter(record("CA0"), agent).spend("brain_usd", 1.0)

    async def call():
        h = house(agent=agent, budget=money)
        plan = await h.voice_webhook()
        return h, plan, h.switchboard.live(request().call_sid)

    h, plan, live = run(call())
    assert isinstance(plan, OpenStream)
    assert live.frugal and live.agent.version == "1+free"
    (used,) = live.record.tools
    assert used.name == "engine_switch" and used.result == "budget"


def test_where_nothing_that_is_free_understands_the_caller_words_say_so(run, house):
    """The carrier's own ears cost money too. Valid words, an end, and a record that says why."""
    agent, money = limited(cost_day_usd=1.0), budget()
    money.meter(record("CA0"), agent).spend("brain_usd", 1.0)

    async def call():
        h = house(agent=agent, budget=money, languages=frozenset({"en"}))
        plan = await h.voice_webhook(from_="+4312345000")
        await asyncio.sleep(1)
        return h, plan

    h, plan = run(call())
    assert isinstance(plan, SayGoodbye) and "morgen" in plan.says[0].text
    assert h.record.ended_by is EndedBy.LIMIT
    assert h.brain.asked == []


def test_the_gather_path_counts_warns_and_ends_too(run, house):
    """Each turn of the carrier's ears is a use."""

    async def call():
        h = house(
            lambda _asked: [("brain_usd", 0.4), "Ja."], agent=limited(cost_call_usd=1.0), budget=budget(),
            languages=frozenset({"en"}),
        )  # fmt: skip
        plans = [await h.voice_webhook(from_="+4312345000")]
        for text in ("eins", "zwei", "drei", "vier"):
            await asyncio.sleep(9)
            if isinstance(plans[-1], AskByGather):
                query = {"turn": str(plans[-1].turn)}
                plans.append(await h.switchboard.gather(request(from_="+4312345000", speech=text, query=query)))
        await h.switchboard.status(request(status="completed"))
        await asyncio.sleep(1)
        return h, plans

    h, plans = run(call())
    german = AGENT.language("de").phrases
    heard = [[say.text for say in plan.says] for plan in plans]
    assert heard[1] == ["Ja."] and heard[2] == ["Ja.", german.limit_warning]
    assert heard[3] == ["Ja."]
    assert isinstance(plans[4], SayGoodbye) and heard[4] == [german.farewell]
    assert h.record.cost["stt_uses"] == 4 and h.record.ended_by is EndedBy.LIMIT
