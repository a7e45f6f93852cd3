"""What hosts of one protocol want told differently, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from tests.adapters.chat.conftest import make_model
from tests.adapters.chat.server import Manner, Vendor, sse

from stella.adapters.chat import Anthropic, ChatModel, Google, OpenAI, OpenAIResponses, azure_base
from stella.ports.failure import Rejected, Unavailable
from stella.ports.language import Called, FromAgent, FromCaller, FromTool, Grew, Message, Spent, ToolCall, ToolSpec

HELLO: list[Message] = [FromCaller("hello")]
TOOL = ToolSpec("x", "Does.", {"type": "object", "properties": {}})


def told(dialect: OpenAI | OpenAIResponses | Anthropic | Google, system: str = "You are kind.") -> dict[str, Any]:
    """What a dialect asks."""
    body: dict[str, Any] = json.loads(dialect.ask(system, HELLO, [TOOL], 100).body)
    return body


def _google(**thinking: object) -> dict[str, object]:
    return {"maxOutputTokens": 100, "thinkingConfig": thinking}


def test_a_key_is_tried_where_a_wrong_one_is_told() -> None:
    """OpenRouter lists its models to anybody: a start would call every key right."""
    assert OpenAI("m", "k", "https://openrouter.ai/api/v1").check().url == "https://openrouter.ai/api/v1/key"
    assert OpenAI("m", "k").check().url == "https://api.openai.com/v1/models"


async def words(model: ChatModel) -> str:
    """An answer's words."""
    events = [event async for event in model.answer("You are kind.", HELLO, [], 100)]
    return "".join(event.text for event in events if isinstance(event, Grew))


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("gpt-5", "minimal"),
        ("gpt-5-mini-2025-08-07", "minimal"),
        ("gpt-5.1", "none"),
        ("gpt-5.6-luna", "none"),
        ("gpt-6-luna", "none"),
        ("gpt-6.1-terra", "none"),
        ("gpt-6.1-sol", "low"),
        ("o3-mini", "low"),
        ("openai/gpt-oss-120b", "low"),
        ("gpt-oss:20b", "low"),
        ("gpt-4.1-mini", None),
        ("gpt-4o", None),
        ("gpt-5-pro", None),
        ("gpt-5-chat-latest", None),
        ("my-deployment", None),
    ],
)
def test_a_caller_waits_for_as_few_thoughts_as_a_model_can_do_with(model: str, effort: str | None) -> None:
    """Left to themselves the newer ones think for seconds; temperature is never sent, they refuse it."""
    chat = told(OpenAI(model, "k"))
    assert chat.get("reasoning_effort") == effort and "temperature" not in chat
    assert told(OpenAIResponses(model, "k")).get("reasoning", {}).get("effort") == effort


@pytest.mark.parametrize(
    ("dialect", "key", "value"),
    [
        (Anthropic("claude-haiku-5-5", "k"), "output_config", {"effort": "low"}),
        (Anthropic("claude-haiku-4-5", "k"), "output_config", None),
        (Google("gemini-3.8-flash", "k"), "generationConfig", _google(thinkingLevel="low")),
        (Google("gemini-2.5-flash", "k"), "generationConfig", _google(thinkingBudget=0)),
        (Google("gemini-2.0-flash", "k"), "generationConfig", {"maxOutputTokens": 100}),
    ],
)  # fmt: skip
def test_so_it_is_with_the_other_vendors(dialect: Anthropic | Google, key: str, value: object) -> None:
    """Each by its own word."""
    assert told(dialect).get(key) == value


def test_a_model_that_thinks_whatever_one_asks_has_room_for_it() -> None:
    """Its thoughts count as written: without room the answer would be cut off before its first word."""
    local = OpenAI("gpt-oss:20b", "", "http://localhost:11434/v1")
    assert told(local)["max_tokens"] > 100 and told(local)["reasoning_effort"] == "low"
    assert told(OpenAI("o3-mini", "k"))["max_completion_tokens"] > 100
    assert told(OpenAIResponses("gpt-6.1-sol", "k"))["max_output_tokens"] > 100
    assert told(Anthropic("claude-sonnet-5-5", "k"))["max_tokens"] > 100
    assert told(OpenAI("gpt-6-luna", "k"))["max_completion_tokens"] == 100


def test_what_only_openai_knows_is_only_told_there() -> None:
    """Compatible servers refuse fields they do not know, and the newer name of the bound."""
    ours, other = told(OpenAI("gpt-5", "k")), told(OpenAI("gpt-5", "k", "http://localhost:11434/v1"))
    assert ours["max_completion_tokens"] == 100 and "max_tokens" not in ours and ours["prompt_cache_key"]
    assert other["max_tokens"] == 100
    assert not {"max_completion_tokens", "prompt_cache_key", "reasoning_effort"} & set(other)
    assert "stream_options" not in told(OpenAI("m", "k", "https://api.mistral.ai/v1"))


