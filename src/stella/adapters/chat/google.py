"""Google's Gemini, streamed.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
https://ai.google.dev/gemini-api/docs/function-calling
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stella.adapters.chat.dialect import ARGUMENTS_MOST, CALLS_MOST, Question, decode, failure, word
from stella.adapters.chat.sides import by_side
from stella.ports.failure import Malformed, Rejected, Unavailable
from stella.ports.language import Called, FromAgent, FromCaller, Grew, Message, ModelEvent, Spent, ToolCall, ToolSpec

BASE = "https://generativelanguage.googleapis.com"


class _FunctionCall(msgspec.Struct):
    name: str = ""
    args: dict[str, Any] | None = None
    id: str | None = None


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    function_call: _FunctionCall | None = None
    thought_signature: str | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Chunk(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    usage_metadata: _Usage | None = None
    prompt_feedback: _Feedback | None = None
    error: Any = None


class Google:
    """Keeps `Dialect`."""

    vendor = "google"

    def __init__(self, model: str, key: str, base: str = "") -> None:
        """`base` has no `/v1beta`."""
        self._model, self._key, self._base = model, key, (base or BASE).rstrip("/").removesuffix("/v1beta")

    def ask(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSpec], most_tokens: int) -> Question:
        """As the port of dialects."""
        settings: dict[str, Any] = {"maxOutputTokens": most_tokens}
        if "2.5-flash" in self._model:
            # Other models refuse a budget of nothing: https://ai.google.dev/gemini-api/docs/thinking
            settings["thinkingConfig"] = {"thinkingBudget": 0}
        elif "gemini-3" in self._model:
            # `low` is the least that every one of them knows.
            settings["thinkingConfig"] = {"thinkingLevel": "low"}
        body: dict[str, Any] = {
            "systemInstruction": {"parts": [{"text": system}]},
            "contents": by_side(messages, "model", "parts", _parts),
            "generationConfig": settings,
        }
        if tools:
            body["tools"] = [
                {
                    "functionDeclarations": [
                        {
                            "name": tool.name,
                            "description": tool.description,
                            "parametersJsonSchema": dict(tool.parameters),
                        }
                        for tool in tools
                    ]
                }
            ]
        url = f"{self._base}/v1beta/models/{self._model}:streamGenerateContent?alt=sse"
        return Question(url, self._headers(), msgspec.json.encode(body))

    def check(self) -> Question:
        """The list of models."""
        return Question(f"{self._base}/v1beta/models?pageSize=1", self._headers())

    def _headers(self) -> dict[str, str]:
        return {"content-type": "application/json", "x-goog-api-key": self._key}

    def reader(self) -> GoogleReader:
        """For one answer."""
        return GoogleReader()


def _parts(message: Message) -> list[dict[str, Any]]:
    if isinstance(message, FromCaller):
        return [{"text": message.text}]
    if not isinstance(message, FromAgent):
        told = {"error": message.text} if message.failed else {"result": message.text}
        return [{"functionResponse": {"name": message.call.name, "response": told}}]
    parts: list[dict[str, Any]] = [{"text": message.text}] if message.text.strip() else []
    for call in message.calls:
        part: dict[str, Any] = {"functionCall": {"name": call.name, "args": _object(call.arguments)}}
        if call.seal:
            part["thoughtSignature"] = call.seal
        parts.append(part)
    return parts


def _object(arguments: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


class GoogleReader:
    """Reads one answer: no end mark, the chunk with a finish reason is the last that matters."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.steps = 0
        self.done = False
        self._finished = False
        self._calls: list[ToolCall] = []
        self._usage: _Usage | None = None

    def read(self, data: str) -> list[ModelEvent]:
        """As the port of readers."""
        chunk: _Chunk = decode("google", data, _Chunk)
        if chunk.error:
            told = chunk.error if isinstance(chunk.error, dict) else {}
            code = told.get("code")
            raise failure("google", code if isinstance(code, int) else 0, word(told.get("status")))
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            raise Rejected("google", "blocked", word(chunk.prompt_feedback.block_reason))
        self._usage = chunk.usage_metadata or self._usage
        grown: list[ModelEvent] = []
        for candidate in (chunk.candidates or [])[:1]:
            for part in (candidate.content.parts if candidate.content else None) or []:
                self.steps += 1
                if part.function_call is not None:
                    self._call(part.function_call, part.thought_signature or "")
                elif part.text and not part.thought:
                    grown.append(Grew(part.text))
            if candidate.finish_reason:
                self._finished = True
        return grown

    def _call(self, function: _FunctionCall, seal: str) -> None:
        if len(self._calls) >= CALLS_MOST:
            raise Malformed("google", "too-many-calls")
        arguments = msgspec.json.encode(function.args or {}).decode()
        if len(arguments) > ARGUMENTS_MOST:
            raise Malformed("google", "arguments-size")
        call = function.id or f"call_{len(self._calls)}"
        self._calls.append(ToolCall(call, function.name, arguments, seal))

    def end(self) -> list[ModelEvent]:
        """As the port of readers."""
        if not self._finished:
            raise Unavailable("google", "cut")
        rest: list[ModelEvent] = [Called(call) for call in self._calls if call.name]
        if (used := self._usage) is not None:
            written = (used.candidates_token_count or 0) + (used.thoughts_token_count or 0)
            rest.append(Spent(used.prompt_token_count or 0, written, used.cached_content_token_count or 0))
        return rest
