"""The vendors on this machine, and a session to talk to them with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from tests.adapters.realtime.google import gemini
from tests.adapters.realtime.server import RealtimeServer


@pytest.fixture
async def vendor() -> AsyncIterator[RealtimeServer]:
    """Every vendor of speech-to-speech models."""
    server = RealtimeServer(doors={"google": gemini})
    doors = TestServer(server.app())
    await doors.start_server()
    server.url = str(doors.make_url("")).rstrip("/")
    yield server
    await doors.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """The one shared session."""
    async with aiohttp.ClientSession() as shared:
        yield shared
