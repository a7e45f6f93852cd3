"""Ears in a row: no word is lost with a connection, and every finish has one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from stella.calls.breaker import FAILURES, Breaker
from stella.calls.ears_chain import HEDGE_S, EarsChain
from stella.domain.ids import UtteranceId
from stella.ports.failure import Rejected, Unavailable
from stella.ports.speech import Final, Heard, Hypothesis, Lost, Switched

Go = Callable[[Awaitable[Any]], Any]
ONE, TWO = UtteranceId(1), UtteranceId(2)
SPEECH = bytes(range(256)) * 40


@dataclass
class Line:
    """One stream of scripted ears."""

    ears: ScriptedEars
    heard: Callable[[Heard], None]
    fed: bytearray = field(default_factory=bytearray)
    closed: bool = False
    dropped: list[UtteranceId] = field(default_factory=list)
    begun_at: dict[UtteranceId, int] = field(default_factory=dict)

    def feed(self, mulaw: bytes) -> None:
        self.fed += mulaw

    def begin(self, utterance: UtteranceId) -> None:
        self.begun_at[utterance] = max(0, len(self.fed) - 3200)
        self.heard(Hypothesis(utterance, self.ears.name))

    def finish(self, utterance: UtteranceId) -> None:
        sound = bytes(self.fed[self.begun_at.get(utterance, len(self.fed)) :])
        self.ears.asked.append(sound)
        if self.ears.answers:
            asyncio.get_running_loop().call_later(self.ears.delay, self._answer, utterance, len(sound))

    def _answer(self, utterance: UtteranceId, size: int) -> None:
        if not self.closed and utterance not in self.dropped:
            code = self.ears.codes.pop(0) if self.ears.codes else ""
            self.heard(Lost(utterance, code) if code else Final(utterance, f"{self.ears.name} {size}", 1.0))

    def drop(self, utterance: UtteranceId) -> None:
        self.dropped.append(utterance)

    async def close(self) -> None:
        self.closed = True


@dataclass
class ScriptedEars:
    """Answers after `delay` with how much it heard, or with the codes it was given."""

    name: str
    codes: list[str] = field(default_factory=list)
    delay: float = 0.1
    answers: bool = True
    refuses: Exception | None = None
    languages: frozenset[str] = frozenset({"de", "en"})
    lines: list[Line] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)

    async def open(
        self, language: str, heard: Callable[[Heard], None], hints: tuple[str, ...] = (), also: tuple[str, ...] = ()
    ) -> Line:
        del language, hints, also
        if self.refuses:
            raise self.refuses
        self.lines.append(Line(self, heard))
        return self.lines[-1]

    async def close(self) -> None:
        """Nothing."""


async def utter(stream: Any, utterance: UtteranceId = ONE, wait: float = 5.0, sound: bytes = SPEECH) -> None:
    """One utterance, with a second of noise before it."""
    stream.feed(b"\x00" * 8000)
    stream.begin(utterance)
    for start in range(0, len(sound), 160):
        stream.feed(sound[start : start + 160])
    stream.finish(utterance)
    await asyncio.sleep(wait)


def ends(heard: list[Heard]) -> list[Heard]:
    """The answers."""
    return [one for one in heard if isinstance(one, Final | Lost)]


def play(go: Go, *ears: ScriptedEars, times: int = 1, health: dict[str, Breaker] | None = None) -> list[Heard]:
    """So many utterances, one after the other; what was heard."""
    heard: list[Heard] = []

    async def call() -> None:
        stream = await EarsChain(ears, health or {}).open("de", heard.append)
        for number in range(1, times + 1):
            await utter(stream, UtteranceId(number))
        await stream.close()

    go(call())
    assert all(line.closed for one in ears for line in one.lines)
    return heard


def test_the_first_answers_and_the_second_is_never_asked(run: Go) -> None:
    """A healthy row costs one engine."""
    second = ScriptedEars("b")
    heard = play(run, ScriptedEars("a"), second, times=3)
    assert [one.text for one in heard if isinstance(one, Final)] == ["a 13440"] * 3
    assert not second.lines


@pytest.mark.parametrize("code", ["cut", "timeout", "http-503", "quota", "json"])
def test_a_lost_utterance_is_heard_again_whole_by_the_next(run: Go, code: str) -> None:
    """The caller said it once; that is enough."""
    second = ScriptedEars("b")
    heard = play(run, ScriptedEars("a", [code]), second)
    (answer,) = ends(heard)
    assert answer == Final(ONE, "b 13440", pytest.approx(200, abs=50))
    assert second.asked == [b"\x00" * 3200 + SPEECH]
    assert [one for one in heard if isinstance(one, Switched)] == [Switched("stt", "a", "b", "lost", begun=True)]


def test_a_slow_engine_is_overtaken_and_its_late_answer_is_not_heard(run: Go) -> None:
    """The caller waits for the quicker of the two."""
    heard = play(run, ScriptedEars("a", delay=4.0), ScriptedEars("b"))
    (answer,) = ends(heard)
    assert isinstance(answer, Final)
    assert answer.text.startswith("b")
    assert answer.took_ms == pytest.approx(HEDGE_S * 1000 + 100, abs=50)


def test_a_cut_line_with_nobody_behind_it_is_tried_once_more(run: Go) -> None:
    """A new connection often does it; two would be a caller's patience."""
    only = ScriptedEars("a", ["cut"])
    assert isinstance(ends(play(run, only))[0], Final)
    assert only.asked[0] == only.asked[1]
    assert ends(play(run, ScriptedEars("a", ["cut", "cut"]))) == [Lost(ONE, "cut")]


