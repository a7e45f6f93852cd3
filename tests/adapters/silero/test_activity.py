"""The thread and its rows, with a network that only checks how it is used."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.conformance.voice_activity import VoiceActivityConformance, until

from stella.adapters.silero import VoiceActivity
from stella.adapters.silero import activity as module
from stella.ports.speech import Activity

LOUD, QUIET = b"\x10" * 256, b"\xff" * 256


class CheckedNetwork:
    """Speech is a window of 0x10. Breaks on every wrong use."""

    def __init__(self, model: Path) -> None:
        self.in_use: set[int] = set()
        self.most = 0
        self.broken = False

    def take(self) -> int:
        """The lowest free row, so that rows are reused at once."""
        row = min(set(range(len(self.in_use) + 1)) - self.in_use)
        self.in_use.add(row)
        self.most = max(self.most, len(self.in_use))
        return row

    def give_back(self, row: int) -> None:
        """Only what was taken."""
        self.in_use.remove(row)

    def step(self, rows: Sequence[int], windows: Sequence[bytes]) -> list[float]:
        """Each row once, each taken, each window whole."""
        assert not self.broken
        assert len(set(rows)) == len(rows) == len(windows)
        assert set(rows) <= self.in_use
        assert all(len(window) == 256 for window in windows)
        return [0.99 if window[0] == 0x10 else 0.01 for window in windows]


@pytest.fixture
async def activity(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VoiceActivity]:
    """Under test, closed afterwards; nothing may have gone wrong in its thread."""
    monkeypatch.setattr(module, "Network", CheckedNetwork)
    activity = VoiceActivity(Path("none"))
    yield activity
    await activity.close()


class TestThread(VoiceActivityConformance):
    """The suite, whatever the model."""

    @pytest.fixture
    def speech(self) -> bytes:
        """Speech to this network."""
        return b"\x10" * 16_000


async def test_calls_that_come_and_go_never_share_a_row(activity: VoiceActivity) -> None:
    """Another caller's voice in one's own state would be a barge-in out of nothing."""
    dice = random.Random(7)
    open_: list[tuple[module.ActivityStream, list[Activity], bool]] = []
    quiet: list[list[Activity]] = []
    for _ in range(400):
        if len(open_) < 30 and dice.random() < 0.4:
            heard: list[Activity] = []
            loud = dice.random() < 0.5
            open_.append((activity.open(heard.append), heard, loud))
            if not loud:
                quiet.append(heard)
        if open_ and dice.random() < 0.3:
            open_.pop(dice.randrange(len(open_)))[0].close()
        for stream, _, loud in open_:
            stream.feed(LOUD[:160] if loud else QUIET[:160])
        await asyncio.sleep(0.001)
    for stream, _, _ in open_:
        stream.close()
    await until(lambda: not activity._leaving or activity._idle)
    assert activity.failures == 0
    assert activity.windows > 500
    assert all(heard == [] for heard in quiet)


async def test_rows_of_calls_that_ended_are_used_again(activity: VoiceActivity) -> None:
    """A process that lives for months has had a million calls."""
    for _ in range(50):
        heard: list[Activity] = []
        stream = activity.open(heard.append)
        stream.feed(LOUD * 3)
        await until(lambda heard=heard: heard)
        stream.close()
    network = activity._network
    assert isinstance(network, CheckedNetwork)
    assert network.most <= 2


async def test_a_batch_that_breaks_is_counted_and_the_ears_go_on(activity: VoiceActivity) -> None:
    """One bad batch must not make every call deaf."""
    network = activity._network
    assert isinstance(network, CheckedNetwork)
    network.broken = True
    heard: list[Activity] = []
    stream = activity.open(heard.append)
    stream.feed(LOUD)
    await until(lambda: activity.failures)
    network.broken = False
    stream.feed(LOUD * 3)
    await until(lambda: heard)
    assert heard[0].speaking
    assert activity.failures == 1


async def test_a_thread_that_falls_behind_drops_the_oldest_and_keeps_count_of_time(activity: VoiceActivity) -> None:
    """What was dropped is still time that passed: positions stay true."""
    heard: list[Activity] = []
    stream = activity.open(heard.append)
    stream.feed(QUIET * 40 + LOUD * 4)
    await until(lambda: heard)
    assert stream.dropped >= 20
    assert heard[0].at_sample == 40 * 256 - 128
