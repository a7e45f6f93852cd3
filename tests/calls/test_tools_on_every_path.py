"""Tools do the same on the stream and on the gather path: our question, the caller's yes, one effect, a word of patience."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import pytest

from stella.calls.model_brain import ModelBrain
from stella.domain.plan import HoldOn
from stella.ports.language import Called, Grew, Message, ModelEvent, ToolCall, ToolSpec
from stella.ports.tool import Care, ToolAnswer, ToolFacts

from .conftest import request

VIENNA = "+436601234567"


class Order(msgspec.Struct):
    """What a refund needs."""

    order: int


@dataclass
class Refund:
    """Pays money back, after a while."""

    name: str = "refund"
    description: str = "Pays money back."
    arguments: type[msgspec.Struct] = Order
    deadline_s: float = 20.0
    outside: bool = True
    care: Care = field(default_factory=lambda: Care(confirm=True))
    paid: list[int] = field(default_factory=list)
    slow_s: float = 0.0

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        assert isinstance(arguments, Order)
        await asyncio.sleep(self.slow_s)
        self.paid.append(arguments.order)
        return ToolAnswer("paid")


class Eager:
    """A model that wants the refund in every turn until it was paid, whatever the caller says."""

    name = "fake:eager"

    async def answer(
        self, system: str, messages: list[Message], tools: list[ToolSpec], most_tokens: int
    ) -> AsyncIterator[ModelEvent]:
        """As the port."""
        if "refund : paid" in str(messages) or "'paid'" in str(messages):
            yield Grew("It is paid.")
        else:
            yield Called(ToolCall("c", "refund", json.dumps({"order": 7})))

    async def check(self) -> None:
        """Well."""


class Nowhere:
    """A company without pages."""

    def search(self, question: str, language: str) -> list[Any]:
        """As the port."""
        return []

    async def understand(self, question: str) -> None:
        """As the port."""

    def week(self) -> str:
        """As the port."""
        return ""

    def clock(self, now: datetime) -> str:
        """As the port."""
        return "It is Monday"

    def is_open(self, now: datetime) -> bool:
        """As the port."""
        return True


def eager(h: Any, refund: Refund) -> None:
    """The house's brain from now on."""
    loop = asyncio.get_running_loop()
    h.engines._brain = ModelBrain(Eager(), Nowhere(), lambda: [refund], loop.time)


def errors(h: Any) -> list[str | None]:
    """How the uses in the record went."""
    return [use.error for use in h.record.tools]


def spoken(h: Any) -> list[str]:
    """What the agent said, as heard."""
    return [turn.heard_text for turn in h.record.turns if turn.speaker == "agent"]


@pytest.mark.parametrize("slow_s", [0.0, 9.0])
def test_on_a_stream_the_question_is_heard_and_the_yes_counts(run, house, slow_s):
    """A no is asked again; a slow tool is covered for in words."""
    refund = Refund(slow_s=slow_s)

    async def call():
        h = house()
        eager(h, refund)
        session, _ = h.connect(await h.voice_webhook())
        await asyncio.sleep(4)
        for words, pause in (("give me my money", 9), ("what do you mean by that", 9), ("yes please", 25)):
            await h.ears.says(words)
            await asyncio.sleep(pause)
        session.stopped()
        session.gone()
        await asyncio.sleep(1)
        return h

    h = run(call())
    assert refund.paid == [7]
    assert errors(h) == ["unconfirmed", "unconfirmed", None]
    assert spoken(h)[1] == spoken(h)[2] == "This is what I would do now: refund, order: 7. Shall I do that?"
    phrases = h.agent.language("en").phrases
    assert spoken(h)[3].endswith("It is paid.")
    assert (phrases.one_moment in spoken(h)[3]) == (slow_s > 0)


@pytest.mark.parametrize("slow_s", [0.0, 9.0])
def test_on_the_gather_path_the_same(run, house, slow_s):
    """The question cannot be talked over there, because the carrier does not tell how far it got."""
    refund = Refund(slow_s=slow_s)

    async def turn(h, plan, speech, after):
        await asyncio.sleep(after)
        plan = await h.switchboard.gather(request(from_=VIENNA, speech=speech, query={"turn": str(plan.turn)}))
        plans = [plan]
        while isinstance(plans[-1], HoldOn):
            await asyncio.sleep(1)
            again = request(from_=VIENNA, query={"turn": str(plans[-1].turn)})
            plans.append(await h.switchboard.gather(again))
        return plans

    async def call():
        h = house(languages=frozenset({"en"}))
        eager(h, refund)
        plan = await h.voice_webhook(from_=VIENNA)
        asked = (await turn(h, plan, "ich will mein Geld zurück", 20))[-1]
        again = (await turn(h, asked, "wie meinen Sie das", 9))[-1]
        plans = await turn(h, again, "ja bitte", 6.5)
        await turn(h, plans[-1], "danke", 9)
        return h, asked, again, plans

    h, asked, again, plans = run(call())
    assert refund.paid == [7]
    assert errors(h) == ["unconfirmed", "unconfirmed", None]
    question = "Ich würde jetzt Folgendes tun: refund, order: 7. Ist das so recht?"
    assert " ".join(say.text for say in asked.says) == question
    assert not asked.barge_in and not again.barge_in and plans[-1].barge_in
    phrases = h.agent.language("de").phrases
    said = " ".join(say.text for plan in plans for say in plan.says)
    assert said.endswith("It is paid.") and (phrases.one_moment in said) == (slow_s > 0)
