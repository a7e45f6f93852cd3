"""Chat completions as OpenAI defined them and others speak them: Azure, Groq, Cerebras, Mistral, vLLM, Ollama.

https://developers.openai.com/api/reference/resources/chat/subresources/completions/streaming-events
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stella.adapters.chat.dialect import CALLS_MOST, Growing, Question, decode, failure, word
from stella.adapters.chat.quirks import OPENAI, THOUGHTS_ROOM, cache_key, effort, house_of
from stella.ports.failure import Malformed, Unavailable
from stella.ports.language import Called, FromAgent, FromCaller, Grew, Message, ModelEvent, Spent, ToolSpec


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: Any = None


class _CallDelta(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class OpenAI:
    """Keeps `Dialect`."""

    vendor = "openai"

    def __init__(self, model: str, key: str, base: str = "", *, azure: bool = False) -> None:
        """`key` may be empty for a server of one's own. `azure`: Azure behind an address that does not say so."""
        self._model, self._key, self._base = model, key, (base or OPENAI).rstrip("/")
        self._house = house_of(self._base, azure=azure)
        # Elsewhere only open models are known by their names.
        self._effort = effort(model) if self._house.original or "gpt-oss" in model else ""

    def ask(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSpec], most_tokens: int) -> Question:
        """As the port of dialects."""
        house = self._house
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": "system", "content": system}, *map(_message, messages)],
            "stream": True,
            # The newer name is refused by many compatible servers, the older one by OpenAI's newer models.
            "max_completion_tokens" if house.original else "max_tokens": most_tokens
            + (THOUGHTS_ROOM if self._effort == "low" else 0),
        }
        if tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": dict(tool.parameters),
                    },
                }
                for tool in tools
            ]
        if house.original:
            # Never refused there, and without it nobody knows what was spent.
            body["stream_options"] = {"include_usage": True}
        plain = msgspec.json.encode(body)
        if not house.counts_unasked:
            body["stream_options"] = {"include_usage": True}
        if house.original:
            body["prompt_cache_key"] = cache_key(system)
        if self._effort:
            body["reasoning_effort"] = self._effort
        url = f"{self._base}/chat/completions"
        return Question(url, house.headers(self._key), msgspec.json.encode(body), plain)

    def check(self) -> Question:
        """The list of models, or what else tells a wrong key."""
        return Question(f"{self._base}/{self._house.proof}", self._house.headers(self._key))

    def reader(self) -> OpenAIReader:
        """For one answer."""
        return OpenAIReader()


def _message(message: Message) -> dict[str, Any]:
    if isinstance(message, FromCaller):
        return {"role": "user", "content": message.text}
    if not isinstance(message, FromAgent):
        return {"role": "tool", "tool_call_id": message.call.id, "content": message.text}
    said: dict[str, Any] = {"role": "assistant", "content": message.text or None}
    if message.calls:
        said["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    return said


class OpenAIReader:
    """Reads one answer. Indices of tool calls are taken for what they are worth: some servers give every call 0."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.steps = 0
        self.done = False
        self._finished = False
        self._calls: list[Growing] = []
        self._by_index: dict[int, Growing] = {}
        self._usage: _Usage | None = None

    def read(self, data: str) -> list[ModelEvent]:
        """As the port of readers."""
        if data.strip() == "[DONE]":
            self.done = True
            return []
        chunk: _Chunk = decode("openai", data, _Chunk)
        if chunk.error:
            told = chunk.error if isinstance(chunk.error, dict) else {}
            status = told.get("code") if isinstance(told.get("code"), int) else 0
            raise failure("openai", status or 0, word(told.get("code")) or word(told.get("type")))
        self._usage = chunk.usage or self._usage
        grown: list[ModelEvent] = []
        for choice in (chunk.choices or [])[:1]:
            delta = choice.delta
            if delta is not None and delta.content:
                self.steps += 1
                grown.append(Grew(delta.content))
            for piece in (delta.tool_calls if delta is not None else None) or []:
                self.steps += 1
                self._grow(piece)
            if choice.finish_reason:
                self._finished = True
        return grown

    def _grow(self, piece: _CallDelta) -> None:
        call = self._call_of(piece)
        function = piece.function
        if function is None:
            return
        if function.name and not call.name:
            call.name = function.name
        if isinstance(function.arguments, str):
            call.add("openai", function.arguments)
        elif function.arguments is not None:
            call.add("openai", msgspec.json.encode(function.arguments).decode())

    def _call_of(self, piece: _CallDelta) -> Growing:
        """The call a piece belongs to: an id not seen before begins one; without an id the index tells, or the last."""
        if piece.id:
            known = next((call for call in self._calls if call.id == piece.id), None)
        else:
            known = self._by_index.get(piece.index) if piece.index is not None else None
            known = known or (self._calls[-1] if self._calls and piece.index is None else None)
        if known is None:
            if len(self._calls) >= CALLS_MOST:
                raise Malformed("openai", "too-many-calls")
            known = Growing(piece.id or "", "")
            self._calls.append(known)
        if piece.index is not None:
            self._by_index[piece.index] = known
        return known

    def end(self) -> list[ModelEvent]:
        """As the port of readers. A server that forgets `[DONE]` has still said why it stopped."""
        if not (self._finished or self.done):
            raise Unavailable("openai", "cut")
        rest: list[ModelEvent] = [Called(call.whole(n)) for n, call in enumerate(self._calls) if call.name]
        if self._usage is not None:
            details = self._usage.prompt_tokens_details
            rest.append(
                Spent(
                    self._usage.prompt_tokens or 0,
                    self._usage.completion_tokens or 0,
                    (details.cached_tokens or 0) if details else 0,
                )
            )
        return rest
