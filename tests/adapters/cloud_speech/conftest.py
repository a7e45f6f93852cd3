"""The vendors on this machine, and a session to talk to them with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from tests.adapters.cloud_speech.server import VendorServer


@pytest.fixture
async def vendors() -> AsyncIterator[VendorServer]:
    """Every vendor of speech."""
    server = VendorServer()
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
