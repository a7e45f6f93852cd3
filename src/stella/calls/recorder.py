"""The flight recorder of one leg: notes every fact and what it led to, for next to nothing.

Law 1: noting appends to a list; rows are made in a thread, page by page. Law 2: what does not fit is counted. Law 3: keys
that may not be stored are never on a tape, and words only where they may be.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import structlog

import stella
from stella.calls.language import key_hints
from stella.calls.live_call import LiveCall
from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation
from stella.conversation.opening import Opening
from stella.conversation.policy import Policy
from stella.conversation.tape import VERSION, Step, split, write
from stella.domain.errors import MalformedMessage
from stella.ports.failure import ProviderError
from stella.ports.tapes import LegTape, TapeStore

PAGE = 500
STEPS_MOST = 20_000
"""Some half an hour of talk without a pause."""
UNPACKED_MOST = 64 * 1024 * 1024
KEEP_DEADLINE_S = 3.0
LEAST_S = 10.0
"""A later leg of a call has what is left of the call's length, and this long for its goodbye."""

_log = structlog.get_logger("stella.recorder")


def ticking(clock: Callable[[], float]) -> Callable[[], float]:
    """Seconds from now on, in whole microseconds: what a tape holds exactly."""
    began = clock()
    return lambda: round((clock() - began) * 1e6) / 1e6


def opening_of(call: LiveCall) -> Opening:
    """How the conversation of the leg that opens now begins."""
    agent, setup = call.agent, call.language
    remains = max(LEAST_S, agent.limits.call_s - call.seconds())
    policy = Policy().with_overrides({"call_s": remains, "warn_before_s": agent.limits.warn_before_s, **agent.policy})
    phrases = setup.phrases
    if not call.language_certain and not call.resume_why:
        phrases = replace(phrases, greeting=" ".join((phrases.greeting, *key_hints(agent, setup))))
    return Opening(policy, phrases, agent.preset, asks_consent=None if call.record.consent is None else False)


@dataclass(frozen=True, slots=True)
class _Page:
    skeleton: bytes
    words: bytes


class Recorder:
    """Records one leg."""

    def __init__(self, call: LiveCall, leg: int, store: TapeStore | None) -> None:
        """Nothing was told yet. Without a store nothing is noted."""
        self._call, self._leg, self._store = call, leg, store
        self._opening: Opening | None = None
        self._steps: list[Step] = []
        self._pages: list[asyncio.Future[_Page]] = []
        self._room = 0
        self._secret = False
        self.dropped = 0

    def begin(self, opening: Opening) -> Conversation:
        """The conversation to be recorded."""
        self._opening = opening
        self._room = 0 if self._store is None else STEPS_MOST
        return opening.begin()

    def note(self, now: float, event: on.Event, orders: Sequence[do.Action]) -> None:
        """A fact was told, and this came of it."""
        if self._room <= 0:
            self.dropped += 1
            return
        if orders and (self._secret or type(event) is on.DigitPressed):
            event, orders = self._masked(event, orders)
        self._room -= 1
        steps = self._steps
        steps.append((now, event, orders))
        if len(steps) >= PAGE:
            self._turn_page()

    def _masked(self, event: on.Event, orders: Sequence[do.Action]) -> tuple[on.Event, Sequence[do.Action]]:
        """Keys that are not to be stored become zeros, here and where the brain is told of them."""
        if isinstance(event, on.DigitPressed):
            self._secret = any(isinstance(order, do.RecordDigit) and order.digit == "x" for order in orders)
            if self._secret:
                event = on.DigitPressed(_zeros(event.digit))
        if self._secret:
            orders = [
                replace(order, digits=_zeros(order.digits)) if isinstance(order, do.AskBrain) else order
                for order in orders
            ]
        return event, orders

    def _turn_page(self) -> None:
        steps, self._steps = self._steps, []
        self._pages.append(asyncio.get_running_loop().run_in_executor(None, _page, steps))

    async def keep(self) -> None:
        """Put the recording away, with the words if they may be kept. Never raises for a store that fails."""
        call, store, opening = self._call, self._store, self._opening
        if store is None or opening is None:
            return
        if self._steps:
            self._turn_page()
        pages = await asyncio.gather(*self._pages)
        head = {
            "version": VERSION, "build": stella.__version__, "agent": call.agent.name,
            "agent_version": call.agent.version, "phrases_version": opening.phrases_version,
            "language": call.language.code, **opening.plain(),
        }  # fmt: skip
        may = call.agent.preset.keeps_transcript(call.record.consent)
        tape = LegTape(
            call.sid, self._leg, head, b"".join(page.skeleton for page in pages),
            b"".join(page.words for page in pages) if may else None, STEPS_MOST - self._room, self.dropped,
        )  # fmt: skip
        try:
            async with asyncio.timeout(KEEP_DEADLINE_S):
                await store.keep_tape(tape)
        except (ProviderError, TimeoutError) as failure:
            code = getattr(failure, "code", "timeout")
            _log.warning("tape-not-kept", call=call.sid, leg=self._leg, steps=tape.steps, code=code)


def _zeros(keys: str) -> str:
    return "".join("0" if key.isdigit() else key for key in keys)


def _page(steps: Sequence[Step]) -> _Page:
    bare, personal = split(write(steps))
    return _Page(pack(bare), pack(personal))


def pack(rows: Sequence[Any]) -> bytes:
    """Rows as compressed lines of JSON; packs may be joined end to end."""
    lines = "".join(f"{json.dumps(row, default=str, separators=(',', ':'))}\n" for row in rows)
    return gzip.compress(lines.encode(), 6, mtime=0)


def unpack(packed: bytes) -> list[Any]:
    """Undo `pack`. Raises MalformedMessage."""
    try:
        with gzip.open(BytesIO(packed)) as file:
            lines = file.read(UNPACKED_MOST + 1)
        if len(lines) > UNPACKED_MOST:
            raise MalformedMessage(f"a tape is longer than {UNPACKED_MOST >> 20} MB")
        return [json.loads(line) for line in lines.splitlines()]
    except (OSError, EOFError, ValueError) as failure:
        raise MalformedMessage(f"a tape cannot be read: {failure!r}") from failure
