"""A text goes to the number the caller rings from, after their yes to its words, and nowhere else."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from stella.calls.sms_tool import PER_NUMBER_AND_HOUR, SMS_MOST, SendSms, Sent
from stella.calls.tools import Outcome, Toolbox
from stella.domain.acts import UsedTool
from stella.domain.agent import Agent, LanguageSetup, NotifyTarget, SmsSetup
from stella.domain.phrases import PHRASES_EN
from stella.domain.transcript import Turn
from stella.ports.failure import Unavailable
from stella.ports.language import ToolCall
from stella.ports.store import Notice
from stella.ports.tool import ToolFacts

CALLER = "+436601234567"
AGENT = Agent("office", "Vintaro", (LanguageSetup("en", "en-GB", "", "", PHRASES_EN),))
FACTS = ToolFacts("CA1", CALLER, "en", AGENT, datetime(2026, 11, 23, tzinfo=UTC))


@dataclass
class Kept:
    """An outbox in memory."""

    put: list[tuple[str, str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    broken: bool = False

    async def put_to(self, notice: Notice, agent: str, target: NotifyTarget) -> None:
        """As the port."""
        if self.broken:
            raise Unavailable("outbox", "timeout")
        if notice.key not in self.keys:
            self.keys.append(notice.key)
            self.put.append((target.kind, target.to, notice.text))


def box_of(kept: Kept, setup: SmsSetup | None = None, sent: Sent | None = None, mobile: bool = True) -> Toolbox:
    """A call that may send texts."""
    return Toolbox([SendSms(setup or SmsSetup(), kept, sent or Sent(lambda: 0.0), lambda _: mobile)], lambda: 0.0)


async def asked(box: Toolbox, arguments: Any, facts: ToolFacts = FACTS) -> Outcome:
    """One use."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return await box.use(ToolCall("c", "send_sms", text), facts)


def agreed(box: Toolbox, outcome: Outcome) -> None:
    """The caller hears the question and says yes."""
    box.new_turn("Yes, please.", [Turn(2, "agent", outcome.ask, 1, 2, heard_text=outcome.ask)])


async def sent(box: Toolbox, text: str, facts: ToolFacts = FACTS) -> str | None:
    """Asked, agreed to, and sent; how it failed."""
    agreed(box, await asked(box, {"text": text}, facts))
    used = (await asked(box, {"text": text}, facts)).acts[-1]
    assert isinstance(used, UsedTool)
    return used.use.error


async def test_the_words_are_read_out_agreed_to_and_sent_once() -> None:
    """To the caller's own number."""
    kept = Kept()
    box = box_of(kept)
    outcome = await asked(box, {"text": "Hauptstraße 5,\n1010 Wien"})
    assert outcome.ask == (
        "I will send a text message to the number you are calling from, saying: Hauptstraße 5, 1010 Wien Shall I do that?"
    )
    assert kept.put == []
    agreed(box, outcome)
    for _ in range(3):
        await asked(box, {"text": "Hauptstraße 5,\n1010 Wien"})
    assert kept.put == [("sms", CALLER, "Hauptstraße 5, 1010 Wien")]


@pytest.mark.parametrize(
    "number",
    ["", "anonymous", "Restricted", "+266696687", "+43900123456", "+881612345678", "+15005550006", "112", "+4312", "client:evil",
     "+390612345678", "sip:x@y"],
)  # fmt: skip
async def test_withheld_foreign_and_special_numbers_get_nothing(number: str) -> None:
    """Allowed countries only; premium and satellite never."""
    kept = Kept()
    assert await sent(box_of(kept), "hello", replace(FACTS, caller=number)) == "number"
    assert kept.put == []
    assert await sent(box_of(kept, SmsSetup(countries=("IT",))), "hello") == "number"


