"""Texts through a Twilio with a memory: sent once, whatever happens to the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.adapters.twilio.double import ACCOUNT, SERVICE, TOKEN, Fault, TwilioDouble

from stella.adapters.twilio import OutcomeUnknown, SmsDelivery, TwilioAccount
from stella.domain.agent import NotifyTarget
from stella.ports.failure import Rejected, Unavailable
from stella.ports.store import Notice

OURS, CALLER = "+4366412345678", "+436601234567"
TO = NotifyTarget("sms", CALLER)


def notice(text: str = "Tuesday at ten.", at: datetime | None = None, sender: str = "") -> Notice:
    """A text as the tool hands it in."""
    return Notice("k", "CA1", "sms", "", text, {"asked_at": (at or datetime.now(UTC)).isoformat(), "sender": sender})


@pytest.fixture
def delivery(double: TwilioDouble) -> SmsDelivery:
    """The account's, from its own number."""
    double.add(OURS)
    return SmsDelivery(TwilioAccount(ACCOUNT, TOKEN, base=double.url), OURS)


async def test_a_text_goes_out_from_our_number_or_a_service(double: TwilioDouble, delivery: SmsDelivery) -> None:
    """One request that changes something, and nothing else."""
    await delivery.deliver(notice(), TO, "msg_1")
    await delivery.deliver(notice("Second.", sender=SERVICE), TO, "msg_2")
    assert double.texts() == [(CALLER, "Tuesday at ten."), (CALLER, "Second.")]
    assert [each["from"] for each in double.messages] == [OURS, None]
    assert double.messages[1]["messaging_service_sid"] == SERVICE
    assert [each.path for each in double.writes()] == [f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"] * 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", 500, applied=True),
        Fault("POST", 503, applied=True),
        Fault("POST", 0, applied=True, hang_up=True),
        Fault("POST", 200, applied=True, body="<html>a proxy</html>"),
    ],
)
async def test_an_answer_that_is_lost_does_not_send_it_twice(
    double: TwilioDouble, delivery: SmsDelivery, fault: Fault
) -> None:
    """The next attempt asks first; the outbox keeps trying until it knows."""
    double.faults.append(fault)
    with pytest.raises(OutcomeUnknown):
        await delivery.deliver(notice(), TO, "msg_1")
    await delivery.deliver(notice(), TO, "msg_1")
    assert double.texts() == [(CALLER, "Tuesday at ten.")]


@pytest.mark.parametrize("fault", [Fault("POST", 500), Fault("POST", 0, hang_up=True), Fault("POST", 429)])
async def test_one_that_was_not_sent_is_sent_by_the_next_attempt(
    double: TwilioDouble, delivery: SmsDelivery, fault: Fault
) -> None:
    """Unavailable is what the outbox tries again for."""
    double.faults.append(fault)
    with pytest.raises(Unavailable):
        await delivery.deliver(notice(), TO, "msg_1")
    await delivery.deliver(notice(), TO, "msg_1")
    assert len(double.texts()) == 1


async def test_the_same_words_of_another_day_are_another_text(double: TwilioDouble, delivery: SmsDelivery) -> None:
    """A caller who rings again and asks for the address again gets it again."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    double.clock = lambda: yesterday
    await delivery.deliver(notice(at=yesterday), TO, "msg_1")
    double.clock = lambda: datetime.now(UTC)
    await delivery.deliver(notice(), TO, "msg_2")
    assert len(double.texts()) == 2


@pytest.mark.parametrize("code", [21211, 21408, 21610, 21614])
async def test_a_clear_no_is_said_as_one(double: TwilioDouble, delivery: SmsDelivery, code: int) -> None:
    """Invalid, a country that is not switched on, unsubscribed, no mobile."""
    double.blocked[CALLER] = code
    with pytest.raises(Rejected) as refused:
        await delivery.deliver(notice(), TO, "msg_1")
    assert refused.value.code == str(code) and double.texts() == []


async def test_without_a_sender_nothing_is_asked(double: TwilioDouble) -> None:
    """Twilio would say less about it."""
    with pytest.raises(Rejected, match="TWILIO_NUMBER"):
        await SmsDelivery(TwilioAccount(ACCOUNT, TOKEN, base=double.url), "").deliver(notice(), TO, "msg_1")
    assert double.writes() == []
