"""The models that hear and speak: which names there are, what each needs, and what stands behind them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import aiohttp
import structlog

from stella.adapters.cloud_speech import GeminiLive, OpenAIRealtime
from stella.app.realtime_prices import realtime_usd
from stella.app.settings import Settings
from stella.app.speech_vendors import Access
from stella.calls.breaker import Breaker
from stella.calls.realtime_brain import RealtimeBrain
from stella.calls.tools import Toolboxes
from stella.domain.agent import Agent
from stella.domain.errors import ConfigError
from stella.ports.brain import Brain
from stella.ports.company import Company
from stella.ports.failure import ProviderError
from stella.ports.metrics import Metrics, NullMetrics
from stella.ports.realtime import Realtime

_log = structlog.get_logger("stella.realtime")

VENDORS: Mapping[str, Callable[[str, str, aiohttp.ClientSession, str], Realtime]] = {
    "openai": OpenAIRealtime, "google": GeminiLive,
}  # fmt: skip
USUAL: Mapping[str, str] = {"openai": "gpt-realtime", "google": "gemini-3.8-live"}
"""The model of each vendor that `stella contract` asks."""
NAMES = tuple(f"{vendor}:MODEL" for vendor in VENDORS)


def realtime_access(settings: Settings) -> Mapping[str, Access]:
    """What the settings give access to. A server of one's own that speaks OpenAI's protocol needs no key."""
    return {
        "openai": Access(
            settings.openai_api_key.get_secret_value(), settings.openai_base_url, "OPENAI_API_KEY",
            keyless=bool(settings.openai_base_url),
        ),
        "google": Access(settings.google_api_key.get_secret_value(), settings.google_base_url, "GOOGLE_API_KEY"),
    }  # fmt: skip


class Realtimes:
    """Makes models by name, once for the process, and brains of them."""

    def __init__(
        self, session: aiohttp.ClientSession | None, access: Mapping[str, Access], metrics: Metrics | None = None
    ) -> None:
        """Without a session none can be made. It is closed by its owner."""
        self._session, self._access, self._metrics = session, access, metrics or NullMetrics()
        self._models: dict[str, Realtime] = {}
        self._health: dict[str, Breaker] = {}
        self._checked: set[str] = set()

    def wrap(self, agent: Agent, behind: Brain, company: Company, boxes: Toolboxes) -> Brain:
        """The agent's models with `behind` behind them. Raises ConfigError with what is missing."""
        names = agent.engines.realtime
        if not names:
            raise ConfigError(
                'voice_path = "realtime" needs a model: realtime = ["openai:gpt-realtime"] under [engines]'
            )
        models = [self._model(name) for name in dict.fromkeys(names)]
        priced = frozenset(name for name in names if not self._access[name.partition(":")[0]].base)
        return RealtimeBrain(
            models, self._health, behind, company, boxes,
            lambda name, spent, day: realtime_usd(name, spent, day) if name in priced else None, self._metrics,
        )  # fmt: skip

    def _model(self, name: str) -> Realtime:
        if name not in self._models:
            vendor, _, model = name.partition(":")
            access = self._access.get(vendor)
            if vendor not in VENDORS or not model or access is None or self._session is None:
                raise ConfigError(f"engines.realtime: there is no {name!r}; there are {', '.join(NAMES)}")
            if not access.key and not access.keyless:
                raise ConfigError(
                    f"engines.realtime: {name} needs {access.setting}; set it (in .env), or take {name} out"
                )
            self._models[name] = VENDORS[vendor](model, access.key, self._session, access.base)
            self._health[name] = Breaker(time.monotonic)
        return self._models[name]

    async def check(self) -> None:
        """Ask every vendor that was not asked yet whether its key is right, and say so before a caller hears of it."""
        new = [model for name, model in self._models.items() if name not in self._checked]
        self._checked |= {model.name for model in new}
        await asyncio.gather(*(self._check(model) for model in new))

    async def _check(self, model: Realtime) -> None:
        try:
            await model.check()
        except ProviderError as failure:
            self._health[model.name].failed(failure)
            setting = self._access[model.name.partition(":")[0]].setting
            _log.error(
                "engine-refused", kind="realtime", engine=model.name, code=failure.code,
                mend=f"look at {setting}: calls are answered by the next of the row meanwhile",
            )  # fmt: skip

    async def close(self) -> None:
        """Hang up every line."""
        await asyncio.gather(*(model.close() for model in self._models.values()))
