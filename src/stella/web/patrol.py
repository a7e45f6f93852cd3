"""One timer for every deadline of the process: sockets are looked at a few times a second, none carries a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

log = structlog.get_logger("stella.web")


class Watched(Protocol):
    """Something that may have outstayed its welcome."""

    def check(self, now: float) -> None:
        """Close yourself if your time is up. `now` is the loop's clock; must not block."""


class Patrol:
    """Calls `check` on everything watched, every `interval` seconds. A fault in one never saves the others.

    `on_lag` hears how late each round was: the event loop's lag as a by-product.
    """

    def __init__(self, interval: float, on_lag: Callable[[float], None] | None = None) -> None:
        self._interval, self._on_lag = interval, on_lag
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begin the rounds on the running loop."""
        self._arm(asyncio.get_running_loop())

    def stop(self) -> None:
        """End the rounds."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def watch(self, thing: Watched) -> None:
        """Look at it from the next round on."""
        self._watched.add(thing)

    def forget(self, thing: Watched) -> None:
        """It is gone."""
        self._watched.discard(thing)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + self._interval
        self._timer = loop.call_at(self._due, self._round, loop)

    def _round(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        if self._on_lag is not None:
            self._on_lag(max(0.0, now - self._due))
        for thing in tuple(self._watched):
            try:
                thing.check(now)
            except Exception:
                log.exception("patrol-check-failed", kind=type(thing).__name__)
                self._watched.discard(thing)
        self._arm(loop)
