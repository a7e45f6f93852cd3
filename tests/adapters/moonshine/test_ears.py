"""What happens around the model: queue, deadline, bounds, threads. With a recogniser that does as it is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.conformance.speech_to_text import ONE, TWO, SpeechToTextConformance, feed, lost, until

from stella.adapters.bench import speech_like
from stella.adapters.moonshine import SpeechToText
from stella.adapters.moonshine import ears as module
from stella.adapters.moonshine.queue import FairQueue
from stella.domain.ids import UtteranceId
from stella.ports.failure import Unavailable
from stella.ports.speech import Final, Heard

SPEECH = b"\xff" * 3200 + speech_like(1.0)


class Scripted:
    """Answers when it is let; remembers how long each utterance was."""

    def __init__(self, text: str = "hello") -> None:
        self.text = text
        self.go = threading.Event()
        self.go.set()
        self.lengths: list[int] = []
        self.closed = 0
        self.failure: Exception | None = None

    def transcribe(self, sound: NDArray[np.float32], rate: int = 8000) -> str:
        """As told."""
        assert rate == 8000
        self.lengths.append(len(sound))
        self.go.wait(5)
        if self.failure:
            raise self.failure
        return self.text

    def close(self) -> None:
        """Count."""
        self.closed += 1


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., tuple[SpeechToText, Scripted]]]:
    """Ears with a scripted recogniser, closed afterwards."""
    made: list[tuple[SpeechToText, Scripted]] = []

    def build(text: str = "hello", **numbers: float) -> tuple[SpeechToText, Scripted]:
        engine = Scripted(text)
        made.append((SpeechToText(lambda: engine, workers=1, **numbers), engine))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for ears, engine in made:
        engine.go.set()
        await ears.close()


class TestScripted(SpeechToTextConformance):
    """The suite, whatever the model."""

    @pytest.fixture
    def ears(self, make: Callable[..., tuple[SpeechToText, Scripted]]) -> SpeechToText:
        """Under test."""
        return make()[0]

    @pytest.fixture
    def speech(self) -> bytes:
        """Speech-like enough."""
        return SPEECH

    @pytest.fixture
    def said(self) -> str:
        """By the script."""
        return "hello"


Make = Callable[..., tuple[SpeechToText, Scripted]]


async def test_the_event_loop_goes_on_while_the_model_works(make: Make) -> None:
    """Every other call lives on that loop."""
    ears, engine = make()
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    engine.go.clear()
    stream.begin(ONE)
    feed(stream, SPEECH)
    stream.finish(ONE)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert heard == []
    engine.go.set()
    await until(lambda: heard)


async def test_past_the_deadline_the_utterance_is_lost_once(make: Make) -> None:
    """The caller hears "pardon?" instead of nothing; the late answer is not a second one."""
    ears, engine = make(patience=0.03)
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    engine.go.clear()
    stream.begin(ONE)
    feed(stream, SPEECH)
    stream.finish(ONE)
    await until(lambda: heard)
    engine.go.set()
    await asyncio.sleep(0.03)
    assert lost(heard) == ["timeout"]
    assert len(heard) == 1
    assert ears.timeouts == 1


async def test_with_a_full_queue_an_utterance_is_lost_at_once(make: Make) -> None:
    """Waiting behind a hundred others would only be a slower timeout."""
    ears, engine = make(waiting=1)
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    engine.go.clear()
    for number in range(1, 5):
        stream.begin(UtteranceId(number))
        feed(stream, SPEECH)
        stream.finish(UtteranceId(number))
        await until(lambda: engine.lengths)
    await until(lambda: len(heard) == 2)
    assert lost(heard) == ["busy", "busy"]
    assert ears.busy == 2
    engine.go.set()
    await until(lambda: len(heard) == 4)


async def test_a_model_that_fails_loses_one_utterance_and_goes_on(make: Make) -> None:
    """The worker must survive everything."""
    ears, engine = make()
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    for number, failure in ((1, Unavailable("moonshine", "engine")), (2, ValueError("odd")), (3, None)):
        engine.failure = failure
        stream.begin(UtteranceId(number))
        feed(stream, SPEECH)
        stream.finish(UtteranceId(number))
        await until(lambda wanted=number: len(heard) == wanted)
    assert lost(heard) == ["engine", "engine"]
    assert isinstance(heard[-1], Final)


@pytest.mark.parametrize("text", ["You", "you.", " You ", "Thanks for watching!", "the the the the the the", ""])
async def test_what_the_model_invents_is_nothing(make: Make, text: str) -> None:
    """A brain that answers invented words is worse than one that asks again."""
    ears, _ = make(text)
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    stream.begin(ONE)
    feed(stream, SPEECH)
    stream.finish(ONE)
    await until(lambda: heard)
    assert [what.text for what in heard if isinstance(what, Final)] == [""]


async def test_silence_and_clicks_never_reach_the_model(make: Make) -> None:
    """It makes words of anything."""
    ears, engine = make()
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    for number, sound in enumerate((b"\xff" * 8000, b"\xff" * 4000 + b"\x10\x90" * 40 + b"\xff" * 4000), 1):
        stream.begin(UtteranceId(number))
        feed(stream, sound)
        stream.finish(UtteranceId(number))
    await until(lambda: len(heard) == 2)
    assert engine.lengths == []
    assert all(isinstance(what, Final) and what.text == "" for what in heard)


async def test_sound_from_before_begin_is_part_of_the_utterance(make: Make) -> None:
    """Voice activity notices a word 100 ms after it began; its first sound must not be cut."""
    ears, engine = make()
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    feed(stream, b"\xff" * 80_000 + SPEECH)
    stream.begin(ONE)
    stream.finish(ONE)
    await until(lambda: heard)
    assert 2_000 <= engine.lengths[0] <= module.PRE_ROLL


async def test_a_call_without_speech_keeps_only_the_pre_roll(make: Make) -> None:
    """Two hundred calls of an hour each must not fill the memory."""
    ears, _ = make()
    stream = await ears.open("en", lambda _heard: None)
    feed(stream, b"\xff" * 1_000_000)
    assert len(stream._sound) <= 16_000


async def test_an_endless_utterance_keeps_its_first_minute(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A radio beside the caller must not fill the memory; what was cut is counted."""
    monkeypatch.setattr(module, "LONGEST", 16_000)
    ears, engine = make()
    heard: list[Heard] = []
    stream = await ears.open("en", heard.append)
    stream.begin(ONE)
    feed(stream, speech_like(6.0))
    assert ears.cut == 1
    assert len(stream._sound) <= 16_000
    stream.finish(ONE)
    await until(lambda: heard)
    assert 8_000 <= sum(engine.lengths) <= 16_000
    assert isinstance(heard[0], Final)


async def test_close_frees_models_and_threads(make: Make) -> None:
    """A process that drains must end."""
    ears, engine = make()
    stream = await ears.open("en", lambda _heard: None)
    stream.begin(TWO)
    await ears.close()
    assert engine.closed == 1
    assert not any(thread.name.startswith("moonshine") for thread in threading.enumerate())
    with pytest.raises(Unavailable):
        await ears.open("en", lambda _heard: None)


def test_a_call_that_talks_much_waits_behind_itself() -> None:
    """Fairness: three utterances of one caller do not push another's one to the end."""
    queue: FairQueue[str] = FairQueue(10)
    for key, thing in (("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")):
        assert queue.put(key, thing)
    assert [queue.get() for _ in range(4)] == ["a1", "b1", "a2", "a3"]


def test_a_closed_queue_lets_everybody_go() -> None:
    """Workers end when there is nothing more to come."""
    queue: FairQueue[str] = FairQueue(1)
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(queue.get()))
    thread.start()
    time.sleep(0.01)
    queue.close()
    thread.join(2)
    assert got == [None]
    assert not queue.put("a", "late")
