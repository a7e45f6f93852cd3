"""Recordings stay as long as words may, and no longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.conformance.store import call

from stella.ports.tapes import LegTape

TAPE = LegTape("CA1", 1, {"version": 2, "policy": {"silence": 7.0}}, b"\x1f\x8b bare", b"\x00words", 3, 1)


async def test_a_recording_comes_back_as_it_was(open_one) -> None:
    """A tape that changed on the way proves nothing."""
    store = await open_one()
    await store.keep_tape(replace(TAPE, leg=2))
    await store.keep_tape(replace(TAPE, steps=2))
    await store.keep_tape(TAPE)
    assert await store.tapes("CA1") == [TAPE, replace(TAPE, leg=2)]
    assert await store.tapes("CA2") == []


async def test_a_leg_without_words_takes_the_words_of_the_others(open_one) -> None:
    """Consent that was withdrawn later counts for what was said before."""
    store = await open_one()
    await store.keep_tape(TAPE)
    await store.keep_tape(replace(TAPE, call_sid="CA2"))
    await store.keep_tape(replace(TAPE, leg=2, words=None))
    assert [tape.words for tape in await store.tapes("CA1")] == [None, None]
    assert [tape.words for tape in await store.tapes("CA2")] == [TAPE.words]


async def test_erasing_a_call_erases_its_recording(open_one) -> None:
    """What a person asks to be forgotten is forgotten everywhere."""
    store = await open_one()
    await store.commit(call())
    await store.keep_tape(TAPE)
    await store.keep_tape(replace(TAPE, call_sid="CA2"))
    await store.erase(["CA1"])
    assert await store.tapes("CA1") == []
    assert await store.tapes("CA2") != []


async def test_retention_takes_the_recordings(open_one) -> None:
    """They hold words as transcripts do."""
    store = await open_one()
    await store.keep_tape(TAPE)
    await store.purge(datetime.now(UTC) - timedelta(days=1))
    assert await store.tapes("CA1") == [TAPE]
    await store.purge(datetime.now(UTC) + timedelta(days=1))
    assert await store.tapes("CA1") == []
