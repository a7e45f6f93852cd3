"""The SQL store keeps the promises of `CallStore`, on SQLite and on PostgreSQL, and some of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from tests.conformance.store import CallStoreConformance, call, records

from stella.adapters.sql import SqlStore, open_store
from stella.adapters.sql.evidence import CHAINS, first_broken
from stella.adapters.sql.schema import call_states, consents, disclosures, web_consents
from stella.domain.call import CallRecord, CallStatus, EndedBy, KeyPressed, ToolUse
from stella.domain.consent import Consent, Disclosure
from stella.ports.store import Bill

Open = Callable[[], Awaitable[SqlStore]]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class TestPromises(CallStoreConformance):
    """The conformance suite."""


@given(story=st.lists(st.tuples(records, st.booleans()), min_size=1, max_size=5))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_story_of_saves_ends_in_its_last_record(story, tmp_path_factory) -> None:
    """Incremental writing must not show: whatever came before, the database holds the last state, exactly."""
    folder = tmp_path_factory.mktemp("story")
    store = await open_store(f"sqlite:///{folder}/a.db", folder)
    for record, now in story:
        if now:
            await store.commit(record)
        else:
            store.save(record)
    last: CallRecord = deepcopy(story[-1][0])
    await store.close()
    store = await open_store(f"sqlite:///{folder}/a.db", folder)
    assert await store.get("CA1") == last
    await store.close()


async def test_every_answer_stays_in_the_history(open_one: Open) -> None:
    """Consent is a history: a yes that was withdrawn a moment later, between two batches, was still given (H04)."""
    store, record = await open_one(), call()
    for answer, at in (("none", "1"), ("yes", "2"), ("withdrawn", "3")):
        record.consent = Consent("May we record?", answer, "speech", at)
        record.disclosure = Disclosure("This is a machine.", at)
        store.save(record)
    await store.commit(record)
    store.save(record)
    await store.close()
    store = await open_one()
    await store.commit(record)
    async with store.reading() as connection:
        assert (await connection.execute(select(consents.c.answer).order_by(consents.c.id))).scalars().all() == [
            "none",
            "yes",
            "withdrawn",
        ]
        assert len((await connection.execute(select(disclosures.c.id))).all()) == 3


async def test_a_changed_answer_shows(open_one: Open) -> None:
    """Evidence that can be edited unseen is none (H04)."""
    store = await open_one()
    for number in range(5):
        await store.commit(call(f"CA{number}", consent=Consent("q", "no", "key", str(number))))
    async with store.reading() as connection:
        assert [await first_broken(connection, table) for table in CHAINS] == [None, None, None]
    await store.writer.run(
        lambda c: c.execute(update(consents).where(consents.c.call_sid == "CA2").values(answer="yes"))
    )
    async with store.reading() as connection:
        broken = await first_broken(connection, consents)
        assert broken == (await connection.execute(select(consents.c.id).where(consents.c.call_sid == "CA2"))).scalar()


async def test_a_visitors_answer_is_kept_once(open_one: Open) -> None:
    """A browser that asks twice gives one answer."""
    store = await open_one()
    for _ in range(2):
        await store.note_web_consent("id-1", "chat", True, "hash", "https://example.com", "2026-11-23T10:00:00.000Z")
    async with store.reading() as connection:
        rows = (await connection.execute(select(web_consents))).mappings().all()
    assert [(row["consent_id"], row["consent"]) for row in rows] == [("id-1", True)]


async def test_calls_of_a_dead_process_are_closed_or_handed_back(open_one: Open) -> None:
    """After a crash no call stays open for ever; a young one with a state may go on (F13, A16)."""
    dead = await open_one()
    await dead.commit(call("CA-old", created_at="2026-11-23T11:00:00.000Z"))
    await dead.commit(call("CA-young", created_at="2026-11-23T11:59:30.000Z"))
    await dead.commit(call("CA-young-no-state", created_at="2026-11-23T11:59:30.000Z"))
    await dead.commit(call("CA-done", status=CallStatus.COMPLETED))
    await dead.keep_state("CA-young", b"legs")
    await dead.keep_state("CA-old", b"legs")
    await dead.close()
    store = await open_one()
    found = await store.adopt_orphans(NOW)
    assert [one.call_sid for one in found.resumable] == ["CA-young"]
    assert {one.call_sid for one in found.closed} == {"CA-old", "CA-young-no-state"}
    closed = await store.get("CA-old")
    assert closed is not None
    assert closed in found.closed
    assert (closed.status, closed.error, closed.ended_by) == (CallStatus.FAILED, "interrupted", EndedBy.ERROR)
    assert closed.ended_at == "2026-11-23T12:00:00.000Z"
    assert (await store.state("CA-old"), await store.state("CA-young")) == (b"", b"legs")
    assert await store.adopt_orphans(NOW) == type(found)(found.resumable, ())


async def test_live_calls_of_this_process_are_no_orphans(open_one: Open) -> None:
    """Adoption may come late, when calls are there already."""
    store = await open_one()
    await store.commit(call("CA-live"))
    assert (await store.adopt_orphans(NOW)).closed == ()


async def test_words_are_forgotten_in_time_and_metadata_stays(open_one: Open) -> None:
    """The `disclose` preset promises thirty days."""
    store = await open_one()
    words = {"dtmf": [KeyPressed("4", 1.0)], "tools": [ToolUse("take_message", {"name": "Huber"}, "kept", 1.0, 2.0)]}
    await store.commit(call("CA-old", created_at="2026-10-01T10:00:00.000Z", status=CallStatus.COMPLETED, **words))
    await store.commit(call("CA-open", created_at="2026-10-01T10:00:00.000Z", **words))
    await store.commit(call("CA-new", status=CallStatus.COMPLETED, **words))
    gone = await store.purge(datetime(2026, 10, 24, tzinfo=UTC))
    assert (gone.turns, gone.keys, gone.tools) == (1, 1, 1)
    old = await store.get("CA-old")
    assert old is not None
    assert (old.turns, old.dtmf, old.tools) == ([], [], [ToolUse("take_message", {}, "", 1.0, 2.0)])
    for sid in ("CA-new", "CA-open"):
        kept = await store.get(sid)
        assert kept is not None
        assert kept.turns
    assert (await store.purge(datetime(2026, 10, 24, tzinfo=UTC))).turns == 0


async def test_an_ended_call_leaves_no_state_behind(open_one: Open) -> None:
    """A state holds a caller's words; emptied after the end, it must not leave a row for each call there ever was."""
    store = await open_one()
    await store.keep_state("CA1", b"words")
    await store.commit(call(status=CallStatus.COMPLETED))
    await store.keep_state("CA1", b"")
    await store.commit(call("CA2"))
    async with store.reading() as connection:
        assert (await connection.execute(select(call_states))).all() == []


