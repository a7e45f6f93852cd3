"""The outbox delivers at least once, under one id, whatever happens in between."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs
from tests.conformance.store import call

from stella.adapters.sql import SqlStore, open_store
from stella.adapters.sql.outbox import Patience, SqlOutbox
from stella.adapters.sql.schema import deliveries, notices
from stella.domain.agent import NotifyTarget
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.store import Notice

Open = Callable[[], Awaitable[SqlStore]]
MAIL, HOOK = NotifyTarget("email", "desk@example.com"), NotifyTarget("webhook", "https://example.com/x", "s3cret")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUICK = Patience(first=0.01, most=0.02, idle=0.05, refusals=3, deadline=0.5, attempts=3, give_up=100.0)
NOTICE = Notice("k1", "CA1", "message", "Nachricht von Frau Huber", "Bitte um Rückruf", {"number": "+436641234567"})


class Scripted:
    """Takes notices, or fails as its script says: one entry an attempt, then everything goes well."""

    def __init__(self, kind: str, *script: ProviderError | str) -> None:
        self.kind, self.script = kind, list(script)
        self.taken: list[tuple[str, Notice]] = []
        self.attempts = 0
        self.told = asyncio.Event()

    async def deliver(self, notice: Notice, target: NotifyTarget, delivery_id: str) -> None:
        """As scripted."""
        self.attempts += 1
        self.told.set()
        step = self.script.pop(0) if self.script else None
        if step == "hang":
            await asyncio.sleep(60)
        if isinstance(step, Exception):
            raise step
        self.taken.append((delivery_id, notice))

    async def close(self) -> None:
        """Nothing to close."""


class Desk:
    """An outbox with scripted ways and a clock that can be set."""

    def __init__(self, store: SqlStore, targets: tuple[NotifyTarget, ...], *ways: Scripted) -> None:
        self.now, self.targets = 1_800_000_000.0, targets
        self.outbox = SqlOutbox(
            store, lambda _agent: self.targets, {way.kind: way for way in ways}, patience=QUICK, clock=self.clock
        )

    def clock(self) -> float:
        """Runs with the loop, from where it was set."""
        return self.now + asyncio.get_running_loop().time()

    async def until(self, **wanted: int) -> dict[str, int]:
        """Wait until the deliveries stand as wanted."""
        while True:
            found = await self.outbox.states()
            if all(found.get(state) == count for state, count in wanted.items()):
                return found
            await asyncio.sleep(0.005)


@pytest.fixture
async def desk(open_one: Open) -> AsyncIterator[Callable[..., Awaitable[Desk]]]:
    """Opens desks on the same database, and closes them."""
    opened: list[Desk] = []

    async def one(targets: tuple[NotifyTarget, ...], *ways: Scripted) -> Desk:
        opened.append(Desk(await open_one(), targets, *ways))
        return opened[-1]

    yield one
    for each in opened:
        await each.outbox.close()


async def test_a_notice_goes_to_every_target_once(desk) -> None:
    """Twice the same key is one message; two targets are two deliveries with ids of their own."""
    mail, hook = Scripted("email"), Scripted("webhook")
    at = await desk((MAIL, HOOK), mail, hook)
    await at.outbox.start()
    await asyncio.gather(*(at.outbox.put(NOTICE, "receptionist") for _ in range(3)))
    await at.until(delivered=2, pending=0)
    await at.outbox.put(NOTICE, "receptionist")
    assert await at.outbox.pending() == 0
    assert [notice for _, notice in mail.taken + hook.taken] == [NOTICE, NOTICE]
    assert len({one for one, _ in mail.taken + hook.taken}) == 2


async def test_a_failure_is_tried_again_under_the_same_id_until_it_goes_well(desk) -> None:
    """A mail server that is away for a while costs time and no message; the other target does not wait for it."""
    mail, hook = (
        Scripted("email", Unavailable("email", "timeout"), Unavailable("email", "smtp-451"), "hang"),
        Scripted("webhook"),
    )
    at = await desk((MAIL, HOOK), mail, hook)
    await at.outbox.start()
    await at.outbox.put(NOTICE, "receptionist")
    await at.until(delivered=2)
    assert (mail.attempts, hook.attempts, at.outbox.retried) == (4, 1, 3)


async def test_a_clear_no_is_believed_after_a_few_tries_and_stays_visible(desk) -> None:
    """A wrong address never becomes right; the operator must see it, and no log may hold the message."""
    hook = Scripted("webhook", *[Rejected("webhook", "http-404")] * 9)
    at = await desk((HOOK,), hook)
    with capture_logs() as logs:
        await at.outbox.start()
        await at.outbox.put(NOTICE, "receptionist")
        await at.until(failed=1, pending=0)
    assert (hook.attempts, at.outbox.failed) == (3, 1)
    async with at.outbox._store.reading() as connection:
        assert (await connection.execute(select(deliveries.c.problem))).scalars().all() == ["webhook: http-404"]
    for secret in ("Huber", "Rückruf", "+43", "s3cret", "example.com"):
        assert secret not in str(logs)


async def test_after_three_days_it_is_given_up(desk) -> None:
    """For ever is too long; but a clock that jumps three days ahead after one attempt gives nothing up (F13)."""
    hook = Scripted("webhook", *[Unavailable("webhook", "http-503")] * 99)
    at = await desk((HOOK,), hook)
    await at.outbox.put(NOTICE, "receptionist")
    at.now += QUICK.give_up + 1
    await at.outbox.start()
    await at.until(failed=1)
    assert hook.attempts == QUICK.attempts


async def test_a_receivers_wish_for_patience_is_honoured(desk) -> None:
    """429 with Retry-After means what it says."""
    hook = Scripted("webhook", Unavailable("webhook", "http-429", retry_after=500.0))
    at = await desk((HOOK,), hook)
    await at.outbox.start()
    await at.outbox.put(NOTICE, "receptionist")
    while not at.outbox.retried:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    assert hook.attempts == 1
    at.now += 501
    await at.until(delivered=1)


async def test_a_clock_that_is_put_back_does_not_hold_up_a_message_for_long(desk) -> None:
    """A wrong clock at the first attempt must not decide over days (F13)."""
    hook = Scripted("webhook", Unavailable("webhook", "http-503"))
    at = await desk((HOOK,), hook)
    at.now += 400 * 86400
    await at.outbox.put(NOTICE, "receptionist")
    at.now -= 400 * 86400
    await at.outbox.start()
    await at.until(delivered=1)


async def test_without_a_target_a_notice_waits_and_goes_out_when_there_is_one(desk) -> None:
    """A caller's message is worth more than a forgotten line in the agent file."""
    hook = Scripted("webhook")
    at = await desk((), hook)
    with capture_logs() as logs:
        await at.outbox.start()
        await at.outbox.put(NOTICE, "receptionist")
        await at.outbox.put(Notice("k2", "CA2", "message", "s", "t"), "receptionist")
        await at.until(undeliverable=2)
    assert [line["event"] for line in logs] == ["no-notify-target"]
    async with at.outbox._store.reading() as connection:
        assert set((await connection.execute(select(notices.c.problem))).scalars()) == {
            "undeliverable: no notify target"
        }
    at.targets = (HOOK,)
    await at.until(undeliverable=0, delivered=2)


