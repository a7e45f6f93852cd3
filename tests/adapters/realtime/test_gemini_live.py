"""Gemini Live over a real WebSocket: the port's suite, and what is the vendor's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import aiohttp
import pytest
from tests.adapters.realtime.server import KEY, Answer, RealtimeServer
from tests.conformance.realtime import ONE, SPEECH, THREE, TWO, RealtimeConformance, ring
from tests.conformance.speech_to_text import feed, until

from stella.adapters.cloud_speech import AnswerPatience, GeminiLive
from stella.ports.language import FromCaller, ToolSpec
from stella.ports.realtime import Briefing, Sounded

PATIENCE = AnswerPatience(first=1.0, between=1.0, whole=20.0, words=1.0)


@pytest.fixture
async def model(vendor: RealtimeServer, session: aiohttp.ClientSession) -> AsyncIterator[GeminiLive]:
    """A model with little patience."""
    one = GeminiLive("gemini-3.8-live", KEY, session, vendor.url, PATIENCE)
    yield one
    await one.close()


@pytest.fixture
def wrong_key(vendor: RealtimeServer, session: aiohttp.ClientSession) -> GeminiLive:
    """The same with a key nobody knows."""
    return GeminiLive("gemini-3.8-live", "another", session, vendor.url)


class TestGemini(RealtimeConformance):
    """The port's own suite. This vendor forgets nothing: it is told what was not meant, and what it could not know."""

    def believed(self, vendor: RealtimeServer) -> list[str]:
        texts = [item.text for item in vendor.items]
        heard = super().believed(vendor)
        return heard[-1:] if any("not meant for you" in text for text in texts) else heard

    def in_order(self, texts: list[str], *told: str) -> bool:
        return set(told) <= set(texts)


def notes(vendor: RealtimeServer) -> list[str]:
    """What it was told besides."""
    return [item.text for item in vendor.items if item.kind == "note"]


async def test_the_floor_is_ours(model: GeminiLive, vendor: RealtimeServer) -> None:
    """Our marks begin and end an utterance; the key travels in no address; a tool is waited for."""
    tool = ToolSpec("look_up", "Looks up.", {"type": "object", "properties": {}})
    it = ring(model, Briefing("Be kind.", "de", (tool,), voice="Kore"))
    await it.hears(ONE, SPEECH)
    setup = vendor.asked[0]["setup"]
    assert setup["model"] == "models/gemini-3.8-live"
    assert setup["realtimeInputConfig"]["automaticActivityDetection"]["disabled"]
    assert setup["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"] == "Kore"
    assert setup["tools"][0]["functionDeclarations"][0]["behavior"] == "BLOCKING"
    assert KEY not in model.url
    await it.line.close()


async def test_it_has_begun_before_it_is_asked(model: GeminiLive, vendor: RealtimeServer) -> None:
    """At the end of an utterance: what it made is the answer, and nothing is sent to get it."""
    it = ring(model)
    await it.hears(ONE, SPEECH)
    await until(lambda: vendor.spoken)
    sent = len(vendor.asked)
    assert (await it.answers()).strip() == "Hello there, how can I help?"
    assert len(vendor.asked) == sent
    await it.line.close()


async def test_what_it_must_know_first_takes_its_start(model: GeminiLive, vendor: RealtimeServer) -> None:
    """The answer that had begun is broken off; the one with the note is the one that is heard."""
    vendor.answers = [Answer("I do not know that. " * 9), Answer("It is noon.")]
    vendor.faults.piece_s = 0.02
    it = ring(model)
    await it.hears(ONE, SPEECH)
    assert (await it.answers(FromCaller("[It is noon.]"))).strip() == "It is noon."
    assert notes(vendor) == ["[It is noon.]"]
    assert vendor.cancelled == 1
    await it.line.close()


async def test_a_caller_who_goes_on_takes_the_answer_back(model: GeminiLive, vendor: RealtimeServer) -> None:
    """A pause was not the end of the turn: what was begun in it is never heard, and it knows."""
    vendor.answers = [Answer("I know what you mean, certainly I do."), Answer("Two rooms."), Answer("Two rooms then.")]
    vendor.faults.piece_s = 0.02
    it = ring(model)
    await it.hears(ONE, SPEECH)
    await until(lambda: vendor.spoken)
    await it.hears(TWO, SPEECH)
    assert (await it.answers()).strip() == "Two rooms then."
    assert any("heard only: “”" in note for note in notes(vendor))
    await it.line.close()


async def test_a_cough_does_not_break_off_what_is_wanted(model: GeminiLive, vendor: RealtimeServer) -> None:
    """While a wanted answer is being made an utterance waits; it is heard as soon as that is done."""
    vendor.answers = [Answer("This is a rather long answer.")]
    vendor.faults.piece_s = 0.02
    it = ring(model)
    await it.hears(ONE, SPEECH)
    async with aclosing(it.line.answer()) as events:  # type: ignore[type-var]
        async for event in events:
            it.events.append(event)
            if isinstance(event, Sounded) and not it.line._ears.open:
                it.line.begin(TWO)
                feed(it.line, SPEECH[:3200])
    assert it.words.strip() == "This is a rather long answer."
    assert vendor.cancelled == 0
    it.line.finish(TWO)
    await until(lambda: len(it.ends) == 2)
    await it.line.close()


async def test_what_was_heard_is_told_with_the_next_turn(model: GeminiLive, vendor: RealtimeServer) -> None:
    """Nothing can be cut out of its memory."""
    it = ring(model)
    await it.hears(ONE, SPEECH)
    await it.answers()
    it.line.truncate(0.8, "Hello there,")
    await it.hears(TWO, SPEECH)
    await it.answers()
    assert any("heard only: “Hello there,”" in note for note in notes(vendor))
    await it.line.close()


async def test_a_connection_the_vendor_wants_back_is_given_without_a_word_lost(
    model: GeminiLive, vendor: RealtimeServer
) -> None:
    """Ten minutes are less than a call: it goes on over another connection, with its memory."""
    vendor.faults.leaving = True
    it = ring(model)
    await it.hears(ONE, SPEECH)
    await it.answers()
    await until(lambda: vendor.lines == 2)
    vendor.hears = ["And now?"]
    await it.hears(TWO, SPEECH)
    assert (await it.answers()).strip() == "Hello there, how can I help?"
    assert [item.text for item in vendor.items if item.kind == "caller"] == ["Hello there", "And now?"]
    assert it.deaths == []
    await until(lambda: vendor.open == 1)
    await it.line.close()


async def test_a_tool_nobody_waited_for_is_no_fault(model: GeminiLive, vendor: RealtimeServer) -> None:
    """The caller went on speaking: the vendor takes its call back by itself."""
    vendor.answers = [Answer("", (("look_up", "{}"),)), Answer("Yes?")]
    it = ring(model)
    await it.hears(ONE, SPEECH)
    await it.answers()
    await it.hears(THREE, SPEECH)
    assert (await it.answers()).strip() == "Yes?"
    assert vendor.complaints == []
    await asyncio.sleep(0)
    await it.line.close()
