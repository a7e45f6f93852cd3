"""Pages of the web: asked politely, never inside the network, and kept for the day they are down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from stella.adapters.http_tool import ToolSessions, is_forbidden
from stella.adapters.pages import web as pages_web
from stella.adapters.pages.web import WebPages

HTML = "<html lang=en><h1>Prices</h1><p>A room is ninety euros.</p></html>"


@dataclass
class Site:
    """A web server: what it answers, and what it was asked."""

    answer: Callable[[web.Request], web.StreamResponse]
    url: str = ""
    robots: str = ""
    asked: list[web.Request] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any path."""
        self.asked.append(request)
        if request.path == "/robots.txt":
            return web.Response(text=self.robots) if self.robots else web.Response(status=404)
        return self.answer(request)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A site with one page."""
    served = Site(lambda _: web.Response(text=HTML, content_type="text/html", headers={"ETag": '"1"'}))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.handle)
    server = TestServer(app)
    await server.start_server()
    served.url = str(server.make_url("/prices"))
    yield served
    await server.close()


@pytest.fixture
async def sessions() -> AsyncIterator[ToolSessions]:
    """The house's own."""
    made = ToolSessions()
    yield made
    await made.close()


@pytest.fixture
def pages(sessions: ToolSessions, tmp_path: Path) -> WebPages:
    """Pages that may be on this machine."""
    return WebPages(sessions.private, tmp_path, lambda: 1000.0, is_forbidden, ("http",))


async def test_a_page_is_fetched_and_kept(pages: WebPages, site: Site) -> None:
    """Another process finds it on disk."""
    looked = await pages.look(site.url)
    assert looked.changed and looked.fault is None and looked.copy is not None
    assert looked.copy.document.sections[0].text == "A room is ninety euros."
    assert pages.kept(site.url) == looked.copy
    assert pages.kept(site.url + "x") is None
    agent = site.asked[-1].headers["user-agent"]
    assert agent.startswith("STELLA/") and "robots.txt" in agent


async def test_an_unchanged_page_is_not_sent_again(pages: WebPages, site: Site) -> None:
    """With the tag its server gave; the copy counts as fresh."""
    await pages.look(site.url)
    site.answer = lambda request: web.Response(status=304 if request.headers.get("if-none-match") == '"1"' else 500)
    looked = await pages.look(site.url)
    assert not looked.changed and looked.fault is None and looked.copy is not None


async def test_a_changed_page_takes_the_place_of_the_old_one(pages: WebPages, site: Site) -> None:
    """Prices change."""
    await pages.look(site.url)
    site.answer = lambda _: web.Response(text=HTML.replace("ninety", "a hundred"), content_type="text/html")
    looked = await pages.look(site.url)
    assert looked.changed and looked.copy is not None
    assert "a hundred" in looked.copy.document.sections[0].text


def endless(request: web.Request) -> web.StreamResponse:
    """From here to here."""
    return web.Response(status=302, headers={"location": str(request.url) + "x"})


