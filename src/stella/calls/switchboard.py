"""Which calls are alive, and what the carrier is to do next with each. Keeps the promises of `front.Front`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog

from stella.calls.engines import Engines
from stella.calls.gather_path import GatherPath
from stella.calls.last_words import BROKEN, BUSY, NOT_OURS, SPENT, goodbye, spoken
from stella.calls.ledger import Ledger
from stella.calls.legs import LegState
from stella.calls.live_call import Clock, LiveCall
from stella.calls.new_call import new_call
from stella.calls.paths import note_session_end, open_leg, sample, way_of
from stella.calls.relay_session import RelaySession
from stella.calls.resume import revive
from stella.calls.session import CallSession
from stella.calls.shell import Shell
from stella.calls.transfers import Transfers
from stella.domain.agent import Agent
from stella.domain.call import CallRecord, CallStatus, EndedBy
from stella.domain.plan import AskAgain, ConnectPerson, Plan, SayGoodbye, Spoken, TakeMessage
from stella.domain.request import CallRequest, StreamNotice
from stella.ports.line import Line, WordLine
from stella.ports.metrics import Metrics, NullMetrics
from stella.ports.store import CallStore
from stella.ports.tapes import TapeStore

_log = structlog.get_logger("stella.switchboard")

REPEAT_S = 1.0
"""A request repeated within this is the carrier's (or a proxy's) retry, not news."""
STREAM_FAILURES_MOST = 2

Seated = TypeVar("Seated", bound=Shell)


class Agents(Protocol):
    """Which agent answers a number."""

    def for_number(self, to: str) -> Agent | None:
        """The agent of a called number, or None where the number is not ours."""


class Switchboard:
    """All calls of this process."""

    def __init__(
        self,
        agents: Agents,
        engines: Engines,
        store: CallStore,
        clock: Clock,
        *,
        calls_at_once: int = 200,
        metrics: Metrics | None = None,
        tapes: TapeStore | None = None,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(24),
    ) -> None:
        """Nothing is live; call `run` in a task for the housekeeping. `tapes` keeps what every stream was told."""
        self._agents, self._engines, self._store, self._clock = agents, engines, store, clock
        self._calls_at_once, self._new_token, self._tapes = calls_at_once, new_token, tapes
        self._metrics = metrics or NullMetrics()
        self._ledger = Ledger(store, clock, self._metrics)
        self._calls, self._sessions = self._ledger.live, self._ledger.sessions
        self._gathers, self._ended = self._ledger.gathers, self._ledger.ended
        self._opening: dict[str, asyncio.Lock] = {}
        self._transfers = Transfers(clock.monotonic)
        self.draining = self.leaving = False

    @property
    def accepting(self) -> bool:
        """Whether a new call would be taken now."""
        return not self.draining and self.live_calls < self._calls_at_once

    @property
    def live_calls(self) -> int:
        """Calls that have not ended."""
        return len(self._calls)

    def sweep(self) -> None:
        """End what nobody will end any more."""
        self._ledger.sweep()

    def watch(self, changed: Callable[[CallRecord], None]) -> None:
        """Be told of a record as it may be shown, whenever it was made safe."""
        self._ledger.changed = changed

    def live(self, call_sid: str) -> LiveCall | None:
        """A call that has not ended, for whoever watches it."""
        return self._calls.get(call_sid)

    async def incoming(self, request: CallRequest) -> Plan:
        """A call comes in."""
        return await self._in_words(self._incoming(request), request)

    async def after(self, request: CallRequest) -> Plan:
        """What follows a stream, a dialled person, or a refused handshake."""
        return await self._in_words(self._after(request), request)

    async def gather(self, request: CallRequest) -> Plan:
        """A turn of the `gather` path."""
        return await self._in_words(self._gather(request), request)

    def fallback(self, request: CallRequest) -> Plan:
        """Apologise, and connect a person where the agent names one; nothing that could be broken is touched."""
        agent = self._agents.for_number(request.to)
        languages = tuple(setup.code for setup in agent.languages) if agent else ("de", "en")
        number = agent.people[0].number if agent and agent.people else ""
        return TakeMessage(spoken(BROKEN, languages), number)

    async def _in_words(self, work: Awaitable[Plan], request: CallRequest) -> Plan:
        try:
            return await work
        except Exception:  # noqa: BLE001 whatever it is, a caller on the line hears words
            _log.exception("plan-failed", call=request.call_sid)
            return self.fallback(request)

    async def _incoming(self, request: CallRequest) -> Plan:
        agent = self._agents.for_number(request.to)
        if agent is None:
            self._metrics.refused("number-not-ours")
            return SayGoodbye(spoken(NOT_OURS, ("de", "en")))
        if not request.call_sid:
            return sample(agent, self._engines, self._new_token())
        if request.call_sid in self._ended:
            return AskAgain()
        async with self._opening.setdefault(request.call_sid, asyncio.Lock()):
            try:
                known = self._calls.get(request.call_sid)
                if known is not None:
                    return known.plan if known.plan is not None and not known.legs.begun else AskAgain()
                if await self._ledger.seen_before(request.call_sid):
                    return AskAgain()
                if not self.accepting or self._calls_of(agent) >= agent.limits.calls_at_once:
                    self._metrics.refused("busy")
                    return SayGoodbye(spoken(BUSY, tuple(setup.code for setup in agent.languages)))
                return await self._begin(agent, request)
            finally:
                self._opening.pop(request.call_sid, None)

    def _calls_of(self, agent: Agent) -> int:
        return sum(call.agent.name == agent.name for call in self._calls.values())

    async def _begin(self, agent: Agent, request: CallRequest) -> Plan:
        call = new_call(request, agent, self._engines, self._store, self._clock)
        self._calls[request.call_sid] = call
        if self._gather_only(call):
            await self._ledger.commit(call)
            return self._open_gather(call, "new")
        # On the stream the disclosure counts as heard at `start`: there it is committed, before anything is said.
        call.save()
        return self._keep_plan(call, self._open_leg(call, first=True))

    def _open_leg(self, call: LiveCall, *, first: bool = False, why: str = "") -> Plan:
        path = self._path(call)
        return open_leg(call, path, self._new_token(), self._clock.monotonic(), first=first, why=why)

    def _open_gather(self, call: LiveCall, why: str) -> Plan:
        if call.frugal:
            # The carrier's ears cost money too, and there is none left.
            self._metrics.refused("budget")
            self._ledger.finish(call, EndedBy.LIMIT)
            return self._keep_plan(call, goodbye(SPENT, call.language.code))
        path = self._gathers[call.sid] = self._gathers.get(call.sid) or GatherPath(call)
        if why == "new":
            call.answer()
        return self._keep_plan(call, path.open(why))

    def _keep_plan(self, call: LiveCall, plan: Plan) -> Plan:
        call.plan, call.plan_at = plan, self._clock.monotonic()
        return plan

    def connect(self, call_sid: str, account_sid: str, stream_sid: str, token: str, line: Line) -> CallSession:
        """A `start` arrived: spend the token, displace a half-open older socket, begin the session."""
        call, leg = self._ledger.admit(call_sid, account_sid, stream_sid, token, relay=False)
        return self._seat(CallSession(call, leg, line, self._engines, self._session_over, self._tapes))

    def connect_relay(
        self, call_sid: str, account_sid: str, session_sid: str, token: str, line: WordLine
    ) -> RelaySession:
        """A `setup` arrived: the same for a carrier that hears and speaks by itself."""
        call, leg = self._ledger.admit(call_sid, account_sid, session_sid, token, relay=True)
        return self._seat(RelaySession(call, leg, line, self._session_over, self._tapes))

    def _seat(self, session: Seated) -> Seated:
        self._sessions[session.call.sid] = session
        if self.leaving:
            session.shut_down()
        return session

    def _session_over(self, session: Shell) -> None:
        call = session.call
        call.legs.end(session.leg)
        if session.displaced:
            return
        self._sessions.pop(call.sid, None)
        call.leg_over.set()
        call.plan_at = self._clock.monotonic()
        if call.last_word is not None:
            self._ledger.finish(call, session.chosen_end or EndedBy.CALLER, call.last_word)
            return
        if call.after == "nothing":
            if session.stopped_cleanly:
                self._ledger.finish(call, EndedBy.CALLER)
                return
            call.stream_failures += 1
            call.after, call.after_detail = "resume", "stream-lost"
        elif call.after == "goodbye":
            call.record.ended_by = session.chosen_end
        call.save()

    async def _after(self, request: CallRequest) -> Plan:
        call = self._calls.get(request.call_sid)
        if call is None:
            async with self._opening.setdefault(request.call_sid, asyncio.Lock()):
                try:
                    return await self._after_unknown(request)
                finally:
                    self._opening.pop(request.call_sid, None)
        if request.query.get("dial"):
            # Asked again, or replayed: the person has been dialled for, and the next step was given out.
            return self._after_dial(call, request) if call.path == "transfer" else call.plan or AskAgain()
        session = self._sessions.get(call.sid)
        if session is not None and not await self._ledger.leg_ended(call):
            # The stream is alive and heard a moment ago: whoever asks this is not the carrier of this call.
            return AskAgain()
        if call.plan is not None and self._clock.monotonic() - call.plan_at < REPEAT_S and call.after == "nothing":
            return call.plan
        note_session_end(call, request)
        return self._follow(call)

    def _follow(self, call: LiveCall) -> Plan:
        what, detail, call.after = call.after, call.after_detail, "nothing"
        if self.leaving and what in ("resume", "gather"):
            self._ledger.finish(call, EndedBy.SHUTDOWN)
            return goodbye(BROKEN, call.language.code)
        match what:
            case "goodbye":
                self._ledger.finish(call, call.record.ended_by)
                return SayGoodbye()
            case "apology":
                self._ledger.finish(call, EndedBy.ERROR, CallStatus.FAILED)
                return goodbye(BROKEN, call.language.code)
            case "transfer":
                return self._transfer(call, detail, ())
            case "gather" if detail == "language" and not self._gather_only(call):
                return self._keep_plan(call, self._open_leg(call, why="path-changed"))
            case "gather":
                return self._open_gather(call, "language" if detail == "language" else "resumed")
            case "resume" if call.stream_failures < STREAM_FAILURES_MOST:
                return self._keep_plan(call, self._open_leg(call, why=detail))
            case "resume":
                return self._open_gather(call, "resumed")
            case _:
                return self._never_opened(call)

    def _never_opened(self, call: LiveCall) -> Plan:
        """No stream came of the last token: once more if it was only too late, else the carrier listens."""
        leg = call.legs.current
        if leg is not None and leg.state is LegState.MINTED:
            if leg.refused == "expired-token" and call.stream_failures == 0:
                call.stream_failures += 1
                return self._keep_plan(call, self._open_leg(call, why="" if not call.answered_at else "stream-lost"))
            call.answer()
            return self._open_gather(call, "resumed" if leg.number > 1 else "unheard")
        return call.plan or goodbye(BROKEN, call.language.code)

    async def _after_unknown(self, request: CallRequest) -> Plan:
        known = self._calls.get(request.call_sid)
        if known is not None:
            return known.plan or AskAgain()
        talked = bool(request.query.get("dial")) and request.dial_status in ("completed", "answered")
        if request.call_sid in self._ended or not request.call_sid:
            return SayGoodbye()
        agent = self._agents.for_number(request.to)
        call = await revive(request, agent, self._engines, self._store, self._clock) if agent else None
        if call is None:
            # After a talk with a person there is nothing to add; else somebody is on the line and must hear words.
            return SayGoodbye(spoken(BROKEN, ("de", "en")) if agent and not talked else ())
        self._calls[call.sid] = call
        if request.query.get("dial"):
            return self._after_dial(call, request)
        if self._gather_only(call):
            return self._open_gather(call, "resumed")
        return self._keep_plan(call, self._open_leg(call, why="stream-lost"))

    def _transfer(self, call: LiveCall, name: str, says: tuple[Spoken, ...]) -> Plan:
        person = self._transfers.person(call.agent, name)
        if person is None or not self._transfers.allow(call.agent):
            return self._back_from_transfer(call)
        call.after = "nothing"
        call.record.voice_path = call.path
        call.path = "transfer"
        return self._keep_plan(call, ConnectPerson(says, person.number, person.extension))

    def _after_dial(self, call: LiveCall, request: CallRequest) -> Plan:
        if request.dial_status in ("completed", "answered"):
            self._ledger.finish(call, EndedBy.TRANSFER)
            return SayGoodbye()
        return self._back_from_transfer(call)

    def _back_from_transfer(self, call: LiveCall) -> Plan:
        if call.record.voice_path == "gather" or self._gather_only(call):
            return self._open_gather(call, "transfer-failed")
        return self._keep_plan(call, self._open_leg(call, why="transfer-failed"))

    def _path(self, call: LiveCall) -> str:
        return way_of(call, self._engines)

    def _gather_only(self, call: LiveCall) -> bool:
        """Whether this call is carried by the carrier's ears and voice alone: there is no other way, or none held."""
        return call.stream_failures >= STREAM_FAILURES_MOST or self._path(call) == "gather"

    async def _gather(self, request: CallRequest) -> Plan:
        call = self._calls.get(request.call_sid)
        if call is None:
            return await self._after_unknown(request)
        path = self._gathers.get(call.sid)
        if path is None or call.path != "gather":
            return AskAgain()
        if request.query.get("turn") != str(call.gather_turn):
            return call.plan or AskAgain()
        if call.turning is None:
            call.turning = asyncio.ensure_future(self._turn(call, path, request))
            call.turning.add_done_callback(lambda _done: setattr(call, "turning", None))
        # The same turn asked twice at once is answered once: a proxy's retry must not ask the brain again.
        return await asyncio.shield(call.turning)

    async def _turn(self, call: LiveCall, path: GatherPath, request: CallRequest) -> Plan:
        plan, detail = await path.turn(request)
        call.save()
        if call.ended:
            return SayGoodbye()
        if self.leaving:
            self._ledger.finish(call, EndedBy.SHUTDOWN)
            return goodbye(BROKEN, call.language.code)
        await call.keep_state()
        if plan is not None:
            return self._keep_plan(call, plan)
        if not detail.startswith("language:"):
            return self._transfer(call, detail, path.said_before_transfer())
        call.speak(call.agent.language(detail.removeprefix("language:")))
        if not self._gather_only(call):
            return self._keep_plan(call, self._open_leg(call, why="path-changed"))
        return self._open_gather(call, "language")

    async def status(self, request: CallRequest) -> None:
        """The carrier's word on a call: only an end changes anything, and only once."""
        try:
            status = CallStatus(request.status)
        except ValueError:
            return
        call = self._calls.get(request.call_sid)
        if call is None or not status.terminal:
            return
        session = self._sessions.get(call.sid)
        if session is not None:
            # What the stream counted belongs into the record: it ends first, and the call with it.
            call.last_word = status
            session.stopped()
            session.gone()
            return
        by = call.record.ended_by or (EndedBy.CALLER if status is CallStatus.COMPLETED else EndedBy.CARRIER)
        self._ledger.finish(call, by, status)

    async def stream_status(self, notice: StreamNotice) -> None:
        """A stream failed or ended, says the carrier: kept as the reason if nothing better is known."""
        call = self._calls.get(notice.call_sid)
        leg = call.legs.current if call is not None else None
        # The carrier calls our own close an error too (31921): only a stream that failed is one.
        failed = leg is not None and (leg.state is LegState.MINTED or bool(call and call.stream_failures))
        if call is not None and failed and notice.event == "stream-error" and call.sid not in self._sessions:
            call.record.error = call.record.error or f"stream error {notice.error[:80]}"

    async def run(self, every_s: float = 1.0) -> None:
        """Housekeeping, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            self._ledger.sweep()

    def drain(self) -> None:
        """Take no new call from now on."""
        self.draining = True

    def farewell(self) -> None:
        """Patience is over: every caller hears a goodbye, and no call is carried on."""
        self.draining = self.leaving = True
        for session in list(self._sessions.values()):
            session.shut_down()

    async def close(self) -> None:
        """Say goodbye to whoever is left, and wait until everything is written."""
        self.drain()
        await self._ledger.close()
