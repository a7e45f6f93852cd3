"""A house in a task of its own: what a program or a test opens does not wrap its faults, and any task may close it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stella.app.brains import Brains
from stella.app.engines import HouseEngines
from stella.app.house import House, open_house
from stella.app.own import Program
from stella.app.settings import Settings
from stella.web.server import serving


class Beside:
    """Runs from `start` to `stop`, without signals."""

    def __init__(
        self,
        settings: Settings,
        program: Program,
        *,
        development: bool,
        stage: Callable[[Brains], HouseEngines] | None = None,
    ) -> None:
        """Nothing runs yet."""
        self._settings, self._program, self._development, self._stage = settings, program, development, stage
        self._ready: asyncio.Future[House] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> House:
        """Return when calls are answered. Raises what keeps it from that, ConfigError above all."""
        self._task = asyncio.create_task(self._run(), name="house")
        try:
            return await self._ready
        except BaseException:
            self._task.cancel()
            await asyncio.wait([self._task])
            raise

    async def stop(self) -> None:
        """End, and wait for it. Raises what it broke with."""
        self._stop.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            async with (
                open_house(
                    self._settings, development=self._development, program=self._program, stage=self._stage
                ) as house,
                serving(house.server),
            ):
                self._ready.set_result(house)
                await self._stop.wait()
        except Exception as fault:
            if self._ready.done():
                raise
            self._ready.set_exception(fault)