def test_what_begins_alike_goes_to_the_same_cache() -> None:
    """The key depends on the standing part alone, and says nothing of it."""
    one, two = told(OpenAI("gpt-5", "k")), told(OpenAIResponses("gpt-5", "k"))
    assert (
        one["prompt_cache_key"] == two["prompt_cache_key"] != told(OpenAI("gpt-5", "k"), "Other.")["prompt_cache_key"]
    )
    assert "kind" not in one["prompt_cache_key"]


@pytest.mark.parametrize("kind", ["openai", "openai-responses"])
async def test_a_server_that_refuses_a_field_is_asked_again_without_and_remembered(
    kind: str, fake: Vendor, session: aiohttp.ClientSession
) -> None:
    """`stream_options` is unknown to several; one lost second, once, and not at every turn."""

    def strict(body: dict[str, Any]) -> Manner:
        extra = {"stream_options", "reasoning", "include"} & set(body)
        return Manner(status=422, complaint={"detail": f"{extra}: extra fields"}) if extra else Manner()

    fake.script = strict
    base = f"{fake.url}/v1"
    model = make_model(kind, fake, session)
    if kind == "openai-responses":
        model = ChatModel("r", OpenAIResponses("gpt-5.6", "k", base), session)
    assert await words(model)
    assert await words(model)
    assert len(fake.asked) == 3


async def test_what_a_server_refuses_for_its_words_is_not_asked_again(
    fake: Vendor, session: aiohttp.ClientSession
) -> None:
    """A filter or a full context does not change with the fields."""
    fake.manner = Manner(status=400, complaint={"error": {"code": "context_length_exceeded"}})
    with pytest.raises(Rejected):
        await words(make_model("openai", fake, session))
    assert len(fake.asked) == 1


async def test_azure_is_told_the_key_in_its_own_way(fake: Vendor, session: aiohttp.ClientSession) -> None:
    """Under the path without versions, whatever of the address was given."""
    for base in (fake.url, f"{fake.url}/openai", f"{fake.url}/openai/v1/"):
        assert azure_base(base) == f"{fake.url}/openai/v1"
    for dialect in (OpenAI, OpenAIResponses):
        await words(ChatModel("azure:d", dialect("d", "k", azure_base(fake.url), azure=True), session))
        assert fake.headers[-1]["api-key"] == "k" and "authorization" not in fake.headers[-1]
    assert fake.paths == ["/openai/v1/chat/completions", "/openai/v1/responses"]
    assert "max_completion_tokens" in fake.asked[0]


async def test_a_thought_that_led_to_a_call_goes_back_with_it(fake: Vendor, session: aiohttp.ClientSession) -> None:
    """Nothing is stored at the vendor: without its thought a call of a thinking model is refused."""
    fake.manner = Manner([("x", {"a": 1})])
    model = make_model("openai-responses", fake, session)
    events = [event async for event in model.answer("s", HELLO, [TOOL], 100)]
    call = next(event.call for event in events if isinstance(event, Called))
    assert call == ToolCall("call_0", "x", '{"a": 1}', "sealed_0")
    await words(model)
    [event async for event in model.answer("s", [*HELLO, FromAgent("", (call,)), FromTool(call, "done")], [TOOL], 100)]
    assert fake.asked[-1]["store"] is False
    assert fake.asked[-1]["input"][1:] == [
        {"type": "reasoning", "summary": [], "encrypted_content": "sealed_0"},
        {"type": "function_call", "call_id": "call_0", "name": "x", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "call_0", "output": "done"},
    ]


@pytest.mark.parametrize(
    ("last", "outcome"),
    [
        ({"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"},
                                                      "usage": {"input_tokens": 9}}}, None),
        ({"type": "response.incomplete", "response": {"incomplete_details": {"reason": "content_filter"}}}, Rejected),
        ({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "no"}}}, Unavailable),
        ({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded"}}}, Unavailable),
        ({"type": "response.failed", "response": {"error": {"code": "insufficient_quota"}}}, Rejected),
        ({"type": "error", "code": "invalid_prompt", "message": "no"}, Rejected),
        ({"type": "error", "error": {"type": "server_error", "code": "x"}}, Unavailable),
    ],
)  # fmt: skip
async def test_every_end_of_a_response_is_told_by_its_kind(
    fake: Vendor, session: aiohttp.ClientSession, last: dict[str, Any], outcome: type[Exception] | None
) -> None:
    """Too long is an answer; the rest sends the turn elsewhere."""
    fake.manner = Manner(raw=sse({"type": "response.output_text.delta", "delta": "Well, "}, last))
    model = make_model("openai-responses", fake, session)
    if outcome is None:
        events = [event async for event in model.answer("s", HELLO, [], 100)]
        assert events == [Grew("Well, "), Spent(9, 0, 0)]
    else:
        with pytest.raises(outcome):
            await words(model)


async def test_a_refusal_of_anthropic_sends_the_turn_elsewhere(fake: Vendor, session: aiohttp.ClientSession) -> None:
    """It comes as a reason to stop, with nothing said."""
    refusal = {"type": "message_delta", "delta": {"stop_reason": "refusal"}}
    fake.manner = Manner(raw=sse({"type": "message_start"}, refusal, {"type": "message_stop"}))
    with pytest.raises(Rejected, match="blocked"):
        await words(make_model("anthropic", fake, session))