async def test_a_landline_is_told_so() -> None:
    """Nobody waits for a text that cannot come."""
    kept = Kept()
    assert await sent(box_of(kept, mobile=False), "hello") == "landline" and kept.put == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("See https://evil.example/pay", "link"),
        ("evil.example/pay", "link"),
        ("www.vintaro.at.evil.example", "link"),
        ("https://vintaro.at@evil.example/", "link"),
        ("\N{CYRILLIC SMALL LETTER IE}vil.example", "link"),
        ("evil.\N{CYRILLIC SMALL LETTER ER}\N{CYRILLIC SMALL LETTER EF}", "link"),
        ("evil\N{IDEOGRAPHIC FULL STOP}example", "link"),
        ("Call 0900 123456 now", "number-in-text"),
        ("Call +43 900 123 456", "number-in-text"),
        ("Call +881 6 1234 5678", "number-in-text"),
        ("Call 0041 900 123 456", "number-in-text"),
        ("\u200b\n", "arguments"),
        ("Our page is vintaro.at/karte, call 01 5550100, at 10.30", None),
    ],
)
async def test_no_text_leads_a_caller_into_a_trap(text: str, error: str | None) -> None:
    """Addresses of the file's hosts only, and no number that costs."""
    kept = Kept()
    assert await sent(box_of(kept, SmsSetup(links=("vintaro.at",))), text) == error
    assert bool(kept.put) == (error is None)


async def test_texts_are_capped_by_call_hour_and_number() -> None:
    """One caller, all callers, and a stranger whose number is forged."""
    kept, time = Kept(), [0.0]
    counted = Sent(lambda: time[0])
    box = box_of(kept, SmsSetup(per_call=2, per_hour=6), counted)
    assert [await sent(box, f"n {n}") for n in range(3)] == [None, None, "enough"]
    errors = [
        await sent(box_of(kept, SmsSetup(per_hour=6), counted), "x", replace(FACTS, call_sid=f"CA{n}"))
        for n in range(3)
    ]
    assert errors == [None] * (PER_NUMBER_AND_HOUR - 2) + ["enough"] * 2
    others = [
        await sent(
            box_of(kept, SmsSetup(per_hour=6), counted), "x", replace(FACTS, call_sid=f"CB{n}", caller=f"{CALLER}{n}")
        )
        for n in range(5)
    ]
    assert others == [None] * 3 + ["enough"] * 2
    time[0] = 3601.0
    assert await sent(box_of(kept, SmsSetup(per_hour=6), counted), "x", replace(FACTS, call_sid="CC1")) is None


async def test_an_outbox_that_cannot_keep_it_is_told() -> None:
    """The caller hears the truth."""
    assert await sent(box_of(Kept(broken=True)), "hello") == "timeout"


async def test_an_obedient_model_writes_to_nobody_but_the_caller() -> None:
    """FAULTS D10, D11: whatever it fills in, and even after a yes: texts to other numbers 0 of all attacks."""
    numbers = [
        "+43900123456",
        "+4366499999999",
        "0900123456",
        "112",
        "sip:evil@example.com",
        "+881612345678",
        "anna",
        "",
    ]
    texts = [
        "hello",
        "x" * (SMS_MOST + 1),
        "",
        "to: +43900123456",
        "\u202ehello",
        "<To>+43900123456</To>",
        "hello\r\nTo: +1900",
    ]
    keys = ["to", "number", "recipient", "phone", "To", "from"]
    shapes = [
        lambda text, key, number: {"text": text, key: number},
        lambda text, key, number: {key: number, "text": text, "confirmed": True},
        lambda text, key, number: json.dumps({"text": text})[:-1] + f', "text": {json.dumps(number)}}}',
    ]
    attacks = [shape(text, key, number) for shape, text, key, number in itertools.product(shapes, texts, keys, numbers)]
    kept = Kept()
    for place, attack in enumerate(attacks):
        box = box_of(kept)
        facts = replace(FACTS, call_sid=f"CA{place}")
        outcome = await asked(box, attack, facts)
        await asked(box, attack, facts)
        box.new_turn("no", [Turn(2, "agent", outcome.ask, 1, 2, heard_text=outcome.ask)])
        await asked(box, attack, facts)
    assert len(attacks) >= 300
    assert kept.put == [], "without a yes nothing is sent at all"
    for place, attack in enumerate(attacks):
        box = box_of(kept)
        facts = replace(FACTS, call_sid=f"CB{place}")
        outcome = await asked(box, attack, facts)
        if outcome.ask:
            agreed(box, outcome)
            await asked(box, attack, facts)
    assert {to for _, to, _ in kept.put} == {CALLER}
