"""One MCP server: connected for as long as the process lives, listed anew when its tools change, connected again when it fell.

Law 1: a server that is away costs its own tools and nothing else; that is said once, and again when it is back.
Law 2: a call sees the tools that were there when it began.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import aiohttp
import httpx2
import mcp_types
import structlog
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from stella.adapters.mcp_tool.schema import UnfitSchema
from stella.adapters.mcp_tool.tool import McpTool
from stella.adapters.mcp_tool.transport import ANSWER_MOST, Confined
from stella.domain.agent import McpSetup
from stella.ports.failure import Rejected, Unavailable

_log = structlog.get_logger("stella.mcp")

CONNECT_S = 10.0
AGAIN_S, AGAIN_MOST_S = 1.0, 60.0
"""Between two attempts, growing."""
LOOK_EVERY_S = 30.0
"""A server that says nothing of changes is asked; one that died without a word is found out."""
PAGES_MOST = 10


class McpServer:
    """One server of an agent file and its tools, as they are now."""

    def __init__(self, setup: McpSetup, session: aiohttp.ClientSession, look_every: float = LOOK_EVERY_S) -> None:
        """Begins to connect at once; needs a running loop. `session` is the one that fits the set-up's network."""
        self.setup = setup
        self.tools: tuple[McpTool, ...] = ()
        self._session, self._look_every = session, look_every
        self._client: Client | None = None
        self._look = asyncio.Event()
        self._tried = asyncio.Event()
        self._down = False
        self._named: set[str] = set()
        self._task = asyncio.get_running_loop().create_task(self._keep(), name=f"mcp-{setup.name}")

    async def settled(self, patience: float) -> None:
        """Wait until it was tried once, at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._tried.wait(), patience)

    async def close(self) -> None:
        """Let go of it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        wait = AGAIN_S
        while True:
            try:
                async with self._connected() as client:
                    await self._list(client)
                    wait = AGAIN_S
                    await self._watch(client)
            except Exception as fault:  # noqa: BLE001 whatever a server of somebody else's does, it is one server
                self._fell(fault)
            finally:
                self._client = None
                self._tried.set()
            await asyncio.sleep(wait * random.uniform(0.7, 1.0))  # noqa: S311 spreading, nothing secret
            wait = min(AGAIN_MOST_S, wait * 2)

    def _fell(self, fault: BaseException) -> None:
        self.tools = ()
        if not self._down:
            # Not the text: it may repeat what was sent.
            _log.warning(
                "mcp-server-away", server=self.setup.name, fault=_cause(fault),
                mend="calls go on without its tools; check that it runs, its address and its key",
            )  # fmt: skip
        self._down = True

    @asynccontextmanager
    async def _connected(self) -> Any:
        setup = self.setup
        async with AsyncExitStack() as stack:
            if setup.url:
                headers = {"user-agent": "STELLA", **dict(setup.headers)}
                http = httpx2.AsyncClient(transport=Confined(self._session), headers=headers, trust_env=False)
                await stack.enter_async_context(http)
                transport = streamable_http_client(setup.url, http_client=http, max_sse_event_size=ANSWER_MOST)
            else:
                # What it writes for people may hold what callers said: it goes nowhere.
                quiet = stack.enter_context(open(os.devnull, "w"))  # noqa: PTH123, ASYNC230, SIM115 no file
                program = StdioServerParameters(
                    command=setup.command[0], args=list(setup.command[1:]), env=dict(setup.environment)
                )
                transport = stdio_client(program, errlog=quiet)
            client = Client(transport, message_handler=self._noticed, cache=None, read_timeout_seconds=CONNECT_S)
            async with asyncio.timeout(CONNECT_S) as patience:
                await stack.enter_async_context(client)
                patience.reschedule(None)
            yield client

    async def _noticed(self, message: Any) -> None:
        if isinstance(message, (mcp_types.ToolListChangedNotification, Exception)):
            self._look.set()

    async def _list(self, client: Client) -> None:
        """Ask for its tools, keep those of the agent file, and say which are not there."""
        listed: dict[str, mcp_types.Tool] = {}
        cursor: str | None = None
        async with asyncio.timeout(CONNECT_S):
            for _ in range(PAGES_MOST):
                page = await client.list_tools(cursor=cursor)
                listed |= {tool.name: tool for tool in page.tools}
                cursor = page.next_cursor
                if cursor is None:
                    break
        self._client = client
        self.tools = tuple(self._fit(listed))
        if self._down:
            _log.info("mcp-server-back", server=self.setup.name, tools=len(self.tools))
        self._down = False
        self._tried.set()

    def _fit(self, listed: dict[str, mcp_types.Tool]) -> list[McpTool]:
        found = []
        for name in self.setup.tools:
            why = "it has no such tool"
            try:
                if name in listed:
                    found.append(McpTool(self.setup, listed[name], self._carry))
                    self._named.discard(name)
                    continue
            except (UnfitSchema, TypeError, ValueError) as fault:
                why = str(fault) if isinstance(fault, UnfitSchema) else "its schema cannot be read"
            if name not in self._named:
                self._named.add(name)
                _log.warning("mcp-tool-left-out", server=self.setup.name, tool=name, why=why)
        return found

    async def _watch(self, client: Client) -> None:
        """Until it falls: list again when it says so, and now and then."""
        async with AsyncExitStack() as stack:
            listening = asyncio.create_task(self._listen(client), name=f"mcp-listen-{self.setup.name}")
            stack.callback(listening.cancel)
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), self._look_every)
                self._look.clear()
                await self._list(client)

    async def _listen(self, client: Client) -> None:
        """Servers since 2026-07-28 tell of changes on a stream of its own; older ones tell `_noticed` unasked."""
        with suppress(Exception):
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._look.set()

    async def _carry(
        self, name: str, given: dict[str, Any], deadline: float, meta: dict[str, Any]
    ) -> mcp_types.CallToolResult:
        """One use. Raises ProviderError: `no-answer` where it may have happened all the same."""
        client = self._client
        if client is None:
            raise Unavailable(self.setup.name, "unreachable")
        try:
            return await client.call_tool(name, given, read_timeout_seconds=deadline, meta=meta)  # type: ignore[arg-type]
        except MCPError as fault:
            self._look.set()
            if fault.code in (mcp_types.INVALID_PARAMS, mcp_types.METHOD_NOT_FOUND, mcp_types.INVALID_REQUEST):
                raise Rejected(self.setup.name, "refused") from None
            raise Unavailable(self.setup.name, "no-answer") from None
        except TimeoutError:
            raise Unavailable(self.setup.name, "timeout") from None
        except Exception:  # noqa: BLE001 a broken stream shows itself in many ways; it is looked at in `_keep`
            self._look.set()
            raise Unavailable(self.setup.name, "no-answer") from None


