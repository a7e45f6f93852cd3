"""Brains are chosen by name; what is missing is said at the start."""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from tests.adapters.chat.conftest import KeptOutbox
from tests.adapters.chat.server import Manner, Vendor, vendor
from tests.conformance.brain import AGENT, FACTS, asked, reply

from stella.adapters.http_tool import ToolSessions
from stella.app.brains import Brains, vendors
from stella.app.settings import load_settings
from stella.domain.acts import UsedTool
from stella.domain.agent import Agent, Engines, HttpToolSetup, PythonToolSetup
from stella.domain.errors import ConfigError

KEYS = {"OPENAI_API_KEY": "k1", "ANTHROPIC_API_KEY": "k2", "GOOGLE_API_KEY": "k3"}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """The shared session."""
    async with aiohttp.ClientSession() as shared:
        yield shared


@pytest.fixture
async def fake() -> AsyncIterator[Vendor]:
    """All vendors in one."""
    async with vendor() as running:
        yield running


def agent(*brains: str, **more: object) -> Agent:
    """An agent with these brains."""
    return replace(AGENT, engines=Engines(brain=brains), **more)  # type: ignore[arg-type]


def brains(session: aiohttp.ClientSession | None, sessions: ToolSessions | None = None, **environ: str) -> Brains:
    """The process's brains with these settings."""
    return Brains(KeptOutbox(), session, vendors(load_settings(environ)), tool_sessions=sessions)


@pytest.mark.parametrize(
    ("name", "environ", "reason"),
    [
        ("openai:gpt", {}, "OPENAI_API_KEY"),
        ("anthropic:claude", {"ANTHROPIC_BASE_URL": "http://localhost:1"}, "ANTHROPIC_API_KEY"),
        ("google:gemini", {}, "GOOGLE_API_KEY"),
        ("openai:", KEYS, "there is no"),
        ("openai", KEYS, "there is no"),
        ("gpt-5", KEYS, "openai:MODEL"),
        ("cohere:x", KEYS, "there is no"),
        ("groq:x", KEYS, "GROQ_API_KEY"),
        ("azure:d", {"AZURE_OPENAI_API_KEY": "k"}, "AZURE_OPENAI_BASE_URL"),
        ("azure:d", {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}, "AZURE_OPENAI_API_KEY"),
    ],
)
async def test_what_is_missing_is_named(
    session: aiohttp.ClientSession, name: str, environ: dict[str, str], reason: str
) -> None:
    """At the start, with the setting's name or the names there are."""
    with pytest.raises(ConfigError, match=reason):
        brains(session, **environ).make(agent("receptionist", name))


async def test_a_server_of_ones_own_needs_no_key(session: aiohttp.ClientSession) -> None:
    """Ollama and llama.cpp ask for none."""
    made = brains(session, OPENAI_BASE_URL="http://localhost:11434/v1").make(agent("openai:llama3.2"))
    assert made.name == "openai:llama3.2"


async def test_two_hosts_of_one_protocol_stand_in_one_row(session: aiohttp.ClientSession, fake: Vendor) -> None:
    """Each with its own key and address: when Groq is down, Azure answers."""
    fake.script = lambda _told: Manner(["Yes."]) if "/azure/" in fake.paths[-1] else Manner(status=503)
    urls = {"GROQ_BASE_URL": f"{fake.url}/groq/v1", "AZURE_OPENAI_BASE_URL": f"{fake.url}/azure"}
    made = brains(session, GROQ_API_KEY="g", AZURE_OPENAI_API_KEY="a", **urls).make(
        agent("groq:m", "azure-responses:d")
    )
    words, _ = await reply(made.open(FACTS), asked("When are you open?"))
    assert words.strip() == "Yes."
    assert fake.paths == ["/groq/v1/chat/completions", "/azure/openai/v1/responses"]
    assert fake.headers[0]["authorization"] == "Bearer g" and fake.headers[1]["api-key"] == "a"


@pytest.mark.parametrize("name", ["ollama:llama3.2", "vllm:m", "llamacpp:m"])
async def test_a_local_server_needs_no_setting_at_all(session: aiohttp.ClientSession, name: str) -> None:
    """Where it listens by default, and without a key."""
    assert brains(session).make(agent(name)).name == name


