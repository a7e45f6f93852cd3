"""A voice over HTTP: one thin streaming client for every vendor, on the one shared session.

Closing the iterator closes the connection: the vendor stops, and so does the cost. What is no speech (another format,
silence, sound without end) is an error before the caller hears it, where that can be known.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from stella.adapters.cloud_speech.failures import complaint, unreachable
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.speech import Sound
from stella.ports.spending import spent

LONGEST = 1500
"""Characters of one segment; the rest is not spoken. Every vendor takes as many."""
RATE = 8000
WARM_S = 20.0
"""A connection used so lately is taken for one that still stands; most vendors keep idle ones for a minute or more."""
SILENCE_MOST = 12_000
"""Bytes of silence a voice may begin with (1.5 s)."""
QUIET = bytes((*range(0x70, 0x80), *range(0xF0, 0x100)))
"""Mu-law codes below -48 dBFS."""
_PLAIN = dict.fromkeys((*range(32), *range(127, 160), ord("<"), ord(">")), " ")
"""Some vendors read tags in angle brackets as orders (breaks, phonemes); characters keep their places for word times."""
_WRAPPED = (b"RIFF", b"ID3", b"OggS", b"fLaC")
SOUND = ("audio/basic", "audio/mulaw", "audio/x-mulaw", "audio/pcm", "application/octet-stream", "audio/l16")


@dataclass(frozen=True, slots=True)
class Order:
    """One POST. `answer` are the content types it may be answered with."""

    url: str
    headers: dict[str, str]
    body: bytes
    answer: tuple[str, ...] = SOUND


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a connection, for the first piece, between two pieces."""

    connect: float = 2.0
    first: float = 3.0
    gap: float = 0.8


class Reader(Protocol):
    """Reads one answer."""

    def feed(self, piece: bytes) -> list[Sound]:
        """The speech in the next bytes. Raises ProviderError."""

    def end(self) -> list[Sound]:
        """The stream has ended: what remains. Raises Unavailable (`cut`) when the answer was not complete."""


class Dialect(Protocol):
    """One vendor's way to be asked for speech.

    `word_times`: whether it tells when each word has sounded; `codec`: what comes over the wire.
    """

    vendor: str
    languages: frozenset[str]
    word_times: bool
    codec: str

    def order(self, text: str, language: str, voice: str) -> Order:
        """The request."""

    def reader(self, text: str) -> Reader:
        """For one answer."""

    def check(self) -> tuple[str, dict[str, str]]:
        """An address and headers whose answer costs nothing and needs a right key."""


class CloudVoice:
    """Keeps `TextToSpeech`."""

    def __init__(self, dialect: Dialect, session: aiohttp.ClientSession, patience: Patience | None = None) -> None:
        """The session is shared and closed by its owner; its connections stay warm between sentences."""
        self.name, self.languages = dialect.vendor, dialect.languages
        self.word_times, self.codec = dialect.word_times, dialect.codec
        self._dialect, self._session, self._patience = dialect, session, patience or Patience()
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect)
        self._closed = False
        self._asked_at = float("-inf")

    async def stand_by(self) -> None:
        """Open a connection for the sentence that will come, unless there must be one. Quiet, and costs nothing."""
        now = asyncio.get_running_loop().time()
        if self._closed or now - self._asked_at < WARM_S:
            return
        self._asked_at = now
        url, headers = self._dialect.check()
        try:
            async with asyncio.timeout(self._patience.connect + self._patience.first):
                async with self._session.head(url, headers=headers, timeout=self._timeout, allow_redirects=False):
                    pass
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            # The sentence itself will say what is wrong, where somebody can do something about it.
            return

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port."""
        if self._closed:
            raise Unavailable(self.name, "closed")
        if language not in self.languages:
            raise Rejected(self.name, "language", language)
        text = text[:LONGEST].translate(_PLAIN).rstrip()
        if not any(char.isalnum() for char in text):
            return
        spent(f"tts:{self.name}", len(text))
        reader, held, size, began = self._dialect.reader(text), _Lead(self.name), 0, asyncio.get_running_loop().time()
        most = int((10.0 + 0.4 * len(text)) * RATE)
        async with self._asked(self._dialect.order(text, language, voice), began + self._patience.first) as response:
            due = began + self._patience.first
            while piece := await self._piece(response, due):
                for sound in held.through(reader.feed(piece)):
                    size += len(sound.mulaw)
                    if size > most:
                        raise Malformed(self.name, "too-long")
                    yield sound
                if size:
                    # The time the listener took for what was handed over does not count: it is not the vendor's.
                    due = asyncio.get_running_loop().time() + self._patience.gap
            for sound in held.through(reader.end()):
                size += len(sound.mulaw)
                yield sound
        if not size:
            raise Unavailable(self.name, "empty")

    async def _piece(self, response: aiohttp.ClientResponse, due: float) -> bytes:
        try:
            async with asyncio.timeout_at(due):
                return await response.content.readany()
        except TimeoutError:
            raise Unavailable(self.name, "timeout") from None
        except (aiohttp.ClientError, OSError) as fault:
            raise Unavailable(self.name, "cut", type(fault).__name__) from None

    @asynccontextmanager
    async def _asked(self, order: Order, due: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response, closed with its connection unless it was read to its end."""
        try:
            async with asyncio.timeout_at(due):
                response = await self._send(order)
                if response.status != 200:
                    raise await complaint(self.name, response)
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise unreachable(self.name, fault) from None
        try:
            kind = response.content_type
            if kind not in order.answer:
                raise Malformed(self.name, "format", kind)
            yield response
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def _send(self, order: Order) -> aiohttp.ClientResponse:
        """A kept connection may have been closed by the other side meanwhile: that shows at once, and once is forgiven."""
        try:
            return await self._post(order)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError):
            return await self._post(order)

    async def _post(self, order: Order) -> aiohttp.ClientResponse:
        self._asked_at = asyncio.get_running_loop().time()
        return await self._session.post(
            order.url, data=order.body, headers=order.headers, timeout=self._timeout, allow_redirects=False
        )

    async def check(self) -> None:
        """Whether the key is right. Raises ProviderError."""
        url, headers = self._dialect.check()
        try:
            async with (
                asyncio.timeout(5.0),
                self._session.get(url, headers=headers, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise await complaint(self.name, response)
        except ProviderError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise unreachable(self.name, fault) from None

    async def close(self) -> None:
        """As the port."""
        self._closed = True


class _Lead:
    """Holds the beginning back until it is known to be speech."""

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self._held: list[Sound] | None = []

    def through(self, sounds: list[Sound]) -> list[Sound]:
        """What may be heard now. Raises Malformed (`format`, `silence`)."""
        if self._held is None or not sounds:
            return sounds
        if not self._held and sounds[0].mulaw.startswith(_WRAPPED):
            raise Malformed(self._vendor, "format")
        self._held += sounds
        whole = b"".join(sound.mulaw for sound in self._held)
        if whole.translate(None, QUIET):
            held, self._held = self._held, None
            return held
        if len(whole) > SILENCE_MOST:
            raise Malformed(self._vendor, "silence")
        return []
