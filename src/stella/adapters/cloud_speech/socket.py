"""One WebSocket to a vendor that is spoken to without waiting: what is sent before it is open is kept, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import aiohttp
import structlog

from stella.adapters.cloud_speech.failures import unreachable
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable

_log = structlog.get_logger("stella.speech")

CONNECT_S = 3.0
MESSAGE_MOST = 1_000_000
WAITING_MOST = 600_000
"""Bytes that may wait to be sent (75 s of sound, more than any utterance); with more the connection is as good as dead."""
CLOSE_S = 1.0


class Socket:
    """Sends in order, hands every text message to `heard`, and tells `died` once, unless it was closed from here."""

    def __init__(
        self,
        vendor: str,
        session: aiohttp.ClientSession,
        url: str,
        headers: dict[str, str],
        heard: Callable[[str], None],
        died: Callable[[ProviderError], None],
        *,
        text_in_bytes: bool = False,
    ) -> None:
        """Connects in the background; to be made on the event loop. `text_in_bytes`: the vendor's text comes so."""
        self._kinds = (aiohttp.WSMsgType.TEXT, *((aiohttp.WSMsgType.BINARY,) if text_in_bytes else ()))
        self._vendor, self._session, self._url, self._headers = vendor, session, url, headers
        self._heard, self._died = heard, died
        self._waiting: deque[bytes | str] = deque()
        self._size = 0
        self._more = asyncio.Event()
        self._connected = self._leaving = False
        self.alive = True
        self.idle_since = asyncio.get_running_loop().time()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"{vendor}-socket")

    def send(self, message: bytes | str) -> None:
        """Queue a message; never blocks. A vendor that takes nothing any more is given up (`back-pressure`)."""
        if not self.alive:
            return
        self._waiting.append(message)
        self._size += len(message)
        self.idle_since = asyncio.get_running_loop().time()
        self._more.set()
        if self._size > WAITING_MOST:
            self._end(Unavailable(self._vendor, "back-pressure"))
            self._task.cancel()

    async def close(self, last: str | None = None) -> None:
        """Say `last` if the line is open, and go. Quiet."""
        if self.alive and self._connected:
            if last is not None:
                self._waiting.append(last)
            self._leaving = True
            self._more.set()
        else:
            self._task.cancel()
        self.alive = False
        await asyncio.wait({self._task}, timeout=CLOSE_S)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _end(self, failure: ProviderError) -> None:
        if self.alive:
            self.alive = False
            self._died(failure)

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                line = await self._session.ws_connect(
                    self._url, headers=self._headers, max_msg_size=MESSAGE_MOST, autoping=True, compress=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                )  # fmt: skip
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as fault:
            self._end(unreachable(self._vendor, fault))
            return
        self._connected = True
        writer = asyncio.get_running_loop().create_task(self._write(line), name=f"{self._vendor}-writer")
        try:
            await self._read(line)
        finally:
            writer.cancel()
            try:
                await asyncio.gather(writer, return_exceptions=True)
            finally:
                # Even where this very moment is cancelled: a line that nobody closes is a connection that leaks.
                await self._hang_up(line)

    async def _read(self, line: aiohttp.ClientWebSocketResponse) -> None:
        async for message in line:
            if not self.alive:
                continue
            if message.type in self._kinds:
                try:
                    self._heard(message.data if isinstance(message.data, str) else message.data.decode())
                except UnicodeDecodeError:
                    self._end(Malformed(self._vendor, "text"))
                    return
                except ProviderError as failure:
                    self._end(failure)
                    return
                except Exception as fault:  # noqa: BLE001 a line that nobody hears any more must not count as alive
                    # Not its text: it may repeat what was said.
                    _log.error("line-broke", vendor=self._vendor, fault=type(fault).__name__)
                    self._end(Malformed(self._vendor, "broken", type(fault).__name__))
                    return
        if isinstance(line.exception(), aiohttp.WebSocketError):
            self._end(Malformed(self._vendor, "frame"))
        elif line.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION:
            # So a wrong key, a spent account or sound of the wrong kind is told once the line stands.
            self._end(Rejected(self._vendor, "policy", str(line.close_code)))
        else:
            self._end(Unavailable(self._vendor, "cut", str(line.close_code or "")))

    async def _write(self, line: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            while self._waiting:
                message = self._waiting.popleft()
                self._size -= len(message)
                try:
                    if isinstance(message, str):
                        await line.send_str(message)
                    else:
                        await line.send_bytes(message)
                except (aiohttp.ClientError, OSError) as fault:
                    self._end(Unavailable(self._vendor, "cut", type(fault).__name__))
                    return
            if self._leaving:
                await self._hang_up(line)
                return
            self._more.clear()
            await self._more.wait()

    async def _hang_up(self, line: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await line.close()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return
