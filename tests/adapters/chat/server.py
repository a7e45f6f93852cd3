"""A vendor on a local socket: it speaks the four documented protocols and misbehaves as it is told.

Responses: https://developers.openai.com/api/reference/resources/responses/streaming-events
OpenAI: https://developers.openai.com/api/reference/resources/chat/subresources/completions/streaming-events
Anthropic: https://platform.claude.com/docs/en/build-with-claude/streaming
Gemini: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Piece = str | tuple[str, dict[str, Any]]
"""Words, or a tool call's name and arguments."""


@dataclass
class Manner:
    """How the next answers come. `cut_at` ends the connection after so many bytes of the body."""

    pieces: list[Piece] = field(default_factory=lambda: ["We are open ", "from nine to five. ", "Anything else?"])
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    complaint: Any = None
    wait_s: float = 0.0
    between_s: float = 0.0
    hang_after: int | None = None
    cut_at: int | None = None
    one_byte: bool = False
    crlf: bool = False
    raw: bytes | None = None
    no_end: bool = False
    reset: bool = False


Script = Callable[[dict[str, Any]], Manner]


@dataclass
class Vendor:
    """A running fake: what it was asked, and how it answers."""

    url: str
    manner: Manner = field(default_factory=Manner)
    script: Script | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)


def sse(*events: Any, crlf: bool = False) -> bytes:
    """Events as bytes; a text stands as it is."""
    end = "\r\n" if crlf else "\n"
    texts = (event if isinstance(event, str) else json.dumps(event, ensure_ascii=False) for event in events)
    return "".join(f"data: {text}{end}{end}" for text in texts).encode()


def openai(pieces: list[Piece], *, no_end: bool = False) -> list[Any]:
    """Chunks of a chat completion."""
    events: list[Any] = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}]
    calls = 0
    for piece in pieces:
        if isinstance(piece, str):
            events.append({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
            continue
        text = json.dumps(piece[1])
        head = {"index": calls, "id": f"call_{calls}", "function": {"name": piece[0], "arguments": ""}}
        events.append({"choices": [{"index": 0, "delta": {"tool_calls": [head]}}]})
        for part in (text[: len(text) // 2], text[len(text) // 2 :]):
            delta = {"index": calls, "function": {"arguments": part}}
            events.append({"choices": [{"index": 0, "delta": {"tool_calls": [delta]}}]})
        calls += 1
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}]})
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 60}}
    events.append({"choices": [], "usage": usage})
    return events if no_end else [*events, "[DONE]"]


