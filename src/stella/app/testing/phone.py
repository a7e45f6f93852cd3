"""Rings a program in a test: over real HTTP and a real media stream, signed, with letters in place of sounds."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from stella.app.beside import Beside
from stella.app.own import Program
from stella.app.program import Stella
from stella.app.settings import Settings, load_settings
from stella.app.testing.stage import Busy, Stage
from stella.app.testing.tongues import LetterTongue, SoundTongue, Tongue
from stella.domain.agent import Agent
from stella.phone import Account, CallReport, Meters, Telephony, Wait
from stella.phone.report import Entry, VerbRun

PATIENCE_S = 20.0
"""How long a caller of a test waits for words; a machine that is busy with other things may be slow."""
CALL_S = 300.0
GREETING_FRAMES = 200
"""Frames (of 20 ms) without a sound at the beginning: an agent that has not spoken yet may still be about to."""
FRAME = 160
TOKEN = "a-token-of-the-test"  # noqa: S105 the carrier here is ours
OPERATOR = "an-operator-of-the-test-0123456789"
QUICK = {"endpointing_min": 0.15, "endpointing_usual": 0.2, "endpointing_max": 0.3}
"""Letters end where they end: nobody needs to wait for more, unless the agent says so itself."""
ENDS_S = 15.0


class PhoneCall:
    """One call, from the caller's side."""

    def __init__(self, house: _House, account: Account, lang: str, tongue: Tongue) -> None:
        """Made by `Phone.ring`."""
        self._house, self._tongue = house, tongue
        self._mouth, self._quiet = bytearray(), 0
        self._words: list[str] = []
        self._new = self._greeted = False
        self._meters = Meters()
        telephony = Telephony(
            house.url, account, voice=lambda _text, _lang: bytes([0x10]) * 800, lang=lang, timeout_s=CALL_S
        )
        script = [Wait(2 * CALL_S)]
        self._call = asyncio.create_task(
            telephony.ring(
                script, observer=self._saw, meters=self._meters, microphone=self._speaks, loudspeaker=self._sounds
            )
        )

    def _saw(self, entry: Entry) -> None:
        if isinstance(entry, VerbRun) and entry.name == "Say" and entry.text:
            self._hear(f"{entry.text.strip()} ")

    def _sounds(self, mulaw: bytes) -> None:
        if self._tongue.hear(mulaw):
            self._quiet, self._greeted, self._new = 0, True, True
        if text := self._tongue.take():
            self._hear(text)

    def _hear(self, text: str) -> None:
        self._words.append(text)
        self._new, self._quiet = True, 0

    def _speaks(self) -> bytes:
        """20 ms of the caller's, on the beat of the line."""
        frame = bytes(self._mouth[:FRAME])
        del self._mouth[:FRAME]
        busy = self._house.busy or self._meters.queued_s > 0 or frame
        self._quiet = 0 if busy else self._quiet + 1
        return frame

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self._call.done()

    @property
    def heard(self) -> str:
        """Everything the caller has heard since the last `hears`."""
        return " ".join("".join(self._words).split())

    @property
    def _silent(self) -> bool:
        """Whether the agent has finished; before its first word it is waited for longer."""
        return self._quiet >= (self._tongue.quiet_frames if self._greeted else GREETING_FRAMES)

    async def say(self, words: str) -> None:
        """Speak once the agent has finished. Raises AssertionError where the call is over."""
        await self._until(lambda: self._silent, f"the agent did not stop talking, so {words!r} was not said")
        self._speak(words, await asyncio.to_thread(self._tongue.sound, words))
        await self._until(lambda: not self._mouth, "the line took no sound")

    def interrupt(self, words: str) -> None:
        """Speak now, whatever the agent does."""
        self._speak(words, self._tongue.sound(words))

    def _speak(self, words: str, sound: bytes) -> None:
        if self.over:
            raise AssertionError(f"the call is over, so {words!r} cannot be said; {self._why()}")
        self._new, self._quiet = False, 0
        self._mouth += sound

    async def press(self, keys: str) -> None:
        """Press keys, once the agent has finished."""
        await self._until(lambda: self._silent, "the agent did not stop talking")
        self._new, self._quiet = False, 0
        self._meters.press += keys
        await self._until(lambda: not self._meters.press, "the line took no keys")

    async def hears(self) -> str:
        """What the agent says now, to its end; nothing where the call ends without a word.

        Raises AssertionError where nothing is said for too long.
        """
        await self._until(lambda: self._new and self._silent, "the agent said nothing", or_over=True)
        self._new = False
        self._words.append(await asyncio.to_thread(self._tongue.rest))
        text = self.heard
        self._words.clear()
        return text

    async def hang_up(self) -> dict[str, Any]:
        """Put the phone down, if the agent has not, and give the call's record (docs/reference/record.md)."""
        self._meters.hang_up = True
        report = await self._call
        return await self._house.record(report.call_sid)

    async def ends(self) -> dict[str, Any]:
        """Wait until the agent ends the call, and give its record. Raises AssertionError where it does not."""
        await self._until(lambda: False, "the agent did not end the call", or_over=True)
        return await self.hang_up()

    @property
    def report(self) -> CallReport:
        """The call as the carrier saw it, once it is over."""
        return self._call.result()

    async def _until(self, true: Callable[[], bool], fault: str, *, or_over: bool = False) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not true():
                    if self.over:
                        if or_over:
                            return
                        raise AssertionError(f"the call is over; {self._why()}")
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{fault} within {PATIENCE_S:g} s; heard so far: {self.heard!r}") from None

    def _why(self) -> str:
        if self._call.cancelled() or self._call.exception():
            return f"it broke: {self._call.exception()!r}" if not self._call.cancelled() else "it was cancelled"
        report = self._call.result()
        faults = "; ".join(f"{fault.code} {fault.detail}" for fault in report.errors())
        return f"ended by {report.ended_by}{f' ({faults})' if faults else ''}; heard: {self.heard!r}"

    async def close(self) -> None:
        """Whatever it is doing."""
        self._meters.hang_up = True
        await asyncio.wait([self._call], timeout=ENDS_S)
        self._call.cancel()
        await asyncio.gather(self._call, return_exceptions=True)


