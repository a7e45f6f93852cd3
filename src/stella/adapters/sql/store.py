"""The call store on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from stella.adapters.sql import reading, tapes
from stella.adapters.sql.engines import Engines, empty_wal, open_engines, read_url
from stella.adapters.sql.evidence import append
from stella.adapters.sql.migrate import upgrade
from stella.adapters.sql.retention import Gone, Orphans, adopt, erase, purge
from stella.adapters.sql.schema import call_states, calls, pulse, web_consents
from stella.adapters.sql.seen import MOST, Seen
from stella.adapters.sql.snapshot import Snapshot, consent_row, disclosure_row, restore, take, text
from stella.adapters.sql.spool import Spool
from stella.adapters.sql.writer import Counts, Pace, Writer, code_of
from stella.domain.call import CallRecord
from stella.ports.failure import Unavailable
from stella.ports.store import Bill
from stella.ports.tapes import LegTape

log = structlog.get_logger("stella.store")
_READ_S = 5.0


async def open_store(url: str, data_dir: Path, *, node: str = "", pace: Pace | None = None) -> SqlStore:
    """Migrate the database and open it. `node` names this process among several on one PostgreSQL, the same after every
    restart: by it a node knows its own orphans and claims. Without a name it is the host's.

    Raises ConfigError when the database cannot be used; its text says why and what to do.
    """
    parsed = read_url(url)
    await asyncio.to_thread(upgrade, parsed, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"))
    node = node or ("local" if parsed.get_backend_name() == "sqlite" else socket.gethostname())
    store = SqlStore(open_engines(parsed), Spool(data_dir / "spool"), node, pace or Pace())
    await store.writer.start()
    if parsed.get_backend_name() == "sqlite":
        await store.remember_calls()
    return store


class SqlStore:
    """Keeps `CallStore`, the consents of the website, and the house-keeping of records."""

    def __init__(self, engines: Engines, spool: Spool, node: str, pace: Pace, commit_s: float = 5.0) -> None:
        """Use `open_store`."""
        self._engines, self.node, self._commit_s = engines, node, commit_s
        self.writer = Writer(engines, spool, pace)
        self._last: dict[str, Snapshot] = {}
        self._revision = 0
        self._seen: Seen | None = None
        self._beat: tuple[float, bool] = (0.0, False)

    @property
    def counts(self) -> Counts:
        """What the writer did."""
        return self.writer.counts

    @property
    def backlog(self) -> int:
        """How much is not written yet."""
        return self.writer.backlog

    async def remember_calls(self) -> None:
        """Nobody else writes to a local file: what is in it now, and what comes, is all there is."""
        async with self.reading() as connection:
            rows = await connection.execute(select(calls.c.call_sid).limit(MOST + 1))
            self._seen = Seen(row[0] for row in rows)

    async def commit(self, record: CallRecord) -> None:
        """Write the record as it is now and return when it is safe on disk. Raises Unavailable."""
        await self.writer.commit(self._snapshot(record), self._commit_s)

    def save(self, record: CallRecord) -> None:
        """Write the record soon. Never blocks, never raises."""
        try:
            self.writer.save(self._snapshot(record))
        except Exception as failed:  # noqa: BLE001  # a record that cannot be read must not end the call
            self.counts.given_up += 1
            log.error("record-unreadable", call_sid=str(record.call_sid), fault=type(failed).__name__)  # noqa: TRY400

    def _snapshot(self, record: CallRecord) -> Snapshot:
        last = self._last.get(record.call_sid)
        consent, disclosure = consent_row(record.consent), disclosure_row(record.disclosure)
        new_consent = consent is not None and (last is None or last.call["consent"] != list(consent))
        new_disclosure = disclosure is not None and (last is None or last.call["disclosure"] != list(disclosure))
        evidence = (
            (consent,) if consent and new_consent else (),
            (disclosure,) if disclosure and new_disclosure else (),
        )
        if last is None and self._seen is not None:
            self._seen.add(record.call_sid)
        snapshot = take(record, self._next_revision(), self.node, evidence, last.turns if last else ())
        if snapshot.over:
            self._last.pop(record.call_sid, None)
        else:
            self._last[record.call_sid] = snapshot
        return snapshot

    def _next_revision(self) -> int:
        """The wall clock makes revisions grow over restarts; within the process they grow whatever the clock does."""
        self._revision = max(self._revision + 1, time.time_ns() // 1000)
        return self._revision

    async def known(self, call_sid: str) -> bool:
        """Whether there is a record of this call. Raises Unavailable."""
        if self._seen is not None and not self._seen.maybe(call_sid) and not self.writer.has_spooled(call_sid):
            return False
        return await self.get(call_sid) is not None

    async def get(self, call_sid: str) -> CallRecord | None:
        """One record, with everything, as it was saved last. Raises Unavailable."""
        waiting = self.writer.latest(call_sid)
        if waiting:
            return restore(waiting)
        spooled = await self.writer.spooled(call_sid)
        async with self.reading() as connection:
            if spooled and spooled.revision > await reading.revision_of(connection, text(call_sid)):
                return restore(spooled)
            return await reading.one_call(connection, text(call_sid))

    async def list(self, limit: int = 50, before: str = "") -> Sequence[CallRecord]:
        """The newest calls first, without turns; `before` is a `created_at`, or `reading.cursor`. Raises Unavailable."""
        limit = max(1, min(limit, 1000))
        waiting = {one.call_sid: restore(one) for one in self.writer.unwritten()}
        async with self.reading() as connection:
            found = {one.call_sid: one for one in await reading.newest_calls(connection, limit, text(before))}
        for sid, record in waiting.items():
            record.turns, record.dtmf, record.tools = [], [], []
            if reading.is_before(record, before):
                found[sid] = record
        return sorted(found.values(), key=lambda one: (one.created_at, one.call_sid), reverse=True)[:limit]

    async def bills(self, since: str) -> Sequence[Bill]:
        """What the calls cost that began at this `created_at` or later, as far as it is written. Raises Unavailable."""
        async with self.reading() as connection:
            return reading.bills_of(await connection.execute(reading.bills_since(since)))

    @property
    def alone(self) -> bool:
        """Whether nobody else writes to this database."""
        return self._seen is not None

    async def keep_state(self, call_sid: str, state: bytes) -> None:
        """Keep what a call needs to go on elsewhere; written with the next batch, seen by `state` at once."""
        self.writer.keep_state(text(call_sid), self._next_revision(), bytes(state))

    async def state(self, call_sid: str) -> bytes:
        """What `keep_state` kept, or empty. Raises Unavailable."""
        waiting = self.writer.latest_state(call_sid)
        if waiting is not None:
            return waiting
        over = self.writer.latest(call_sid)
        if over and over.over:
            return b""
        async with self.reading() as connection:
            query = select(call_states.c.state).where(call_states.c.call_sid == text(call_sid))
            return bytes.fromhex((await connection.execute(query)).scalar() or "")

    async def keep_tape(self, tape: LegTape) -> None:
        """Keep a leg's recording. Raises Unavailable."""
        await self.writer.run(lambda connection: tapes.keep(connection, tape))

    async def tapes(self, call_sid: str) -> Sequence[LegTape]:
        """The recordings of a call. Raises Unavailable."""
        async with self.reading() as connection:
            return await tapes.of_call(connection, call_sid)

    async def ready(self) -> bool:
        """Whether the database takes writes now; asked of the database at most once a second."""
        if self.writer.failing:
            return False
        at, answer = self._beat
        now = time.monotonic()
        if now - at >= 1.0:
            answer = await self._writes()
            self._beat = (now, answer)
        return answer

    async def _writes(self) -> bool:
        from stella.adapters.sql.apply import upsert

        async def beat(connection: AsyncConnection) -> None:
            values = {"node": self.node, "beats": int(time.time())}
            await connection.execute(upsert(connection.dialect.name, pulse), values)

        try:
            await self.writer.run(beat, deadline=2.0)
        except Unavailable:
            return False
        return True

    async def note_web_consent(
        self,
        consent_id: str,
        kind: str,
        consent: bool,  # noqa: FBT001  # the answer itself
        ip_hash: str,
        origin: str,
        at: str,
    ) -> None:
        """Append a visitor's answer; durable when it returns. The same `consent_id` twice is once. Raises Unavailable."""
        values = {
            "consent_id": text(consent_id),
            "kind": text(kind),
            "consent": consent,
            "ip_hash": text(ip_hash),
            "origin": text(origin),
            "at": text(at),
        }
        await self.writer.run(
            lambda connection: append(connection, web_consents, values, ("consent_id",)), durable=True, keep=True
        )

    async def adopt_orphans(self, now: datetime, young: float = 120.0) -> Orphans:
        """At start: what became of the calls a dead process of this node left open. See `retention.adopt`."""
        return await self.writer.run(
            lambda connection: adopt(connection, self.node, now, young, self.writer.live), deadline=30, durable=True
        )

    async def purge(self, before: datetime) -> Gone:
        """Forget the words of calls that began earlier; their metadata stays. Raises Unavailable."""
        gone = await self.writer.run(lambda connection: purge(connection, before), deadline=60, durable=True)
        await empty_wal(self._engines)
        return gone

    async def erase(self, call_sids: Sequence[str]) -> Gone:
        """Forget these calls altogether, but for the proof of disclosure and consent. Raises Unavailable."""
        gone = await self.writer.run(lambda connection: erase(connection, call_sids), deadline=60, durable=True)
        await empty_wal(self._engines)
        return gone

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that only reads, with a deadline. Raises Unavailable."""
        try:
            async with asyncio.timeout(_READ_S), self._engines.read.connect() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as failed:
            raise Unavailable(self._engines.name, code_of(failed)) from None
        except TimeoutError:
            raise Unavailable(self._engines.name, "timeout", f"no answer within {_READ_S:g} s") from None

    async def close(self) -> None:
        """Flush (for up to ten seconds; what is left then goes to the spool) and stop."""
        await self.writer.close()
        await self._engines.dispose()