async def test_a_changed_target_takes_what_was_meant_for_the_old_one(desk) -> None:
    """An operator who corrects an address expects the waiting messages there."""
    mail = Scripted("email", Unavailable("email", "timeout"))
    at = await desk((MAIL,), mail)
    await at.outbox.start()
    await at.outbox.put(NOTICE, "receptionist")
    at.targets = (NotifyTarget("email", "new@example.com"),)
    await at.until(delivered=1, pending=0)


async def test_a_hanging_receiver_does_not_hold_up_the_others_nor_the_end(desk) -> None:
    """Eight at a time, each with a deadline; and a stop does not wait."""
    mail, hook = Scripted("email", *["hang"] * 3), Scripted("webhook")
    at = await desk((MAIL, HOOK), mail, hook)
    await at.outbox.start()
    for number in range(3):
        await at.outbox.put(Notice(f"k{number}", "CA1", "message", "s", "t"), "receptionist")
    await at.until(delivered=3)
    await asyncio.wait_for(at.outbox.close(), 2)
    assert len(hook.taken) == 3


async def test_what_was_under_way_at_the_end_is_delivered_after_the_next_start(desk) -> None:
    """A restart in the middle of a delivery is an ordinary day."""
    slow = Scripted("email", "hang")
    first = await desk((MAIL,), slow)
    await first.outbox.start()
    await first.outbox.put(NOTICE, "receptionist")
    await slow.told.wait()
    await first.outbox.close()
    await first.outbox._store.close()
    mail = Scripted("email")
    second = await desk((MAIL,), mail)
    await second.outbox.start()
    await second.until(delivered=1)
    assert len(mail.taken) == 1


