"""OpenAI's embeddings, and those of whoever speaks the same: Mistral, Ollama, vLLM, llama.cpp.

https://developers.openai.com/api/reference/resources/embeddings/methods/create
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec
import numpy as np

from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.meaning import Vectors

BATCH = 64
ANSWER_MOST = 20_000_000
DIMENSIONS_MOST = 8_192
TEXT_MOST = 4_000


class _Row(msgspec.Struct):
    embedding: list[float]
    index: int


class _Answer(msgspec.Struct):
    data: list[_Row]


class OpenAIEmbeddings:
    """Keeps `Embedder`."""

    def __init__(
        self, name: str, model: str, key: str, base: str, session: aiohttp.ClientSession, *, azure: bool = False
    ) -> None:
        """`base` is the address with `/v1`; the session is the process's."""
        self.name = name
        self._model, self._session = model, session
        self._url = f"{base or 'https://api.openai.com/v1'}/embeddings"
        header = {"api-key": key} if azure else {"authorization": f"Bearer {key}"}
        self._headers = header if key else {}

    async def embed(self, texts: Sequence[str], deadline_s: float) -> Vectors:
        """As the port; many texts go in batches."""
        try:
            async with asyncio.timeout(deadline_s):
                parts = [await self._batch(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
        except TimeoutError:
            raise Unavailable(self.name, "timeout") from None
        if len({part.shape[1] for part in parts}) > 1:
            raise Malformed(self.name, "dimensions")
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    async def _batch(self, texts: Sequence[str]) -> Vectors:
        body = {"model": self._model, "input": [text[:TEXT_MOST] or " " for text in texts], "encoding_format": "float"}
        try:
            async with self._session.post(
                self._url, data=msgspec.json.encode(body), headers={"content-type": "application/json", **self._headers}
            ) as answer:
                if answer.status != 200:
                    raise _refused(self.name, answer)
                raw = await _read(self.name, answer)
        except (aiohttp.ClientError, OSError) as fault:
            raise Unavailable(self.name, "unreachable", type(fault).__name__) from None
        return _vectors(self.name, raw, len(texts))


def _refused(name: str, answer: aiohttp.ClientResponse) -> ProviderError:
    code = f"http-{answer.status}"
    if answer.status in (408, 409, 425, 429) or answer.status >= 500:
        return Unavailable(name, code)
    return Rejected(name, code)


async def _read(name: str, answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for piece in answer.content.iter_any():
        raw += piece
        if len(raw) > ANSWER_MOST:
            answer.close()
            raise Malformed(name, "answer-size")
    return bytes(raw)


def _vectors(name: str, raw: bytes, count: int) -> Vectors:
    """Rows in the order that was asked, each of length one."""
    try:
        rows = msgspec.json.decode(raw, type=_Answer).data
    except (msgspec.DecodeError, RecursionError):
        raise Malformed(name, "shape") from None
    by_place: dict[int, Any] = {row.index: row.embedding for row in rows}
    sizes = {len(row) for row in by_place.values()}
    if sorted(by_place) != list(range(count)) or len(sizes) != 1 or not 0 < min(sizes) <= DIMENSIONS_MOST:
        raise Malformed(name, "shape")
    made = np.array([by_place[place] for place in range(count)], np.float32)
    lengths = np.linalg.norm(made, axis=1, keepdims=True)
    if not np.isfinite(made).all() or not (lengths > 0).all():
        raise Malformed(name, "shape")
    return np.asarray(made / lengths, np.float32)