async def test_an_agent_file_can_name_a_function_as_its_brain(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the receptionist behind it; what cannot be loaded or is no brain is said at the start."""

    async def answer(talk: object) -> str:
        return "Mine."

    module = types.ModuleType("my_brains")
    module.answer, module.wrong = answer, len  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_brains", module)
    made = brains(None).make(agent("python:my_brains:answer"))
    words, _ = await reply(made.open(FACTS), asked("Whose?"))
    assert words.strip() == "Mine." and type(made).__name__ == "BrainChain"
    for name, reason in (
        ("my_brains:none", "AttributeError"),
        ("nowhere:x", "PYTHONPATH"),
        ("my_brains:wrong", "async def"),
    ):
        with pytest.raises(ConfigError, match=reason):
            brains(None).make(agent(f"python:{name}"))


async def test_a_single_embedded_brain_stands_alone() -> None:
    """Nothing of this is in the way of those who use none of it."""
    assert type(brains(None).make(agent("receptionist"))).__name__ == "Receptionist"
    assert type(brains(None).make(agent("bench"))).__name__ == "Brain"


async def test_three_vendors_fail_and_the_receptionist_answers(session: aiohttp.ClientSession, fake: Vendor) -> None:
    """It stands behind every model, named or not; the record says who was tried."""
    fake.manner = Manner(status=500)
    urls = {"OPENAI_BASE_URL": f"{fake.url}/v1", "ANTHROPIC_BASE_URL": fake.url, "GOOGLE_BASE_URL": fake.url}
    made = brains(session, **KEYS, **urls).make(agent("openai:a", "anthropic:b", "google:c"))
    words, acts = await reply(made.open(FACTS), asked("When are you open?"))
    assert words.strip() and len(fake.asked) == 3
    switches = [act.use.arguments["to"] for act in acts if isinstance(act, UsedTool)]
    assert switches == ["anthropic:b", "google:c", "receptionist"]


async def test_a_slow_vendor_is_outrun_and_its_connection_closed(session: aiohttp.ClientSession, fake: Vendor) -> None:
    """Over real sockets: what the slow one would still have cost is not spent."""
    fake.script = lambda _told: Manner(["Yes."]) if "/messages" in fake.paths[-1] else Manner(hang_after=0)
    urls = {"OPENAI_BASE_URL": f"{fake.url}/v1", "ANTHROPIC_BASE_URL": fake.url}
    made = brains(session, **KEYS, **urls).make(agent("openai:a", "anthropic:b"))
    words, acts = await reply(made.open(FACTS), asked("When are you open?"))
    assert words.strip() == "Yes."
    assert [act.use.result for act in acts if isinstance(act, UsedTool)] == ["slow"]
    async with asyncio.timeout(2):
        await fake.hung_up.wait()


async def test_a_model_with_another_behind_it_is_waited_for_less(session: aiohttp.ClientSession) -> None:
    """Silence is the caller's; the last model gets the time there is."""
    ours = brains(session, **KEYS)
    ours.make(agent("openai:a", "anthropic:b"))
    patience = {name: model._patience.first for (name, _), model in ours._models.items()}  # type: ignore[attr-defined]
    assert patience == {"openai:a": 1.8, "anthropic:b": 3.0}


async def test_a_refused_key_is_known_before_the_first_call(session: aiohttp.ClientSession, fake: Vendor) -> None:
    """The caller does not pay for finding out."""
    fake.manner = Manner(status=401)
    ours = brains(session, **KEYS, OPENAI_BASE_URL=f"{fake.url}/v1")
    made = ours.make(agent("openai:a"))
    await ours.check()
    await ours.check()
    assert len(fake.asked) == 1
    words, _ = await reply(made.open(FACTS), asked("When are you open?"))
    assert words.strip() and len(fake.asked) == 1


async def test_a_model_uses_the_tools_of_the_file(
    session: aiohttp.ClientSession, fake: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python function and an HTTP interface, from the file to the answer."""
    module = types.ModuleType("tools_of_ours")

    def free_rooms(day: str) -> str:
        """Says which rooms are free."""
        return f"two on {day}"

    module.free_rooms = free_rooms  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tools_of_ours", module)
    manners = [
        Manner([("rooms", {"day": "Monday"}), ("order", {})]),
        Manner(["Two on Monday."]),
    ]
    fake.script = lambda _told: manners.pop(0)
    sessions = ToolSessions()
    ours = brains(session, sessions, OPENAI_BASE_URL=f"{fake.url}/v1")
    made = ours.make(
        agent(
            "openai:a",
            python_tools=(PythonToolSetup("rooms", "tools_of_ours:free_rooms"),),
            http_tools=(HttpToolSetup("order", "Orders.", f"{fake.url}/models", network="private"),),
        )
    )
    words, acts = await reply(made.open(FACTS), asked("Rooms on Monday?"))
    used = [(act.use.name, act.use.result, act.use.error) for act in acts if isinstance(act, UsedTool)]
    assert words.strip() == "Two on Monday."
    assert used[0] == ("rooms", "two on Monday", None)
    assert used[1][0] == "order"
    assert fake.asked[-1]["messages"][-2]["content"] == "two on Monday"
    await sessions.close()


@pytest.mark.parametrize("function", ["no_such_module_of_ours:x", "json:no_such", "json:decoder"])
async def test_a_function_that_cannot_be_loaded_is_named(session: aiohttp.ClientSession, function: str) -> None:
    """With the mend, at the start."""
    with pytest.raises(ConfigError, match="rooms"):
        brains(session, OPENAI_BASE_URL="http://localhost:1/v1").make(
            agent("openai:a", python_tools=(PythonToolSetup("rooms", function),))
        )
