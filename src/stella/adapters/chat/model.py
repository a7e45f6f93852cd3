"""A language model over HTTP: one thin streaming client for every vendor, on the one shared session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import msgspec
import structlog

from stella.adapters.chat.dialect import Dialect, Question, Reader, failure, word
from stella.domain.errors import MalformedMessage
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.language import Message, ModelEvent, ToolSpec
from stella.wire.sse import EventReader

ANSWER_MOST = 4_000_000
"""Bytes of one answer."""
COMPLAINT_MOST = 8_000
"""Bytes of an error's body that are read for its code."""
DRAIN_S = 0.25
REFUSED = (400, 422)
"""How servers say that a field is not theirs."""

_log = structlog.get_logger("stella.brains")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a connection, for the first piece of an answer, between two pieces, for all of it."""

    connect: float = 2.0
    first: float = 3.0
    gap: float = 2.5
    total: float = 30.0


class ChatModel:
    """Keeps `LanguageModel`."""

    def __init__(
        self, name: str, dialect: Dialect, session: aiohttp.ClientSession, patience: Patience | None = None
    ) -> None:
        """The session is shared and closed by its owner; its connections stay warm between turns."""
        self.name = name
        self._dialect, self._session, self._patience = dialect, session, patience or Patience()
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect)
        self._plain = False

    async def answer(
        self, system: str, messages: Sequence[Message], tools: Sequence[ToolSpec], most_tokens: int
    ) -> AsyncIterator[ModelEvent]:
        """As the port."""
        question = self._dialect.ask(system, messages, tools, most_tokens)
        reader, events, loop = self._dialect.reader(), EventReader(), asyncio.get_running_loop()
        began = loop.time()
        async with self._asked(question, began + self._patience.first) as response:
            size, steps, progress_at = 0, 0, began
            while not reader.done:
                due = progress_at + self._patience.gap if reader.steps else began + self._patience.first
                piece = await self._piece(response, min(due, began + self._patience.total))
                if not piece:
                    break
                size += len(piece)
                if size > ANSWER_MOST:
                    raise Malformed(self._dialect.vendor, "answer-size")
                for event in self._read(reader, events, piece):
                    yield event
                if reader.steps != steps:
                    steps, progress_at = reader.steps, loop.time()
            for event in reader.end():
                yield event
            if reader.done:
                await _drain(response)

    def _read(self, reader: Reader, events: EventReader, piece: bytes) -> list[ModelEvent]:
        try:
            return [grown for event in events.feed(piece) if not reader.done for grown in reader.read(event.data)]
        except MalformedMessage as fault:
            raise Malformed(self._dialect.vendor, fault.kind) from None

    async def _piece(self, response: aiohttp.ClientResponse, due: float) -> bytes:
        vendor = self._dialect.vendor
        try:
            async with asyncio.timeout_at(due):
                return await response.content.readany()
        except TimeoutError:
            raise Unavailable(vendor, "timeout") from None
        except (aiohttp.ClientError, OSError) as fault:
            raise Unavailable(vendor, "cut", type(fault).__name__) from None

    @asynccontextmanager
    async def _asked(self, question: Question, due: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response, closed with its connection unless it was read to its end."""
        vendor = self._dialect.vendor
        try:
            async with asyncio.timeout_at(due):
                response = await self._open(question)
        except TimeoutError:
            raise Unavailable(vendor, "timeout") from None
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
            raise Rejected(vendor, "certificate") from None
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise Unavailable(vendor, "unreachable", type(fault).__name__) from None
        try:
            yield response
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def _open(self, question: Question) -> aiohttp.ClientResponse:
        """A response that is an answer. A server that refuses the question is asked once more without the extras, and
        if it was them, never again with them."""
        if self._plain and question.plain:
            question = replace(question, body=question.plain, plain=b"")
        response = await self._send(question)
        if response.status == 200:
            return response
        refused, fault = response.status in REFUSED, await _complaint(self._dialect.vendor, response)
        if not refused or question.plain in (b"", question.body) or _of_the_words(fault.detail):
            raise fault
        response = await self._send(replace(question, body=question.plain))
        if response.status != 200:
            response.close()
            raise fault
        self._plain = True
        _log.info("asked-plainly", engine=self.name, code=fault.code)
        return response

    async def _send(self, question: Question) -> aiohttp.ClientResponse:
        """A kept connection may have been closed by the other side meanwhile: that shows at once, and once is forgiven."""
        try:
            return await self._request(question)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError):
            return await self._request(question)

    async def _request(self, question: Question) -> aiohttp.ClientResponse:
        return await self._session.request(
            "POST" if question.body else "GET",
            question.url,
            data=question.body or None,
            headers=question.headers,
            timeout=self._timeout,
            allow_redirects=False,
        )

    async def check(self) -> None:
        """As the port."""
        async with self._asked(self._dialect.check(), asyncio.get_running_loop().time() + 2 * self._patience.first):
            pass


def _of_the_words(code: str) -> bool:
    """Whether a refusal is about what was said and not about how it was asked."""
    return any(part in code.lower() for part in ("content", "length", "policy", "safety"))


async def _drain(response: aiohttp.ClientResponse) -> None:
    """Read the few bytes behind the end mark, so that the connection can be kept for the next turn."""
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(DRAIN_S):
            await response.content.readany()


async def _complaint(vendor: str, response: aiohttp.ClientResponse) -> ProviderError:
    """What an answer that is none means. Its sentences stay here: they may quote what was asked."""
    try:
        told: Any = msgspec.json.decode(await response.content.read(COMPLAINT_MOST))
    except (msgspec.DecodeError, RecursionError, aiohttp.ClientError, OSError):
        told = None
    finally:
        response.close()
    told = told[0] if isinstance(told, list) and told else told
    error = told.get("error") if isinstance(told, dict) else None
    code = ""
    if isinstance(error, dict):
        code = word(error.get("code")) or word(error.get("status")) or word(error.get("type"))
    wish = response.headers.get("retry-after", "")
    return failure(vendor, response.status, code, float(wish) if wish.isdecimal() and len(wish) < 6 else None)