async def test_erasing_leaves_no_trace_but_the_proof(open_one: Open, url: str, tmp_path: Path) -> None:
    """The right to be forgotten covers the file's bytes, not only its rows."""
    store = await open_one()
    secret = "Zimtschnecke-unverwechselbar"
    record = call("CA1", from_="+436641234567", status=CallStatus.COMPLETED, consent=Consent("q", "yes", "key", "1"))
    record.turns[0].text = secret
    await store.commit(record)
    assert (await store.erase(["CA1", "CA404"])).calls == 1
    assert await store.get("CA1") is None
    if url.startswith("sqlite"):
        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert secret.encode() not in kept
        assert b"+436641234567" not in kept
    await store.close()
    store = await open_one()
    async with store.reading() as connection:
        assert (await connection.execute(select(consents.c.call_sid))).scalars().all() == ["CA1"]


async def test_sqlite_is_set_up_for_power_cuts(tmp_path: Path) -> None:
    """What `commit` calls safe is on the disk, also after a power cut (F10)."""
    store = await open_store(f"sqlite:///{tmp_path}/a.db", tmp_path)
    found = {}
    for name, engine in (("full", store._engines.full), ("fast", store._engines.fast), ("read", store._engines.read)):
        async with engine.connect() as connection:
            pragmas = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout", "query_only")
            found[name] = [(await connection.execute(text(f"PRAGMA {one}"))).scalar() for one in pragmas]
    await store.close()
    assert found == {
        "full": ["wal", 2, 1, 1, 2000, 0],
        "fast": ["wal", 1, 1, 1, 2000, 0],
        "read": ["wal", 2, 1, 1, 2000, 1],
    }
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


async def test_bills_are_those_of_the_days_asked_for(open_one: Open) -> None:
    """Caps are added up anew from the records after a restart."""
    store = await open_one()
    for sid, at, cost in (("CA1", "2026-11-22T10:00:00.000Z", {"usd": 1.0}), ("CA2", "2026-11-23T10:00:00.000Z", {})):
        await store.commit(replace(call(sid), created_at=at, cost=cost, agent="office", to="+431", from_="+432"))
    assert [bill.call_sid for bill in await store.bills("2026-11-23")] == ["CA2"]
    first = next(bill for bill in await store.bills("2026-11-01") if bill.call_sid == "CA1")
    assert first == Bill("CA1", "office", "+431", "+432", "2026-11-22T10:00:00.000Z", {"usd": 1.0})