async def test_two_nodes_share_the_work(url, tmp_path: Path) -> None:
    """Several servers on one database deliver every message once, and leave each other's claims and calls alone."""
    hook = Scripted("webhook")
    stores = [await open_store(url, tmp_path / node, node=node) for node in ("a", "b")]
    desks = [Desk(store, (HOOK,), hook) for store in stores]
    await stores[0].commit(call("CA1"))
    assert (await stores[1].adopt_orphans(NOW)).closed == ()
    for number in range(20):
        await desks[number % 2].outbox.put(Notice(f"k{number}", "CA1", "message", "s", "t"), "receptionist")
    for each in desks:
        await each.outbox.start()
    await desks[0].until(delivered=20)
    assert len({one for one, _ in hook.taken}) == hook.attempts == 20
    for each, store in zip(desks, stores, strict=True):
        await each.outbox.close()
        await store.close()


async def test_what_cannot_be_kept_is_said(desk) -> None:
    """The agent must not tell the caller that a message was taken when it was not."""
    at = await desk((MAIL,), Scripted("email"))
    await at.outbox._store.close()
    with pytest.raises(Unavailable):
        await at.outbox.put(NOTICE, "receptionist")


KILL = """
import asyncio, os, signal, sys
from pathlib import Path
from stella.adapters.sql import open_store
from stella.adapters.sql.outbox import SqlOutbox
from stella.domain.agent import NotifyTarget
from stella.ports.store import Notice

class Deadly:
    kind = "email"
    async def deliver(self, notice, target, delivery_id):
        print(delivery_id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

async def main(folder):
    store = await open_store(f"sqlite:///{folder}/stella.db", folder)
    targets = tuple(NotifyTarget("email", f"{name}@example.com") for name in "ab")
    outbox = SqlOutbox(store, lambda agent: targets, {"email": Deadly()})
    for number in range(3):
        await outbox.put(Notice(f"k{number}", "CA1", "message", "s", "t"), "receptionist")
    await outbox.start()
    await asyncio.sleep(30)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_a_kill_between_put_and_delivery_costs_no_message(tmp_path: Path) -> None:
    """Kill -9 while the first is on the wire: after the restart each target has each notice once, by its id."""
    done = subprocess.run(
        [sys.executable, "-c", KILL, str(tmp_path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == -9, done.stderr
    store = await open_store(f"sqlite:///{tmp_path}/stella.db", tmp_path)
    mail = Scripted("email")
    at = Desk(store, tuple(NotifyTarget("email", f"{name}@example.com") for name in "ab"), mail)
    await at.outbox.start()
    await at.until(delivered=6, pending=0)
    taken = [one for one, _ in mail.taken]
    assert len(taken) == len(set(taken)) == 6
    assert done.stdout.split()[0] in taken
    await at.outbox.close()
    await store.close()


async def test_what_goes_to_a_caller_goes_to_them_alone(desk) -> None:
    """A text is for the caller: no target of the agent file gets it, before or after a failure, and none of it twice."""
    email, sms = Scripted("email"), Scripted("sms", Unavailable("twilio", "http-500"))
    one = await desk((MAIL,), email, sms)
    await one.outbox.start()
    caller = NotifyTarget("sms", "+436601234567")
    for _ in range(2):
        await one.outbox.put_to(replace(NOTICE, key="text"), "office", caller)
    await one.until(delivered=1)
    assert [notice.key for _, notice in sms.taken] == ["text"] and sms.attempts == 2 and email.taken == []
    with pytest.raises(ValueError, match="not for callers"):
        await one.outbox.put_to(replace(NOTICE, key="other"), "office", MAIL)
