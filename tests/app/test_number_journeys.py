"""Whatever is done to a number and whatever fails on the way, what was there before can be put back."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.adapters.twilio.double import ACCOUNT, TOKEN, Fault, TwilioDouble, twilio_double

from stella.adapters.twilio import TwilioAccount, TwilioRest, Wanted
from stella.adapters.twilio.number import LABELS
from stella.app.number_change import NumberChange
from stella.app.number_journal import NumberJournal
from stella.ports.failure import ProviderError

FAULTS = [
    Fault("POST", 429, 20429), Fault("POST", 503), Fault("POST", 503, applied=True), Fault("POST", 400, 21502),
    Fault("POST", 0, hang_up=True), Fault("POST", 0, hang_up=True, applied=True), Fault("GET", 500), Fault("GET", 401, 20003),
]  # fmt: skip
START = {
    "voice_url": "https://old.example/voice", "voice_method": "GET", "voice_application_sid": "AP" + "1" * 32,
    "voice_fallback_url": "https://old.example/fallback", "status_callback": "", "trunk_sid": None,
}  # fmt: skip
step = st.tuples(
    st.sampled_from(["connect", "dev", "restore"]), st.integers(1, 3), st.lists(st.sampled_from(FAULTS), max_size=2)
)


@pytest.fixture(scope="module")
def double() -> Iterator[TwilioDouble]:
    """One Twilio for all journeys; each has a number of its own."""
    with twilio_double() as running:
        yield running


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(step, max_size=6))
def test_the_way_back_is_never_lost(double: TwilioDouble, steps: list[Any]) -> None:
    """Lost answers, refusals and outages in any order: in the end `restore` leads to the beginning, and stops there."""
    double.numbers.clear()
    double.faults = []
    sid = double.add("+4312345678", **START)
    folder = Path(tempfile.mkdtemp())
    rest = TwilioRest(TwilioAccount(ACCOUNT, TOKEN, base=double.url), sleep=lambda _s: None)
    journal = NumberJournal(folder)
    change = NumberChange(rest, journal, sleep=lambda _s: None)
    start = rest.fetch(sid).settings
    try:
        for kind, place, faults in steps:
            double.faults = []
            now = rest.fetch(sid)
            double.faults = [Fault(**vars(each)) for each in faults]
            try:
                kept = journal.read(sid)
                if kind != "restore":
                    wanted = Wanted(f"https://place{place}.example.com").settings(now)
                    change.make(now, wanted, by="dev" if kind == "dev" else "numbers")
                elif kept:
                    change.put_back(kept, now)
            except ProviderError as fault:
                assert fault.detail
            double.faults = []
            if rest.fetch(sid).settings != start:
                assert journal.read(sid), "it was changed, and nothing is kept of it"
        while kept := journal.read(sid):
            assert not change.put_back(kept, rest.fetch(sid)).left
        assert rest.fetch(sid).settings == start
        assert set(start) == set(LABELS)
    finally:
        shutil.rmtree(folder)
