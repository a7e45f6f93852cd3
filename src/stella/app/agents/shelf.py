"""The agents in use: one per number, read again when their files change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from stella.app.agents.load import BUILT_IN, POLICY, SHELF, load_agent, pages_stamp
from stella.domain.agent import Agent
from stella.domain.errors import AgentFileError

_log = structlog.get_logger(__name__)

Stamp = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """The agents as their files are now, not yet in use. `fresh` are those of them that are new or changed."""

    agents: Mapping[Path, Agent]
    fresh: Mapping[Path, Agent]


class AgentShelf:
    """One agent file, a folder of them, or a built-in agent.

    A file that was broken while running keeps its last good version and is reported once per change; at the start every
    file must be good. An Agent is a value: a call keeps the one it was given.
    """

    def __init__(
        self,
        source: str | Path,
        environ: Mapping[str, str],
        policy_names: Mapping[str, tuple[float, float]] = POLICY,
        changed: Callable[[Agent], None] | None = None,
    ) -> None:
        """Read everything. `changed` is told of every version that takes effect later. Raises AgentFileError."""
        self._source, self._environ, self._policy_names = source, environ, policy_names
        self._changed = changed
        self._agents: dict[Path, Agent] = {}
        self._stamps: dict[Path, Stamp] = {}
        for path in self._paths():
            agent = self._agents[path] = self._load(path)
            self._stamps[path] = _stamp(path, agent)
        self._read = self._agents
        if not self._agents:
            raise AgentFileError(str(source), 0, "has no agent files (*.toml); put one there or name a built-in agent")
        _unambiguous(self._agents)

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The agents as they are now, in the order of their files."""
        return tuple(self._agents.values())

    def for_number(self, to: str) -> Agent:
        """The agent that answers a number: exact E.164, else the one without numbers, else the first."""
        agents = self.agents
        return next(
            (agent for agent in agents if to in agent.numbers),
            next((agent for agent in agents if not agent.numbers), agents[0]),
        )

    def refresh(self) -> bool:
        """Read and adopt in one, for whoever has no engines to prepare; says whether anything took effect."""
        reading = self.read()
        return reading is not None and self.adopt(reading)

    def read(self) -> Reading | None:
        """Read changed, new and vanished files; None where nothing may change. Call it every few seconds, off the loop.

        Calls go on getting the agents in use until `adopt`. Each change is read, and each mistake reported, once.
        """
        stamps = {path: _stamp(path, self._read.get(path)) for path in self._paths()}
        if stamps == self._stamps:
            return None
        agents: dict[Path, Agent] = {}
        for path, stamp in stamps.items():
            agent = self._agents.get(path)
            if stamp != self._stamps.get(path):
                agent = self._reload(path) or agent
            if agent is not None:
                agents[path] = agent
        # A changed file may name another folder: stamp with what was read now, whether it is adopted or not.
        self._read = agents
        self._stamps = {
            path: (*stamp[:2], pages_stamp(agents[path].knowledge)) if path in agents else stamp
            for path, stamp in stamps.items()
        }
        if not self._fit(agents) or agents == self._agents:
            return None
        return Reading(agents, {path: agent for path, agent in agents.items() if agent != self._agents.get(path)})

    def adopt(self, reading: Reading, refused: Collection[Path] = ()) -> bool:
        """Put what was read into use, but for the `refused`, whose old versions stay; says whether anything took effect."""
        agents = {
            path: agent
            for path, new in reading.agents.items()
            if (agent := self._agents.get(path) if path in refused else new) is not None
        }
        if agents == self._agents or (refused and not self._fit(agents)):
            return False
        self._agents = agents
        for path, agent in reading.fresh.items():
            if path in refused:
                continue
            _log.info("agent file took effect", agent=agent.name, version=agent.version)
            if self._changed is not None:
                self._changed(agent)
        return True

    def _fit(self, agents: Mapping[Path, Agent]) -> bool:
        """Whether these can answer together; if not, says why in the log."""
        if not agents:
            _log.error("agent files vanished, the old ones stay", source=str(self._source))
            return False
        try:
            _unambiguous(agents)
        except AgentFileError as error:
            _log.error("agent file refused, the old one stays", reason=str(error))
            return False
        return True

    def _reload(self, path: Path) -> Agent | None:
        try:
            return self._load(path)
        except AgentFileError as error:
            _log.error("agent file refused, the old one stays", file=error.file, line=error.line, reason=error.reason)
            return None

    def _load(self, path: Path) -> Agent:
        source = str(self._source) if self._source in BUILT_IN else path
        return load_agent(source, self._environ, self._policy_names)

    def _paths(self) -> list[Path]:
        if self._source in BUILT_IN:
            return [SHELF / f"{self._source}.toml"]
        path = Path(self._source).expanduser()
        return sorted(path.glob("*.toml")) if path.is_dir() else [path]


class ProgramShelf(AgentShelf):
    """The one agent of a program. What it says does not change while it runs, but the pages of its folder may."""

    def __init__(self, make: Callable[[], Agent]) -> None:
        """`make` reads the pages' version anew. Raises AgentFileError."""
        self._make = make
        super().__init__("a program", {})

    def _load(self, path: Path) -> Agent:
        return self._make()


def _stamp(path: Path, agent: Agent | None) -> Stamp:
    """When the file and its pages were last written."""
    try:
        stat = path.stat()
    except OSError:
        return (0, 0, pages_stamp(agent.knowledge) if agent else "")
    return (stat.st_mtime_ns, stat.st_size, pages_stamp(agent.knowledge) if agent else "")


def _unambiguous(agents: Mapping[Path, Agent]) -> None:
    """No two agents with one name, one number, or without numbers."""
    claims: dict[str, Path] = {}
    for path, agent in agents.items():
        for claim in (f"name {agent.name}", *(agent.numbers or ("every other number",))):
            if claim in claims:
                raise AgentFileError(str(path), 0, f"{claim} is also claimed by {claims[claim].name}")
            claims[claim] = path
