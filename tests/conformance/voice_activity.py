"""What every VoiceActivity keeps. A test of an adapter is a fixture `activity` and a subclass.

The fixture yields a VoiceActivity on the test's loop. `speech` is sound the adapter takes for speech (mu-law), 2 s or more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stella.ports.speech import Activity, VoiceActivity, VoiceActivityStream

FRAME = 160
SILENCE = b"\xff" * 8000


async def play(stream: VoiceActivityStream, mulaw: bytes) -> None:
    """Frame by frame, faster than life, but never so fast that a detector has to drop."""
    for start in range(0, len(mulaw), FRAME):
        stream.feed(mulaw[start : start + FRAME])
        await asyncio.sleep(0.002)


async def until(true: Callable[[], Any], patience: float = 30.0) -> None:
    """Wait for something that comes from another thread."""
    async with asyncio.timeout(patience):
        while not true():
            await asyncio.sleep(0.005)


class VoiceActivityConformance:
    """The promises of the port."""

    @pytest.fixture
    def speech(self) -> bytes:
        """Sound that is speech to the adapter."""
        raise NotImplementedError

    async def test_speech_begins_and_ends_once_each(self, activity: VoiceActivity, speech: bytes) -> None:
        """Turn-taking counts on alternation: never two beginnings in a row, and silence at the start is no event."""
        changes: list[Activity] = []
        stream = activity.open(changes.append)
        await play(stream, SILENCE + speech + SILENCE)
        await until(lambda: changes and not changes[-1].speaking)
        assert [change.speaking for change in changes] == [True, False] * (len(changes) // 2)
        stream.close()

    async def test_samples_are_counted_from_the_first_one_fed(self, activity: VoiceActivity, speech: bytes) -> None:
        """The record and the barge-in figure stand on these numbers."""
        changes: list[Activity] = []
        stream = activity.open(changes.append)
        await play(stream, SILENCE + speech + SILENCE)
        await until(lambda: changes and not changes[-1].speaking)
        first, last = changes[0], changes[-1]
        assert len(SILENCE) - 800 <= first.at_sample <= len(SILENCE) + 2400
        assert first.at_sample <= first.decided_sample <= first.at_sample + 4000
        assert first.decided_sample < last.decided_sample <= len(SILENCE) * 2 + len(speech)
        stream.close()

    async def test_silence_is_no_activity(self, activity: VoiceActivity) -> None:
        """An open line must not take the floor."""
        changes: list[Activity] = []
        stream = activity.open(changes.append)
        await play(stream, SILENCE * 2)
        await asyncio.sleep(0.05)
        assert changes == []
        stream.close()

    async def test_the_callback_comes_on_the_event_loop_and_never_from_within_feed(
        self, activity: VoiceActivity, speech: bytes
    ) -> None:
        """A session must not be re-entered in the middle of handling a frame."""
        loop, inside, seen = asyncio.get_running_loop(), False, []

        def changed(change: Activity) -> None:
            assert asyncio.get_running_loop() is loop
            seen.append(inside)

        stream = activity.open(changed)
        for start in range(0, len(SILENCE + speech), FRAME):
            inside = True
            stream.feed((SILENCE + speech)[start : start + FRAME])
            inside = False
            await asyncio.sleep(0.002)
        await until(lambda: seen)
        assert not any(seen)
        stream.close()

    async def test_nothing_comes_after_close(self, activity: VoiceActivity, speech: bytes) -> None:
        """A call that is over has no more events, even with windows under way."""
        changes: list[Activity] = []
        stream = activity.open(changes.append)
        stream.feed(SILENCE[:1600] + speech[:2400])
        stream.close()
        stream.close()
        stream.feed(speech)
        await asyncio.sleep(0.05)
        assert changes == []

    async def test_calls_do_not_hear_each_other(self, activity: VoiceActivity, speech: bytes) -> None:
        """Everything is batched together; nothing may cross."""
        quiet: list[Activity] = []
        loud: list[Activity] = []
        streams = [activity.open(quiet.append), activity.open(loud.append), activity.open(quiet.append)]
        sound = SILENCE + speech
        for start in range(0, len(sound), FRAME):
            streams[0].feed(SILENCE[:FRAME])
            streams[1].feed(sound[start : start + FRAME])
            streams[2].feed(SILENCE[:FRAME])
            await asyncio.sleep(0.002)
        await until(lambda: loud)
        assert loud[0].speaking
        assert quiet == []
        for stream in streams:
            stream.close()

    async def test_close_of_all_is_quiet_with_calls_open(self, activity: VoiceActivity, speech: bytes) -> None:
        """A shutdown in the middle of speech raises nothing and calls nobody."""
        changes: list[Activity] = []
        stream = activity.open(changes.append)
        stream.feed(speech[:1600])
        await activity.close()
        came = len(changes)
        stream.feed(speech)
        await asyncio.sleep(0.02)
        assert len(changes) == came
