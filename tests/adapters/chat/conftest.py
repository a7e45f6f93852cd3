"""Models of every vendor at a local fake."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from tests.adapters.chat.server import Vendor, vendor
from tests.conformance.brain import AGENT

from stella.adapters.chat import Anthropic, ChatModel, Google, OpenAI, OpenAIResponses, Patience
from stella.adapters.receptionist import Knowledge
from stella.app.company import AgentCompany
from stella.calls.builtin_tools import built_in
from stella.calls.model_brain import ModelBrain
from stella.ports.store import Notice

DIALECTS = {"openai": OpenAI, "openai-responses": OpenAIResponses, "anthropic": Anthropic, "google": Google}


class KeptOutbox:
    """Messages in memory; the same key is one message."""

    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}

    async def put(self, notice: Notice, agent: str) -> None:
        """As the port."""
        self.notices.setdefault(notice.key, notice)

    async def pending(self) -> int:
        """As the port."""
        return 0


@pytest.fixture
async def fake() -> AsyncIterator[Vendor]:
    """The vendor's side."""
    async with vendor() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """The one shared session."""
    async with aiohttp.ClientSession() as shared:
        yield shared


@pytest.fixture(params=list(DIALECTS))
def model(request: pytest.FixtureRequest, fake: Vendor, session: aiohttp.ClientSession) -> ChatModel:
    """One vendor's model, with patience for a busy machine."""
    return make_model(request.param, fake, session)


def make_model(kind: str, fake: Vendor, session: aiohttp.ClientSession, **patience: float) -> ChatModel:
    """A model of a kind at the fake."""
    base = f"{fake.url}/v1" if kind.startswith("openai") else fake.url
    wait = Patience(**{"connect": 5.0, "first": 10.0, "gap": 10.0, "total": 20.0, **patience})
    return ChatModel(f"{kind}:test", DIALECTS[kind]("test", "key-of-ours", base), session, wait)


@pytest.fixture
def outbox() -> KeptOutbox:
    """Where messages go."""
    return KeptOutbox()


@pytest.fixture
def think(outbox: KeptOutbox) -> Callable[..., ModelBrain]:
    """A brain of a model, with the built-in tools."""
    company = AgentCompany(AGENT, Knowledge(()))

    def build(model: ChatModel, **options: object) -> ModelBrain:
        return ModelBrain(model, company, built_in(AGENT, company, outbox), time.monotonic, **options)  # type: ignore[arg-type]

    return build
