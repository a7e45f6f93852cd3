"""The vendors' own SDKs, asked for the same as our clients: run by `bench/speech_cpu.py`, in an environment that has them.

    python bench/speech_sdks.py KIND URL KEY SENTENCES

prints one line of JSON: seconds of processor time of this process, and seconds of speech it got (or gave).
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

TEXT = "We are open from nine to five, and on Saturdays from ten to noon."
PACKET, LISTENED = b"\x10\x90" * 400, 150
WARM = 3
Once = Callable[[str], Awaitable[int]]


def elevenlabs(url: str, key: str) -> Once:
    """Speech with times, as our client asks for it."""
    from elevenlabs import AsyncElevenLabs  # noqa: PLC0415 not in the environment of the house

    client = AsyncElevenLabs(api_key=key, base_url=url)

    async def once(text: str) -> int:
        size = 0
        stream: Any = client.text_to_speech.stream_with_timestamps(
            "JBFqnCBsd6RMkjVDRZzb",
            text=text,
            model_id="eleven_flash_v2_5",
            language_code="en",
            output_format="ulaw_8000",
        )
        async for chunk in stream:
            size += len(base64.b64decode(chunk.audio_base_64))
        return size

    return once


def deepgram_client(url: str, key: str) -> Any:
    """Of the vendor's, led to this machine."""
    from deepgram import AsyncDeepgramClient  # noqa: PLC0415 not in the environment of the house
    from deepgram.environment import DeepgramClientEnvironment  # noqa: PLC0415 not in the environment of the house

    sockets = url.replace("http", "ws")
    there = DeepgramClientEnvironment(base=url, production=sockets, agent=sockets, agent_rest=url)
    return AsyncDeepgramClient(api_key=key, environment=there)


def deepgram(url: str, key: str) -> Once:
    """Bare speech."""
    client = deepgram_client(url, key)

    async def once(text: str) -> int:
        size = 0
        async for piece in client.speak.v1.audio.generate(
            text=text, model="aura-2-thalia-en", encoding="mulaw", sample_rate=8000, container="none"
        ):
            size += len(piece)
        return size

    return once


def cartesia(url: str, key: str) -> Once:
    """Speech with times, as events."""
    from cartesia import AsyncCartesia  # noqa: PLC0415 not in the environment of the house

    client = AsyncCartesia(api_key=key, base_url=url)

    async def once(text: str) -> int:
        size = 0
        events: Any = await client.tts.generate_sse(
            model_id="sonic-3", transcript=text, voice={"mode": "id", "id": "a0e99841-438c-4a64-b679-ae501e7d6091"},
            language="en", output_format={"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
            add_timestamps=True,
        )  # fmt: skip
        async for event in events:
            if event.type == "chunk":
                size += len(base64.b64decode(event.data)) if isinstance(event.data, str) else len(event.audio)
        return size

    return once


def listen(url: str, key: str) -> Once:
    """A line for each utterance of 15 s, in packets of 100 ms."""
    client = deepgram_client(url, key)

    async def once(_text: str) -> int:
        async with client.listen.v1.connect(
            model="nova-3", language="en", encoding="mulaw", sample_rate=8000, channels=1, interim_results=True,
            smart_format=True,
        ) as line:  # fmt: skip
            for _ in range(LISTENED):
                await line.send_media(PACKET)
            await line.send_finalize()
            async for message in line:
                if getattr(message, "is_final", False) and message.channel.alternatives[0].transcript:
                    break
        return LISTENED * len(PACKET)

    return once


MAKERS: dict[str, Callable[[str, str], Once]] = {
    "tts elevenlabs": elevenlabs, "tts deepgram": deepgram, "tts cartesia": cartesia, "stt deepgram": listen,
}  # fmt: skip


async def measure(once: Once, times: int) -> dict[str, float]:
    """Processor time of so many sentences, after a few that do not count."""
    for number in range(WARM):
        await once(f"{TEXT} {number}")
    began, size = time.process_time(), 0
    for number in range(times):
        size += await once(f"{TEXT} {number}")
    return {"cpu_s": time.process_time() - began, "speech_s": size / 8000}


async def _main(kind: str, url: str, key: str, times: int) -> None:
    print(json.dumps(await measure(MAKERS[kind](url, key), times)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
