"""MCP servers over real HTTP and real pipes: the official SDK's server on the other side."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from inside_addresses import inside
from mcp.server.mcpserver import Context, MCPServer

from stella.adapters.http_tool import ToolSessions
from stella.adapters.mcp_tool import McpServer, McpServers
from stella.adapters.mcp_tool.schema import UnfitSchema, arguments_of, shown
from stella.calls.tools import Toolbox, spec_of
from stella.domain.acts import UsedTool
from stella.domain.agent import Agent, LanguageSetup, McpSetup
from stella.domain.phrases import PHRASES_EN
from stella.ports.language import ToolCall
from stella.ports.tool import ToolFacts

AGENT = Agent("office", "Vintaro", (LanguageSetup("en", "en-GB", "", "", PHRASES_EN),))
FACTS = ToolFacts("CA1", "+442012345678", "en", AGENT, datetime(2026, 11, 23, tzinfo=UTC))
TOOLS = ("free_slots", "book", "endless", "slow", "fails", "picture")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@dataclass
class Company:
    """The company's server and what was asked of it."""

    server: MCPServer = field(default_factory=lambda: MCPServer("company"))
    url: str = ""
    uses: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    tells: bool = True

    def __post_init__(self) -> None:
        """Its tools."""

        @self.server.tool()
        def free_slots(day: str, kind: Literal["short", "long"] = "short") -> str:
            """Says what is free on a day."""
            self.uses.append(("free_slots", day, kind))
            return f"{day}: ten o'clock ({kind})"

        @self.server.tool()
        def book(day: str, hour: int, ctx: Context) -> dict[str, Any]:
            """Books an hour."""
            meta = ctx.request_context.meta or {}
            self.uses.append(("book", day, hour, dict(meta).get("stella/idempotency-key")))
            return {"booked": hour}

        @self.server.tool()
        def endless() -> str:
            """Answers too much."""
            return "x" * 50_000

        @self.server.tool()
        async def slow() -> str:
            """Takes its time."""
            self.uses.append(("slow",))
            await self.go.wait()
            return "at last"

        @self.server.tool()
        def fails() -> str:
            """Fails."""
            raise ValueError("the calendar is closed")

        def picture() -> str:
            """Comes later."""
            return "a picture"

        @self.server.tool()
        async def grow(ctx: Context) -> str:
            """A new tool, and a word about it."""
            self.server.add_tool(picture)
            if self.tells:
                await ctx.notify_tools_changed()
            return "grown"

        @self.server.tool()
        def hidden() -> str:
            """Not for the telephone."""
            raise AssertionError("never used")


