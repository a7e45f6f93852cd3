"""A live call's record, again after every change, for whoever watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from stella.calls.switchboard import Switchboard
from stella.ports.store import CallStore

EVERY_S = 0.5


class LiveEvents:
    """Looks twice a second, only while somebody watches: cheaper than telling everybody about every frame."""

    def __init__(self, switchboard: Switchboard, store: CallStore) -> None:
        """Live calls from the one, ended calls from the other."""
        self._switchboard, self._store = switchboard, store

    async def follow(self, call_sid: str) -> AsyncIterator[dict[str, Any]]:
        """The public record now and after every change, until the call is over. Nothing for an unknown call."""
        last: dict[str, Any] | None = None
        while (call := self._switchboard.live(call_sid)) is not None:
            shown = call.kept().public()
            if shown != last:
                last = shown
                yield shown
            await asyncio.sleep(EVERY_S)
        record = await self._store.get(call_sid)
        if record is not None:
            yield record.public()
