"""CPU per streamed token: our thin clients beside the vendors' own, all against the same server on this machine.

    .venv/bin/python bench/tokens.py [--rivals PYTHON] [--answers 60] [--tokens 300] [--rounds 3]

`PYTHON` is an interpreter outside this repository that has the rivals:

    python3 -m venv /tmp/rivals && /tmp/rivals/bin/pip install openai anthropic google-genai 'pydantic-ai-slim[openai]'
    .venv/bin/python bench/tokens.py --rivals /tmp/rivals/bin/python

The server sends a token every 5 ms to ten streams at once, each token in a packet of its own, as vendors do. What is counted
is the processor time of the process that reads, without its start, by the best of the rounds: neighbours only make it worse.
`floor` reads the same bytes with aiohttp and does nothing with them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

PACE_S, AT_ONCE = 0.005, 10
ROOT = Path(__file__).resolve().parents[1]
WORD = " word"
KINDS = ("openai", "openai-responses", "anthropic", "google")
RIVALS = {
    "openai": ("openai", "pydantic-ai"),
    "openai-responses": ("openai-responses",),
    "anthropic": ("anthropic",),
    "google": ("google",),
}
Answer = Callable[[], Awaitable[int]]
"""Reads one answer and says how many pieces of text it had."""
Run = Callable[[Callable[[Answer], Awaitable[None]]], Awaitable[None]]
Sent = Sequence[tuple[str, dict[str, Any] | str]]


def events(path: str, tokens: int) -> Sent:
    """One answer as the vendor of a path sends it: event names (where it has them) and data."""
    if path.endswith("/responses"):
        head = {"item_id": "m", "output_index": 0, "content_index": 0}
        delta: dict[str, Any] = {
            "type": "response.output_text.delta",
            "delta": WORD,
            "logprobs": [],
            "sequence_number": 1,
            **head,
        }
        usage = {"input_tokens": 1500, "output_tokens": tokens, "total_tokens": 1500 + tokens,
                 "input_tokens_details": {"cached_tokens": 1400}, "output_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
        whole = {"id": "r", "object": "response", "created_at": 1, "model": "m", "output": [], "usage": usage,
                 "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "status": "completed"}  # fmt: skip
        last = {"type": "response.completed", "sequence_number": 2, "response": whole}
        return [(delta["type"], delta)] * tokens + [(last["type"], last)]
    if path.endswith("/messages"):
        usage = {"input_tokens": 100, "cache_read_input_tokens": 1400, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m", "usage": usage}
        piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": WORD}}
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": tokens}}
        told: list[dict[str, Any]] = [{"type": "message_start", "message": message}, block, *[piece] * tokens,
                {"type": "content_block_stop", "index": 0}, stop, {"type": "message_stop"}]  # fmt: skip
        return [(str(event["type"]), event) for event in told]
    if "streamGenerateContent" in path:
        part = {"candidates": [{"content": {"parts": [{"text": WORD}], "role": "model"}, "index": 0}]}
        counts = {"promptTokenCount": 1500, "candidatesTokenCount": tokens, "totalTokenCount": 1500 + tokens}
        last = {"candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP"}],
                "usageMetadata": counts}  # fmt: skip
        return [("", part)] * tokens + [("", last)]
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": WORD}, "finish_reason": None}
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1500, "completion_tokens": tokens, "total_tokens": 1500 + tokens}
    return [
        *[("", {**chunk, "choices": [choice]})] * tokens,
        ("", {**chunk, "choices": [end]}), ("", {**chunk, "choices": [], "usage": usage}), ("", "[DONE]"),
    ]  # fmt: skip


async def serve(tokens: int) -> None:
    """All vendors in one, until its standard input ends. Prints its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = next((line[15:] for line in head.split("\r\n") if line.startswith("content-length:")), "0")
                await reader.readexactly(int(length))
                path = head.split()[1].partition("?")[0].replace("streamgeneratecontent", "streamGenerateContent")
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                for name, data in events(path, tokens):
                    text = data if isinstance(data, str) else json.dumps(data)
                    sent = (f"event: {name}\n" if name else "") + f"data: {text}\n\n"
                    writer.write(f"{len(sent):x}\r\n{sent}\r\n".encode())
                    await writer.drain()
                    await asyncio.sleep(PACE_S)
                writer.write(b"0\r\n\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


def ours(kind: str, url: str) -> Run:
    """A maker of our own answers, inside a session."""
    chat, language = import_module("stella.adapters.chat"), import_module("stella.ports.language")
    dialects = {
        "openai": chat.OpenAI, "openai-responses": chat.OpenAIResponses, "anthropic": chat.Anthropic, "google": chat.Google,
    }  # fmt: skip
    base = f"{url}/v1" if kind.startswith("openai") else url

    async def run(measure: Callable[[Answer], Awaitable[None]]) -> None:
        async with import_module("aiohttp").ClientSession() as session:
            model = chat.ChatModel("m", dialects[kind]("m", "key", base), session)

            async def one() -> int:
                hello = [language.FromCaller("hello")]
                told = [event async for event in model.answer("Be kind.", hello, (), 400)]
                return sum(isinstance(event, language.Grew) for event in told)

            await measure(one)

    return run


def floor(_kind: str, url: str) -> Run:
    """What it costs to be handed the bytes."""

    async def run(measure: Callable[[Answer], Awaitable[None]]) -> None:
        async with import_module("aiohttp").ClientSession() as session:

            async def one() -> int:
                async with session.post(f"{url}/v1/chat/completions", data=b"{}") as response:
                    pieces = 0
                    while piece := await response.content.readany():
                        pieces += piece.count(b"word")
                    return pieces

            await measure(one)

    return run


def theirs(kind: str, url: str) -> Run:
    """The same with a vendor's own client, or with pydantic-ai."""

    async def run(measure: Callable[[Answer], Awaitable[None]]) -> None:
        await measure(getattr(sys.modules[__name__], f"_{kind.replace('-', '_')}")(url))

    return run


def _openai(url: str) -> Answer:
    client = import_module("openai").AsyncOpenAI(api_key="key", base_url=f"{url}/v1")

    async def one() -> int:
        stream = await client.chat.completions.create(
            model="m",
            stream=True,
            stream_options={"include_usage": True},
            messages=[{"role": "user", "content": "hello"}],
        )
        return sum([1 async for chunk in stream if chunk.choices and chunk.choices[0].delta.content])

    return one


def _openai_responses(url: str) -> Answer:
    client = import_module("openai").AsyncOpenAI(api_key="key", base_url=f"{url}/v1")

    async def one() -> int:
        stream = await client.responses.create(model="m", stream=True, input="hello")
        return sum([1 async for event in stream if event.type == "response.output_text.delta" and event.delta])

    return one


def _anthropic(url: str) -> Answer:
    client = import_module("anthropic").AsyncAnthropic(api_key="key", base_url=url)

    async def one() -> int:
        stream = await client.messages.create(
            model="m", max_tokens=400, stream=True, messages=[{"role": "user", "content": "hello"}]
        )
        return sum([1 async for event in stream if event.type == "content_block_delta" and event.delta.text])

    return one


def _google(url: str) -> Answer:
    client = import_module("google.genai").Client(api_key="key", http_options={"base_url": url})

    async def one() -> int:
        stream = await client.aio.models.generate_content_stream(model="m", contents="hello")
        return sum([1 async for chunk in stream if chunk.text])

    return one


def _pydantic_ai(url: str) -> Answer:
    provider = import_module("pydantic_ai.providers.openai").OpenAIProvider(base_url=f"{url}/v1", api_key="key")
    model = import_module("pydantic_ai.models.openai").OpenAIChatModel("m", provider=provider)
    agent = import_module("pydantic_ai").Agent(model)

    async def one() -> int:
        async with agent.run_stream("hello") as result:
            return sum([1 async for text in result.stream_text(delta=True, debounce_by=None) if text])

    return one


async def measured(run: Run, answers: int, tokens: int) -> float:
    """Microseconds of processor time for a token."""
    spent: list[float] = []

    async def measure(one: Answer) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def bounded() -> int:
            async with gate:
                return await one()

        await bounded()
        began = time.process_time()
        pieces = sum(await asyncio.gather(*(bounded() for _ in range(answers))))
        spent.append((time.process_time() - began) / pieces * 1e6)
        if pieces != answers * tokens:
            raise SystemExit(f"{pieces} pieces of text instead of {answers * tokens}")

    await run(measure)
    return spent[0]


def best(python: str, side: str, kind: str, url: str, options: argparse.Namespace) -> float:
    """The best of the rounds, each in a process of its own."""
    words = [python, __file__, "--as", side, "--kind", kind, "--url", url,
             "--answers", str(options.answers), "--tokens", str(options.tokens)]  # fmt: skip
    return min(
        float(subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout)
        for _ in range(options.rounds)
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    for name, first in (("--answers", 60), ("--tokens", 300), ("--rounds", 3)):
        parser.add_argument(name, type=int, default=first)
    for name in ("--rivals", "--as", "--kind", "--url"):
        parser.add_argument(name, default="")
    options = parser.parse_args()
    side = vars(options)["as"]
    if side == "server":
        asyncio.run(serve(options.tokens))
    elif side:
        run = {"ours": ours, "theirs": theirs, "floor": floor}[side](options.kind, options.url)
        print(asyncio.run(measured(run, options.answers, options.tokens)))
    else:
        table(options)


def table(options: argparse.Namespace) -> None:
    """Ours beside theirs."""
    words = [sys.executable, __file__, "--as", "server", "--tokens", str(options.tokens)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        if server.stdin is None or server.stdout is None:
            raise SystemExit("no server")
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            print(f"{'protocol':<18} {'client':<18} {'µs a token':>10} {'times ours':>10}")
            print(f"{'':<18} {'floor':<18} {best(sys.executable, 'floor', '', url, options):>10.1f}", flush=True)
            for kind in KINDS:
                own = best(sys.executable, "ours", kind, url, options)
                print(f"{kind:<18} {'stella':<18} {own:>10.1f} {1.0:>10.1f}", flush=True)
                for rival in RIVALS[kind] if options.rivals else ():
                    cost = best(options.rivals, "theirs", rival, url, options)
                    print(f"{kind:<18} {rival:<18} {cost:>10.1f} {cost / own:>10.1f}", flush=True)
        finally:
            server.stdin.close()


if __name__ == "__main__":
    main()
