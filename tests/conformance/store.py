"""What every call store promises. An adapter's tests inherit the class and bring `open_one`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from stella.domain.call import (
    CallRecord,
    CallStatus,
    EndedBy,
    KeyPressed,
    Latency,
    MediaCounts,
    Percentiles,
    RecordingInfo,
    ToolUse,
)
from stella.domain.consent import Consent, Disclosure
from stella.domain.transcript import Turn

Open = Callable[[], Awaitable[Any]]

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
seconds = st.floats(0, 1e6, allow_nan=False, width=32).map(float)
counts = st.integers(0, 2**53)
maybe = st.none() | st.floats(0, 1e6, allow_nan=False)
percentiles = st.builds(Percentiles, maybe, maybe)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
records = st.builds(
    CallRecord,
    call_sid=st.just("CA1"),
    stream_sids=st.lists(words, max_size=3),
    account_sid=words,
    from_=words,
    to=words,
    status=st.sampled_from(CallStatus),
    voice_path=words,
    agent=words,
    language=words,
    created_at=words,
    answered_at=st.none() | words,
    ended_at=st.none() | words,
    duration_s=st.none() | seconds,
    ended_by=st.none() | st.sampled_from(EndedBy),
    error=st.none() | words,
    disclosure=st.none() | st.builds(Disclosure, words, st.none() | words),
    consent=st.none() | st.builds(Consent, words, words, words, words),
    turns=st.lists(
        st.builds(Turn, st.integers(0, 9999), words, words, seconds, seconds, st.booleans(), words), max_size=4
    ),
    dtmf=st.lists(st.builds(KeyPressed, words, seconds), max_size=3),
    tools=st.lists(
        st.builds(
            ToolUse,
            words,
            st.dictionaries(st.text(max_size=5), values, max_size=3),
            words,
            seconds,
            st.none() | seconds,
            st.none() | words,
        ),
        max_size=2,
    ),
    latency=st.builds(Latency, percentiles, percentiles, percentiles, percentiles, percentiles),
    media=st.builds(MediaCounts, counts, counts, counts, counts, counts, counts, counts),
    cost=st.dictionaries(words, seconds, max_size=2),
    recording=st.builds(RecordingInfo, st.booleans(), seconds),
)


def call(sid: str = "CA1", **fields: Any) -> CallRecord:
    """A call under way with a turn in it."""
    fields.setdefault("created_at", "2026-11-23T10:00:00.000Z")
    fields.setdefault("status", CallStatus.IN_PROGRESS)
    fields.setdefault("turns", [Turn(1, "agent", "Guten Tag", 0.0, 1.5, heard_text="Guten Tag")])
    return CallRecord(sid, **fields)


class CallStoreConformance:
    """The promises of `CallStore`."""

    async def test_what_was_committed_is_what_comes_back(self, open_one: Open) -> None:
        """The record is the evidence; a field lost on the way is evidence lost."""
        store, record = await open_one(), call(consent=Consent("May we?", "yes", "key", "2026-11-23T10:00:05.000Z"))
        await store.commit(record)
        await store.close()
        assert await (await open_one()).get("CA1") == record

    async def test_a_saved_record_is_seen_at_once_and_stays_after_close(self, open_one: Open) -> None:
        """The operator looks at live calls; a stop of the server must not cost the last seconds."""
        store, record = await open_one(), call()
        store.save(record)
        assert await store.get("CA1") == record
        await store.close()
        assert await (await open_one()).get("CA1") == record

    async def test_a_record_that_lives_on_does_not_change_what_was_saved(self, open_one: Open) -> None:
        """Records are mutable and belong to the call; the store must hold the moment it was told."""
        store, record = await open_one(), call(tools=[ToolUse("take_message", {"name": "A"})])
        saved = replace(
            record, turns=[replace(one) for one in record.turns], tools=[ToolUse("take_message", {"name": "A"})]
        )
        store.save(record)
        record.turns[0].text, record.tools[0].arguments["name"] = "something else", "B"
        assert await store.get("CA1") == saved

    async def test_the_newest_save_wins(self, open_one: Open) -> None:
        """A hundred saves of a call are one row, and the last one is true."""
        store, record = await open_one(), call()
        for number in range(100):
            record.turns.append(Turn(number + 2, "caller", f"word {number}", float(number), float(number)))
            store.save(record)
            if number % 30 == 0:
                await store.commit(record)
        record.turns[50].heard_text = "changed late"
        del record.turns[90:]
        await store.commit(record)
        await store.close()
        assert await (await open_one()).get("CA1") == record

    async def test_words_taken_out_of_a_record_leave_the_store(self, open_one: Open) -> None:
        """A consent withdrawn in mid-call takes back what was kept before (H02)."""
        store = await open_one()
        await store.commit(call(dtmf=[KeyPressed("1", 1.0)]))
        await store.commit(call(turns=[]))
        await store.close()
        found = await (await open_one()).get("CA1")
        assert (found.turns, found.dtmf) == ([], [])

    async def test_the_list_is_newest_first_and_pages_without_gap_or_twin(self, open_one: Open) -> None:
        """Twenty calls a second share a millisecond now and then; a page must not lose one."""
        store = await open_one()
        for number in range(25):
            store.save(call(f"CA{number:02}", created_at=f"2026-11-23T10:00:{number // 2:02}.000Z"))
        await store.commit(call("CA99", created_at="2026-11-23T10:01:00.000Z"))
        seen: list[str] = []
        before = ""
        while page := await store.list(limit=4, before=before):
            assert all(one.turns == [] for one in page)
            seen += [one.call_sid for one in page]
            before = f"{page[-1].created_at} {page[-1].call_sid}"
        assert seen == ["CA99", *(f"CA{number:02}" for number in reversed(range(25)))]
        older = await store.list(before="2026-11-23T10:00:01.000Z")
        assert [one.call_sid for one in older] == ["CA01", "CA00"]

    async def test_the_state_of_a_call_is_replaced_and_goes_with_its_end(self, open_one: Open) -> None:
        """What a call needs to go on elsewhere is of no use, and personal, once it is over."""
        store = await open_one()
        await store.commit(call())
        await store.keep_state("CA1", b"one")
        await store.keep_state("CA1", b"\x00two\xff")
        assert await store.state("CA1") == b"\x00two\xff"
        await store.close()
        store = await open_one()
        assert await store.state("CA1") == b"\x00two\xff"
        await store.commit(call(status=CallStatus.COMPLETED))
        assert await store.state("CA1") == b""
        await store.keep_state("CA2", b"three")
        await store.keep_state("CA2", b"")
        await store.close()
        store = await open_one()
        assert await store.state("CA2") == b""
        assert await store.state("CA404") == b""

    async def test_a_call_is_known_from_its_first_save_and_after_a_restart(self, open_one: Open) -> None:
        """A replayed webhook is told from a new call, whoever asks and however late."""
        store = await open_one()
        assert not await store.known("CA1")
        store.save(call())
        assert await store.known("CA1")
        await store.close()
        store = await open_one()
        assert await store.known("CA1")
        assert not await store.known("CA2")

    async def test_what_is_not_there_is_none(self, open_one: Open) -> None:
        """An unknown call is an answer, not an error."""
        store = await open_one()
        assert await store.get("CA404") is None
        assert await store.list() == []
        assert await store.ready()

    async def test_many_calls_at_once_are_all_kept(self, open_one: Open) -> None:
        """Two hundred calls share one writer."""
        store = await open_one()
        await asyncio.gather(*(store.commit(call(f"CA{number}")) for number in range(200)))
        await store.close()
        assert len(await (await open_one()).list(limit=1000)) == 200

    async def test_text_no_database_likes_spoils_nothing(self, open_one: Open) -> None:
        """A NUL, a lone surrogate or a NaN in one call must not keep the others from being written."""
        store = await open_one()
        odd = call("CA-odd", cost={"x": float("nan")}, tools=[ToolUse("t", {"a": "\ud800\0", "n": 2**80})])
        odd.turns[0].text, odd.turns[0].started_s = "a\0b\ud800c", float("inf")
        odd.duration_s = float("nan")
        await asyncio.gather(store.commit(odd), store.commit(call("CA-even")))
        await store.close()
        store = await open_one()
        found = await store.get("CA-odd")
        assert found.turns[0].text.replace("\ufffd", "") == "abc"
        assert found.tools == odd.tools
        assert await store.get("CA-even") == call("CA-even")
