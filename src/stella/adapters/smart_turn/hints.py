"""The port: the event loop only hands sound over; one thread works for all calls, and what would come too late never comes.

Law 1: `ask` only appends. Law 2: a question is answered within its deadline or not at all. Law 3: whatever breaks in the
model costs hints, never a call.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

from stella.adapters.smart_turn.features import picture_of
from stella.domain.errors import ConfigError

_log = logging.getLogger(__name__)

DEADLINE_S = 0.4
"""Later than this after the pause was noticed the turn is over or goes on: a hint would be about another moment."""
WAITING = 8
"""Questions that may wait. One takes some 60 ms: the last of them would come too late anyway."""
_JOIN_S = 5.0

_Question: TypeAlias = tuple[bytes, Callable[[float], None], float]


class TurnHints:
    """Smart-turn for all calls. `asked`, `late`, `busy` and `failures` count what became of the questions."""

    languages = frozenset({"de", "en"})

    def __init__(self, model: Path, deadline_s: float = DEADLINE_S) -> None:
        """Load the model (0.1 s). Raises ConfigError where it cannot be read."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as fault:  # onnxruntime raises classes it does not export
            reason = f"turn hints: {model}: {type(fault).__name__}; run: stella models pull smart-turn --check"
            raise ConfigError(reason) from fault
        self._deadline_s = deadline_s
        self._questions: queue.Queue[_Question | None] = queue.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self.asked = self.late = self.busy = self.failures = 0

    def ask(self, mulaw: bytes, told: Callable[[float], None]) -> None:
        """As the port; the first question starts the thread."""
        if self._closed:
            return
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, name="turn-hints", daemon=True)
            self._thread.start()
        if self._questions.qsize() >= WAITING:
            self.busy += 1
            return
        self.asked += 1
        self._questions.put((mulaw, told, time.monotonic() + self._deadline_s))

    def finished(self, mulaw: bytes) -> float:
        """How likely the caller is done. Blocks for some 60 ms."""
        output = self._session.run(None, {"input_features": picture_of(mulaw)[np.newaxis]})[0]
        return min(1.0, max(0.0, float(output[0, 0])))

    def _work(self) -> None:
        """The thread."""
        while (question := self._questions.get()) is not None:
            mulaw, told, due = question
            if time.monotonic() >= due:
                self.late += 1
                continue
            try:
                finished = self.finished(mulaw)
            except Exception:  # noqa: BLE001 - whatever breaks costs one hint, never the thread
                self.failures += 1
                if self.failures == 1:
                    _log.exception("a turn hint failed; turns end without hints until it works again")
                continue
            if time.monotonic() >= due:
                self.late += 1
            else:
                self._post(told, finished)

    def _post(self, told: Callable[[float], None], finished: float) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            loop.call_soon_threadsafe(self._tell, told, finished)
        except RuntimeError:  # closed between looking and posting
            _log.debug("the event loop closed before a hint was given")

    def _tell(self, told: Callable[[float], None], finished: float) -> None:
        if not self._closed:
            told(finished)

    async def close(self) -> None:
        """As the port; waits for the thread."""
        self._closed = True
        if self._thread is not None:
            self._questions.put(None)
            await asyncio.to_thread(self._thread.join, _JOIN_S)
            self._thread = None
