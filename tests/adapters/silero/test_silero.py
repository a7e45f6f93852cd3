"""Silero behind its port, with the real model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.conftest import spoken_sample
from tests.conformance.voice_activity import SILENCE, VoiceActivityConformance, play, until

from stella.adapters.silero import VoiceActivity
from stella.adapters.silero.decision import WINDOW
from stella.adapters.silero.network import Network
from stella.audio import mulaw
from stella.domain.errors import ConfigError
from stella.ports.speech import Activity

pytestmark = pytest.mark.speech


@pytest.fixture
async def activity(silero_model: Path) -> AsyncIterator[VoiceActivity]:
    """Under test, closed afterwards."""
    activity = VoiceActivity(silero_model)
    yield activity
    await activity.close()


class TestSilero(VoiceActivityConformance):
    """The suite."""

    @pytest.fixture
    def speech(self) -> bytes:
        """A real voice."""
        return spoken_sample("Could you tell me, please, what your opening hours are?", "en")


def windows(sound: bytes) -> list[bytes]:
    """Whole windows."""
    return [sound[start : start + WINDOW] for start in range(0, len(sound) - WINDOW + 1, WINDOW)]


def test_a_batch_gives_the_same_as_single_runs(silero_model: Path) -> None:
    """Calls are batched as they come; what a call hears must not depend on the others."""
    network = Network(silero_model, rows=2)
    sounds = [
        windows(spoken_sample(text, "en"))[:30] for text in ("Good morning to you all.", "What does it cost, please?")
    ]
    sounds.append(windows(mulaw.encode_float(np.random.default_rng(1).standard_normal(8000) * 0.01))[:30])
    rows = [network.take() for _ in sounds]
    together = [network.step(rows, batch) for batch in zip(*sounds, strict=True)]
    for number, sound in enumerate(sounds):
        row = network.take()
        alone = [network.step([row], [window])[0] for window in sound]
        assert np.allclose([step[number] for step in together], alone, atol=1e-5)


def test_a_row_that_was_used_comes_back_clean(silero_model: Path) -> None:
    """The next call in this row must not inherit the last one's voice."""
    network = Network(silero_model, rows=1)
    sound = windows(spoken_sample("Good morning to you all.", "en"))[:20]
    row = network.take()
    first = [network.step([row], [window])[0] for window in sound]
    network.give_back(row)
    assert network.take() == row
    assert [network.step([row], [window])[0] for window in sound] == first


async def test_close_leaves_no_thread(silero_model: Path) -> None:
    """A process that reloads or drains must not collect threads."""
    activity = VoiceActivity(silero_model)
    activity.open(lambda _change: None).feed(SILENCE)
    assert any(thread.name == "voice-activity" for thread in threading.enumerate())
    await activity.close()
    assert not any(thread.name == "voice-activity" for thread in threading.enumerate())
    with pytest.raises(RuntimeError):
        activity.open(lambda _change: None)


async def test_a_thread_that_falls_behind_loses_the_oldest_and_counts(activity: VoiceActivity) -> None:
    """Half a second late is useless for barge-in, and a queue without an end is worse."""
    stream = activity.open(lambda _change: None)
    stream.feed(SILENCE * 3)
    assert stream.dropped > 0
    assert activity.dropped == stream.dropped
    assert len(stream.windows) <= 16


@pytest.mark.parametrize("noise", ["white", "ringback", "dtmf", "clicks"])
async def test_noises_of_the_line_are_not_speech(activity: VoiceActivity, noise: str) -> None:
    """A ringing tone, a key or a click must never interrupt the agent."""
    generator, time = np.random.default_rng(2), np.arange(24_000) / 8000
    sounds = {
        "white": generator.standard_normal(len(time)) * 0.03,
        "ringback": 0.2 * np.sin(2 * np.pi * 425 * time),
        "dtmf": 0.25 * (np.sin(2 * np.pi * 770 * time) + np.sin(2 * np.pi * 1336 * time)) * (time % 0.3 < 0.15),
        "clicks": generator.standard_normal(len(time)) * 0.4 * (time % 0.4 < 0.005),
    }
    changes: list[Activity] = []
    stream = activity.open(changes.append)
    await play(stream, mulaw.encode_float(sounds[noise]))
    await asyncio.sleep(0.05)
    assert changes == []
    assert activity.windows > 80


async def test_many_calls_are_worked_off_in_batches(activity: VoiceActivity, silero_model: Path) -> None:
    """That is what makes 500 calls a core possible."""
    del silero_model
    loud: list[Activity] = []
    streams = [activity.open(loud.append) for _ in range(80)]
    sound = SILENCE[:1600] + spoken_sample("Could you tell me your opening hours?", "en")[:4800]
    for start in range(0, len(sound), WINDOW):
        for stream in streams:
            stream.feed(sound[start : start + WINDOW])
        await asyncio.sleep(0.012)
    await until(lambda: len(loud) >= len(streams))
    assert activity.windows / activity.batches > 20
    for stream in streams:
        stream.close()


def test_a_damaged_model_says_how_to_mend_it(tmp_path: Path) -> None:
    """The start of the server shows this line."""
    (tmp_path / "x.onnx").write_bytes(b"not a model")
    with pytest.raises(ConfigError, match="stella models pull"):
        Network(tmp_path / "x.onnx")
