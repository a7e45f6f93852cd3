"""The socket to a vendor dies aloud, whoever is at fault."""

from __future__ import annotations

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs
from tests.conformance.speech_to_text import until

from stella.adapters.cloud_speech.socket import Socket
from stella.ports.failure import ProviderError

SAID = "what the caller said"


async def _talkative(request: web.Request) -> web.StreamResponse:
    line = web.WebSocketResponse()
    await line.prepare(request)
    await line.send_str(SAID)
    async for _ in line:
        pass
    return line


async def test_a_fault_of_ours_ends_the_line_and_says_so(session: aiohttp.ClientSession) -> None:
    """Else it would count as alive, and every turn would wait for it in vain; nothing that was said is in the log."""
    app = web.Application()
    app.router.add_get("/", _talkative)
    server = TestServer(app)
    await server.start_server()
    died: list[ProviderError] = []

    def broken(text: str) -> None:
        raise KeyError(text)

    with capture_logs() as logs:
        socket = Socket("acme", session, str(server.make_url("/")), {}, broken, died.append)
        await until(lambda: bool(died), 5)
    assert died[0].code == "broken" and not socket.alive
    assert [line["event"] for line in logs] == ["line-broke"] and SAID not in str(logs)
    await socket.close()
    await server.close()
