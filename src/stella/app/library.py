"""What the agents of the house know: the pages of their folders and of the web, indexed beside the calls, kept fresh."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from stella.adapters.pages.reading import read_folder
from stella.adapters.pages.web import Looked, WebPages
from stella.adapters.receptionist import Knowledge
from stella.app.meaning import meaning_of
from stella.domain.agent import Agent
from stella.ports.failure import ProviderError
from stella.ports.meaning import Embedder
from stella.ports.pages import Document, PageFault

_log = structlog.get_logger("stella.knowledge")

MakesEmbedder = Callable[[str], Embedder]

AT_ONCE = 4
START_S = 25.0
"""How long a start waits for pages of the web that were never read before; they come later, where they take longer."""


@dataclass(slots=True)
class _Shelf:
    """One agent's pages: those of the folder, read once for each of its versions, and those of the web by address."""

    version: str
    knowledge: Knowledge
    markdown: Knowledge
    folder: list[Document]
    web: dict[str, Document]
    faults: dict[str, PageFault]


class Library:
    """Prepares an agent's pages before its brain is made, and looks at those of the web again and again."""

    def __init__(
        self, web: WebPages | None = None, embedder: MakesEmbedder | None = None, folder: Path | None = None
    ) -> None:
        """Without `web`, pages of the web are what nobody has; without `embedder`, words alone decide.

        `embedder` makes one by its name and raises ConfigError; `folder` keeps what meanings cost.
        """
        self._web, self._embedder, self._folder = web, embedder, folder
        self._shelves: dict[str, _Shelf] = {}

    async def prepare(self, agent: Agent) -> None:
        """Read everything there is of this version. What cannot be read is named in the log, and left out."""
        if (known := self._shelves.get(agent.name)) is not None and known.version == agent.version:
            return
        markdown = await asyncio.to_thread(Knowledge.load, agent.knowledge)
        folder, faults = await read_folder(agent.knowledge)
        shelf = _Shelf(agent.version, Knowledge(()), markdown, folder, {}, {fault.name: fault for fault in faults})
        for fault in faults:
            _warn(agent, fault)
        for name in markdown.left_out:
            shelf.faults[name] = PageFault(
                name, "is too large, not UTF-8, or one too many", "split it, or save it as UTF-8"
            )
            _warn(agent, shelf.faults[name])
        await self._take_kept(agent, shelf)
        missing = [url for url in agent.knowledge_pages if url not in shelf.web]
        try:
            async with asyncio.timeout(START_S):
                await self._look(agent, shelf, missing)
        except TimeoutError:
            _log.warning("pages-not-ready", agent=agent.name, pages=len(missing), mend="they are read a little later")
        await self._index(agent, shelf)
        self._shelves[agent.name] = shelf

    async def _index(self, agent: Agent, shelf: _Shelf) -> None:
        made = await _indexed(shelf)
        await self._mean(agent, made)
        shelf.knowledge.become(made)

    async def _mean(self, agent: Agent, knowledge: Knowledge) -> None:
        """Meanings for these pages. Without them words alone decide, until the next look."""
        if not agent.knowledge_embeddings or self._embedder is None or self._folder is None or not knowledge.chunks:
            return
        embedder = self._embedder(agent.knowledge_embeddings)
        texts = [f"{chunk.heading}\n{chunk.text or chunk.say}" for chunk in knowledge.chunks]
        try:
            knowledge.meaning = await meaning_of(texts, embedder, self._folder, agent.name)
        except ProviderError as failure:
            _log.warning(
                "meanings-not-made", agent=agent.name, engine=embedder.name, code=failure.code,
                mend="pages are found by their words meanwhile; it is tried again",
            )  # fmt: skip

    def of(self, agent: Agent) -> Knowledge:
        """The pages of this version of an agent; of one that was not prepared, the Markdown of its folder."""
        shelf = self._shelves.get(agent.name)
        if shelf is not None and shelf.version == agent.version:
            return shelf.knowledge
        return Knowledge.load(agent.knowledge)

    def faults(self, agent: Agent) -> list[PageFault]:
        """What of an agent's pages could not be read, or not anew."""
        shelf = self._shelves.get(agent.name)
        return list(shelf.faults.values()) if shelf is not None else []

    async def refresh(self, agents: Iterable[Agent]) -> None:
        """Look at the pages of the web that are due. A page that is down stays as it was."""
        for agent in agents:
            shelf = self._shelves.get(agent.name)
            if shelf is None or shelf.version != agent.version:
                continue
            due = [url for url in agent.knowledge_pages if await self._due(url, agent.knowledge_refresh_h)]
            changed = await self._look(agent, shelf, due)
            if changed or (agent.knowledge_embeddings and shelf.knowledge.chunks and shelf.knowledge.meaning is None):
                await self._index(agent, shelf)
            if changed:
                _log.info("pages-changed", agent=agent.name, pages=len(due))

    async def _due(self, url: str, hours: float) -> bool:
        copy = await asyncio.to_thread(self._web.kept, url) if self._web is not None else None
        return copy is None or time.time() - copy.fetched_at >= hours * 3600

    async def _take_kept(self, agent: Agent, shelf: _Shelf) -> None:
        for url in agent.knowledge_pages if self._web is not None else ():
            if self._web is not None and (copy := await asyncio.to_thread(self._web.kept, url)) is not None:
                shelf.web[url] = copy.document

    async def _look(self, agent: Agent, shelf: _Shelf, urls: list[str]) -> bool:
        """Look at these pages; whether any says something new."""
        web = self._web
        if web is None or not urls:
            return False
        room, changed = asyncio.Semaphore(AT_ONCE), False

        async def one(url: str) -> Looked:
            async with room:
                return await web.look(url)

        for url, looked in zip(urls, await asyncio.gather(*map(one, urls)), strict=True):
            if looked.fault is None:
                shelf.faults.pop(url, None)
            else:
                shelf.faults[url] = looked.fault
                _warn(agent, looked.fault, old_copy=looked.copy is not None)
            if looked.copy is not None:
                changed = changed or shelf.web.get(url) != looked.copy.document
                shelf.web[url] = looked.copy.document
        return changed


async def _indexed(shelf: _Shelf) -> Knowledge:
    documents = [*shelf.folder, *shelf.web.values()]
    made = await asyncio.to_thread(shelf.markdown.with_documents, documents)
    known = set(shelf.markdown.left_out)
    for name in made.left_out:
        if name not in known:
            shelf.faults[name] = PageFault(name, "has no German or English text, or one too many", "look what is in it")
    return made


def _warn(agent: Agent, fault: PageFault, *, old_copy: bool = False) -> None:
    _log.warning(
        "page-left-out" if not old_copy else "page-not-refreshed",
        agent=agent.name, page=fault.name, cause=fault.cause, mend=fault.mend,
    )  # fmt: skip
