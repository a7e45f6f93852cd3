"""Somebody who speaks OpenAI's `/embeddings` on a local socket: meanings are which of three subjects a text is about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

SUBJECTS = (("dog", "pet", "hound"), ("room", "bed", "sleep"), ("breakfast", "coffee", "hungry"))


def vector(text: str) -> list[float]:
    """One place for each subject, and one for everything else."""
    words = text.casefold()
    return [float(any(word in words for word in subject)) for subject in SUBJECTS] + [0.1]


@dataclass
class Vendor:
    """What it was asked, and how it answers."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[list[str]], web.StreamResponse] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/embeddings`."""
        told = await request.json()
        self.asked.append(told)
        self.headers.append(dict(request.headers))
        if self.answer is not None:
            return self.answer(told["input"])
        # Out of order, as `index` allows.
        rows = [
            {"object": "embedding", "index": at, "embedding": vector(text)} for at, text in enumerate(told["input"])
        ]
        return web.json_response({"object": "list", "data": rows[::-1], "usage": {"total_tokens": 1}})


@asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    """Running."""
    made, app = Vendor(), web.Application()
    app.router.add_post("/v1/embeddings", made.handle)
    server = TestServer(app)
    await server.start_server()
    made.url = str(server.make_url("/v1"))
    yield made
    await server.close()
