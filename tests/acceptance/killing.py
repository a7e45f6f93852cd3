"""A call in which the ears, the brain or the voice is killed in mid-sentence, and what the caller had of it.

Every vendor has a server of its own on this machine: Deepgram listens and OpenAI stands behind it; Anthropic thinks, Google
behind it; ElevenLabs speaks (half as fast again as it sounds), Cartesia behind it. One of the first is killed while it works,
by a broken connection or by saying nothing any more, and from then on it refuses everybody.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer
from tests.adapters.chat.server import Manner, Vendor, vendor
from tests.adapters.cloud_speech.server import CHAR, KEY, QUIET, Faults, VendorServer

from stella.app.child_server import TOKEN, Watched, serve
from stella.app.voices import caller_voice
from stella.audio.energy import frame_powers
from stella.phone import Account, CallReport, Speak, Telephony, Wait

KINDS = ("stt", "brain", "tts")
HOWS = ("cut", "hang")
ASKED = "What are your opening hours?"
FIRST, LAST = "We have {} rooms and are open from nine to five all week.", "Please ring at door {}, and wait a moment."
"""The answer. Another number in every call: what a voice has said before is kept, and nobody is asked for it again."""
NUMBERS = [
    f"{ten} {one}"
    for ten in ("twenty", "thirty", "forty", "fifty", "sixty")
    for one in ("one", "two", "four", "six", "nine")
]
TOKEN_S = 0.006
"""Between two events of a model's; a word has three."""
STAYS_S = 14.0
"""The caller stays on the line through a silence; whoever hangs up after 0.7 s has not heard the rest."""
HEARD_POWER = 1e-6
"""-60 dBFS: what is softer is silence in the caller's ear."""
AGENT = """
name = "killed"
company = "Vintaro"
[[languages]]
code = "en"
[languages.phrases]
disclosure = "You are talking to a machine."
greeting = "Hello, this is Vintaro."
[engines]
stt = ["deepgram", "openai"]
brain = ["anthropic:test", "google:test"]
tts = ["elevenlabs", "cartesia"]
[hours]
zone = "Europe/Vienna"
holidays = "none"
"""


@dataclass
class Rig:
    """The vendors, a STELLA that uses them, and the caller's voice."""

    ears: VendorServer = field(default_factory=VendorServer)
    voice: VendorServer = field(default_factory=VendorServer)
    others: VendorServer = field(default_factory=VendorServer)
    brain: Vendor | None = None
    other_brain: Vendor | None = None
    server: Watched | None = None
    says: Any = None
    calls: int = 0
    reply: str = ""

    def mend(self) -> None:
        """Everybody is well, and the next call hears another answer."""
        number = NUMBERS[self.calls % len(NUMBERS)] + " hundred" * (self.calls // len(NUMBERS))
        self.calls, self.reply = self.calls + 1, f"{FIRST.format(number)} {LAST.format(number)}"
        for one in (self.ears, self.voice, self.others):
            one.faults, one.always, one.script = Faults(pace=1.5), ASKED, []
            one.asked.clear()
        assert self.brain is not None
        assert self.other_brain is not None
        self.brain.script = lambda _told: answer(self.reply)
        self.other_brain.script = lambda told: answer(self.reply, told)

    def kill(self, kind: str, how: str, share: float) -> None:
        """What is to die, and where in its sentence: 0 to 1."""
        if kind == "brain":
            died: list[int] = []

            def dying(_told: dict[str, Any]) -> Manner:
                if died:
                    return Manner(status=503)
                died.append(1)
                pieces = answer(self.reply).pieces
                at = max(1, int(share * len(pieces)))
                # Its events before the words are two, and each word has three of its own.
                there = {"hang_after": 2 + 3 * at} if how == "hang" else {"cut_at": 250 + 330 * at}
                return Manner(pieces, between_s=TOKEN_S, **there)

            assert self.brain is not None
            self.brain.script = dying
            return
        one = self.ears if kind == "stt" else self.voice
        if kind == "stt":
            # By what is loud in the question: silence does not count there.
            at = 400 + int(0.8 * share * len(self.says(ASKED, "en").translate(None, QUIET)))
        else:
            at = 1600 + int(share * (self.reply.index(".") - 6) * CHAR)
        one.faults.for_good = True
        if how == "cut":
            one.faults.cut_at = at
        else:
            one.faults.hang_at = at


def answer(reply: str, told: dict[str, Any] | None = None) -> Manner:
    """The reply, word by word; a brain that goes on says what is left of it."""
    left = reply
    if told is not None:
        begun = [text.strip() for text in _texts(told) if len(text.strip()) > 3 and reply.startswith(text.strip())]
        left = reply[len(max(begun, key=len)) :] if begun else reply
    return Manner([f"{word} " for word in left.split()], between_s=TOKEN_S)


def _texts(told: Any) -> list[str]:
    """Every text in a request."""
    if isinstance(told, str):
        return [told]
    inner = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return [text for one in inner for text in _texts(one)]


@asynccontextmanager
async def rigged(models: Path, folder: Path) -> AsyncIterator[Rig]:
    """Everything running."""
    rig = Rig(says=caller_voice(models=models))
    async with AsyncExitStack() as stack:
        rig.brain, rig.other_brain = [await stack.enter_async_context(vendor()) for _ in range(2)]
        for one in (rig.ears, rig.voice, rig.others):
            doors = TestServer(one.app())
            await doors.start_server()
            stack.push_async_callback(doors.close)
            one.url = str(doors.make_url("")).rstrip("/")
        rig.mend()
        for one in (rig.ears, rig.voice, rig.others):
            one.faults.pace = 0.0
        path = folder / "agent.toml"
        path.write_text(AGENT)
        names = ("DEEPGRAM", "OPENAI", "ANTHROPIC", "GOOGLE", "ELEVENLABS", "CARTESIA")
        bases = {
            "DEEPGRAM": rig.ears.url, "ELEVENLABS": rig.voice.url, "OPENAI": f"{rig.others.url}/v1",
            "CARTESIA": rig.others.url, "ANTHROPIC": rig.brain.url, "GOOGLE": rig.other_brain.url,
        }  # fmt: skip
        environ = {f"{name}_API_KEY": KEY for name in names} | {f"{name}_BASE_URL": bases[name] for name in names}
        server = serve(str(path), models, mode="dev", environ=environ)
        rig.server = await asyncio.to_thread(server.__enter__)
        try:
            yield rig
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)


