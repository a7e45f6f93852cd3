"""What a preset forbids is not stored (PRODUCT §1, FAULTS H01 and H02)."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.store import call, records

from stella.calls.keep import MESSAGE_FIELDS, MESSAGE_TOOLS, redact
from stella.domain.call import CallRecord, ToolUse
from stella.domain.consent import Consent, Preset

answers = st.none() | st.sampled_from(["yes", "no", "none", "withdrawn"]).map(
    lambda a: Consent("May we?", a, "speech", "t")
)


@given(records, answers, st.sampled_from(Preset))
@settings(max_examples=60, deadline=None)
def test_without_a_yes_ask_everything_keeps_no_word(
    record: CallRecord, consent: Consent | None, preset: Preset
) -> None:
    """For any call whatever: either all of it may be kept, or nothing the caller said or keyed is left."""
    record.consent = consent
    before = deepcopy(record)
    kept = redact(record, preset)
    assert record == before
    if preset is not Preset.ASK_EVERYTHING or (consent and consent.answer == "yes"):
        assert kept == record
        return
    assert kept.turns == []
    assert kept.dtmf == []
    for use in kept.tools:
        assert use.result == ""
        assert set(use.arguments) <= (MESSAGE_FIELDS if use.name in MESSAGE_TOOLS else set())
    same = ("call_sid", "from_", "to", "status", "consent", "disclosure", "created_at", "ended_at", "latency", "media")
    assert all(getattr(kept, name) == getattr(record, name) for name in same)


TOLD = {"name": "Huber", "number": "+43664", "concern": "Heizung", "aside": "my password is tulip", "when": 5}


@pytest.mark.parametrize(
    ("use", "kept"),
    [
        (ToolUse("take_message", TOLD, "ok"), {"name": "Huber", "number": "+43664", "concern": "Heizung"}),
        (ToolUse("take_message", {**TOLD, "confirmed": ["number", "aside"]}), {"number": "+43664"}),
        (ToolUse("take_message", {**TOLD, "confirmed": False}), {}),
        (ToolUse("take_message", {**TOLD, "confirmed": "yes"}), {}),
        (ToolUse("take_message", TOLD, error="Huber hung up"), {}),
        (ToolUse("take_message", {"kind": "call-back", "key": "CA1-1"}), {"kind": "call-back", "key": "CA1-1"}),
        (ToolUse("search", TOLD, "found Huber"), {}),
    ],
)
def test_of_a_message_only_what_the_caller_confirmed_stays(use: ToolUse, kept: dict[str, str]) -> None:
    """A caller who left a message wants it kept, and only that."""
    found = redact(call(tools=[use]), Preset.ASK_EVERYTHING).tools[0]
    assert (found.arguments, found.result) == (kept, "")
    assert found.error in (None, "failed")
