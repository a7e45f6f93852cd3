"""Connections for tools: every address is looked at in the moment it is connected to, whatever name led there."""

from __future__ import annotations

import socket
from typing import Any

import aiohttp

from stella.wire.addresses import why_not_connect


class ForbiddenAddress(OSError):
    """A name or address leads to where tools have no business."""


class ToolSessions:
    """Two sessions: for the public network, and for one's own. No cookies, no proxies of the environment."""

    def __init__(self) -> None:
        """Made inside a running loop; `close` when the process ends."""
        self.public = _session(inside=False)
        self.private = _session(inside=True)

    async def close(self) -> None:
        """Close both."""
        await self.public.close()
        await self.private.close()


def _session(*, inside: bool) -> aiohttp.ClientSession:
    def checked_socket(info: tuple[Any, ...]) -> socket.socket:
        # The one place every connection passes, with the resolved address in hand: nothing can be swapped behind it.
        family, kind, protocol, _, address = info
        if fault := why_not_connect(str(address[0]).partition("%")[0], inside=inside):
            raise ForbiddenAddress(fault)
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(limit=100, limit_per_host=20, socket_factory=checked_socket)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
