"""The ears of a model that hears and speaks, in a row with others: what it loses, or may not hear, others hear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from stella.calls.breaker import Breaker
from stella.calls.ears_chain import EarsChain
from stella.domain.ids import UtteranceId
from stella.ports.failure import ProviderError
from stella.ports.realtime import RealtimeLine
from stella.ports.speech import Heard, Lost, SpeechToText, SpeechToTextStream


class Session(Protocol):
    """Whoever has the line. `name` is what its ears are called in a record."""

    name: str

    def line(self) -> RealtimeLine | None:
        """The line that may hear the caller now."""

    def attach(self, told: Callable[[Heard], None]) -> None:
        """A stream begins to listen."""

    def detach(self, told: Callable[[Heard], None]) -> None:
        """It ends, unless another has begun meanwhile."""

    def finished(self, utterance: UtteranceId) -> None:
        """The line has heard an utterance to its end."""


class ModelEars:
    """Keeps `SpeechToText` for one call, over whatever line the session has."""

    def __init__(self, session: Session, unheard: Callable[[], None] | None) -> None:
        """`unheard` is called where the caller speaks and there is no line."""
        self.session, self.unheard = session, unheard
        self.name = session.name
        self.languages = frozenset({"de", "en"})

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: tuple[str, ...] = (), also: tuple[str, ...] = ()
    ) -> ModelUtterances:
        """As the port; the line is the session's."""
        del language, hints, also
        return ModelUtterances(self, heard)

    async def close(self) -> None:
        """The line is the session's."""


class ModelUtterances:
    """One stream's. An utterance is heard to its end by the line it began on, or lost."""

    def __init__(self, ears: ModelEars, heard: Callable[[Heard], None]) -> None:
        """Made by ModelEars.open."""
        self._ears, self._heard = ears, heard
        self._loop = asyncio.get_running_loop()
        self._lines: dict[UtteranceId, RealtimeLine | None] = {}
        self._lost: dict[UtteranceId, asyncio.Handle] = {}
        ears.session.attach(heard)

    def feed(self, mulaw: bytes) -> None:
        """As the port; while the model may not hear, it does not."""
        line = self._ears.session.line()
        if line is not None:
            line.feed(mulaw)

    def begin(self, utterance: UtteranceId) -> None:
        """As the port."""
        line = self._lines[utterance] = self._ears.session.line()
        if line is not None:
            line.begin(utterance)
        elif self._ears.unheard is not None:
            self._loop.call_soon(self._ears.unheard)

    def finish(self, utterance: UtteranceId) -> None:
        """As the port."""
        line = self._lines.pop(utterance, None)
        if line is not None and line.alive:
            self._ears.session.finished(utterance)
            line.finish(utterance)
        else:
            self._lost[utterance] = self._loop.call_soon(self._lose, utterance)

    def _lose(self, utterance: UtteranceId) -> None:
        self._lost.pop(utterance, None)
        self._heard(Lost(utterance, "no-line"))

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        line = self._lines.pop(utterance, None) or self._ears.session.line()
        if line is not None:
            line.drop(utterance)
        if (lost := self._lost.pop(utterance, None)) is not None:
            lost.cancel()

    async def close(self) -> None:
        """As the port."""
        for lost in self._lost.values():
            lost.cancel()
        for utterance, line in self._lines.items():
            if line is not None:
                line.drop(utterance)
        self._ears.session.detach(self._heard)


class _Gate(Breaker):
    """Whether the model may hear the next utterance. Its health is looked after where its line is."""

    def __init__(self, session: Session) -> None:
        super().__init__(lambda: 0.0)
        self._session = session

    def allows(self) -> bool:
        return self._session.line() is not None

    def worked(self) -> None:
        """Not here."""

    def failed(self, failure: ProviderError | None = None) -> None:
        """Not here."""


class _Gated:
    """One stream: `first` hears what the model may not, `then` everything after."""

    def __init__(self, first: SpeechToTextStream, then: SpeechToTextStream, allowed: Callable[[], bool]) -> None:
        self._first, self._then, self._allowed = first, then, allowed
        self._of: dict[UtteranceId, SpeechToTextStream] = {}

    def _now(self) -> SpeechToTextStream:
        return self._then if self._allowed() else self._first

    def feed(self, mulaw: bytes) -> None:
        """As the port; an utterance is heard to its end by whoever began it."""
        for stream in {id(one): one for one in (self._now(), *self._of.values())}.values():
            stream.feed(mulaw)

    def begin(self, utterance: UtteranceId) -> None:
        """As the port."""
        stream = self._of[utterance] = self._now()
        stream.begin(utterance)

    def finish(self, utterance: UtteranceId) -> None:
        """As the port."""
        (self._of.pop(utterance, None) or self._now()).finish(utterance)

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        self._of.pop(utterance, None)
        self._first.drop(utterance)
        self._then.drop(utterance)

    async def close(self) -> None:
        """As the port."""
        await self._first.close()
        await self._then.close()


class EarsInARow:
    """Keeps `SpeechToText` for one call: the model hears first, and what it loses is heard again by `behind`."""

    def __init__(self, model: ModelEars, behind: SpeechToText | None, allowed: Callable[[], bool]) -> None:
        """`allowed`: whether the caller's voice may go to the model."""
        engines: list[SpeechToText] = [model] if behind is None else [model, behind]
        self._chain = EarsChain(engines, {model.name: _Gate(model.session)})
        self._behind, self._allowed = behind, allowed
        self.name, self.languages = self._chain.name, self._chain.languages

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: tuple[str, ...] = (), also: tuple[str, ...] = ()
    ) -> SpeechToTextStream:
        """As the port."""
        first = (
            None if self._allowed() or self._behind is None else await self._behind.open(language, heard, hints, also)
        )
        then = await self._chain.open(language, heard, hints, also)
        return then if first is None else _Gated(first, then, self._allowed)

    async def close(self) -> None:
        """As the port."""
