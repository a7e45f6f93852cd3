"""The jobs beside the calls: none of them may take the server down."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from stella.app import housekeeping as jobs
from stella.ports.failure import Unavailable


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything comes round at once."""
    for name in ("ORPHAN_WAIT_S", "AGENT_FILES_EVERY_S", "SWEEP_AGAIN_S", "HOUR_S", "DAY_S"):
        monkeypatch.setattr(jobs, name, 0.001)


class Failing:
    """Stands for everything a job touches; every touch counts, and fails in a way nobody foresaw."""

    agents = ()

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        """A method that fails."""

        def fail(*_arguments: object) -> Any:
            self.asked[name] = self.asked.get(name, 0) + 1
            raise RuntimeError(f"{name} is broken")

        return fail


async def test_no_error_of_a_job_ends_the_house() -> None:
    """Each is told in the log by its name, and begun again; calls go on."""
    broken: Any = Failing()
    with capture_logs() as logs:
        async with jobs.housekeeping(broken, broken, broken, broken, 30):
            async with asyncio.timeout(3):
                while len(broken.asked) < 4 or min(broken.asked.values()) < 2:
                    await asyncio.sleep(0.005)
    assert {line["job"] for line in logs} == {"sweep", "agent-files", "orphans", "retention"}
    assert {line["event"] for line in logs} == {"housekeeping-failed"}


async def test_an_engine_that_cannot_start_does_not_end_the_house() -> None:
    """A changed agent file may name an engine whose process dies at once."""
    tried = []

    async def prepare(_agents: object) -> None:
        tried.append(1)
        raise Unavailable("moonshine", "cannot-start")

    async def nothing(*_arguments: object) -> None:
        """Works."""

    house: Any = SimpleNamespace(
        run=nothing, adopt_orphans=nothing, purge=nothing, refresh=lambda: True, agents=(), prepare=prepare
    )
    async with jobs.housekeeping(house, house, house, house, 30):
        async with asyncio.timeout(3):
            while len(tried) < 2:
                await asyncio.sleep(0.005)
