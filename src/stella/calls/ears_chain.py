"""Ears in a row: when one loses an utterance, or is too slow with it, the next hears the whole of it again.

Law 1: the sound of every utterance is kept until it is answered, so no word is lost with a connection.
Law 2: every `finish` is answered once, by whoever is first; all others are told to forget it.
Law 3: an engine that fails is left alone by its breaker, and tried again with one utterance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from stella.calls.breaker import Breaker
from stella.domain.ids import UtteranceId
from stella.ports.failure import ProviderError, Rejected, Unavailable, failure_of
from stella.ports.metrics import Metrics, NullMetrics
from stella.ports.speech import Final, Heard, Hypothesis, Lost, SpeechToText, SpeechToTextStream, Switched

_log = structlog.get_logger("stella.ears")

PRE_ROLL = 3200
LONGEST = 60 * 8000
"""Bytes kept of one utterance; of a longer one the beginning is kept."""
HEDGE_S = 0.6
"""The next engine is asked as well when the first has not answered by then."""
FED = 8000
_REJECTED = frozenset({"quota", "certificate", "language", "policy", "http-400", "http-401", "http-403", "http-404"})


@dataclass(slots=True)
class _Utterance:
    id: UtteranceId
    place: int
    sound: bytearray = field(default_factory=bytearray)
    finished_at: float = 0.0
    asked: set[int] = field(default_factory=set)
    """Places that have been asked for an answer."""
    waiting: set[int] = field(default_factory=set)
    """Places whose answer is still to come."""
    again: bool = False
    timer: asyncio.TimerHandle | None = None


class EarsChain:
    """Keeps `SpeechToText`. Each engine is closed by its owner, not here."""

    def __init__(
        self,
        engines: Sequence[SpeechToText],
        health: Mapping[str, Breaker],
        metrics: Metrics | None = None,
        hedge_s: float = HEDGE_S,
    ) -> None:
        """`engines` in the order they are tried; `health` by name, one without an entry is always asked."""
        self.engines, self.health = tuple(engines), health
        self.metrics, self.hedge_s = metrics or NullMetrics(), hedge_s
        self.name = engines[0].name
        self.languages = frozenset[str]().union(*(engine.languages for engine in engines))

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: tuple[str, ...] = (), also: tuple[str, ...] = ()
    ) -> ChainedEars:
        """As the port: the first engine that knows the language and is well. Raises what the last of them raised."""
        engines = [engine for engine in self.engines if language in engine.languages]
        if not engines:
            raise Rejected(self.name, "language", language)
        stream = ChainedEars(self, engines, language, heard, hints, also)
        await stream.start()
        return stream

    async def close(self) -> None:
        """As the port."""


class ChainedEars:
    """One call's stream."""

    def __init__(
        self,
        chain: EarsChain,
        engines: Sequence[SpeechToText],
        language: str,
        heard: Callable[[Heard], None],
        hints: tuple[str, ...],
        also: tuple[str, ...],
    ) -> None:
        """Made by EarsChain.open."""
        self._chain, self._engines, self._language, self._heard = chain, engines, language, heard
        self._hints, self._also = hints, also
        self._loop = asyncio.get_running_loop()
        self._streams: dict[int, SpeechToTextStream] = {}
        self._live = 0
        self._probing: int | None = None
        self._kept = bytearray()
        self._open: dict[UtteranceId, _Utterance] = {}
        self._asked: dict[UtteranceId, _Utterance] = {}
        self._again: dict[tuple[UtteranceId, int], SpeechToTextStream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Open the first that can be opened. Raises ProviderError."""
        well = [place for place in range(len(self._engines)) if not self._resting(place)]
        failure: ProviderError = Unavailable(self._chain.name, "no-engine")
        for place in well or range(len(self._engines)):
            try:
                self._streams[place] = await self._new_stream(place)
            except Exception as fault:  # noqa: BLE001 whatever it is, the next may be opened
                failure = failure_of(self._engines[place].name, fault)
                self._failed(place, failure)
            else:
                self._live = place
                return
        raise failure

    async def _new_stream(self, place: int) -> SpeechToTextStream:
        engine = self._engines[place]
        return await engine.open(self._language, lambda heard: self._told(place, heard), self._hints, self._also)

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        if self._closed:
            return
        self._kept += mulaw
        if len(self._kept) > 2 * PRE_ROLL:
            del self._kept[:-PRE_ROLL]
        for utterance in self._open.values():
            if len(utterance.sound) < LONGEST:
                utterance.sound += mulaw
        self._streams[self._live].feed(mulaw)

    def begin(self, utterance: UtteranceId) -> None:
        """As the port."""
        if self._closed or utterance in self._open:
            return
        self._choose()
        self._open[utterance] = _Utterance(utterance, self._live, bytearray(self._kept[-PRE_ROLL:]))
        self._streams[self._live].begin(utterance)

    def finish(self, utterance: UtteranceId) -> None:
        """As the port."""
        if self._closed or utterance in self._asked:
            return
        asked = self._open.pop(utterance, None) or _Utterance(utterance, self._live)
        self._asked[utterance] = asked
        asked.finished_at = self._loop.time()
        asked.asked.add(asked.place)
        asked.waiting.add(asked.place)
        if asked.sound and len(self._engines) > 1:
            asked.timer = self._loop.call_later(self._chain.hedge_s, self._hedge, asked)
        self._streams[asked.place].finish(utterance)

    def drop(self, utterance: UtteranceId) -> None:
        """As the port."""
        dropped = self._open.pop(utterance, None) or self._asked.pop(utterance, None)
        if dropped is None:
            return
        if dropped.timer is not None:
            dropped.timer.cancel()
        self._streams[dropped.place].drop(utterance)
        self._put_away(utterance)

    def _choose(self) -> None:
        """The engine of the next utterance: the first that is well and ready; one that is to be tried is made ready."""
        for place in range(len(self._engines)):
            if place != self._probing:
                if not self._allows(place):
                    continue
                if self._resting(place):
                    self._probing = place
            if place == self._live:
                return
            if place not in self._streams:
                self._spawn(self._make_ready(place))
                return
            self._streams[place].feed(bytes(self._kept[-PRE_ROLL:]))
            self._note(self._live, place, "probe" if place == self._probing else "order", begun=False)
            self._live = place
            return

    async def _make_ready(self, place: int) -> None:
        try:
            stream = await self._new_stream(place)
        except Exception as fault:  # noqa: BLE001 whatever it is, the one that listens goes on
            self._failed(place, failure_of(self._engines[place].name, fault))
            return
        if self._closed or place in self._streams:
            await stream.close()
        else:
            self._streams[place] = stream

    def _allows(self, place: int) -> bool:
        breaker = self._chain.health.get(self._engines[place].name)
        return breaker is None or breaker.allows()

    def _resting(self, place: int) -> bool:
        breaker = self._chain.health.get(self._engines[place].name)
        return breaker is not None and breaker.open

    def _failed(self, place: int, failure: ProviderError) -> None:
        name = self._engines[place].name
        if place == self._probing:
            self._probing = None
        if (breaker := self._chain.health.get(name)) is not None:
            breaker.failed(failure)
        self._chain.metrics.dropped("stt-answer")
        _log.warning("ears-failed", engine=name, code=failure.code)

    def _told(self, place: int, heard: Heard) -> None:
        """An engine said something about an utterance."""
        if self._closed or isinstance(heard, Switched):
            return
        if isinstance(heard, Hypothesis):
            first = self._open.get(heard.utterance) or self._asked.get(heard.utterance)
            if first is not None and first.place == place and (heard.utterance, place) not in self._again:
                self._heard(heard)
            return
        asked = self._asked.get(heard.utterance)
        if asked is None or place not in asked.waiting:
            return
        if isinstance(heard, Final):
            self._answer(asked, place, heard)
            return
        asked.waiting.discard(place)
        self._failed(place, _failure(self._engines[place].name, heard.code))
        if not self._ask_next(asked, heard.code) and not asked.waiting:
            self._settle(asked, heard)

    def _answer(self, asked: _Utterance, place: int, final: Final) -> None:
        name = self._engines[place].name
        if (breaker := self._chain.health.get(name)) is not None:
            breaker.worked()
        if place == self._probing:
            self._probing = None
        if place != asked.place:
            self._note(asked.place, place, "slow" if asked.place in asked.waiting else "lost", begun=True)
            if asked.place in asked.waiting:
                self._streams[asked.place].drop(asked.id)
        self._settle(asked, replace(final, took_ms=(self._loop.time() - asked.finished_at) * 1000))

    def _settle(self, asked: _Utterance, answer: Heard) -> None:
        if asked.timer is not None:
            asked.timer.cancel()
        self._asked.pop(asked.id, None)
        self._put_away(asked.id)
        self._heard(answer)

    def _put_away(self, utterance: UtteranceId) -> None:
        """Close what was opened only for this utterance."""
        for key in [key for key in self._again if key[0] == utterance]:
            self._spawn(self._again.pop(key).close())

    def _hedge(self, asked: _Utterance) -> None:
        asked.timer = None
        if asked.id in self._asked:
            self._chain.metrics.dropped("stt-slow")
            self._ask_next(asked, "slow")

    def _ask_next(self, asked: _Utterance, code: str) -> bool:
        """Let another engine hear it all; or the same one over a new line, once, where only the line was cut."""
        for place in range(len(self._engines)):
            last = place == len(self._engines) - 1
            if asked.sound and place not in asked.asked and (last or self._allows(place)):
                self._hear_again(asked, place)
                return True
        if code == "cut" and not asked.again and asked.sound and not asked.waiting:
            asked.again = True
            self._hear_again(asked, asked.place)
            return True
        return False

    def _hear_again(self, asked: _Utterance, place: int) -> None:
        asked.asked.add(place)
        asked.waiting.add(place)
        _log.info("heard-again", engine=self._engines[place].name)
        self._spawn(self._replay(asked, place))

    async def _replay(self, asked: _Utterance, place: int) -> None:
        """On a line of its own: what is said meanwhile goes on elsewhere."""
        try:
            stream = await self._new_stream(place)
        except Exception as fault:  # noqa: BLE001 whatever it is, the utterance gets an answer
            self._told(place, Lost(asked.id, failure_of(self._engines[place].name, fault).code))
            return
        if self._closed or asked.id not in self._asked:
            await stream.close()
            return
        self._again[asked.id, place] = stream
        stream.feed(bytes(asked.sound[:PRE_ROLL]))
        stream.begin(asked.id)
        for start in range(PRE_ROLL, len(asked.sound), FED):
            stream.feed(bytes(asked.sound[start : start + FED]))
        stream.finish(asked.id)

    def _note(self, before: int, after: int, code: str, *, begun: bool) -> None:
        """For the record, the log and the counters: who went on for whom, and why."""
        names = self._engines[before].name, self._engines[after].name
        self._chain.metrics.dropped("stt-switch")
        _log.warning("ears-switched", before=names[0], engine=names[1], code=code)
        self._heard(Switched("stt", *names, code, begun))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """As the port."""
        if self._closed:
            return
        self._closed = True
        for asked in self._asked.values():
            if asked.timer is not None:
                asked.timer.cancel()
        self._open.clear()
        self._asked.clear()
        streams = [*self._streams.values(), *self._again.values()]
        self._again.clear()
        await asyncio.gather(*(stream.close() for stream in streams), *self._tasks, return_exceptions=True)


def _failure(name: str, code: str) -> ProviderError:
    return Rejected(name, code) if code in _REJECTED else Unavailable(name, code)
