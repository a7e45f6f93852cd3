"""The port: sound comes in on the event loop, one thread works for all calls, only changes come back.

Law 1: the event loop only appends bytes; there is no lock on its way. Law 2: rows of the network belong to the thread.
Law 3: a call whose windows wait longer than 500 ms loses its oldest ones, and they are counted.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from stella.adapters.silero.decision import DEFAULT, WINDOW, Decision, Sensitivity
from stella.adapters.silero.network import Network
from stella.ports.speech import Activity

_log = logging.getLogger(__name__)

WAITING = 16
"""Windows of one call that may wait: 512 ms."""
_GATHER_PER_CALL_S = 0.001
_GATHER_MOST_S = 0.024
_JOIN_S = 5.0


class ActivityStream:
    """One call. `dropped` counts windows that were never looked at because the thread fell behind."""

    __slots__ = ("_activity", "_end", "_pending", "changed", "closed", "decision", "dropped", "row", "windows")

    def __init__(self, activity: VoiceActivity, changed: Callable[[Activity], None], numbers: Sensitivity) -> None:
        """Opened by VoiceActivity only."""
        self._activity = activity
        self._pending = bytearray()
        self._end = 0
        self.changed = changed
        self.closed = False
        self.decision = Decision(numbers)
        self.dropped = 0
        self.row = -1
        self.windows: deque[tuple[int, bytes]] = deque(maxlen=WAITING)

    def feed(self, mulaw: bytes) -> None:
        """As VoiceActivityStream."""
        pending = self._pending
        pending += mulaw
        if len(pending) >= WINDOW and not self.closed:
            self._hand_over()

    def _hand_over(self) -> None:
        pending, windows = self._pending, self.windows
        whole = len(pending) // WINDOW * WINDOW
        for start in range(0, whole, WINDOW):
            self._end += WINDOW
            if len(windows) == WAITING:
                self.dropped += 1
                self._activity.fell_behind()
            windows.append((self._end, bytes(pending[start : start + WINDOW])))
        del pending[:whole]
        self._activity.wake()

    def close(self) -> None:
        """As VoiceActivityStream."""
        if not self.closed:
            self.closed = True
            self.windows.clear()
            self._activity.forget(self)


class VoiceActivity:
    """Silero for all calls.

    `dropped` counts as in the streams, `failures` batches that broke; `windows` and `batches` are what was worked off.
    """

    def __init__(self, model: Path, sensitivity: Sensitivity = DEFAULT) -> None:
        """Load the model (0.2 to 0.5 s: not on a loop that has calls). Raises ConfigError."""
        self._network = Network(model)
        self._numbers = sensitivity
        self._streams: tuple[ActivityStream, ...] = ()
        self._leaving: deque[ActivityStream] = deque()
        self._wake = threading.Event()
        self._idle = False
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.dropped = self.windows = self.batches = self.failures = 0

    def open(self, changed: Callable[[Activity], None]) -> ActivityStream:
        """As the port; the first call starts the thread."""
        if self._stopping:
            raise RuntimeError("voice activity is closed")
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, name="voice-activity", daemon=True)
            self._thread.start()
        stream = ActivityStream(self, changed, self._numbers)
        self._streams = (*self._streams, stream)
        return stream

    def wake(self) -> None:
        """There is a window to look at (on the event loop)."""
        if self._idle:
            self._idle = False
            self._wake.set()

    def fell_behind(self) -> None:
        """A window was dropped (on the event loop); said once, counted always."""
        if not self.dropped:
            _log.warning("voice activity falls behind: the processor is too busy, windows are being dropped")
        self.dropped += 1

    def forget(self, stream: ActivityStream) -> None:
        """A stream is closed (on the event loop)."""
        self._streams = tuple(other for other in self._streams if other is not stream)
        self._leaving.append(stream)

    async def close(self) -> None:
        """As the port; waits for the thread."""
        self._stopping = True
        for stream in self._streams:
            stream.close()
        self._idle = False
        self._wake.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _JOIN_S)

    def _run(self) -> None:
        """The thread: wait for windows, gather a little where calls are many, step, repeat."""
        behind = False
        while not self._stopping:
            streams = self._streams
            if not behind and not any(stream.windows for stream in streams):
                self._sleep()
                streams = self._streams
            if len(streams) > 2 and not behind:
                time.sleep(min(_GATHER_MOST_S, _GATHER_PER_CALL_S * len(streams)))
                streams = self._streams
            while self._leaving:
                gone = self._leaving.popleft()
                if gone.row >= 0:
                    self._network.give_back(gone.row)
            try:
                behind = self._batch(streams)
            except Exception:  # noqa: BLE001 - one bad batch must not end the ears of every call
                behind = False
                self.failures += 1
                if self.failures == 1:
                    _log.exception("voice activity failed on a batch; the calls in it go on with the next one")

    def _sleep(self) -> None:
        self._wake.clear()
        self._idle = True
        if self._stopping or any(stream.windows for stream in self._streams):
            self._idle = False
            return
        self._wake.wait()
        self._idle = False

    def _batch(self, streams: tuple[ActivityStream, ...]) -> bool:
        """One window of every call that has one; whether any has another waiting."""
        batch: list[ActivityStream] = []
        rows: list[int] = []
        ends: list[int] = []
        sounds: list[bytes] = []
        for stream in streams:
            if not stream.windows or stream.closed:
                continue
            try:
                end, sound = stream.windows.popleft()
            except IndexError:  # closed meanwhile
                continue
            if stream.row < 0:
                stream.row = self._network.take()
            batch.append(stream)
            rows.append(stream.row)
            ends.append(end)
            sounds.append(sound)
        if not batch:
            return False
        changes: list[tuple[ActivityStream, Activity]] = []
        for stream, end, probability in zip(batch, ends, self._network.step(rows, sounds), strict=True):
            change = stream.decision.step(probability, end)
            if change is not None:
                changes.append((stream, change))
        self.windows += len(batch)
        self.batches += 1
        if changes:
            self._post(changes)
        return any(stream.windows for stream in batch)

    def _post(self, changes: list[tuple[ActivityStream, Activity]]) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(_deliver, changes)
        except RuntimeError:  # closed between looking and posting
            _log.debug("the event loop closed before voice activity did")


def _deliver(changes: list[tuple[ActivityStream, Activity]]) -> None:
    for stream, change in changes:
        if not stream.closed:
            stream.changed(change)
