"""What a second of speech costs our clients, beside the vendors' own SDKs: the same requests to the same local servers.

    python3 -m venv /tmp/sdks
    /tmp/sdks/bin/pip install elevenlabs deepgram-sdk cartesia
    .venv/bin/python bench/speech_cpu.py /tmp/sdks/bin/python [sentences]

Servers, our client and each SDK are processes of their own, one after the other; counted is the client's processor time
alone, after three sentences that do not count. Our figures hold all that a call pays: reading, word times, loudness, the cache's
absence. Without a Python that has the SDKs only ours are measured.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
from aiohttp import web

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "bench"))

from speech_sdks import LISTENED, MAKERS, PACKET, Once, measure  # noqa: E402 a script of the repository
from tests.adapters.cloud_speech.server import KEY, VendorServer  # noqa: E402

from stella.adapters.cloud_speech import CloudEars, Nova  # noqa: E402
from stella.app.speech_vendors import Access, cloud_voice  # noqa: E402
from stella.calls.levelled import LevelledVoice  # noqa: E402
from stella.domain.ids import UtteranceId  # noqa: E402
from stella.ports.speech import Final, Heard  # noqa: E402


def ours(kind: str, url: str, session: aiohttp.ClientSession) -> Once:
    """Our client as the house builds it."""
    what, _, name = kind.partition(" ")
    if what == "stt":
        return listening(CloudEars(Nova(KEY, url), session))
    voice = LevelledVoice(cloud_voice(name, Access(KEY, url, ""), session))

    async def once(text: str) -> int:
        return sum([len(sound.mulaw) async for sound in voice.speak(text, "en")])

    return once


def listening(ears: CloudEars) -> Once:
    """The telephone's frames of 20 ms, as they come in a call."""

    async def once(_text: str) -> int:
        done: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        stream = await ears.open("en", lambda heard: done.set_result(heard) if isinstance(heard, Final) else None)
        stream.begin(UtteranceId(1))
        for _ in range(LISTENED):
            for at in range(0, len(PACKET), 160):
                stream.feed(PACKET[at : at + 160])
        stream.finish(UtteranceId(1))
        await done
        await stream.close()
        return LISTENED * len(PACKET)

    return once


async def serve() -> None:
    """The vendors, until this process is ended; the address is the first line."""
    vendors = VendorServer(always="We are open")
    runner = web.AppRunner(vendors.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}", flush=True)  # type: ignore[union-attr]  # noqa: SLF001
    await asyncio.Event().wait()


async def client(kind: str, url: str, times: int) -> None:
    """Measure ours, and say so."""
    async with aiohttp.ClientSession() as session:
        print(json.dumps(await measure(ours(kind, url, session), times)), flush=True)


def cost(command: list[str]) -> float | None:
    """Milliseconds of processor time for a second of speech; None where it cannot be had."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
        return None
    told = json.loads(done.stdout.splitlines()[-1])
    return 1000 * float(told["cpu_s"]) / float(told["speech_s"])


def main() -> None:
    """A row for every kind."""
    sdk = sys.argv[1] if len(sys.argv) > 1 else ""
    times = sys.argv[2] if len(sys.argv) > 2 else "40"
    here = str(Path(__file__))
    with subprocess.Popen([sys.executable, here, "serve"], stdout=subprocess.PIPE, text=True) as server:
        url = server.stdout.readline().strip() if server.stdout else ""
        print("| | ours, ms CPU a second of speech | the vendor's SDK | times as much |\n|---|---|---|---|")
        for kind in MAKERS:
            mine = cost([sys.executable, here, "client", kind, url, times])
            theirs = cost([sdk, str(ROOT / "bench/speech_sdks.py"), kind, url, KEY, times]) if sdk else None
            ratio = f"{theirs / mine:.1f}" if mine and theirs else "?"
            print(f"| {kind} | {mine or 0:.2f} | {f'{theirs:.2f}' if theirs else '?'} | {ratio} |", flush=True)
        server.terminate()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve())
    elif sys.argv[1:2] == ["client"]:
        asyncio.run(client(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    else:
        main()
