"""The thinking of one call: one reply at a time, cut into sentences, never blocking and never raising."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

import structlog

from stella.calls.astray import astray
from stella.calls.sentences import Sentences
from stella.conversation import events as on
from stella.domain.ids import TurnId
from stella.domain.transcript import Turn
from stella.ports.brain import Asked, BrainSession, Said
from stella.ports.failure import ProviderError

_log = structlog.get_logger("stella.think")


class Thinker:
    """Puts turns to a brain and tells the conversation what comes of it."""

    def __init__(
        self, brain: BrainSession, tell: Callable[[on.Event], None], clock: Callable[[], float], base_turn: int = 0
    ) -> None:
        """`tell` takes ReplyGrew, ReplyActed, ReplyEnded and ReplyFailed. Turns of this leg begin after `base_turn`."""
        self._brain, self._tell, self._clock, self._base_turn = brain, tell, clock, base_turn
        self._task: asyncio.Task[None] | None = None
        self._turn: TurnId | None = None
        self.first_words_ms: deque[float] = deque(maxlen=500)

    def ask(self, asked: Asked, context: Sequence[Turn], now: datetime) -> None:
        """Begin a reply; one that is still running is stopped first."""
        before = self._task
        if before is not None:
            before.cancel()
        self._turn = asked.turn
        self._task = asyncio.get_running_loop().create_task(
            self._reply(asked, tuple(context), now, before), name=f"reply-{asked.turn}"
        )

    def cancel(self, turn: TurnId) -> None:
        """Stop the reply to `turn` if it is the one under way."""
        if self._turn == turn and self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """Stop, and wait until the brain has let go."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _reply(
        self, asked: Asked, context: Sequence[Turn], now: datetime, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            # A brain holds one conversation: two replies of it must never run into each other.
            await asyncio.gather(before, return_exceptions=True)
        try:
            await self._stream(asked, context, now)
        except ProviderError as failure:
            _log.warning("brain-failed", provider=failure.provider, code=failure.code, turn=asked.turn)
            self._tell(on.ReplyFailed(asked.turn))
        except Exception:  # noqa: BLE001 a brain of somebody else's must cost a turn, not the call
            _log.exception("brain-broke", turn=asked.turn)
            self._tell(on.ReplyFailed(asked.turn))
        except asyncio.CancelledError:
            if not astray():
                raise
            _log.error("brain-broke", turn=asked.turn, fault="CancelledError")
            self._tell(on.ReplyFailed(asked.turn))

    async def _stream(self, asked: Asked, context: Sequence[Turn], now: datetime) -> None:
        turn, sentences, began = asked.turn, Sentences(), self._clock()
        first = True
        asked = replace(asked, turn=TurnId(turn + self._base_turn))
        async with aclosing(self._brain.reply(asked, context, now)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if first:
                    first = False
                    self.first_words_ms.append((self._clock() - began) * 1000)
                if isinstance(piece, Said):
                    ready = sentences.feed(piece.text)
                    act = None
                else:
                    ready, act = sentences.flush(), piece.act
                for sentence in ready:
                    self._tell(on.ReplyGrew(turn, sentence))
                if act is not None:
                    self._tell(on.ReplyActed(turn, act))
        for sentence in sentences.flush():
            self._tell(on.ReplyGrew(turn, sentence))
        self._tell(on.ReplyEnded(turn))