def _cause(fault: BaseException) -> str:
    """The kind of the innermost fault of a group, or what the server's answer was called."""
    while isinstance(fault, BaseExceptionGroup) and fault.exceptions:
        fault = fault.exceptions[0]
    inner = fault.__cause__ or fault.__context__
    return type(fault).__name__ + (f" ({type(inner).__name__})" if inner is not None else "")


class McpServers:
    """The servers of all agents. Two agents that name the same one share its connection."""

    def __init__(self, public: aiohttp.ClientSession, private: aiohttp.ClientSession) -> None:
        """The sessions are closed by their owner."""
        self._public, self._private = public, private
        self._servers: dict[McpSetup, McpServer] = {}

    def of(self, setups: Sequence[McpSetup]) -> list[McpServer]:
        """The servers, begun where they were not."""
        for setup in setups:
            if setup not in self._servers:
                session = self._private if setup.network == "private" else self._public
                self._servers[setup] = McpServer(setup, session)
        return [self._servers[setup] for setup in setups]

    async def settled(self, patience: float = 5.0) -> None:
        """Wait until each was tried once, at most so long altogether."""
        await asyncio.gather(*(server.settled(patience) for server in self._servers.values()))

    async def close(self) -> None:
        """Let go of all."""
        await asyncio.gather(*(server.close() for server in self._servers.values()))
