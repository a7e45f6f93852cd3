"""HTTP tools over real sockets: what they send, what they take, and where they can never be made to go."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from inside_addresses import inside

from stella.adapters.http_tool import HttpTool, ToolSessions
from stella.calls.tools import Toolbox
from stella.domain.acts import UsedTool
from stella.domain.agent import Agent, HttpToolSetup, LanguageSetup, ToolCare, ToolParameter
from stella.domain.phrases import PHRASES_EN
from stella.ports.language import ToolCall
from stella.ports.tool import ToolFacts

AGENT = Agent("office", "Vintaro", (LanguageSetup("en", "en-GB", "", "", PHRASES_EN),))
FACTS = ToolFacts("CA1", "+442012345678", "en", AGENT, datetime(2026, 11, 23, tzinfo=UTC))


@dataclass
class Canary:
    """A server inside: whoever reaches it is written down."""

    port: int = 0
    hits: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    body: bytes = b'{"state": "sent"}'
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    """A server on this machine."""
    bird = Canary()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        bird.hits.append((request.method, str(request.rel_url), headers, await request.read()))
        return web.Response(status=bird.status, body=bird.body, headers=bird.headers)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    bird.port = runner.addresses[0][1]
    yield bird
    await runner.cleanup()


@pytest.fixture
async def sessions() -> AsyncIterator[ToolSessions]:
    """Public and private."""
    both = ToolSessions()
    yield both
    await both.close()


class Lying(AbstractResolver):
    """A resolver whose every name is what the attacker's server says at the moment."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The next address of the list, the last for ever."""
        self.asked += 1
        address = self.addresses.pop(0) if len(self.addresses) > 1 else self.addresses[0]
        six = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [ResolveResult(hostname=host, host=address, port=port, family=six, proto=0, flags=socket.AI_NUMERICHOST)]

    async def close(self) -> None:
        """As the port."""


async def use(setup: HttpToolSetup, sessions: ToolSessions, **arguments: Any) -> tuple[str, str | None]:
    """The text for the model and the error, through the toolbox as in a call."""
    box = Toolbox([HttpTool(setup, sessions)], lambda: 0.0)
    outcome = await box.use(ToolCall("c", setup.name, json.dumps(arguments)), FACTS)
    used = outcome.acts[-1]
    assert isinstance(used, UsedTool)
    return outcome.text, used.use.error


ORDER = HttpToolSetup(
    "order",
    "Looks an order up.",
    "",
    parameters=(ToolParameter("number"), ToolParameter("lang", choices=("de", "en"), required=False)),
    headers=(("authorization", "Bearer secret-of-ours"),),
    network="private",
)


async def test_parameters_have_their_place_and_cannot_leave_it(canary: Canary, sessions: ToolSessions) -> None:
    """A model's text is one segment of the path, whatever is in it."""
    setup = replace(ORDER, url=canary.url + "/orders/{number}/state?v=1")
    assert await use(setup, sessions, number="A 1/../../x?y#z%2e&q=ä", lang="de") == ('{"state": "sent"}', None)
    method, path, headers, _ = canary.hits[0]
    assert method == "GET"
    assert path == "/orders/A%201%2F..%2F..%2Fx%3Fy%23z%252e%26q%3D%C3%A4/state?v=1&lang=de"
    assert headers["authorization"] == "Bearer secret-of-ours"
    for number in ("..", ".", "", " "):
        assert (await use(setup, sessions, number=number))[1] == "arguments"
    assert len(canary.hits) == 1


async def test_what_changes_something_is_sent_once_with_a_key(canary: Canary, sessions: ToolSessions) -> None:
    """A model that repeats itself, or an interruption, must not book twice."""
    box = Toolbox([HttpTool(replace(ORDER, url=canary.url + "/book", method="POST"), sessions)], lambda: 0.0)
    for number in ("1", "1", "2"):
        await box.use(ToolCall("c", "order", json.dumps({"number": number})), FACTS)
    assert [json.loads(body) for *_, body in canary.hits] == [{"number": "1"}, {"number": "2"}]
    keys = [headers["idempotency-key"] for _, _, headers, _ in canary.hits]
    assert len(set(keys)) == 2


async def test_arguments_are_checked_before_anything_is_sent(canary: Canary, sessions: ToolSessions) -> None:
    """Types and choices are the agent file's."""
    setup = replace(ORDER, url=canary.url + "/{number}")
    for arguments in ({}, {"number": 1}, {"number": "1", "lang": "fr"}, {"number": "x" * 501}, {"number": None}):
        assert (await use(setup, sessions, **arguments))[1] == "arguments"
    kinds = (ToolParameter("n", "number"), ToolParameter("w", "whole"), ToolParameter("b", "yes-no"))
    setup = replace(setup, url=canary.url + "/", parameters=kinds)
    for bad in ({"n": "1"}, {"w": 1.5}, {"b": "yes"}):
        assert (await use(setup, sessions, **{"n": 1, "w": 2, "b": True, **bad}))[1] == "arguments"
    assert canary.hits == []
    assert (await use(setup, sessions, n=1.5, w=2, b=True))[1] is None
    assert canary.hits[0][1] == "/?n=1.5&w=2&b=true"


