"""One place knows an agent's pages, for rules and models alike, and keeps them fresh without anybody noticing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs
from tests.adapters.chat.conftest import KeptOutbox
from tests.adapters.pages.made import pdf
from tests.adapters.pages.test_web import HTML, Site, pages, sessions, site
from tests.conformance.brain import AGENT, FACTS, asked, reply

from stella.adapters.pages.web import WebPages
from stella.app import library as library_module
from stella.app.brains import Brains
from stella.app.library import Library
from stella.domain.acts import UsedTool
from stella.domain.agent import Agent

__all__ = ["AsyncIterator", "pages", "sessions", "site"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One page of every kind, and a bad one."""
    here = tmp_path / "pages"
    here.mkdir()
    (here / "hours.md").write_text("# Breakfast\nBreakfast is from seven to ten.")
    (here / "garage.html").write_text("<html lang=en><h1>Parking</h1><p>The garage costs twelve euros.</p>")
    (here / "dogs.pdf").write_bytes(pdf("Dogs are welcome in every room."))
    (here / "broken.pdf").write_bytes(b"nothing")
    return here


def agent(folder: Path | str = "", *urls: str, version: str = "1") -> Agent:
    """An agent with these pages."""
    return replace(AGENT, knowledge=str(folder), knowledge_pages=urls, version=version)


async def test_every_kind_of_page_answers_and_the_record_says_which(folder: Path, pages: WebPages, site: Site) -> None:
    """Markdown, HTML, PDF and the web are one knowledge; the receptionist answers from it."""
    library = Library(pages)
    brains = Brains(KeptOutbox(), library=library)
    with capture_logs() as logs:
        await brains.prepare(agent(folder, site.url))
    session = brains.make(agent(folder, site.url)).open(FACTS)
    for question, answer, source in (
        ("When is breakfast?", "from seven to ten", "hours.md#Breakfast"),
        ("What does the garage cost?", "twelve euros", "garage.html#Parking"),
        ("Are dogs welcome?", "welcome in every room", "dogs.pdf#page 1"),
        ("How much is a room?", "ninety euros", f"{site.url}#Prices"),
    ):
        words, acts = await reply(session, asked(question))
        assert answer in words
        uses = [act.use for act in acts if isinstance(act, UsedTool)]
        assert uses[0].name == "knowledge_search" and uses[0].result.startswith(source)
    left_out = [line for line in logs if line["event"] == "page-left-out"]
    assert [(line["page"], line["log_level"]) for line in left_out] == [("broken.pdf", "warning")]
    assert left_out[0]["mend"] and [fault.name for fault in library.faults(agent(folder, site.url))] == ["broken.pdf"]


async def test_a_page_that_changes_is_taken_up_when_it_is_due(
    pages: WebPages, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By calls under way too: the same knowledge says something new."""
    library, ours = Library(pages), agent("", site.url)
    await library.prepare(ours)
    known = library.of(ours)
    monkeypatch.setattr(library_module.time, "time", lambda: 1000.0 + 3600)
    site.answer = lambda _: web.Response(text=HTML.replace("ninety", "a hundred"), content_type="text/html")
    before = len(site.asked)
    await library.refresh([ours])
    assert len(site.asked) == before
    monkeypatch.setattr(library_module.time, "time", lambda: 1000.0 + 7 * 3600)
    await library.refresh([ours])
    assert "a hundred" in known.search("How much is a room?", "en")[0].chunk.text


async def test_a_page_that_is_down_answers_from_its_last_good_copy(pages: WebPages, site: Site) -> None:
    """Also after a restart: it is on disk, and a start does not wait for it."""
    ours = agent("", site.url)
    await Library(pages).prepare(ours)
    site.answer = lambda _: web.Response(status=500)
    before = len(site.asked)
    library = Library(pages)
    await library.prepare(ours)
    assert len(site.asked) == before
    assert library.of(ours).search("How much is a room?", "en")
    pages._clock = lambda: 0.0
    library._shelves[ours.name].web.clear()
    with capture_logs() as logs:
        assert await library._look(ours, library._shelves[ours.name], [site.url])
    assert [line["event"] for line in logs] == ["page-not-refreshed"]


async def test_a_page_nobody_ever_read_does_not_stop_the_start(
    pages: WebPages, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with the first refresh; until then it is named in the log."""
    monkeypatch.setattr(library_module, "START_S", 0.0)
    library, ours = Library(pages), agent("", site.url)
    with capture_logs() as logs:
        await library.prepare(ours)
    assert [line["event"] for line in logs] == ["pages-not-ready"]
    assert not library.of(ours).chunks
    await library.refresh([ours])
    assert library.of(ours).search("How much is a room?", "en")


async def test_a_new_version_is_read_anew_and_an_unprepared_one_from_its_folder(folder: Path) -> None:
    """A version that was never prepared (a test, a tool) knows at least its Markdown."""
    library = Library()
    await library.prepare(agent(folder))
    (folder / "hours.md").write_text("# Breakfast\nBreakfast is from eight to nine.")
    await library.prepare(agent(folder))
    assert "seven" in library.of(agent(folder)).search("When is breakfast?", "en")[0].chunk.text
    await library.prepare(agent(folder, version="2"))
    assert "eight" in library.of(agent(folder, version="2")).search("When is breakfast?", "en")[0].chunk.text
    assert {chunk.source for chunk in library.of(agent(folder, version="3")).chunks} == {"hours.md#Breakfast"}
