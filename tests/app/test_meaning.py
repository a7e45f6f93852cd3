"""Meanings order what words found, add for models what words missed, and are never waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs
from tests.adapters.chat.conftest import KeptOutbox
from tests.adapters.embeddings.server import Vendor, vendor
from tests.conformance.brain import AGENT, FACTS, asked, reply

from stella.adapters.embeddings import OpenAIEmbeddings
from stella.adapters.receptionist import Knowledge
from stella.app import meaning as meaning_module
from stella.app.brains import Brains
from stella.app.company import AgentCompany
from stella.app.doors import vendors
from stella.app.embedders import embedder_of
from stella.app.library import Library
from stella.app.settings import load_settings
from stella.domain.agent import Agent
from stella.domain.errors import ConfigError
from stella.ports.pages import Document, Section

PAGES = {
    "pets.md": "# Animals\nYour dog is welcome in every room.",
    "rooms.md": "# Rooms\nEvery room has a wide bed to sleep in.",
    "food.md": "# Morning\nWe serve breakfast with fresh coffee.",
}


@pytest.fixture
async def fake() -> AsyncIterator[Vendor]:
    """The vendor's side."""
    async with vendor() as running:
        yield running


@pytest.fixture
async def library(fake: Vendor, tmp_path: Path) -> AsyncIterator[Library]:
    """With meanings."""
    async with aiohttp.ClientSession() as session:
        yield Library(None, lambda name: OpenAIEmbeddings(name, "small", "", fake.url, session), tmp_path / "kept")


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    """Three pages."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text)
    return replace(AGENT, knowledge=str(folder), knowledge_embeddings="openai:small")


async def test_a_model_is_given_what_only_the_meaning_finds(library: Library, agent: Agent) -> None:
    """Hunger has no word in common with breakfast; the receptionist, who says what is found, is not given it."""
    await library.prepare(agent)
    company = AgentCompany(agent, library.of(agent))
    assert company.search("I am so hungry", "en") == []
    await company.understand("I am so hungry")
    assert company.search("I am so hungry", "en")[0].source == "food.md#Morning"
    assert library.of(agent).search("I am so hungry", "en") == []


class Says:
    """A meaning that is known."""

    def __init__(self, *order: int) -> None:
        self.order = order

    async def understand(self, question: str) -> None:
        """Understood."""

    def nearest(self, question: str, most: int) -> list[tuple[int, float]]:
        """In this order; the last too far away to count."""
        return [(number, 0.9) for number in self.order[:-1]] + [(self.order[-1], 0.1)]


def test_both_rankings_count() -> None:
    """What is near the top of both comes before what is at the top of one."""
    pages = [Section("Room", "room room room"), Section("", "room room, and a dog"), Section("", "room, and much more of it"),
             Section("", "the garage")]  # fmt: skip
    knowledge = Knowledge(()).with_documents([Document("page", (page,), "en") for page in pages])
    words = [knowledge.chunks.index(found.chunk) for found in knowledge.search("room", "en")]
    assert words == [0, 1, 2]
    knowledge.meaning = Says(1, 2, 0, 3)
    both = [knowledge.chunks.index(found.chunk) for found in knowledge.search("room", "en", 4, honest=False)]
    assert both == [1, 0, 2]
    knowledge.meaning = Says(3, 1, 0, 2)
    assert knowledge.chunks[3] in [found.chunk for found in knowledge.search("room", "en", 4, honest=False)]
    assert knowledge.chunks[3] not in [found.chunk for found in knowledge.search("room", "en", 4)]


async def test_what_was_made_is_not_made_again(library: Library, agent: Agent, fake: Vendor) -> None:
    """Meanings cost money: only new texts are sent, after a restart too."""
    await library.prepare(agent)
    assert [len(each["input"]) for each in fake.asked] == [3]
    (Path(agent.knowledge) / "new.md").write_text("# Garage\nThe garage is behind the house.")
    second = Library(None, library._embedder, library._folder)
    await second.prepare(replace(agent, version="2"))
    assert [each["input"] for each in fake.asked[1:]] == [["Garage\nThe garage is behind the house."]]
    for file in (library._folder or Path()).glob("*.npz"):
        file.write_bytes(b"half a file")
    await Library(None, library._embedder, library._folder).prepare(agent)
    assert len(fake.asked[-1]["input"]) == 4


async def test_two_agents_do_not_throw_away_each_others_meanings(
    library: Library, agent: Agent, fake: Vendor, tmp_path: Path
) -> None:
    """They may share a model, and money is paid once."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "garage.md").write_text("# Garage\nThe garage is behind the house.")
    two = (agent, replace(agent, name="garage", knowledge=str(other)))
    for each in two:
        await library.prepare(each)
    again = Library(None, library._embedder, library._folder)
    for each in two:
        await again.prepare(each)
    assert [len(each["input"]) for each in fake.asked] == [3, 1]


