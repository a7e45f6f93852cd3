"""Anthropic's Messages, streamed.

https://platform.claude.com/docs/en/build-with-claude/streaming
https://platform.claude.com/docs/en/build-with-claude/prompt-caching
https://platform.claude.com/docs/en/build-with-claude/effort
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from stella.adapters.chat.dialect import CALLS_MOST, Growing, Question, decode, failure, word
from stella.adapters.chat.quirks import THOUGHTS_ROOM
from stella.adapters.chat.sides import by_side
from stella.ports.failure import Malformed, Rejected, Unavailable
from stella.ports.language import Called, FromAgent, FromCaller, Grew, Message, ModelEvent, Spent, ToolSpec

BASE = "https://api.anthropic.com"
VERSION = "2023-06-01"
_KEPT = {"type": "ephemeral"}
"""Marks the end of what is the same at every turn: it is read from the vendor's cache for a tenth of the price."""

_THINKS = re.compile(r"claude-[a-z]+-5(-\d)?(-20\d{6})?")
"""From the fifth on they think unless the question is easy; asked for little effort they hardly do."""


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Begun(msgspec.Struct):
    usage: _Usage | None = None


class _Block(msgspec.Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    text: str | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: _Begun | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Usage | None = None
    error: Any = None


class Anthropic:
    """Keeps `Dialect`."""

    vendor = "anthropic"

    def __init__(self, model: str, key: str, base: str = "") -> None:
        """`base` has no `/v1`."""
        self._model, self._key, self._base = model, key, (base or BASE).rstrip("/").removesuffix("/v1")

    def ask(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSpec], most_tokens: int) -> Question:
        """As the port of dialects."""
        thinks = _THINKS.fullmatch(self._model) is not None
        body: dict[str, Any] = {
            "model": self._model,
            "max_tokens": most_tokens + (THOUGHTS_ROOM if thinks else 0),
            "system": [{"type": "text", "text": system, "cache_control": _KEPT}],
            "messages": by_side(messages, "assistant", "content", _blocks),
            "stream": True,
        }
        plain = dict(body)
        if thinks:
            body["output_config"] = {"effort": "low"}
        if tools:
            body["tools"] = plain["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
                for tool in tools
            ]
        url = f"{self._base}/v1/messages"
        return Question(url, self._headers(), msgspec.json.encode(body), msgspec.json.encode(plain))

    def check(self) -> Question:
        """The list of models."""
        return Question(f"{self._base}/v1/models?limit=1", self._headers())

    def _headers(self) -> dict[str, str]:
        return {"content-type": "application/json", "anthropic-version": VERSION, "x-api-key": self._key}

    def reader(self) -> AnthropicReader:
        """For one answer."""
        return AnthropicReader()


def _blocks(message: Message) -> list[dict[str, Any]]:
    if isinstance(message, FromCaller):
        return [{"type": "text", "text": message.text}]
    if isinstance(message, FromAgent):
        words = [{"type": "text", "text": message.text}] if message.text.strip() else []
        return words + [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": _object(call.arguments)}
            for call in message.calls
        ]
    return [
        {
            "type": "tool_result",
            "tool_use_id": message.call.id,
            "content": message.text,
            "is_error": message.failed,
        }
    ]


def _object(arguments: str) -> dict[str, Any]:
    """Arguments as an object; what is none becomes an empty one, and the tool has already refused it."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


class AnthropicReader:
    """Reads one answer. Event kinds that are not known are skipped, as the vendor asks."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.steps = 0
        self.done = False
        self._calls: dict[int, Growing] = {}
        self._sent = self._written = self._cached = 0
        self._stopped = False

    def read(self, data: str) -> list[ModelEvent]:
        """As the port of readers."""
        event: _Event = decode("anthropic", data, _Event)
        match event.type:
            case "error":
                told = event.error if isinstance(event.error, dict) else {}
                raise failure("anthropic", 0, word(told.get("type")))
            case "message_start" if event.message is not None:
                self._count(event.message.usage)
            case "content_block_start" if event.content_block is not None:
                self.steps += 1
                return self._block(event.index, event.content_block)
            case "content_block_delta" if event.delta is not None:
                self.steps += 1
                return self._delta(event.index, event.delta)
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None and event.delta.stop_reason == "refusal":
                    raise Rejected("anthropic", "blocked", "refusal")
                self._stopped = self._stopped or bool(event.delta and event.delta.stop_reason)
            case "message_stop":
                self.done = True
            case _:
                pass
        return []

    def _block(self, index: int, block: _Block) -> list[ModelEvent]:
        if block.type == "tool_use":
            if len(self._calls) >= CALLS_MOST:
                raise Malformed("anthropic", "too-many-calls")
            while index in self._calls:
                index += 1000
            self._calls[index] = Growing(block.id, block.name)
        return [Grew(block.text)] if block.type == "text" and block.text else []

    def _delta(self, index: int, delta: _Delta) -> list[ModelEvent]:
        if delta.type == "text_delta" and delta.text:
            return [Grew(delta.text)]
        if delta.type == "input_json_delta" and delta.partial_json:
            call = self._calls.get(index)
            if call is None:
                raise Malformed("anthropic", "block-index")
            call.add("anthropic", delta.partial_json)
        return []

    def _count(self, usage: _Usage | None) -> None:
        if usage is None:
            return
        if usage.input_tokens is not None:
            self._cached = usage.cache_read_input_tokens or 0
            self._sent = usage.input_tokens + self._cached + (usage.cache_creation_input_tokens or 0)
        if usage.output_tokens is not None:
            self._written = usage.output_tokens

    def end(self) -> list[ModelEvent]:
        """As the port of readers."""
        if not (self.done or self._stopped):
            raise Unavailable("anthropic", "cut")
        calls: list[ModelEvent] = [
            Called(call.whole(n)) for n, (_, call) in enumerate(sorted(self._calls.items())) if call.name
        ]
        return [*calls, Spent(self._sent, self._written, self._cached)]
