"""A model over a real socket: deltas, calls, costs, and every way a vendor may fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest
from tests.adapters.chat.conftest import make_model
from tests.adapters.chat.server import Manner, Vendor, anthropic, google, openai, responses, sse

from stella.adapters.chat import ChatModel
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable
from stella.ports.language import (
    Called,
    FromAgent,
    FromCaller,
    FromTool,
    Grew,
    Message,
    ModelEvent,
    Spent,
    ToolCall,
    ToolSpec,
)

SCHEMA = {"type": "object", "properties": {"person": {"type": "string"}}, "required": ["person"]}
TOOL = ToolSpec("transfer_to", "Connects.", SCHEMA)
HELLO: list[Message] = [FromCaller("hello")]
SPEAK = {"openai": openai, "openai-responses": responses, "anthropic": anthropic, "google": google}


async def answer(model: ChatModel, messages: list[Message] | None = None) -> list[ModelEvent]:
    """A whole answer."""
    return [event async for event in model.answer("You are kind.", messages or HELLO, [TOOL], 100)]


async def collect(events: AsyncIterator[ModelEvent], into: list[ModelEvent]) -> None:
    """An answer as far as it comes; a comprehension would lose it with the error."""
    while True:
        try:
            into.append(await anext(events))
        except StopAsyncIteration:
            return


def words(events: list[ModelEvent]) -> str:
    """Its words."""
    return "".join(event.text for event in events if isinstance(event, Grew))


def calls(events: list[ModelEvent]) -> list[tuple[str, Any]]:
    """Its calls."""
    return [(e.call.name, json.loads(e.call.arguments)) for e in events if isinstance(e, Called)]


async def test_words_calls_and_cost_arrive(model: ChatModel, fake: Vendor) -> None:
    """What an answer is made of, the same for every vendor."""
    fake.manner = Manner(["Grüß ", "Gott 🙂. ", ("transfer_to", {"person": "Änne"}), ("transfer_to", {"person": "Bo"})])
    events = await answer(model)
    assert words(events) == "Grüß Gott 🙂. "
    assert calls(events) == [("transfer_to", {"person": "Änne"}), ("transfer_to", {"person": "Bo"})]
    assert events[-1] == Spent(100, 20, 60)


async def test_a_conversation_with_tools_is_told_in_the_vendors_shape(model: ChatModel, fake: Vendor) -> None:
    """The second step of a turn carries the call and its result."""
    call = ToolCall("call_1", "transfer_to", '{"person":"Bo"}', "c2VhbA==")
    await answer(model, [*HELLO, FromAgent("One moment.", (call,)), FromTool(call, "nobody", failed=True)])
    told = json.dumps(fake.asked[-1])
    assert "You are kind." in told and "One moment." in told and "nobody" in told and "Bo" in told
    assert "test" in told or model.name.startswith("google")


async def test_the_prompt_is_marked_for_the_cache(fake: Vendor, session: aiohttp.ClientSession) -> None:
    """A long prompt is paid once, not at every turn."""
    await answer(make_model("anthropic", fake, session))
    assert fake.asked[-1]["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert fake.headers[-1]["anthropic-version"] == "2023-06-01"


async def test_the_connection_is_kept_for_the_next_turn(model: ChatModel, fake: Vendor) -> None:
    """A handshake a turn would be heard."""
    await answer(model)
    await answer(model)
    assert fake.connections == 1


async def test_a_kept_connection_that_died_is_forgiven(model: ChatModel, fake: Vendor) -> None:
    """Vendors close idle sockets; the caller must not notice."""
    await answer(model)
    fake.script = lambda _told: Manner(reset=len(fake.asked) == 2)
    assert words(await answer(model))


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
async def test_what_will_not_mend_itself_is_rejected(model: ChatModel, fake: Vendor, status: int) -> None:
    """A wrong key is not tried again and again."""
    fake.manner = Manner(status=status, complaint={"error": {"message": "key-of-ours is bad", "type": "wrong"}})
    with pytest.raises(Rejected) as caught:
        await answer(model)
    assert "key-of-ours" not in str(caught.value)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
async def test_what_passes_is_unavailable(model: ChatModel, fake: Vendor, status: int) -> None:
    """The next brain goes on meanwhile."""
    fake.manner = Manner(status=status, headers={"Retry-After": "7"})
    with pytest.raises(Unavailable) as caught:
        await answer(model)
    assert caught.value.code == f"http-{status}" and caught.value.retry_after == 7.0


async def test_a_spent_quota_is_not_a_busy_minute(fake: Vendor, session: aiohttp.ClientSession) -> None:
    """Both come as 429."""
    fake.manner = Manner(status=429, complaint={"error": {"code": "insufficient_quota"}})
    with pytest.raises(Rejected, match="quota"):
        await answer(make_model("openai", fake, session))


@pytest.mark.parametrize("kind", list(SPEAK))
@pytest.mark.parametrize(
    ("manner", "code"),
    [
        (Manner(wait_s=5.0), "timeout"),
        (Manner(hang_after=0), "timeout"),
        (Manner(hang_after=3), "timeout"),
        (Manner(reset=True), "unreachable"),
        (Manner(raw=b""), "cut"),
        (Manner(raw=b": ping\n\n" * 3), "cut"),
    ],
    ids=["slow", "hangs at once", "hangs in the middle", "reset", "empty", "only pings"],
)
async def test_silence_and_cuts_are_unavailable(
    kind: str, fake: Vendor, session: aiohttp.ClientSession, manner: Manner, code: str
) -> None:
    """Each within its patience, so that the next brain is asked in time."""
    fake.manner = manner
    patience = {"first": 0.1, "gap": 0.1} if code == "timeout" else {}
    with pytest.raises(Unavailable) as caught:
        await answer(make_model(kind, fake, session, **patience))
    assert caught.value.code == code


@pytest.mark.parametrize("kind", list(SPEAK))
async def test_a_stream_cut_at_any_byte_is_said_to_be_cut(
    kind: str, fake: Vendor, session: aiohttp.ClientSession
) -> None:
    """Words that came are handed on; the end is never mistaken for a full stop."""
    model = make_model(kind, fake, session)
    pieces = ["We are öpen ", "now. ", ("transfer_to", {"person": "Bo"})]
    whole = sum(len(sse(event)) for event in SPEAK[kind](pieces))
    for cut in [*range(1, 200, 7), *range(200, whole - 420, 61)]:
        fake.manner = Manner(pieces, cut_at=cut)
        events = model.answer("s", HELLO, [], 10)
        said: list[ModelEvent] = []
        with pytest.raises(ProviderError):
            await collect(events, said)
        assert "We are öpen now. ".startswith(words(said))
        assert calls(said) == []


async def test_a_missing_end_mark_is_forgiven_where_the_reason_came(model: ChatModel, fake: Vendor) -> None:
    """Several compatible servers forget `[DONE]`."""
    fake.manner = Manner(no_end=True)
    assert words(await answer(model)) == "We are open from nine to five. Anything else?"


@pytest.mark.parametrize(
    "raw",
    [
        b"data: {\n\n",
        b"data: [1]\n\n",
        b"data: \xff\xfe\n\n",
        b'data: {"choices": "x", "candidates": 1, "type": 3}\n\n',
        b"data: " + b"[" * 50_000 + b"\n\n",
        b"data: " + b"x" * 1_200_000,
    ],
    ids=["half", "list", "bytes", "types", "deep", "endless line"],
)
async def test_what_cannot_be_read_is_malformed(model: ChatModel, fake: Vendor, raw: bytes) -> None:
    """And nothing else breaks."""
    fake.manner = Manner(raw=raw)
    with pytest.raises(Malformed):
        await answer(model)


async def test_an_error_in_the_stream_is_told_by_its_kind(model: ChatModel, fake: Vendor) -> None:
    """The status was 200 already."""
    told = {"type": "error", "error": {"type": "overloaded_error", "code": 503, "message": "no"}}
    fake.manner = Manner(raw=sse(told))
    with pytest.raises(Unavailable):
        await answer(model)


async def test_stopping_closes_the_connection_at_once(model: ChatModel, fake: Vendor) -> None:
    """A reply nobody hears costs nothing more."""
    fake.manner = Manner(hang_after=4)
    async with aclosing(model.answer("s", HELLO, [], 10)) as events:  # type: ignore[type-var]
        async for _ in events:
            break
    async with asyncio.timeout(1):
        await fake.hung_up.wait()


async def test_cancelling_before_the_first_byte_closes_too(model: ChatModel, fake: Vendor) -> None:
    """The caller went on talking."""
    fake.manner = Manner(hang_after=0)
    task = asyncio.create_task(answer(model))
    while not fake.asked:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(1):
        await fake.hung_up.wait()


async def test_nobody_at_the_address_is_unavailable(session: aiohttp.ClientSession) -> None:
    """A local model that was not started."""
    with pytest.raises(Unavailable):
        await answer(make_model("openai", Vendor("http://127.0.0.1:1"), session))


async def test_the_check_tells_a_wrong_key(model: ChatModel, fake: Vendor) -> None:
    """At the start, not in the middle of a call."""
    await model.check()
    fake.manner = Manner(status=401)
    with pytest.raises(Rejected):
        await model.check()


def _delta(**call: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"tool_calls": [call]}}]}


@pytest.mark.parametrize(
    "deltas",
    [
        [
            _delta(index=0, id="a", function={"name": "x", "arguments": '{"n"'}),
            _delta(index=1, id="b", function={"name": "y", "arguments": '{"n"'}),
            _delta(index=0, function={"arguments": ":1}"}),
            _delta(index=1, function={"arguments": ":2}"}),
        ],
        [
            _delta(index=0, id="a", function={"name": "x", "arguments": '{"n":1}'}),
            _delta(index=0, id="b", function={"name": "y", "arguments": '{"n":2}'}),
        ],
        [
            _delta(id="a", function={"name": "x", "arguments": '{"n"'}),
            _delta(function={"arguments": ":1}"}),
            _delta(id="b", function={"name": "y", "arguments": {"n": 2}}),
        ],
        [
            _delta(index=0, id="a", function={"name": "x"}),
            _delta(index=0, id="a", function={"name": "x", "arguments": '{"n":1}'}),
            _delta(index=7, id="b", function={"name": "y", "arguments": '{"n":2}'}),
        ],
    ],
    ids=["interleaved", "every index 0", "no index", "id repeated, odd index"],
)
async def test_tool_calls_survive_other_servers_habits(
    fake: Vendor, session: aiohttp.ClientSession, deltas: list[dict[str, Any]]
) -> None:
    """Indices that are wrong, missing or mixed are known from real servers."""
    fake.manner = Manner(raw=sse(*deltas, {"choices": [{"delta": None, "finish_reason": "stop"}]}, {"choices": None}))
    assert calls(await answer(make_model("openai", fake, session))) == [("x", {"n": 1}), ("y", {"n": 2})]


async def test_calls_without_end_are_malformed(fake: Vendor, session: aiohttp.ClientSession) -> None:
    """Neither so many nor so long."""
    model = make_model("openai", fake, session)
    for deltas in (
        [_delta(index=n, id=f"c{n}", function={"name": "x"}) for n in range(100)],
        [_delta(index=0, id="c", function={"name": "x", "arguments": "y" * 30_000})],
    ):
        fake.manner = Manner(raw=sse(*deltas))
        with pytest.raises(Malformed):
            await answer(model)
