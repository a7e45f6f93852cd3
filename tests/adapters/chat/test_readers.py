"""Whatever a vendor sends, a reader answers with events or a ProviderError, and with nothing else (FAULTS G04)."""

from __future__ import annotations

import contextlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.adapters.chat.server import anthropic, google, openai, responses, sse

from stella.adapters.chat import Anthropic, Google, OpenAI, OpenAIResponses
from stella.domain.errors import MalformedMessage
from stella.ports.failure import ProviderError
from stella.ports.language import Called, Grew, ModelEvent
from stella.wire.sse import EventReader

DIALECTS = {
    "openai": OpenAI("m", "k"),
    "openai-responses": OpenAIResponses("m", "k"),
    "anthropic": Anthropic("m", "k"),
    "google": Google("m", "k"),
}
SPEAK = {"openai": openai, "openai-responses": responses, "anthropic": anthropic, "google": google}
KEYS = [
    "choices", "delta", "content", "tool_calls", "index", "id", "function", "name", "arguments", "finish_reason", "usage",
    "error", "type", "content_block", "text", "partial_json", "stop_reason", "message", "candidates", "parts",
    "functionCall", "args", "finishReason", "usageMetadata", "code", "promptFeedback", "blockReason",
    "item", "call_id", "output_index", "response", "encrypted_content", "incomplete_details", "reason", "input_tokens",
]  # fmt: skip
TYPES = [
    "content_block_delta",
    "content_block_start",
    "message_delta",
    "tool_use",
    "text_delta",
    "input_json_delta",
    "error",
    "response.output_text.delta",
    "response.output_item.added",
    "response.output_item.done",
    "response.function_call_arguments.delta",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "function_call",
    "reasoning",
]

values = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-5, 10**18)
    | some.floats()
    | some.text(max_size=8)
    | some.sampled_from(TYPES),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(KEYS), inner, max_size=5),
    max_leaves=15,
)


@pytest.mark.parametrize("kind", list(DIALECTS))
@given(events=some.lists(values, max_size=6))
def test_any_json_is_events_or_a_provider_error(kind: str, events: list[object]) -> None:
    """Right keys with wrong things in them, above all."""
    reader = DIALECTS[kind].reader()
    with contextlib.suppress(ProviderError):
        for event in events:
            reader.read(json.dumps(event))
        reader.end()


@pytest.mark.parametrize("kind", list(DIALECTS))
@given(text=some.text(max_size=60))
def test_any_text_is_events_or_a_provider_error(kind: str, text: str) -> None:
    """Even what is no JSON at all."""
    reader = DIALECTS[kind].reader()
    with contextlib.suppress(ProviderError):
        reader.read(text)
        reader.end()


@pytest.mark.parametrize("kind", list(DIALECTS))
@given(cuts=some.lists(some.integers(0, 2000), max_size=12), crlf=some.booleans())
def test_where_the_bytes_are_cut_changes_nothing(kind: str, cuts: list[int], crlf: bool) -> None:
    """In the middle of a letter, of a line break, of a name."""
    whole = sse(*SPEAK[kind](["Grüß ", "Gott 🙂", ("x", {"ä": "ö"})]), crlf=crlf)
    places = sorted({0, len(whole), *(cut % len(whole) for cut in cuts)})
    reader, lines = DIALECTS[kind].reader(), EventReader()
    grown: list[ModelEvent] = []
    for start, end in itertools.pairwise(places):
        for event in lines.feed(whole[start:end]):
            grown += reader.read(event.data)
    grown += reader.end()
    assert "".join(event.text for event in grown if isinstance(event, Grew)) == "Grüß Gott 🙂"
    assert [json.loads(event.call.arguments) for event in grown if isinstance(event, Called)] == [{"ä": "ö"}]


@pytest.mark.parametrize("kind", list(DIALECTS))
@given(at=some.integers(0, 5000), byte=some.integers(0, 255))
def test_one_wrong_byte_breaks_nothing_else(kind: str, at: int, byte: int) -> None:
    """A line noise of the network's or a bug of the vendor's."""
    whole = bytearray(sse(*SPEAK[kind](["Hello ", ("x", {"a": 1})])))
    whole[at % len(whole)] = byte
    reader, lines = DIALECTS[kind].reader(), EventReader()
    with contextlib.suppress(ProviderError, MalformedMessage):
        for event in lines.feed(bytes(whole)):
            reader.read(event.data)
        reader.end()
