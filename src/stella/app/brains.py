"""The brains of the process: which names there are, what each needs, and who goes on when one fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import date
from functools import partial

import aiohttp
import structlog

from stella.adapters import bench
from stella.adapters.chat import ChatModel, Patience
from stella.adapters.http_tool import ToolSessions
from stella.adapters.receptionist import Knowledge, Receptionist
from stella.app.company import AgentCompany
from stella.app.doors import KINDS, Vendor, vendors
from stella.app.library import Library
from stella.app.own import NOTHING_OWN, Own, own_answer
from stella.app.prices import PriceList, price_list
from stella.app.realtime import Realtimes
from stella.app.toolkit import Toolkit
from stella.calls.brain_chain import BrainChain
from stella.calls.breaker import Breaker
from stella.calls.model_brain import ModelBrain, Price
from stella.calls.own_brain import OwnBrain
from stella.calls.tools import Toolboxes
from stella.domain.agent import Agent
from stella.domain.errors import ConfigError
from stella.ports.brain import Brain
from stella.ports.failure import ProviderError, Rejected
from stella.ports.language import LanguageModel, Spent
from stella.ports.metrics import Metrics, NullMetrics
from stella.ports.store import Outbox

__all__ = ["BUILT_IN", "NAMES", "Brains", "vendors"]

_log = structlog.get_logger("stella.brains")

BUILT_IN = ("receptionist", "bench")
NAMES = (*BUILT_IN, *(f"{kind}:MODEL" for kind in KINDS), "python:MODULE:FUNCTION")
LAST_RESORT = "receptionist"
HURRIED = Patience(first=1.8, gap=1.0)
"""Where another model can go on, a caller waits less for the first piece of an answer, and for each of the others."""


class Brains:
    """Makes brains by name. Models and their health are shared by all agents of the process."""

    def __init__(
        self,
        outbox: Outbox,
        session: aiohttp.ClientSession | None = None,
        access: Mapping[str, Vendor] | None = None,
        metrics: Metrics | None = None,
        tool_sessions: ToolSessions | None = None,
        own: Own = NOTHING_OWN,
        toolkit: Toolkit | None = None,
        library: Library | None = None,
        realtime: Realtimes | None = None,
        prices: PriceList | None = None,
    ) -> None:
        """Without a session only what needs no network can be made. Sessions are closed by their owner.

        `own` is what a program brings besides its agent; `library` holds the agents' pages.
        """
        self._own, self._library = own, library or Library()
        self._outbox, self._session, self._access = outbox, session, access or {}
        self.toolkit, self._prices = toolkit or Toolkit(outbox, tool_sessions), prices or price_list()
        self._realtime = realtime or Realtimes(None, {})
        self._metrics = metrics or NullMetrics()
        self._models: dict[tuple[str, bool], LanguageModel] = {}
        self._health: dict[str, Breaker] = {}
        self._checked: set[str] = set()

    async def prepare(self, agent: Agent) -> None:
        """Read the pages of a new version of an agent, before its brain is made."""
        if set(agent.engines.brain) != {"bench"}:
            await self._library.prepare(agent)

    def make(self, agent: Agent) -> Brain:
        """The agent's brain: the first it names, the others behind it, and the receptionist behind every model.

        Raises ConfigError with what is missing.
        """
        names = list(agent.engines.brain) or [LAST_RESORT]
        if any(_may_fail(name) for name in names) and LAST_RESORT not in names:
            names.append(LAST_RESORT)
        knowledge = self._library.of(agent) if set(names) != {"bench"} else Knowledge(())
        names = list(dict.fromkeys(names))
        behind = [any(map(_may_fail, names[place + 1 :])) for place in range(len(names))]
        company = AgentCompany(agent, knowledge)
        speaks = agent.voice_path == "realtime"
        needs_tools = speaks or any(map(_may_fail, names))
        boxes = self.toolkit.toolboxes(agent, company, self._own.tools) if needs_tools else None
        brains: list[Brain] = []
        for name, hurried in zip(names, behind, strict=True):
            if boxes is not None and _may_fail(name):
                self._health.setdefault(name, Breaker(time.monotonic))
                brains.append(self._with_tools(name, company, boxes, hurried))
            else:
                brains.append(Receptionist(agent, knowledge, self._outbox) if name == LAST_RESORT else bench.Brain())
        models = [name for name in names if name.partition(":")[0] in self._access]
        brain = brains[0] if len(brains) == 1 else BrainChain(brains, self._health, self._metrics, models)
        return self._realtime.wrap(agent, brain, company, boxes) if speaks and boxes is not None else brain

    def _with_tools(self, name: str, company: AgentCompany, boxes: Toolboxes, hurried: bool) -> Brain:
        """A function of somebody's own, or a model."""
        if (answer := own_answer(name, self._own)) is not None:
            return OwnBrain(answer, company, boxes, time.monotonic, name)
        return ModelBrain(self._model(name, hurried), company, boxes, time.monotonic, self._price_of(name))

    def _price_of(self, name: str) -> Price:
        """What an answer of this model costs; on a machine of one's own nothing, unless its price is told."""
        kind, _, model = name.partition(":")
        vendor = self._access[kind]
        return partial(_priced, self._prices, f"{vendor.priced}:{model}", gratis=vendor.gratis)

    def gratis(self, name: str) -> bool:
        """Whether asking this brain costs nothing."""
        vendor = self._access.get(name.partition(":")[0])
        return name in BUILT_IN or (vendor is not None and vendor.gratis)

    def _model(self, name: str, hurried: bool) -> LanguageModel:
        """One model for the process; where another stands behind it, a caller waits less for its first word."""
        if (name, hurried) in self._models:
            return self._models[name, hurried]
        kind, _, model = name.partition(":")
        vendor = self._access.get(kind)
        if not model or vendor is None or self._session is None:
            raise ConfigError(f"engines.brain: there is no {name!r}; there are {', '.join(NAMES)}")
        if missing := vendor.wants_address or ("" if vendor.key or vendor.keyless else vendor.setting):
            raise ConfigError(f"engines.brain: {name} needs {missing}; set it (in .env), or take {name} out")
        patience = HURRIED if hurried else Patience()
        made = ChatModel(name, vendor.dialect(model, vendor.key, vendor.base), self._session, patience)
        self._models[name, hurried] = made
        return made

    async def check(self) -> None:
        """Ask every model that was not asked yet whether its key is right, and say so in the log before a caller does.

        A start is not stopped by it: the next brain of the row answers meanwhile.
        """
        new = {name: model for (name, _), model in self._models.items() if name not in self._checked}
        self._checked |= set(new)
        checks = (self._check(name, model) for name, model in new.items())
        await asyncio.gather(self.toolkit.settled(), self._realtime.check(), *checks)

    async def _check(self, name: str, model: LanguageModel) -> None:
        setting = self._access[name.partition(":")[0]].setting
        try:
            await model.check()
        except Rejected as failure:
            if failure.code in ("http-404", "http-405"):
                # A server of one's own that answers but lists no models.
                return
            self._health[name].failed(failure)
            _log.error(
                "engine-refuses-us", engine=name, code=failure.code,
                mend=f"check {setting}: calls are answered by the next brain of the row meanwhile",
            )  # fmt: skip
        except ProviderError as failure:
            _log.warning(
                "engine-unreachable", engine=name, code=failure.code,
                mend="check its address and the network; it is tried again with every call",
            )  # fmt: skip


def _priced(prices: PriceList, name: str, _model: str, spent: Spent, day: date, *, gratis: bool) -> float | None:
    """An answer's price under the name by which the file of prices knows the model."""
    usd = prices.answer(name, spent, day)
    return 0.0 if usd is None and gratis else usd


def _may_fail(name: str) -> bool:
    """Whether somebody must stand behind it: everything but what is built in."""
    return name not in BUILT_IN