def test_when_all_lose_it_one_answer_says_so(run: Go) -> None:
    """The turn goes on with "I beg your pardon"; it does not hang."""
    heard = play(run, ScriptedEars("a", ["http-503"]), ScriptedEars("b", ["http-500"]))
    assert ends(heard) == [Lost(ONE, "http-500")]


def test_an_engine_that_keeps_failing_is_left_alone_and_then_tried_again(run: Go) -> None:
    """No turn waits for it while it is down, and it comes back by itself."""

    async def call() -> tuple[list[Heard], ScriptedEars]:
        first = ScriptedEars("a", ["cut"] * FAILURES)
        health = {"a": Breaker(asyncio.get_running_loop().time, lambda: 0.0)}
        heard: list[Heard] = []
        stream = await EarsChain([first, ScriptedEars("b")], health).open("de", heard.append)
        for number in range(1, 9):
            await utter(stream, UtteranceId(number), wait=1.5)
        await stream.close()
        return heard, first

    heard, _first = run(call())
    said = [one.text.split()[0] for one in heard if isinstance(one, Final)]
    assert said[:FAILURES] == ["b"] * FAILURES
    assert said[-1] == "a"
    assert [one.took_ms for one in heard if isinstance(one, Final)][-1] == pytest.approx(100, abs=20)


def test_ears_that_cannot_be_opened_are_passed_over(run: Go) -> None:
    """A call begins with whoever is there; with nobody it goes to the carrier's ears."""
    assert isinstance(ends(play(run, ScriptedEars("a", refuses=Unavailable("a", "x")), ScriptedEars("b")))[0], Final)

    async def nobody() -> None:
        await EarsChain([ScriptedEars("a", refuses=Unavailable("a", "x"))], {}).open("de", lambda _heard: None)

    with pytest.raises(Unavailable):
        run(nobody())


def test_ears_that_break_on_opening_are_passed_over_and_their_utterance_is_answered(run: Go) -> None:
    """What no port foresees is a failure too: at the start of a call, and where an utterance is to be heard again."""
    fault = ValueError("a fault of ours")
    assert isinstance(ends(play(run, ScriptedEars("a", refuses=fault), ScriptedEars("b")))[0], Final)
    heard = play(run, ScriptedEars("a", ["timeout"]), ScriptedEars("b", refuses=fault))
    assert ends(heard) == [Lost(ONE, "broken")]


def test_a_language_that_nobody_knows_is_refused(run: Go) -> None:
    """As every pair of ears does."""

    async def call() -> None:
        await EarsChain([ScriptedEars("a")], {}).open("xx", lambda _heard: None)

    with pytest.raises(Rejected):
        run(call())


def test_what_is_dropped_or_closed_is_never_answered(run: Go) -> None:
    """Not even by the second, who has only just begun."""
    heard: list[Heard] = []

    async def call() -> None:
        ears = ScriptedEars("a", ["cut"] * 5), ScriptedEars("b", delay=1.0)
        stream = await EarsChain(ears, {}).open("de", heard.append)
        await utter(stream, ONE, wait=0.5)
        stream.drop(ONE)
        stream.drop(UtteranceId(9))
        await utter(stream, TWO, wait=0.5)
        await stream.close()
        await stream.close()
        stream.feed(SPEECH)
        stream.begin(ONE)
        stream.finish(ONE)
        await asyncio.sleep(5)

    run(call())
    assert ends(heard) == []


def test_the_row_keeps_no_more_than_a_minute_of_an_utterance(run: Go) -> None:
    """What is kept has a bound, however long somebody talks."""
    second = ScriptedEars("b")

    async def call() -> None:
        stream = await EarsChain([ScriptedEars("a", ["cut"]), second], {}).open("de", lambda _heard: None)
        await utter(stream, sound=bytes(70 * 8000))
        await stream.close()

    run(call())
    assert len(second.asked[0]) <= 60 * 8000 + 160
