"""Vectors come in the order they were asked, of one length; whatever else comes is a failure of the vendor."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from tests.adapters.embeddings.server import Vendor, vector, vendor

from stella.adapters.embeddings import OpenAIEmbeddings
from stella.adapters.embeddings import openai as module
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable


@pytest.fixture
async def fake() -> AsyncIterator[Vendor]:
    """The vendor's side."""
    async with vendor() as running:
        yield running


@pytest.fixture
async def embeddings(fake: Vendor) -> AsyncIterator[OpenAIEmbeddings]:
    """Ours."""
    async with aiohttp.ClientSession() as session:
        yield OpenAIEmbeddings("openai:small", "small", "key", fake.url, session)


async def test_many_texts_go_in_batches_and_come_in_order(
    embeddings: OpenAIEmbeddings, fake: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendor may answer in any order."""
    monkeypatch.setattr(module, "BATCH", 2)
    texts = ["a dog", "a room", "breakfast", "x" * 9000, ""]
    rows = await embeddings.embed(texts, 30.0)
    assert rows.shape == (5, 4) and rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0)
    assert [int(np.argmax(row)) for row in rows] == [int(np.argmax(vector(text))) for text in texts]
    assert [len(each["input"]) for each in fake.asked] == [2, 2, 1]
    assert all(each["model"] == "small" and max(map(len, each["input"])) <= 4000 for each in fake.asked)
    assert fake.headers[0]["Authorization"] == "Bearer key"


async def test_azure_wants_its_key_under_another_name(fake: Vendor) -> None:
    """As with its chat."""
    async with aiohttp.ClientSession() as session:
        await OpenAIEmbeddings("azure:d", "d", "key", fake.url, session, azure=True).embed(["a"], 30.0)
    assert fake.headers[0]["api-key"] == "key" and "Authorization" not in fake.headers[0]


def rows(*vectors: list[float]) -> web.Response:
    """An answer with these."""
    return web.json_response({"data": [{"index": at, "embedding": each} for at, each in enumerate(vectors)]})


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (lambda _: web.Response(status=401), Rejected, "http-401"),
        (lambda _: web.Response(status=429), Unavailable, "http-429"),
        (lambda _: web.Response(status=503), Unavailable, "http-503"),
        (lambda _: web.Response(body=b"no JSON"), Malformed, "shape"),
        (lambda _: web.json_response({"data": []}), Malformed, "shape"),
        (lambda _: rows([1.0, 2.0]), Malformed, "shape"),
        (lambda _: rows([1.0, 2.0], [1.0]), Malformed, "shape"),
        (lambda _: rows([0.0], [1.0]), Malformed, "shape"),
        (lambda _: rows([], []), Malformed, "shape"),
        (lambda _: web.Response(body=b"[" * 100_000), Malformed, "shape"),
        (lambda _: web.Response(body=b" " * 3000), Malformed, "answer-size"),
    ],
)
async def test_anything_else_is_a_failure(
    answer: object, kind: type[ProviderError], code: str, embeddings: OpenAIEmbeddings, fake: Vendor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Never an exception of a library, never a vector that is none."""
    if code == "answer-size":
        monkeypatch.setattr(module, "ANSWER_MOST", 2000)
    fake.answer = answer  # type: ignore[assignment]
    with pytest.raises(kind) as caught:
        await embeddings.embed(["a dog", "a secret of the caller"], 30.0)
    assert caught.value.code == code and "secret" not in str(caught.value)


async def test_patience_ends_and_nobody_there_is_said(embeddings: OpenAIEmbeddings) -> None:
    """A caller waits for neither."""
    with pytest.raises(Unavailable, match="timeout"):
        await embeddings.embed(["a"], 0.0)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(Unavailable, match="unreachable"):
            await OpenAIEmbeddings("openai:m", "m", "", "http://127.0.0.1:9/v1", session).embed(["a"], 30.0)