FAULTS: dict[str, tuple[Callable[[web.Request], web.StreamResponse], str]] = {
    "error": (lambda _: web.Response(status=503), "answers with the error 503"),
    "picture": (lambda _: web.Response(body=b"x", content_type="image/png"), "is image/png, not a page"),
    "endless": (endless, "leads from one address to the next without end"),
    "downgrade": (lambda _: web.Response(status=301, headers={"location": "ftp://example.com/"}), "not https://"),
    "named": (lambda r: web.Response(status=301, headers={"location": f"http://a:b@{r.host}/"}), "not https://"),
    "broken": (lambda _: web.Response(body=b"x", content_type="application/pdf"), "is not what its name says"),
    "unasked": (lambda _: web.Response(status=304), "answers that nothing has changed"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_what_is_wrong_is_said_and_the_last_good_copy_stays(name: str, pages: WebPages, site: Site) -> None:
    """A page that is down is a warning, not a company without prices."""
    answer, cause = FAULTS[name]
    good, site.answer = site.answer, answer
    looked = await pages.look(site.url)
    assert looked.copy is None and looked.fault is not None and cause in looked.fault.cause and looked.fault.mend
    site.answer = good
    await pages.look(site.url)
    site.answer = answer
    looked = await pages.look(site.url)
    assert looked.copy is not None and not looked.changed
    assert looked.fault is not None or name == "unasked"


async def test_a_page_that_is_too_large_is_not_read_to_its_end(
    pages: WebPages, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its server says about its length."""
    monkeypatch.setattr(pages_web, "PDF_MOST", 1000)
    site.answer = lambda _: web.Response(text="x" * 5000, content_type="text/html")
    looked = await pages.look(site.url)
    assert looked.fault is not None and "more than 1000 bytes" in looked.fault.cause


async def test_robots_that_are_unwelcome_stay_away(pages: WebPages, site: Site) -> None:
    """And the page itself is never asked for."""
    site.robots = "User-agent: STELLA\nDisallow: /prices\n"
    looked = await pages.look(site.url)
    assert looked.fault is not None and "robots.txt" in looked.fault.cause
    assert [request.path for request in site.asked] == ["/robots.txt"]


async def test_no_page_leads_inside_the_network(sessions: ToolSessions, site: Site, tmp_path: Path) -> None:
    """Neither by its own address nor by a name that means one (FAULTS D01): what refuses is every connection itself."""
    pages = WebPages(sessions.public, tmp_path, lambda: 1000.0, is_forbidden, ("http",))
    for url in (site.url, site.url.replace("127.0.0.1", "localhost")):
        looked = await pages.look(url)
        assert looked.fault is not None and looked.fault.cause == "leads inside the network"
    assert site.asked == []


@pytest.mark.parametrize("to", ["http://169.254.169.254/latest/meta-data", "http://[::ffff:169.254.169.254]/"])
async def test_no_redirect_leads_where_nobody_may_go(pages: WebPages, site: Site, to: str) -> None:
    """A page of the web may be anybody's: where it leads is looked at like where it lies (FAULTS D01)."""
    site.answer = lambda _: web.Response(status=302, headers={"location": to})
    looked = await pages.look(site.url)
    assert looked.copy is None and looked.fault is not None and looked.fault.cause == "leads inside the network"


async def test_a_disk_that_is_full_costs_no_page(pages: WebPages, site: Site, tmp_path: Path) -> None:
    """The page answers today; that it is not kept is said, every time."""
    (tmp_path / "file").write_text("")
    pages._folder = tmp_path / "file" / "pages"
    looked = await pages.look(site.url)
    assert looked.copy is not None and looked.changed
    assert looked.fault is not None and looked.fault.cause.startswith("cannot be kept") and looked.fault.mend


async def test_only_https_is_asked(sessions: ToolSessions, site: Site, tmp_path: Path) -> None:
    """What comes in the clear may be anybody's."""
    pages = WebPages(sessions.private, tmp_path, lambda: 1000.0)
    looked = await pages.look(site.url)
    assert looked.fault is not None and "not https://" in looked.fault.cause and site.asked == []


async def test_a_server_that_never_answers_is_given_up(
    pages: WebPages, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh ends."""
    monkeypatch.setattr(pages_web, "DEADLINE_S", 0.0)
    looked = await pages.look(site.url)
    assert looked.fault is not None and "did not answer" in looked.fault.cause


async def test_a_damaged_copy_is_none(pages: WebPages, site: Site, tmp_path: Path) -> None:
    """A full disk leaves half a file; the page is fetched again."""
    await pages.look(site.url)
    for file in tmp_path.glob("*.json"):
        file.write_bytes(b'{"url": ')
    assert pages.kept(site.url) is None
    assert (await pages.look(site.url)).copy is not None