@asynccontextmanager
async def served(company: Company, port: int = 0, **options: Any) -> AsyncIterator[Company]:
    """The server on a port of this machine."""
    app = company.server.streamable_http_app(**options)

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            company.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await app(scope, receive, send)

    config = uvicorn.Config(
        noted, host="127.0.0.1", port=port, log_level="critical", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    company.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    yield company
    company.go.set()
    server.should_exit = True
    await task


@pytest.fixture
async def sessions() -> AsyncIterator[ToolSessions]:
    """Public and private."""
    both = ToolSessions()
    yield both
    await both.close()


@asynccontextmanager
async def kept(setup: McpSetup, session: aiohttp.ClientSession, look_every: float = 30.0) -> AsyncIterator[McpServer]:
    """A server as the process keeps it."""
    server = McpServer(setup, session, look_every)
    await server.settled(15.0)
    yield server
    await server.close()


async def until(true: Callable[[], Any], seconds: float = 15.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


async def use(server: McpServer, name: str, **arguments: Any) -> tuple[str, str | None]:
    """The text for the model and the error, as in a call."""
    box = Toolbox(server.tools, lambda: 0.0)
    outcome = await box.use(ToolCall("c", name, json.dumps(arguments)), FACTS)
    used = outcome.acts[-1]
    assert isinstance(used, UsedTool)
    return outcome.text, used.use.error


SETUP = McpSetup("shop", TOOLS, network="private", deadline_s=5.0, headers=(("authorization", "Bearer s3cret"),))


@pytest.mark.parametrize("json_response", [False, True])
async def test_tools_of_a_server_are_used_over_http(sessions: ToolSessions, json_response: bool) -> None:
    """Those of the list and no other, with the file's headers, an idempotency key, and results in words."""
    async with served(Company(), json_response=json_response) as company:
        setup = replace(SETUP, url=company.url, reads=("free_slots",), confirm=("book",))
        async with kept(setup, sessions.private) as server:
            assert [tool.name for tool in server.tools] == [
                "shop_free_slots",
                "shop_book",
                "shop_endless",
                "shop_slow",
                "shop_fails",
            ]
            assert [tool.outside for tool in server.tools[:2]] == [False, True]
            assert server.tools[1].care.confirm and not server.tools[0].care.confirm
            assert await use(server, "shop_free_slots", day="Monday") == ("Monday: ten o'clock (short)", None)
            text, error = await use(server, "shop_fails")
            assert error == "refused" and "Traceback" not in text
            assert (await use(server, "shop_endless"))[1] == "answer-size"
            assert (await use(server, "shop_hidden"))[1] == "unknown-tool"
        assert {each.get("authorization") for each in company.headers} == {"Bearer s3cret"}


async def test_a_use_that_changes_something_needs_the_yes_and_carries_a_key(sessions: ToolSessions) -> None:
    """The file decides that, not the server's hints."""
    async with served(Company()) as company:
        async with kept(replace(SETUP, url=company.url, confirm=("book",)), sessions.private) as server:
            assert (await use(server, "shop_book", day="Monday", hour=10))[1] == "unconfirmed"
            assert company.uses == []
        async with kept(replace(SETUP, url=company.url), sessions.private) as server:
            box = Toolbox(server.tools, lambda: 0.0)
            for hour in (10, 10, 11):
                await box.use(ToolCall("c", "shop_book", json.dumps({"day": "Monday", "hour": hour})), FACTS)
        assert [each[:3] for each in company.uses] == [("book", "Monday", 10), ("book", "Monday", 11)]
        assert len({each[3] for each in company.uses} - {None}) == 2


async def test_arguments_are_checked_before_they_leave(sessions: ToolSessions) -> None:
    """Kinds, choices and names are the server's schema; the model sees it whole."""
    async with served(Company()) as company, kept(replace(SETUP, url=company.url), sessions.private) as server:
        bad: list[dict[str, Any]] = [
            {}, {"day": 1}, {"day": "x", "kind": "huge"}, {"day": "x", "number": "+43900123456"}, {"day": "x" * 5000},
        ]  # fmt: skip
        for arguments in bad:
            assert (await use(server, "shop_free_slots", **arguments))[1] == "arguments"
        assert company.uses == []
        spec = spec_of(server.tools[0])
        assert spec.parameters["required"] == ["day"] and spec.description == "Says what is free on a day."
        assert "short" in str(spec.parameters["properties"]["kind"])


async def test_a_slow_tool_is_given_up_and_the_model_is_told(sessions: ToolSessions) -> None:
    """The caller does not wait for ever, and the connection lives on."""
    impatient = replace(SETUP, deadline_s=0.5)
    async with served(Company()) as company, kept(replace(impatient, url=company.url), sessions.private) as server:
        assert (await use(server, "shop_slow"))[1] == "timeout"
        assert (await use(server, "shop_free_slots", day="Monday"))[1] is None


async def test_a_changed_list_is_noticed(sessions: ToolSessions) -> None:
    """Calls that begin later have the new tool; nobody restarts anything."""
    growing = replace(SETUP, tools=("grow", *TOOLS))
    for look_every, told in ((0.2, False), (300.0, True)):
        company = Company(tells=told)
        async with served(company), kept(replace(growing, url=company.url), sessions.private, look_every) as server:
            assert "shop_picture" not in [tool.name for tool in server.tools]
            assert (await use(server, "shop_grow"))[1] is None
            await until(lambda: "shop_picture" in [tool.name for tool in server.tools])


async def test_a_server_that_is_down_costs_its_tools_and_comes_back(sessions: ToolSessions) -> None:
    """A warning at the start, no tools; when it is there it is used, falls, and is used again."""
    company = Company()
    async with served(company) as first:
        url = first.url
    port = int(url.split(":")[2].split("/")[0])
    async with kept(replace(SETUP, url=url), sessions.private, look_every=0.2) as server:
        assert server.tools == ()
        for _ in range(2):
            async with served(Company(), port) as again:
                await until(lambda: server.tools)
                assert (await use(server, "shop_free_slots", day="Monday"))[1] is None
                assert again.uses
            await until(lambda: not server.tools)


async def test_a_program_beside_us_is_used_over_its_pipes(
    sessions: ToolSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told what the file says and nothing of our own secrets; when it dies it is started again."""
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
    program = str(Path(__file__).with_name("program.py"))
    setup = McpSetup(
        "beside", ("free_slots", "told", "die"), command=(sys.executable, program), environment=(("SHOP_KEY", "k"),)
    )
    async with kept(setup, sessions.private, look_every=0.2) as server:
        assert await use(server, "beside_free_slots", day="Monday") == ("Monday: ten o'clock", None)
        assert await use(server, "beside_told") == ("k False", None)
        assert (await use(server, "beside_die"))[1] == "no-answer"
        await until(lambda: not server.tools)
        await until(lambda: server.tools)
        assert (await use(server, "beside_free_slots", day="Tuesday"))[1] is None


async def test_a_program_that_does_not_exist_is_a_warning(sessions: ToolSessions) -> None:
    """The start goes on."""
    async with kept(McpSetup("gone", ("x",), command=("/no/such/program",)), sessions.private) as server:
        assert server.tools == ()


async def test_agents_share_the_connection_to_a_server(sessions: ToolSessions) -> None:
    """Fifty agents of a company do not mean fifty connections."""
    async with served(Company()) as company:
        servers = McpServers(sessions.public, sessions.private)
        setup = replace(SETUP, url=company.url)
        assert servers.of([setup])[0] is servers.of([replace(setup)])[0]
        await servers.settled()
        assert servers.of([setup])[0].tools
        await servers.close()


async def test_a_public_server_never_leads_inside(sessions: ToolSessions) -> None:
    """FAULTS D01: the same check of every socket as HTTP tools have, whatever name or redirect leads there."""
    hits: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        hits.append(request.path)
        return web.Response(status=307, headers={"location": "http://localhost/inside"})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    urls = inside(port)
    assert len(urls) >= 150
    for url in urls:
        async with kept(replace(SETUP, url=url, network="public"), sessions.public) as server:
            assert server.tools == (), url
    assert hits == []
    async with kept(replace(SETUP, url=f"http://127.0.0.1:{port}/mcp"), sessions.private) as server:
        assert server.tools == ()
    assert hits and "/inside" not in hits
    await runner.cleanup()


async def test_an_answer_without_end_is_cut(sessions: ToolSessions) -> None:
    """A server may be broken or hostile: its bytes have a bound."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json"})
        await response.prepare(_)  # type: ignore[arg-type]
        for _number in range(400):
            await response.write(b" " * 10_000)
        return response

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    async with kept(replace(SETUP, url=url), sessions.private) as server:
        assert server.tools == ()
    await runner.cleanup()


def test_schemas_become_types_or_are_refused() -> None:
    """Odd names, references and deep things are taken; what is too large for a prompt is not."""
    schema = {
        "type": "object",
        "properties": {"from": {"type": "string"}, "x-y": {"$ref": "#/$defs/N"}, "many": {"type": "array"}},
        "required": ["from", "gone"],
        "$defs": {"N": {"type": "integer"}},
    }
    kind = arguments_of("t", schema)
    assert kind.__struct_fields__[0].startswith("field_")
    assert shown(schema) == {
        "type": "object",
        "properties": {"from": {"type": "string"}, "x-y": {"type": "integer"}, "many": {"type": "array"}},
        "required": ["from"],
    }
    with pytest.raises(UnfitSchema):
        arguments_of("t", {"type": "object", "properties": {f"p{n}": {} for n in range(100)}})
    with pytest.raises(UnfitSchema):
        arguments_of("t", {"type": "string"})
