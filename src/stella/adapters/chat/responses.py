"""OpenAI's Responses, streamed; Azure speaks them too. Nothing is stored there: every answer is asked for anew.

https://developers.openai.com/api/docs/guides/streaming-responses
https://developers.openai.com/api/reference/resources/responses/streaming-events
https://developers.openai.com/api/docs/guides/reasoning#keeping-reasoning-items-in-context
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stella.adapters.chat.dialect import CALLS_MOST, Growing, Question, decode, failure, word
from stella.adapters.chat.quirks import OPENAI, THOUGHTS_ROOM, cache_key, effort, house_of
from stella.ports.failure import Malformed, Rejected, Unavailable
from stella.ports.language import Called, FromAgent, FromCaller, Grew, Message, ModelEvent, Spent, ToolCall, ToolSpec

SEAL_MOST = 200_000


class _Item(msgspec.Struct):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    encrypted_content: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None


class _Why(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    usage: _Usage | None = None
    error: Any = None
    incomplete_details: _Why | None = None


class _Event(msgspec.Struct):
    type: str = ""
    delta: Any = None
    arguments: str | None = None
    output_index: int = 0
    item: _Item | None = None
    response: _Response | None = None
    error: Any = None
    code: Any = None


class OpenAIResponses:
    """Keeps `Dialect`."""

    vendor = "openai"

    def __init__(self, model: str, key: str, base: str = "", *, azure: bool = False) -> None:
        """`base` has `/v1`."""
        self._model, self._key, self._base = model, key, (base or OPENAI).rstrip("/")
        self._house = house_of(self._base, azure=azure)
        self._effort = effort(model)

    def ask(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSpec], most_tokens: int) -> Question:
        """As the port of dialects."""
        thinks = self._effort == "low"
        body: dict[str, Any] = {
            "model": self._model,
            "instructions": system,
            "input": [item for message in messages for item in _items(message)],
            "stream": True,
            "store": False,
            "max_output_tokens": most_tokens + (THOUGHTS_ROOM if thinks else 0),
        }
        if tools:
            body["tools"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                    "strict": False,
                }
                for tool in tools
            ]
        plain = msgspec.json.encode(body)
        if self._house.original:
            body["prompt_cache_key"] = cache_key(system)
        if self._effort:
            body["reasoning"] = {"effort": self._effort}
            body["include"] = ["reasoning.encrypted_content"]
        return Question(f"{self._base}/responses", self._house.headers(self._key), msgspec.json.encode(body), plain)

    def check(self) -> Question:
        """The list of models."""
        return Question(f"{self._base}/models", self._house.headers(self._key))

    def reader(self) -> ResponsesReader:
        """For one answer."""
        return ResponsesReader()


def _items(message: Message) -> list[dict[str, Any]]:
    if isinstance(message, FromCaller):
        return [{"role": "user", "content": message.text}]
    if not isinstance(message, FromAgent):
        return [{"type": "function_call_output", "call_id": message.call.id, "output": message.text}]
    items: list[dict[str, Any]] = [{"role": "assistant", "content": message.text}] if message.text.strip() else []
    for call in message.calls:
        # A thought that led to a call is wanted back before it; without a store only its sealed content says which.
        items += [{"type": "reasoning", "summary": [], "encrypted_content": seal} for seal in call.seal.split() if seal]
        items.append({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments})
    return items


class ResponsesReader:
    """Reads one answer. Kinds of events that are not known are skipped, and there are many."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.steps = 0
        self.done = False
        self._calls: dict[int, Growing] = {}
        self._seals: list[str] = []
        self._usage: _Usage | None = None

    def read(self, data: str) -> list[ModelEvent]:
        """As the port of readers."""
        event: _Event = decode("openai", data, _Event)
        match event.type:
            case "response.output_text.delta" | "response.refusal.delta" if (
                isinstance(event.delta, str) and event.delta
            ):
                self.steps += 1
                return [Grew(event.delta)]
            case "response.output_item.added" | "response.output_item.done" if event.item is not None:
                self._item(event.output_index, event.item, whole=event.type.endswith("done"))
            case "response.function_call_arguments.delta" if isinstance(event.delta, str):
                self.steps += 1
                self._call(event.output_index).add("openai", event.delta)
            case "response.completed" | "response.incomplete":
                self._ended(event.response)
            case "response.failed" | "error":
                self._failed(event)
            case _:
                pass
        return []

    def _call(self, index: int) -> Growing:
        if index not in self._calls:
            if len(self._calls) >= CALLS_MOST:
                raise Malformed("openai", "too-many-calls")
            self._calls[index] = Growing("", "")
        return self._calls[index]

    def _item(self, index: int, item: _Item, *, whole: bool) -> None:
        self.steps += 1
        if item.type == "reasoning":
            if whole and item.encrypted_content and len(item.encrypted_content) <= SEAL_MOST:
                self._seals.append(item.encrypted_content)
            return
        if item.type != "function_call":
            return
        call = self._call(index)
        call.id, call.name = item.call_id or call.id or item.id or "", item.name or call.name
        if whole and item.arguments:
            # What was streamed is what is in here; where a server streams nothing, it is all there is.
            call.arguments = ""
            call.add("openai", item.arguments)
        if self._seals:
            call.seal, self._seals = " ".join(self._seals), []

    def _ended(self, response: _Response | None) -> None:
        if response is not None:
            self._usage = response.usage
            if response.incomplete_details is not None and response.incomplete_details.reason == "content_filter":
                raise Rejected("openai", "blocked", "content_filter")
        self.done = True

    def _failed(self, event: _Event) -> None:
        told = event.response.error if event.response is not None else event.error
        told = told if isinstance(told, dict) else {"code": event.code}
        status = told.get("code") if isinstance(told.get("code"), int) else 0
        raise failure("openai", status or 0, word(told.get("code")) or word(told.get("type")))

    def end(self) -> list[ModelEvent]:
        """As the port of readers."""
        if not self.done:
            raise Unavailable("openai", "cut")
        calls: list[ToolCall] = [call.whole(n) for n, (_, call) in enumerate(sorted(self._calls.items())) if call.name]
        rest: list[ModelEvent] = [Called(call) for call in calls]
        if (used := self._usage) is not None:
            details = used.input_tokens_details
            cached = (details.cached_tokens or 0) if details else 0
            rest.append(Spent(used.input_tokens or 0, used.output_tokens or 0, cached))
        return rest