class _House:
    """A running STELLA, and whether anything is under way in it."""

    def __init__(self, stella: Stella, folder: Path, *, sound: bool) -> None:
        self.busy, self.url = Busy(), ""
        program = Program(lambda: _on_the_stream(stella.program.agent(), quick=not sound), stella.program.own)
        stage = None if sound else lambda brains: Stage(brains, self.busy)
        self._beside = Beside(_settings(folder), program, development=True, stage=stage)

    async def start(self) -> None:
        house = await self._beside.start()
        self.url = house.server.base_url

    async def record(self, call_sid: str) -> dict[str, Any]:
        """The record once it is final."""
        headers = {"authorization": f"Bearer {OPERATOR}"}
        async with asyncio.timeout(ENDS_S), aiohttp.ClientSession(self.url, headers=headers) as session:
            while True:
                async with session.get(f"/api/stella/v1/calls/{call_sid}") as answer:
                    record: dict[str, Any] = json.loads(await answer.read()) if answer.status == 200 else {}
                if record.get("ended_at"):
                    return record
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        await self._beside.stop()


class Phone:
    """Rings programs; what it started, it stops."""

    def __init__(self, folder: Path) -> None:
        """`folder` keeps the records of the test."""
        self._folder = folder
        self._houses: dict[tuple[int, bool], tuple[Stella, _House]] = {}
        self._calls: list[PhoneCall] = []

    async def ring(
        self, stella: Stella, *, caller: str = "+436601234567", lang: str = "en", sound: bool = False
    ) -> PhoneCall:
        """Ring a program from a number; a program that does not run yet is started. Raises ConfigError.

        It is reached over the media stream, whatever voice path it has, and its ears and voice are letters; the rest is as
        in life: webhooks and signatures, turn-taking, brain, tools, records. With `sound` the agent's own ears and voices are
        used, and a caller who speaks and hears English: slower, and words may be misheard.
        """
        tongue = await asyncio.to_thread(SoundTongue, lang) if sound else LetterTongue()
        key = id(stella), sound
        if key not in self._houses:
            house = _House(stella, self._folder / f"house-{len(self._houses)}", sound=sound)
            await house.start()
            self._houses[key] = stella, house
        house = self._houses[key][1]
        to = next(iter(stella.agent.numbers), "+4312345678")
        call = PhoneCall(house, Account(TOKEN, from_=caller, to=to), lang, tongue)
        self._calls.append(call)
        return call

    async def close(self) -> None:
        """Hang up and stop everything."""
        for call in self._calls:
            await call.close()
        for _, house in self._houses.values():
            await house.close()


def _settings(folder: Path) -> Settings:
    mine = {
        "TWILIO_AUTH_TOKEN": TOKEN, "STELLA_OPERATOR_TOKEN": OPERATOR, "STELLA_DATA_DIR": str(folder), "STELLA_HOST": "127.0.0.1",
        "STELLA_SERVER_PORT": "0", "STELLA_PUBLIC_URL": "", "STELLA_DATABASE_URL": "", "TWILIO_NUMBER": "",
    }  # fmt: skip
    mine["STELLA_MODELS_DIR"] = str(load_settings().models.absolute())
    others = {name: value for name, value in os.environ.items() if name not in ("PORT", "TWILIO_PHONE_NUMBER")}
    return load_settings({**others, **mine})


def _on_the_stream(agent: Agent, *, quick: bool) -> Agent:
    return replace(agent, voice_path="stream", policy={**(QUICK if quick else {}), **agent.policy})
