"""A Twilio to ask, and an account of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.adapters.twilio import openapi
from tests.adapters.twilio.double import ACCOUNT, TOKEN, TwilioDouble, twilio_double

from stella.adapters.twilio import TwilioAccount, TwilioRest

OURS = "+4312345678"


@pytest.fixture
def double() -> Iterator[TwilioDouble]:
    """A fresh Twilio; at the end every request it got is held against Twilio's own description, where that is there."""
    with twilio_double() as running:
        yield running
    known = openapi.description()
    if known is not None:
        assert [fault for seen in running.seen for fault in openapi.faults(seen, known)] == []
    assert not [seen for seen in running.writes() if not seen.path.startswith("/2010-04-01/Accounts/AC")]
    assert not [seen for seen in running.writes() if seen.path.endswith("/IncomingPhoneNumbers.json")], "a purchase"


@pytest.fixture
def waits() -> list[float]:
    """How long would have been slept, in turn."""
    return []


@pytest.fixture
def rest(double: TwilioDouble, waits: list[float]) -> TwilioRest:
    """The account's REST door, opened by its token, with a clock that only notes."""
    return TwilioRest(TwilioAccount(ACCOUNT, TOKEN, base=double.url), sleep=waits.append)
