"""A reply of the brain that is made while the carrier comes and goes: taken in portions, none of which it waits long for."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from stella.calls.astray import astray
from stella.calls.live_call import LiveCall
from stella.calls.sentences import Sentences
from stella.domain.acts import Act, BeganTool, ChangeLanguage, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.ports.brain import Asked, Said
from stella.ports.failure import ProviderError

_log = structlog.get_logger("stella.gather")


@dataclass(slots=True)
class Answered:
    """What the brain made of a turn, besides its words."""

    transfer: str = ""
    language: str = ""
    ends: bool = False
    expects: ExpectAnswer = field(default_factory=ExpectAnswer)
    failed: bool = False


class GatherReply:
    """One reply under way. Never raises for what a brain does."""

    def __init__(self, call: LiveCall, asked: Asked) -> None:
        """The brain is asked at once."""
        self.answered = Answered()
        self._call = call
        self._began = call.clock.monotonic()
        self._ready: list[str] = []
        self._task = asyncio.get_running_loop().create_task(self._reply(asked), name=f"gather-{call.sid}")

    @property
    def age_s(self) -> float:
        """How long it has been under way."""
        return self._call.clock.monotonic() - self._began

    async def whole(self, patience_s: float) -> bool:
        """Wait until it is complete, but no longer than that."""
        await asyncio.wait({self._task}, timeout=patience_s)
        return self._task.done()

    def take(self) -> list[str]:
        """The sentences that are ready and were not taken before."""
        ready, self._ready = self._ready, []
        return ready

    def give_up(self) -> None:
        """It takes too long, or nobody waits for it any more."""
        self.answered.failed = not self._task.done() or self.answered.failed
        self._task.cancel()

    async def _reply(self, asked: Asked) -> None:
        call, sentences, first = self._call, Sentences(), True
        try:
            async with aclosing(call.brain.reply(asked, tuple(call.turns), call.clock.wall())) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    if first:
                        first = False
                        call.brain_ms.append(self.age_s * 1000)
                    if isinstance(piece, Said):
                        self._ready += sentences.feed(piece.text)
                    else:
                        self._act(piece.act)
        except ProviderError as failure:
            _log.warning("brain-failed", call=call.sid, code=failure.code)
            self.answered.failed = True
        except Exception:  # noqa: BLE001 a brain of somebody else's must cost a turn, not the call
            _log.exception("brain-broke", call=call.sid)
            self.answered.failed = True
        except asyncio.CancelledError:
            if not astray():
                raise
            _log.error("brain-broke", call=call.sid, fault="CancelledError")
            self.answered.failed = True
        self._ready += sentences.flush()

    def _act(self, act: Act) -> None:
        answered = self.answered
        match act:
            case EndCall():
                answered.ends = True
            case TransferTo(name):
                answered.transfer = name
            case ChangeLanguage(language):
                answered.language = language
            case ExpectAnswer():
                answered.expects = act
            case UsedTool():
                self._call.note_tool(act)
            case BeganTool():
                # A hold says "one moment" by itself.
                pass