@dataclass
class Killed:
    """One call and what became of it."""

    kind: str
    report: CallReport
    record: dict[str, Any]
    asked_first: list[str]
    asked_second: list[str]
    """What each of the two voices was asked to say, in order."""

    @property
    def switches(self) -> list[dict[str, Any]]:
        """Who went on for whom."""
        return [tool["arguments"] for tool in self.record["tools"] if tool["name"] == "engine_switch"]

    def words(self, speaker: str, which: str = "text") -> str:
        """What one side said after the greeting, as the record has it."""
        turns = [turn for turn in self.record["turns"] if turn["turn"] > 1 and turn["speaker"] == speaker]
        return " ".join(turn[which] for turn in turns).strip()

    def sounds(self) -> list[tuple[float, float]]:
        """When the caller heard something after the question: stretches of sound, in call seconds."""
        asked = self.report.said[-1].end_s
        stretches: list[tuple[float, float]] = []
        for spurt in self.report.heard:
            if spurt.source != "stream" or spurt.end_s < asked:
                continue
            for number, power in enumerate(frame_powers(spurt.mulaw)):
                at = spurt.start_s + number * 0.02
                if power > HEARD_POWER and at > asked:
                    if stretches and at - stretches[-1][1] < 0.021:
                        stretches[-1] = (stretches[-1][0], at + 0.02)
                    else:
                        stretches.append((at, at + 0.02))
        return stretches

    @property
    def silence_s(self) -> float:
        """The longest the caller heard nothing, from the end of the question to the last word of the answer."""
        edges = [self.report.said[-1].end_s, *(edge for stretch in self.sounds() for edge in stretch)]
        return max(after - before for before, after in zip(edges[::2], edges[1::2], strict=False))

    @property
    def sounded_s(self) -> float:
        """How long the answer sounded in all."""
        return sum(end - start for start, end in self.sounds())


async def ring(rig: Rig, kind: str = "", how: str = "cut", share: float = 0.5) -> Killed:
    """One call with one question, and one death in it (none without a kind)."""
    rig.mend()
    if kind:
        rig.kill(kind, how, share)
    assert rig.server is not None
    account = Account(TOKEN, "AC" + "0" * 32, "+447700900123", "+4312345678")
    report = await Telephony(rig.server.url, account, voice=rig.says, timeout_s=60).ring([Speak(ASKED), Wait(STAYS_S)])
    for _ in range(100):
        record = json.loads(await asyncio.to_thread(rig.server.get, f"/api/stella/v1/calls/{report.call_sid}"))
        if record["ended_at"]:
            break
        await asyncio.sleep(0.1)
    first, second = ([text for path, _, text in one.asked if _voices(path)] for one in (rig.voice, rig.others))
    return Killed(kind, report, record, first, second)


def _voices(path: str) -> bool:
    return "text-to-speech" in path or "/tts/" in path
