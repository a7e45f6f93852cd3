"""The line of one call to whichever model of its row is well: opened ahead, opened anew, given up in favour of the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial

import structlog

from stella.calls.breaker import Breaker
from stella.calls.realtime_past import Past
from stella.domain.ids import UtteranceId
from stella.ports.failure import ProviderError
from stella.ports.metrics import Metrics
from stella.ports.realtime import Briefing, Realtime, RealtimeLine
from stella.ports.speech import Final, Heard

_log = structlog.get_logger("stella.realtime")


def nobody(_heard: Heard) -> None:
    """No stream listens."""


def _never() -> bool:
    return False


class CallLine:
    """One call's. `past` is what the model on it believes; `why` is how the line before it ended."""

    def __init__(
        self,
        call_sid: str,
        models: Sequence[Realtime],
        health: Mapping[str, Breaker],
        briefing: Callable[[Realtime], Briefing],
        metrics: Metrics,
        may_spend: Callable[[], bool],
    ) -> None:
        """Opens one in the background; to be made on the event loop."""
        self.name = models[0].name
        self.model = models[0]
        self.past = Past()
        self.why = ""
        self.busy = False
        """A reply is being made: it ends on the line it began on."""
        self._call, self._models, self._health, self._metrics = call_sid, models, health, metrics
        self._briefing, self._may_spend = briefing, may_spend
        self._line: RealtimeLine | None = None
        self._number = 0
        self._told: Callable[[Heard], None] = nobody
        self._may_hear: Callable[[], bool] = _never
        self._stale = self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._connect()

    def guard(self, may_hear: Callable[[], bool]) -> None:
        """Asked before any sound, and any turn, goes to the model."""
        self._may_hear = may_hear

    @property
    def attached(self) -> bool:
        """Whether a stream listens: without one the turns are those of another path."""
        return self._told is not nobody

    @property
    def allowed(self) -> bool:
        """Whether the model may hear this caller now."""
        return not self.forbidden

    @property
    def forbidden(self) -> str:
        """What keeps the model from hearing the caller: another `path` carries the call, `no-consent`, no `budget`."""
        if not self.attached:
            return "path"
        return "" if self._may_hear() and self._may_spend() else "budget" if self._may_hear() else "no-consent"

    def attach(self, told: Callable[[Heard], None]) -> None:
        """A stream begins to listen."""
        self._told = told

    def detach(self, told: Callable[[Heard], None]) -> None:
        """It ends, unless another has begun meanwhile. Its utterances are nobody's any more: the next stream has its own."""
        if self._told is told:
            self._told = nobody
            for utterance in self.past.utterances:
                if self._line is not None:
                    self._line.drop(utterance)
            self.past.utterances.clear()

    def finished(self, utterance: UtteranceId) -> None:
        """The model has heard an utterance to its end."""
        self.past.utterances[utterance] = ""

    def line(self) -> RealtimeLine | None:
        """The line that may hear the caller now; one that is gone is opened anew for the next time."""
        if not self.allowed:
            return None
        if self._line is None or not self._line.alive or (self._stale and not self.busy):
            self._connect()
        return self.living()

    def living(self) -> RealtimeLine | None:
        """The line as it is: a turn is not put to one that is only being tried again."""
        line = self._line
        return line if line is not None and line.alive and self.allowed and not self._stale else None

    def renew(self) -> None:
        """The briefing is another one: the next utterance is heard over a new line."""
        self._stale = True

    def _connect(self) -> None:
        """Open a line to the first model that knows the language and is well. In the background: nobody waits."""
        before, self._line, self._stale = self._line, None, False
        if before is not None:
            self._spawn(before.close())
        if self._closed:
            return
        for model in self._models:
            breaker, briefing = self._health.get(model.name), self._briefing(model)
            if briefing.language not in model.languages or (breaker is not None and not breaker.allows()):
                continue
            self.model, self.past = model, Past(briefing.greeting if model.eager else "")
            self._number += 1
            self._line = model.open(briefing, partial(self._hear, self._number), partial(self._died, self._number))
            return

    def _hear(self, number: int, heard: Heard) -> None:
        if number == self._number and isinstance(heard, Final):
            self.past.utterances[heard.utterance] = heard.text
        self._told(heard)

    def _died(self, number: int, failure: ProviderError) -> None:
        if number == self._number:
            self.lose(self._line, failure)

    def lose(self, line: RealtimeLine | None, failure: ProviderError) -> None:
        """The line is of no use any more: note it against its model, and see who is next."""
        if line is None or line is not self._line:
            return
        self.why = failure.code
        _log.warning("realtime-lost", call=self._call, engine=self.model.name, code=failure.code)
        self._metrics.dropped("realtime-line")
        if (breaker := self._health.get(self.model.name)) is not None:
            breaker.failed(failure)
        self._connect()

    def worked(self, name: str) -> None:
        """A model has answered."""
        if (breaker := self._health.get(name)) is not None:
            breaker.worked()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """The call is over."""
        self._closed = True
        line, self._line = self._line, None
        if line is not None:
            await line.close()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
