"""OpenAI Realtime over a real WebSocket: the port's suite, and what is the vendor's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import aiohttp
import pytest
from tests.adapters.realtime.server import KEY, Answer, RealtimeServer
from tests.conformance.realtime import ONE, SPEECH, TWO, RealtimeConformance, fails, ring
from tests.conformance.speech_to_text import until

from stella.adapters.cloud_speech import AnswerPatience, OpenAIRealtime
from stella.ports.failure import Rejected, Unavailable
from stella.ports.realtime import Briefing, Sounded

PATIENCE = AnswerPatience(first=1.0, between=1.0, whole=20.0, words=1.0)


@pytest.fixture
async def model(vendor: RealtimeServer, session: aiohttp.ClientSession) -> AsyncIterator[OpenAIRealtime]:
    """A model with little patience."""
    one = OpenAIRealtime("gpt-realtime", KEY, session, f"{vendor.url}/v1", PATIENCE)
    yield one
    await one.close()


@pytest.fixture
def wrong_key(vendor: RealtimeServer, session: aiohttp.ClientSession) -> OpenAIRealtime:
    """The same with a key nobody knows."""
    return OpenAIRealtime("gpt-realtime", "another", session, f"{vendor.url}/v1")


class TestOpenAI(RealtimeConformance):
    """The port's own suite."""


async def test_mulaw_goes_both_ways_and_turns_are_ours(model: OpenAIRealtime, vendor: RealtimeServer) -> None:
    """No resampling, and no second opinion about who has the floor."""
    it = ring(model, Briefing("Be kind.", "de", voice="marin"))
    await it.hears(ONE, SPEECH)
    session = vendor.asked[0]["session"]
    assert session["audio"]["input"]["format"] == session["audio"]["output"]["format"] == {"type": "audio/pcmu"}
    assert session["audio"]["input"]["turn_detection"] is None
    assert session["audio"]["input"]["transcription"]["language"] == "de"
    assert session["audio"]["output"]["voice"] == "marin"
    assert session["instructions"] == "Be kind."
    assert vendor.kinds().count("response.create") == 0, "it answers only when it is asked"
    await it.line.close()


async def test_it_believes_what_was_heard(model: OpenAIRealtime, vendor: RealtimeServer) -> None:
    """Cut at the millisecond, over all items of the turn; what was not heard at all is forgotten."""
    vendor.answers = [Answer("One two three.", (("look_up", "{}"),)), Answer("Four five six.")]
    it = ring(model)
    await it.hears(ONE, SPEECH)
    await it.answers()
    await it.answers()
    size = [item for item in vendor.items if item.kind == "agent"][-1].size
    it.line.truncate(size / 2 / 8000)
    await it.hears(TWO, SPEECH)
    await it.answers()
    agents = [item for item in vendor.items if item.kind == "agent"]
    assert agents[1].text == "(cut)"
    assert agents[1].size == size // 2
    it.line.truncate(0.0)
    await it.hears(TWO, SPEECH)
    assert [item.text for item in vendor.items if item.kind == "agent"] == ["One two three.", "(cut)"]
    assert vendor.complaints == []
    await it.line.close()


async def test_a_complaint_about_an_answer_that_nobody_wants_any_more_ends_no_other(
    model: OpenAIRealtime, vendor: RealtimeServer
) -> None:
    """The caller interrupted and asks something else: what the vendor says of the first question is not about the second."""
    vendor.faults.first_s = 30
    it = ring(model)
    await it.hears(ONE, SPEECH)
    first = asyncio.create_task(it.answers())
    await until(lambda: "response.create" in vendor.kinds(), 5)
    (refused,) = [told["event_id"] for told in vendor.asked if told["type"] == "response.create"]
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = asyncio.create_task(it.answers())
    await until(lambda: it.line._answer is not None, 5)
    it.line._hear(json.dumps({"type": "error", "error": {"code": "server_error", "event_id": refused}}))
    assert not it.line._answer.over
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await it.line.close()


async def test_what_nobody_waited_for_is_not_believed(model: OpenAIRealtime, vendor: RealtimeServer) -> None:
    """Cancelled before its first sound: the caller heard none of it."""
    vendor.answers = [Answer("Nobody hears this."), Answer("Yes?")]
    vendor.faults.first_s = 0.05
    it = ring(model)
    await it.hears(ONE, SPEECH)
    events = it.line.answer()
    waiting = asyncio.create_task(anext(events))  # type: ignore[arg-type]
    await until(lambda: "response.create" in vendor.kinds())
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await it.answers()
    assert [item.text for item in vendor.items if item.kind == "agent"] == ["Yes?"]
    await it.line.close()


async def test_a_call_nobody_answered_is_forgotten(model: OpenAIRealtime, vendor: RealtimeServer) -> None:
    """The caller interrupted the tool: its call must not stand there without a result."""
    vendor.answers = [Answer("", (("look_up", "{}"),))]
    it = ring(model)
    await it.hears(ONE, SPEECH)
    await it.answers()
    await it.hears(TWO, SPEECH)
    await it.answers()
    assert "function_call" not in [item.kind for item in vendor.items]
    await it.line.close()


async def test_a_new_answer_waits_for_the_end_of_the_old(model: OpenAIRealtime, vendor: RealtimeServer) -> None:
    """The vendor makes one at a time, and refuses a second."""
    vendor.faults.piece_s = 0.05
    it = ring(model)
    await it.hears(ONE, SPEECH)
    for _ in range(3):
        async with aclosing(it.line.answer()) as events:  # type: ignore[type-var]
            async for event in events:
                if isinstance(event, Sounded):
                    break
        it.line.truncate(0.1)
    assert await it.answers()
    assert "conversation_already_has_active_response" not in vendor.complaints
    assert it.deaths == []
    await it.line.close()


@pytest.mark.parametrize(
    ("code", "kind", "means"),
    [
        ("rate_limit_exceeded", Unavailable, "http-429"), ("insufficient_quota", Rejected, "quota"),
        ("server_error", Unavailable, "http-500"),
    ],
)  # fmt: skip
async def test_an_answer_that_fails_says_why_and_the_line_lives(
    model: OpenAIRealtime, vendor: RealtimeServer, code: str, kind: type[Exception], means: str
) -> None:
    """One answer's trouble is not the next one's."""
    vendor.faults.failed = code
    it = ring(model)
    await it.hears(ONE, SPEECH)
    failure = await fails(it)
    assert isinstance(failure, kind)
    assert failure.code == means
    vendor.faults.failed = ""
    assert await it.answers()
    await it.line.close()