async def test_a_file_that_was_cut_short_is_made_anew(library: Library, agent: Agent, fake: Vendor) -> None:
    """A disk that died in the middle must not keep the house from starting."""
    await library.prepare(agent)
    (file,) = (library._folder or Path()).glob("*.npz")
    file.write_bytes(file.read_bytes()[:-40])
    await Library(None, library._embedder, library._folder).prepare(agent)
    assert [len(each["input"]) for each in fake.asked] == [3, 3]


async def test_a_disk_that_takes_nothing_leaves_the_meanings(library: Library, agent: Agent) -> None:
    """They are there for the calls of today; that they are not kept is said."""
    assert library._folder is not None
    library._folder.write_text("a file stands where the folder should be")
    with capture_logs() as logs:
        await library.prepare(agent)
    assert library.of(agent).meaning is not None
    assert [(line["event"], bool(line["mend"])) for line in logs] == [("meanings-not-kept", True)]


async def test_a_vendor_that_is_down_leaves_the_words(library: Library, agent: Agent, fake: Vendor) -> None:
    """At the start and in a call; when it is back, meanings are made with the next look."""
    fake.answer = lambda _: web.Response(status=503)
    brains = Brains(KeptOutbox(), library=library)
    with capture_logs() as logs:
        await brains.prepare(agent)
    assert [line["event"] for line in logs] == ["meanings-not-made"]
    words, _ = await reply(brains.make(agent).open(FACTS), asked("Do you serve breakfast?"))
    assert "coffee" in words
    fake.answer = None
    await library.refresh([agent])
    assert library.of(agent).meaning is not None
    fake.answer = lambda _: web.Response(status=503)
    with capture_logs() as logs:
        words, _ = await reply(brains.make(agent).open(FACTS), asked("Do you serve breakfast with coffee?"))
    assert "coffee" in words and [line["event"] for line in logs] == ["meaning-unknown"]
    assert "breakfast" not in str(logs)


async def test_a_slow_vendor_is_not_waited_for(
    library: Library, agent: Agent, fake: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller hears an answer by words."""
    await library.prepare(agent)
    monkeypatch.setattr(meaning_module, "QUESTION_S", 0.0)
    knowledge = library.of(agent)
    await knowledge.understand("Is breakfast included?")
    assert knowledge.search("Do you serve breakfast?", "en")


async def test_a_name_that_means_another_model_now_is_made_anew(library: Library, agent: Agent, fake: Vendor) -> None:
    """Vectors of two sizes cannot be compared."""
    await library.prepare(agent)
    (Path(agent.knowledge) / "new.md").write_text("# Garage\nThe garage is behind the house.")
    fake.answer = lambda texts: web.json_response(
        {"data": [{"index": at, "embedding": [1.0, 0.5]} for at, _ in enumerate(texts)]}
    )
    second = Library(None, library._embedder, library._folder)
    await second.prepare(replace(agent, version="2"))
    assert len(fake.asked[-1]["input"]) == 4 and second.of(replace(agent, version="2")).meaning is not None


@pytest.mark.parametrize(
    ("name", "environ", "reason"),
    [
        ("openai:m", {}, "needs OPENAI_API_KEY"),
        ("azure:d", {"AZURE_OPENAI_API_KEY": "k"}, "needs AZURE_OPENAI_BASE_URL"),
        ("anthropic:m", {"ANTHROPIC_API_KEY": "k"}, "there is no 'anthropic:m'; there are openai:MODEL"),
        ("openai:", {"OPENAI_API_KEY": "k"}, "there is no"),
    ],
)
async def test_what_is_missing_is_named_at_the_start(name: str, environ: dict[str, str], reason: str) -> None:
    """With the setting."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConfigError, match=reason):
            embedder_of(name, vendors(load_settings(environ)), session)
        assert embedder_of("ollama:nomic", vendors(load_settings({})), session).name == "ollama:nomic"
