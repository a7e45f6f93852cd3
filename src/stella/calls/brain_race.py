"""Two brains at one question: where the first is slow to begin, the next is asked beside it, and the first to begin answers.

Law 1: each goes no further than it is asked to, one event at a time, so that whoever loses has used no tool.
Law 2: there are never more than two, and who loses is stopped at once: what it would still have cost is not spent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from stella.calls.astray import astray
from stella.ports.brain import BrainEvent
from stella.ports.failure import Unavailable


class Contender:
    """One brain that answers in a task of its own, from beginning to end: what somebody's own code holds open (a scope, a
    timeout) belongs to one task."""

    def __init__(self, name: str, events: AsyncGenerator[BrainEvent, None]) -> None:
        """It has not begun."""
        self.name = name
        self._events = events
        self._more = asyncio.Event()
        self._given: asyncio.Future[BrainEvent | None] | None = None
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> asyncio.Future[BrainEvent | None]:
        """Its next event, None at its end; raises what the brain raises."""
        self._given = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"brain-{self.name}")
        else:
            self._more.set()
        return self._given

    async def _run(self) -> None:
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    self._hand(event)
                    await self._more.wait()
                    self._more.clear()
            self._hand(None)
        except Exception as fault:  # noqa: BLE001 whatever it is, it belongs to whoever asked
            self._fail(fault)
        except asyncio.CancelledError:
            if not astray():
                raise
            self._fail(Unavailable(self.name, "broken", "CancelledError"))

    def _fail(self, fault: Exception) -> None:
        if self._given is not None and not self._given.done():
            self._given.set_exception(fault)

    def _hand(self, event: BrainEvent | None) -> None:
        if self._given is not None and not self._given.done():
            self._given.set_result(event)

    async def close(self) -> None:
        """Stop it wherever it is. Quiet."""
        if self._task is None:
            await self._events.aclose()
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._given is not None and self._given.done() and not self._given.cancelled():
            # Nobody waits for it any more: seen, so that the loop does not complain.
            self._given.exception()
