"""What every living shell around a Conversation shares, whatever carries the call: facts in, orders out, one timer, one end.

Law 1: every event goes through `tell`, one at a time; all its actions are handed over before the next event.
Law 2: orders are handed over, never awaited.
Law 3: whatever happens, the session ends once, frees everything, and leaves the call a next step in words.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias

import structlog

from stella.calls.language import language_by_key
from stella.calls.legs import Leg
from stella.calls.live_call import LiveCall, NextKind
from stella.calls.meter import nobody_listens
from stella.calls.recorder import Recorder, ticking
from stella.calls.think import Thinker
from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation, Phase
from stella.conversation.opening import Opening
from stella.domain.call import EndedBy, KeyPressed, MediaCounts
from stella.ports.brain import Asked
from stella.ports.tapes import TapeStore

_log = structlog.get_logger("stella.session")

Shared: TypeAlias = (
    do.AskBrain
    | do.CancelReply
    | do.CommitTurn
    | do.RecordDigit
    | do.RecordConsent
    | do.RecordLine
    | do.RecordTool
    | do.RecordGap
    | do.RecordBargeIn
    | do.SwitchLanguage
    | do.Transfer
    | do.FallBack
    | do.HangUp
)
"""Orders that need neither ears nor a voice."""

CLOSE_PATIENCE_S = 5.0
"""A closed line whose socket never says so is given up after this."""


class Shell(ABC):
    """One verified leg of a call, from its beginning to the end of its socket.

    A path adds how it listens and speaks: `_open`, `_switch`, the orders of its own in `_carry_out`, `_hush` and `_free`.
    """

    def __init__(
        self, call: LiveCall, leg: Leg, hang_up: Callable[[], None], ended: Callable[[Any], None],
        tapes: TapeStore | None = None,
    ) -> None:  # fmt: skip
        """`hang_up` closes the line; `ended` is called once, when nothing is left; `tapes` keeps the recording."""
        self.call, self.leg = call, leg
        self.counts = MediaCounts()
        self._hang_up, self._ended = hang_up, ended
        self._clock = ticking(call.clock.monotonic)
        self._recorder = Recorder(call, leg.number, tapes)
        self._log = _log.bind(call=call.sid, leg=leg.number)
        self._conversation: Conversation | None = None
        self._inbox: deque[on.Event] = deque()
        self._handling = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._thinker: Thinker | None = None
        self._heard_at = self._clock()
        self._base_s, self._base_turn = call.seconds(), call.last_turn
        self._gone = asyncio.Event()
        self._stopped = self._displaced = False
        self._chosen_end: EndedBy | None = None
        self._side_tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._turn_over: asyncio.Event | None = None
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"call-{call.sid}-{leg.number}")

    def dtmf(self, digit: str) -> None:
        """A key was pressed."""
        asking = self.call.agent.preset.asks and self.call.record.consent is None
        if not self.call.language_certain and not asking and (code := language_by_key(self.call.agent, digit)):
            self.call.language_certain = True
            self._spawn(self._switch(code), "language")
            return
        self.tell(on.DigitPressed(digit))

    def stopped(self) -> None:
        """The carrier ends the stream."""
        self._stopped = True
        self.tell(on.CallEnded(self._chosen_end or EndedBy.CALLER))

    def gone(self) -> None:
        """The socket is closed."""
        self.tell(on.CallEnded(self._chosen_end or (EndedBy.CALLER if self._stopped else EndedBy.CARRIER)))
        self._gone.set()
        self._closing.set()
        self._hang_up()

    def displace(self) -> None:
        """A newer leg has taken over: this half-open one ends quietly."""
        self._displaced = True
        self.gone()

    def shut_down(self) -> None:
        """The process is draining and its patience is over."""
        self.tell(on.ShutdownAsked())

    @property
    def closed_by_us(self) -> bool:
        """Whether this side decided to close the line."""
        return self._chosen_end is not None

    @property
    def chosen_end(self) -> EndedBy | None:
        """Who this side decided ends the stream, if it did."""
        return self._chosen_end

    def silent_for(self) -> float:
        """Seconds since anything came in last."""
        return self._clock() - self._heard_at

    @property
    def stopped_cleanly(self) -> bool:
        """Whether the carrier said `stop` before the socket closed."""
        return self._stopped

    @property
    def displaced(self) -> bool:
        """Whether a newer leg took over."""
        return self._displaced

    def tell(self, event: on.Event) -> None:
        """Let the conversation know, carry out what it wants, and re-arm its one timer. Never raises."""
        conversation = self._conversation
        if conversation is None:
            self._inbox.append(event)
            return
        self._inbox.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._inbox:
                event, now = self._inbox.popleft(), self._clock()
                orders = conversation.handle(event, now)
                self._recorder.note(now, event, orders)
                for action in orders:
                    self._carry_out(action)
        except Exception as error:  # noqa: BLE001 a fault of ours in one call: this call ends in words, the others go on
            self._break(error)
        finally:
            self._handling = False
        if self._turn_over is not None and not self._asking_ahead():
            # Taken up; or taken back, and then the reply was cancelled before this.
            self._turn_over.set()
            self._turn_over = None
        self._arm(conversation)

    def _asking_ahead(self) -> bool:
        """Whether the brain is being asked before the caller is known to be done."""
        return self._conversation is not None and self._conversation.asking_ahead

    def _arm(self, conversation: Conversation) -> None:
        due = conversation.deadline()
        if due is None or conversation.phase is Phase.OVER:
            return
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
        self._timer_at = due
        delay = max(0.0, due - self._clock()) + 0.001  # loops round to milliseconds, some down: early timers would spin
        self._timer = asyncio.get_running_loop().call_later(delay, self._time_passed)

    def _time_passed(self) -> None:
        self._timer = None
        conversation = self._conversation
        if conversation is None or conversation.phase is Phase.OVER:
            return
        due = conversation.deadline()
        if due is not None and due <= self._clock():
            self.tell(on.TimePassed())
        else:
            self._arm(conversation)

    @abstractmethod
    async def _open(self) -> None:
        """Make ears, voice and brain ready, then `_begin`; or `_close` with a next step."""

    @abstractmethod
    async def _switch(self, code: str) -> None:
        """Go on in another language, then tell LanguageChanged; or `_close` with a next step."""

    async def _hush(self) -> None:  # noqa: B027 a path may have nothing to stop
        """Stop listening and speaking."""

    async def _free(self) -> None:  # noqa: B027 a path may have nothing to free
        """Let go of what a change of language may still have been using."""

    @abstractmethod
    def _carry_out(self, action: do.Action) -> None:
        """One order: what needs ears or a voice is the path's, the rest `_carry_out_shared`."""

    def _carry_out_shared(self, action: Shared) -> None:
        """An order that is carried out the same way on every path."""
        call, thinker = self.call, self._thinker
        match action:
            case do.AskBrain(turn, text, digits, silent):
                if thinker is not None:
                    self._turn_over = asyncio.Event() if self._asking_ahead() else None
                    asked = Asked(turn, text, digits, silent, turn_over=self._turn_over)
                    thinker.ask(asked, call.turns, call.clock.wall())
            case do.CancelReply(turn):
                if thinker is not None:
                    thinker.cancel(turn)
            case do.CommitTurn(turn):
                call.note_turn(turn, self._base_s, self._base_turn)
                self._spawn(call.keep_state(), "state")
            case do.RecordGap(seconds):
                call.gaps_ms.append(seconds * 1000)
            case do.RecordBargeIn(seconds):
                call.barge_ins_ms.append(seconds * 1000)
            case do.RecordDigit(digit, at_s):
                call.record.dtmf.append(KeyPressed(digit, round(at_s + self._base_s, 3)))
            case do.RecordLine(kind):
                self.call.record.error = self.call.record.error or f"no-person:{kind}"
            case do.RecordTool(used):
                call.note_tool(used)
            case do.RecordConsent(question, answer, by):
                call.note_consent(call.asked_for(question), answer, by)
                self._spawn(call.commit(), "consent")
            case do.SwitchLanguage(language):
                self._spawn(self._switch(language), "language")
            case do.Transfer(name):
                self._close(EndedBy.TRANSFER, "transfer", name)
            case do.FallBack(why):
                call.record.error = call.record.error or why
                self._close(EndedBy.ERROR, "gather", why)
            case do.HangUp(by):
                self._close(by, "goodbye", "")

    def _begin(self, opening: Opening) -> None:
        """Everything is ready: the conversation begins, and what came before it was ready is told now."""
        self._conversation = self._recorder.begin(opening)
        self.call.meter.watch(lambda share: self.tell(on.CostGrew(share)))
        waiting, self._inbox = self._inbox, deque()
        why = self.call.resume_why
        self.tell(on.CallResumed(why) if why else on.CallAnswered())
        for event in waiting:
            self.tell(event)

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=f"{name}-{self.call.sid}")
        self._side_tasks.add(task)
        task.add_done_callback(self._side_done)

    def _side_done(self, task: asyncio.Task[None]) -> None:
        self._side_tasks.discard(task)
        if not task.cancelled() and isinstance(fault := task.exception(), Exception):
            # The conversation may wait for what will never come: the call ends in words instead.
            self._break(fault)

    def _close(self, by: EndedBy, after: NextKind, detail: str) -> None:
        if self._chosen_end is None:
            self._chosen_end = by
            self.call.after = after
            self.call.after_detail = detail
        self._hang_up()
        self._closing.set()

    def _break(self, error: Exception) -> None:
        self._log.error("call-broke", exc_info=error)
        self.call.record.error = "internal error"
        self._close(EndedBy.ERROR, "apology", "internal")

    async def _run(self) -> None:
        try:
            await self._open()
            await self._wait_for_the_end()
        except Exception as error:  # noqa: BLE001 whatever it is, the caller gets words by way of /after
            self._break(error)
            await self._wait_for_the_end()
        finally:
            try:
                await self._put_away()
            except Exception:  # noqa: BLE001 whatever it is, it is logged, and the call ends
                # An engine that cannot even be let go of must not leave a call that never ends.
                self._log.exception("put-away-failed")
            finally:
                self._ended(self)
        await self._recorder.keep()

    async def _wait_for_the_end(self) -> None:
        await self._closing.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), CLOSE_PATIENCE_S)

    async def _put_away(self) -> None:
        self.call.meter.watch(nobody_listens)
        if self._timer is not None:
            self._timer.cancel()
        if self._thinker is not None:
            self.call.brain_ms += self._thinker.first_words_ms
            await self._thinker.close()
        await self._hush()
        if self._side_tasks:
            await asyncio.wait(self._side_tasks, timeout=CLOSE_PATIENCE_S)
        await self._free()
        self._add_counts()

    def _add_counts(self) -> None:
        total, mine = self.call.record.media, self.counts
        mine.marks_heard = self._conversation.marks_heard if self._conversation else 0
        for name in MediaCounts.__dataclass_fields__:
            setattr(total, name, getattr(total, name) + getattr(mine, name))
