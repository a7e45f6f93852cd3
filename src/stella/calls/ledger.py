"""The calls of this process, live and lately ended, and the housekeeping that lets none of them linger."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import structlog

from stella.calls.gather_path import GatherPath
from stella.calls.legs import Leg, LegState
from stella.calls.live_call import COMMIT_DEADLINE_S, Clock, LiveCall
from stella.calls.shell import Shell
from stella.domain.call import CallRecord, CallStatus, EndedBy
from stella.domain.errors import Refused
from stella.ports.failure import ProviderError
from stella.ports.metrics import Metrics
from stella.ports.store import CallStore

_log = structlog.get_logger("stella.ledger")

PROOF_OF_LIFE_S = 1.0
LEG_PATIENCE_S = 2.0
AFTER_PATIENCE_S = 30.0
"""A stream has ended and the carrier never asked what follows: the call is over."""
GATHER_PATIENCE_S = 120.0
TRANSFER_PATIENCE_S = 4 * 3600.0
REMEMBER_ENDED = 2000


class Ledger:
    """Who is on the line. A call is in `live` until it is finished, exactly once, and then for a while in `ended`."""

    def __init__(self, store: CallStore, clock: Clock, metrics: Metrics) -> None:
        """Nobody is on the line."""
        self._store, self._clock, self._metrics = store, clock, metrics
        self.live: dict[str, LiveCall] = {}
        self.sessions: dict[str, Shell] = {}
        self.gathers: dict[str, GatherPath] = {}
        self.ended: OrderedDict[str, None] = OrderedDict()
        self.changed: Callable[[CallRecord], None] = lambda _record: None
        self._tasks: set[asyncio.Task[None]] = set()

    async def seen_before(self, call_sid: str) -> bool:
        """Whether the store knows the call; an unreachable store knows nothing."""
        try:
            async with asyncio.timeout(COMMIT_DEADLINE_S):
                return await self._store.known(call_sid)
        except (ProviderError, TimeoutError):
            return False

    def finish(self, call: LiveCall, by: EndedBy | None, status: CallStatus = CallStatus.COMPLETED) -> None:
        """The call is over: once, whoever says so first."""
        if call.ended:
            return
        path = self.gathers.pop(call.sid, None)
        if path is not None:
            path.close()
        call.look()
        call.finish(by, status)
        self._metrics.call_ended(str(call.record.ended_by or "unknown"))
        self.live.pop(call.sid, None)
        self.ended[call.sid] = None
        while len(self.ended) > REMEMBER_ENDED:
            self.ended.popitem(last=False)
        task = asyncio.get_running_loop().create_task(self._put_away(call), name=f"finish-{call.sid}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _put_away(self, call: LiveCall) -> None:
        await self.commit(call)
        try:
            await call.brain.close()
        except Exception as fault:  # noqa: BLE001 a brain that cannot be let go of must not keep what was said
            # Not the traceback: an exception's text may hold what the caller said.
            _log.error("brain-not-closed", call=call.sid, fault=type(fault).__name__)
        try:
            await self._store.keep_state(call.sid, b"")
        except ProviderError as failure:
            _log.warning("state-not-dropped", call=call.sid, code=failure.code)

    async def commit(self, call: LiveCall) -> None:
        """Make the record safe, and tell whoever watches."""
        await call.commit()
        self.changed(call.kept())

    def admit(self, call_sid: str, account_sid: str, sid: str, token: str, *, relay: bool) -> tuple[LiveCall, Leg]:
        """Spend the token of a leg whose socket says it is there, and displace a half-open older one. Raises Refused."""
        call = self.live.get(call_sid)
        if call is None:
            raise Refused("unknown-token", "no call of this name is waiting for a stream")
        if (call.path == "relay") is not relay:
            raise Refused("other-door", "the token was given out for the other kind of socket")
        leg = call.legs.open(token, call_sid, account_sid, self._clock.monotonic())
        older = self.sessions.pop(call_sid, None)
        if older is not None:
            older.displace()
        call.record.stream_sids.append(sid)
        call.answer()
        call.after = "nothing"
        return call, leg

    async def leg_ended(self, call: LiveCall) -> bool:
        """Wait a little for a socket that is closing; a leg without sound for a second is dead anyway."""
        try:
            async with asyncio.timeout(LEG_PATIENCE_S):
                await call.leg_over.wait()
        except TimeoutError:
            session = self.sessions.get(call.sid)
            if session is None or session.closed_by_us:
                return True
            if session.silent_for() < PROOF_OF_LIFE_S:
                return False
            self.cut(session)
        return True

    def cut(self, session: Shell) -> None:
        """The session's socket is dead, whatever it says: the call goes on without it."""
        call = session.call
        session.displace()
        self.sessions.pop(call.sid, None)
        call.legs.end(session.leg)
        call.after, call.after_detail = "resume", "stream-lost"
        call.stream_failures += 1

    def sweep(self) -> None:
        """End what nobody will end any more: call once a second or so."""
        now = self._clock.monotonic()
        for call in list(self.live.values()):
            call.look()
            if call.sid in self.sessions:
                continue
            patience, leg = AFTER_PATIENCE_S, call.legs.current
            if call.path == "transfer":
                patience = TRANSFER_PATIENCE_S
            elif call.path == "gather":
                patience = GATHER_PATIENCE_S
            elif leg is not None and leg.state is LegState.MINTED:
                patience = max(AFTER_PATIENCE_S, leg.expires_at - leg.minted_at + AFTER_PATIENCE_S)
            if now - call.plan_at <= patience:
                continue
            if call.answered_at is None:
                call.record.error = call.record.error or "the media stream never opened"
                self.finish(call, EndedBy.CARRIER, CallStatus.FAILED)
            else:
                self.finish(call, call.record.ended_by or EndedBy.CALLER)

    async def close(self) -> None:
        """Say goodbye to whoever is left, and wait until everything is written."""
        for session in list(self.sessions.values()):
            session.shut_down()
        for _ in range(100):
            if not self.sessions:
                break
            await asyncio.sleep(0.1)
        for call in list(self.live.values()):
            self.finish(call, EndedBy.TRANSFER if call.path == "transfer" else EndedBy.SHUTDOWN)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
