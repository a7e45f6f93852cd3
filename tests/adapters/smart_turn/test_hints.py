"""The thread and its deadlines, with a network that only answers; and the real one, where it is installed."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.adapters.conftest import spoken_sample

from stella.adapters.models.folder import ModelFolder
from stella.adapters.smart_turn import TurnHints
from stella.adapters.smart_turn import hints as module
from stella.audio.mulaw import encode_float
from stella.domain.errors import ConfigError

SOUND = b"\x80" * 8000


class Network:
    """Answers at once, or when it is let, or not at all."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.broken = False
        self.answer = 0.9

    def run(self, _names: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """One probability for one picture."""
        assert inputs["input_features"].shape == (1, 80, 800)
        assert self.go.wait(20)
        if self.broken:
            raise RuntimeError("no answer")
        return [np.array([[self.answer]], np.float32)]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """Instead of the model."""
    network = Network()
    monkeypatch.setattr(module.onnxruntime, "InferenceSession", lambda *_, **__: network)
    return network


async def until(true: Any) -> None:
    """Wait for the thread."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


async def test_a_pause_is_answered_on_the_event_loop(network: Network) -> None:
    """Whoever is told need not think of threads."""
    hints, told = TurnHints(Path("none"), deadline_s=20), []
    hints.ask(SOUND, lambda finished: told.append((finished, threading.current_thread())))
    await until(lambda: told)
    assert told == [(pytest.approx(0.9), threading.main_thread())]
    await hints.close()


async def test_nobody_waits_and_what_is_late_never_comes(network: Network) -> None:
    """A hint about a pause that is over would end another."""
    network.go.clear()
    hints, told = TurnHints(Path("none"), deadline_s=0.05), []
    hints.ask(SOUND, told.append)
    hints.ask(SOUND, told.append)
    await asyncio.sleep(0.1)
    network.go.set()
    await until(lambda: hints.late == 2)
    assert told == []
    await hints.close()


async def test_more_questions_than_can_be_answered_are_not_taken(network: Network) -> None:
    """A hundred calls that pause at once cost no more than the few whose hint would still be in time."""
    network.go.clear()
    hints, told = TurnHints(Path("none"), deadline_s=60), []
    for _ in range(module.WAITING + 10):
        hints.ask(SOUND, told.append)
    assert hints.busy >= 9
    assert hints.asked + hints.busy == module.WAITING + 10
    network.go.set()
    await until(lambda: len(told) == hints.asked)
    await hints.close()


async def test_a_network_that_breaks_costs_hints_and_no_more(network: Network) -> None:
    """Turns end without them; when it works again they come again."""
    network.broken = True
    hints, told = TurnHints(Path("none"), deadline_s=20), []
    hints.ask(SOUND, told.append)
    hints.ask(SOUND, told.append)
    await until(lambda: hints.failures == 2)
    network.broken, network.answer = False, 7.0
    hints.ask(SOUND, told.append)
    await until(lambda: told)
    assert told == [1.0]
    await hints.close()


async def test_after_the_end_nothing_is_told(network: Network) -> None:
    """Closing waits for the thread; twice is quiet."""
    network.go.clear()
    hints, told = TurnHints(Path("none"), deadline_s=20), []
    hints.ask(SOUND, told.append)
    closing = asyncio.create_task(hints.close())
    await asyncio.sleep(0.01)
    network.go.set()
    await closing
    await hints.close()
    hints.ask(SOUND, told.append)
    await asyncio.sleep(0.02)
    assert told == []


def test_a_model_that_cannot_be_read_says_how_to_mend_it(tmp_path: Path) -> None:
    """The start of the server shows this line."""
    (tmp_path / "model.onnx").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="stella models pull smart-turn"):
        TurnHints(tmp_path / "model.onnx")


@pytest.mark.speech
@pytest.mark.parametrize(
    ("text", "language"), [("That is all, thank you.", "en"), ("Vielen Dank, auf Wiederhören.", "de")]
)
async def test_the_real_model_hears_a_whole_sentence(text: str, language: str, models: ModelFolder) -> None:
    """Only that it is the right model, fed the right way: how well it tells is measured, and needs real voices."""
    model = models.smart_turn()
    if model is None:
        pytest.skip("smart-turn is optional: stella models pull smart-turn")
    hints = TurnHints(model)
    assert hints.finished(spoken_sample(text, language)) > 0.5
    assert hints.finished(encode_float(np.sin(np.arange(16000) ** 2 / 90_000) * 0.1)) < 0.5
    await hints.close()
