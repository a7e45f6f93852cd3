"""The jobs beside the calls: none of them may take the server down."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from stella.app import housekeeping as jobs
from stella.app.agents import AgentShelf
from stella.domain.agent import Agent
from stella.domain.errors import ConfigError
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
        async with jobs.housekeeping(broken, broken, broken, broken, broken, 30):
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

    agent_file = Path("agent.toml")
    adopted: list[object] = []
    house: Any = SimpleNamespace(
        run=nothing, adopt_orphans=nothing, purge=nothing, prepare=prepare,
        read=lambda: SimpleNamespace(fresh={agent_file: "agent"}),
        adopt=lambda _reading, refused: adopted.append(refused),
    )  # fmt: skip
    async with jobs.housekeeping(house, house, house, house, house, 30):
        async with asyncio.timeout(3):
            while len(adopted) < 2:
                await asyncio.sleep(0.005)
    assert adopted[0] == {agent_file}
    assert len(tried) >= 2


AGENT = """
name = "{name}"
company = "Muster"
numbers = ["{number}"]
[engines]
brain = ["{brain}"]
[[languages]]
code = "de"
"""


class Engines:
    """Knows two brains; `seen` is what calls would have got while it prepared."""

    def __init__(self) -> None:
        self.shelf: AgentShelf | None = None
        self.seen: list[tuple[str, ...]] = []

    async def prepare(self, agents: tuple[Agent, ...]) -> None:
        """As the engines of the process do it, in small."""
        assert self.shelf is not None
        self.seen.append(self.shelf.for_number("+4315550101").engines.brain)
        for agent in agents:
            for name in agent.engines.brain:
                if name not in ("bench", "receptionist"):
                    raise ConfigError(f"engines.brain: there is no {name!r}")


def write(place: Path, brain: str, name: str = "office", number: str = "+4315550101") -> Path:
    """An agent file with this brain."""
    place.write_text(AGENT.format(name=name, brain=brain, number=number), "utf-8")
    return place


async def test_a_changed_agent_answers_only_when_its_engines_are_ready(tmp_path: Path) -> None:
    """Loading a voice takes seconds; the old agent answers meanwhile."""
    engines: Any = Engines()
    path = write(tmp_path / "a.toml", "receptionist")
    shelf = engines.shelf = AgentShelf(tmp_path, {})
    write(path, "bench")
    await jobs.take_up_changes(shelf, engines)
    assert engines.seen == [("receptionist",)]
    assert shelf.agents[0].engines.brain == ("bench",)


async def test_an_engine_nobody_knows_keeps_the_old_file_and_is_told_once(tmp_path: Path) -> None:
    """F17: a typing error must not break every new call, nor fill the log; the next good version takes effect."""
    engines: Any = Engines()
    path = write(tmp_path / "a.toml", "receptionist")
    other = write(tmp_path / "b.toml", "receptionist", "sales", "+4315550102")
    shelf = engines.shelf = AgentShelf(tmp_path, {})
    before = shelf.for_number("+4315550101")
    write(path, "anthropik:claude")
    write(other, "bench", "sales", "+4315550102")
    with capture_logs() as logs:
        for _ in range(3):
            await jobs.take_up_changes(shelf, engines)
    refused = [line for line in logs if line["log_level"] == "error"]
    assert [(line["file"], "anthropik" in line["reason"]) for line in refused] == [(str(path), True)]
    assert shelf.for_number("+4315550101") is before
    assert shelf.for_number("+4315550102").engines.brain == ("bench",), "one file's mistake is not another's"
    write(path, "bench")
    await jobs.take_up_changes(shelf, engines)
    assert shelf.for_number("+4315550101").engines.brain == ("bench",)


async def test_a_fault_that_nobody_expected_is_one_files_fault(tmp_path: Path) -> None:
    """A machine without room for one agent's pages still takes up what changed in another's."""
    engines: Any = Engines()
    path = write(tmp_path / "a.toml", "receptionist")
    other = write(tmp_path / "b.toml", "receptionist", "sales", "+4315550102")
    shelf = engines.shelf = AgentShelf(tmp_path, {})
    prepared = engines.prepare

    async def without_room(agents: tuple[Agent, ...]) -> None:
        if agents[0].name == "office":
            raise OSError("no room for another process")
        await prepared(agents)

    engines.prepare = without_room
    write(path, "bench")
    write(other, "bench", "sales", "+4315550102")
    with capture_logs() as logs:
        await jobs.take_up_changes(shelf, engines)
    refused = [line["file"] for line in logs if line["log_level"] == "error"]
    assert refused == [str(path)]
    assert shelf.for_number("+4315550101").engines.brain == ("receptionist",)
    assert shelf.for_number("+4315550102").engines.brain == ("bench",)


async def test_a_refused_file_with_other_pages_is_told_once(tmp_path: Path) -> None:
    """The pages it names are part of what was read, although the old ones are in use."""
    engines: Any = Engines()
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.md").write_text(f"# {name}\nWir haben offen.", "utf-8")
    path = write(tmp_path / "a.toml", "receptionist")
    path.write_text(f'knowledge = "old"\n{path.read_text("utf-8")}', "utf-8")
    shelf = engines.shelf = AgentShelf(path, {})
    write(path, "anthropik:claude")
    path.write_text(f'knowledge = "new"\n{path.read_text("utf-8")}', "utf-8")
    with capture_logs() as logs:
        for _ in range(3):
            await jobs.take_up_changes(shelf, engines)
    assert len(logs) == 1
    assert shelf.agents[0].engines.brain == ("receptionist",)