def responses(pieces: list[Piece], *, no_end: bool = False) -> list[Any]:
    """Events of a response. Its last one is the end mark, so `no_end` changes nothing."""
    events: list[Any] = [{"type": "response.created", "response": {}}, {"type": "response.in_progress"}]
    for index, piece in enumerate(pieces):
        place = {"output_index": index, "item_id": f"item_{index}"}
        if isinstance(piece, str):
            item: dict[str, Any] = {"id": f"item_{index}", "type": "message", "content": []}
            deltas = [{"type": "response.output_text.delta", "content_index": 0, "delta": piece, **place}]
            done = {"type": "response.output_text.done", "text": piece, **place}
        else:
            text = json.dumps(piece[1])
            item = {"id": f"item_{index}", "type": "function_call", "call_id": f"call_{index}", "name": piece[0]}
            thought = {"type": "reasoning", "encrypted_content": f"sealed_{index}", "summary": []}
            events.append({"type": "response.output_item.done", "output_index": 90 + index, "item": thought})
            deltas = [
                {"type": "response.function_call_arguments.delta", "delta": part, **place}
                for part in (text[: len(text) // 2], text[len(text) // 2 :])
            ]
            done = {"type": "response.function_call_arguments.done", "arguments": text, **place}
            item["arguments"] = ""
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events += [*deltas, done]
        whole = {**item, "arguments": json.dumps(piece[1])} if isinstance(piece, tuple) else item
        events.append({"type": "response.output_item.done", "output_index": index, "item": whole})
    usage = {"input_tokens": 100, "output_tokens": 20, "input_tokens_details": {"cached_tokens": 60}}
    return [*events, {"type": "response.completed", "response": {"status": "completed", "usage": usage}}]


def anthropic(pieces: list[Piece], *, no_end: bool = False) -> list[Any]:
    """Events of a message."""
    usage = {"input_tokens": 40, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 0, "output_tokens": 1}
    events: list[Any] = [{"type": "message_start", "message": {"usage": usage}}, {"type": "ping"}]
    for index, piece in enumerate(pieces):
        if isinstance(piece, str):
            block: dict[str, Any] = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": piece}]
        else:
            block = {"type": "tool_use", "id": f"toolu_{index}", "name": piece[0], "input": {}}
            text = json.dumps(piece[1])
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in (text[:3], text[3:]) if part]
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": "end_turn"}
    events.append({"type": "message_delta", "delta": stop, "usage": {"output_tokens": 20}})
    return events if no_end else [*events, {"type": "message_stop"}]


def google(pieces: list[Piece], *, no_end: bool = False) -> list[Any]:
    """Chunks of generated content. This vendor has no end mark, so `no_end` changes nothing."""
    events: list[Any] = []
    for piece in pieces:
        part: dict[str, Any] = (
            {"text": piece}
            if isinstance(piece, str)
            else {"functionCall": {"name": piece[0], "args": piece[1]}, "thoughtSignature": "c2VhbA=="}
        )
        events.append({"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}]})
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "cachedContentTokenCount": 60}
    last = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}
    return [*events, {"candidates": [last], "usageMetadata": usage}]


def protocol(path: str) -> Callable[..., list[Any]]:
    """Which vendor's protocol a path belongs to."""
    if path.endswith("/responses"):
        return responses
    return openai if path.endswith("/chat/completions") else anthropic if "/messages" in path else google


@asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    """A fake on a free port of this machine."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fake.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while await _answer(fake, reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            fake.hung_up.set()
        except asyncio.CancelledError:
            pass
        finally:
            writer.transport.abort() if fake.manner.reset else writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    fake = Vendor(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield fake
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


async def _answer(fake: Vendor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One request and its answer. Whether the connection is of further use."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *rest = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest if each)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, path = line.split()[:2]
    told = json.loads(body) if body else {}
    fake.asked.append(told)
    fake.paths.append(path)
    fake.headers.append(headers)
    manner = fake.manner = fake.script(told) if fake.script and method == "POST" else fake.manner
    if manner.reset:
        return False
    await asyncio.sleep(manner.wait_s)
    if manner.status != 200 or method == "GET":
        text = json.dumps(manner.complaint or ({"data": []} if method == "GET" else {})).encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in manner.headers.items())
        writer.write(f"HTTP/1.1 {manner.status} X\r\n{extra}Content-Length: {len(text)}\r\n\r\n".encode() + text)
        await writer.drain()
        return True
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    return await _stream(fake, protocol(path.partition("?")[0]), reader, writer)


async def _stream(
    fake: Vendor, speak: Callable[..., list[Any]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    manner, sent = fake.manner, 0
    gone = asyncio.get_running_loop().create_task(reader.read(1))
    try:
        events = [manner.raw or b"\n"] if manner.raw is not None else [
            sse(event, crlf=manner.crlf) for event in speak(manner.pieces, no_end=manner.no_end)
        ]  # fmt: skip
        for number, event in enumerate(events):
            if manner.hang_after is not None and number >= manner.hang_after:
                await gone
                raise ConnectionResetError
            for piece in [bytes([byte]) for byte in event] if manner.one_byte else [event]:
                if manner.cut_at is not None and sent + len(piece) >= manner.cut_at:
                    rest = piece[: manner.cut_at - sent]
                    writer.write(f"{len(rest):x}\r\n".encode() + rest + b"\r\n")
                    await writer.drain()
                    return False
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                sent += len(piece)
            await writer.drain()
            if gone.done():
                raise ConnectionResetError
            await asyncio.sleep(manner.between_s)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    finally:
        again = not gone.done()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
    return again