async def test_a_change_whose_answer_is_lost_is_not_made_again(canary: Canary, sessions: ToolSessions) -> None:
    """A server that failed may have booked before it did; with PUT and DELETE twice is once by the protocol."""
    canary.status = 500
    for method, requests in (("POST", 1), ("PATCH", 1), ("PUT", 2), ("DELETE", 2), ("GET", 2)):
        canary.hits.clear()
        box = Toolbox([HttpTool(replace(ORDER, url=canary.url + "/{number}", method=method), sessions)], lambda: 0.0)
        for _ in range(2):
            await box.use(ToolCall("c", "order", json.dumps({"number": "1"})), FACTS)
        assert len(canary.hits) == requests, method
        keys = {headers.get("idempotency-key") for _, _, headers, _ in canary.hits}
        assert len(keys) == 1 and (None in keys) == (method == "GET")


async def test_the_question_has_the_files_words(canary: Canary, sessions: ToolSessions) -> None:
    """With what the model filled in, in the caller's language where the file has both."""
    care = ToolCare(confirm=True, asks={"en": "I cancel order {number}.", "de": "Ich storniere {number}."})
    for given, words in (
        (care, "I cancel order 1."),
        (ToolCare(confirm=True), "This is what I would do now: order, number: 1."),
    ):
        setup = replace(ORDER, url=canary.url + "/{number}", method="POST", care=given)
        box = Toolbox([HttpTool(setup, sessions)], lambda: 0.0)
        outcome = await box.use(ToolCall("c", "order", json.dumps({"number": "1"})), FACTS)
        assert outcome.ask == f"{words} Shall I do that?" and canary.hits == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 400, 404, 500])
async def test_redirects_and_errors_are_failures_and_nothing_is_followed(
    canary: Canary, sessions: ToolSessions, status: int
) -> None:
    """A redirect leads where nobody looked."""
    canary.status = status
    canary.headers = {"location": f"http://localhost:{canary.port}/inside"}
    text, error = await use(replace(ORDER, url=canary.url + "/{number}"), sessions, number="1")
    assert error == ("outcome-unknown" if status == 500 else f"http-{status}") and "secret" not in text
    assert len(canary.hits) == 1


async def test_answers_are_bounded_and_readable(canary: Canary, sessions: ToolSessions) -> None:
    """Half an answer may be read as a whole one; a picture is no answer."""
    setup = replace(ORDER, url=canary.url + "/{number}")
    canary.body = b"x" * 100_000
    assert (await use(setup, sessions, number="1"))[1] == "answer-size"
    canary.body, canary.headers = b"\x89PNG", {"content-type": "image/png"}
    assert (await use(setup, sessions, number="1"))[1] == "content-type"
    canary.body, canary.headers = b"", {"content-type": "text/plain"}
    assert await use(setup, sessions, number="1") == ("done", None)


async def test_nobody_there_is_told(sessions: ToolSessions) -> None:
    """In words for the model, as a code for the record."""
    assert (await use(replace(ORDER, url="http://127.0.0.1:1/{number}"), sessions, number="1"))[1] == "unreachable"


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
async def test_no_spelling_of_an_address_leads_inside(canary: Canary, sessions: ToolSessions) -> None:
    """FAULTS D01: canary hits 0 of all addresses; each is refused, quickly and in words."""
    urls = inside(canary.port)
    assert len(urls) >= 150
    for url in urls:
        setup = replace(ORDER, url=url, network="public")
        text, error = await use(setup, sessions, number="1")
        assert error is not None, url
        assert "secret" not in text
    assert canary.hits == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "fd00:ec2::254",
        "64:ff9b::7f00:1",
        "0.0.0.0",
    ],
)
async def test_a_name_that_leads_inside_is_refused_whenever_it_does(address: str, canary: Canary) -> None:
    """DNS rebinding: the address that is connected to is the one that was looked at."""
    sessions = ToolSessions()
    lying = Lying("192.0.2.1", address)
    sessions.public._connector._resolver = lying  # type: ignore[union-attr]
    setup = replace(ORDER, url=f"http://rebind.example:{canary.port}/", network="public")
    for _ in range(3):
        assert (await use(setup, sessions, number="1"))[1] == "forbidden-address"
    assert lying.asked >= 1 and canary.hits == []
    await sessions.close()


async def test_ones_own_network_is_allowed_by_the_file_but_never_the_clouds_keys(
    canary: Canary, sessions: ToolSessions
) -> None:
    """An operator's own system is what tools are for; a machine's credentials are not."""
    assert (await use(replace(ORDER, url=canary.url + "/{number}"), sessions, number="1"))[1] is None
    for host in ("169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::ffff:169.254.169.254]", "100.100.100.200"):
        setup = replace(ORDER, url=f"http://{host}:{canary.port}/")
        assert (await use(setup, sessions, number="1"))[1] == "forbidden-address"
    assert len(canary.hits) == 1


async def test_the_schema_says_what_the_file_says(sessions: ToolSessions) -> None:
    """The model sees names, kinds, choices and which are needed."""
    tool = HttpTool(replace(ORDER, url="https://x.example/{number}"), sessions)
    schema = msgspec.json.schema(tool.arguments)["$defs"]["Arguments_order"]
    assert schema["required"] == ["number"]
    assert "secret" not in str(schema) + repr(ORDER)


async def test_aiohttp_still_asks_us_for_every_socket() -> None:
    """The guard hangs on this hook of the library: an update that drops it must not pass unnoticed."""
    seen: list[Any] = []

    def refuse(info: tuple[Any, ...]) -> socket.socket:
        seen.append(info)
        raise OSError("no")

    connector = aiohttp.TCPConnector(socket_factory=refuse)
    async with aiohttp.ClientSession(connector=connector) as session:
        for url in ("http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/"):
            with pytest.raises(aiohttp.ClientError):
                await session.get(url)
    assert len(seen) >= 3
