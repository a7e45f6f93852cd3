"""Utterances that wait for a worker: bounded, and fair among calls (a call that talks much waits behind itself)."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First come, first served among keys; each key's things in their order. For threads."""

    def __init__(self, most: int) -> None:
        """`most` things may wait in all."""
        self._most = most
        self._waiting: OrderedDict[object, deque[T]] = OrderedDict()
        self._count = 0
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        """How many things wait."""
        return self._count

    def put(self, key: object, thing: T) -> bool:
        """Add; False where the queue is full or closed. Never blocks for long."""
        with self._changed:
            if self._closed or self._count >= self._most:
                return False
            self._waiting.setdefault(key, deque()).append(thing)
            self._count += 1
            self._changed.notify()
            return True

    def get(self) -> T | None:
        """Wait for the next thing; None once closed."""
        with self._changed:
            while not self._count and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            key, things = self._waiting.popitem(last=False)
            thing = things.popleft()
            if things:
                self._waiting[key] = things
            self._count -= 1
            return thing

    def close(self) -> None:
        """Drop what waits and let every `get` return None."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._count = 0
            self._changed.notify_all()
