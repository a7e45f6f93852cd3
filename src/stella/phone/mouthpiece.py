"""`<Say>`, `<Play>` and `<Pause>`: they take their true time in the caller's ear."""

from __future__ import annotations

import io
from collections.abc import Callable
from urllib.parse import urljoin

import aiohttp
import numpy as np

from stella.audio import wav
from stella.audio.mulaw import encode
from stella.domain.errors import MalformedMessage
from stella.phone.context import SLICE_S, Call
from stella.phone.exchange import read_at_most
from stella.phone.sound import SAMPLE_RATE
from stella.wire.twiml_reader import Verb

LONGEST_SAY = 4096
LONGEST_PLAY = 16_000_000
"""Bytes of a recording; a longer one is cut off and then cannot be read."""
_FOREVER = 1000

Stop = Callable[[str], bool]
"""Told the keys pressed in the last moment (perhaps none), says whether the prompt ends here."""


async def speak_verb(call: Call, verb: Verb, base: str = "", stop: Stop | None = None) -> bool:
    """Carry out the verb. False when `stop` said so before its end (a key or a voice inside `<Gather>`)."""
    run = call.verb(verb.name, dict(verb.attributes), verb.text)
    try:
        if verb.name == "Pause":
            return await _sound(call, b"\xff" * round(float(verb.get("length", "1")) * SAMPLE_RATE), "pause", "", stop)
        times = int(verb.get("loop", "1")) or _FOREVER
        text, source = verb.text, verb.name.lower()
        if verb.name == "Say":
            if len(text) > LONGEST_SAY:
                call.fault(13520, f"<Say> of {len(text)} characters; Twilio takes {LONGEST_SAY}", "warning")
            mulaw = (await call.voiced(_words(verb), verb.get("language", "en-US"))).mulaw
        else:
            mulaw, text = await _recorded(call, verb, base), ""
        for _ in range(times):
            if not await _sound(call, mulaw, source, _words(verb) if source == "say" else text, stop):
                return False
        return True
    except ValueError:
        call.fault(12200, f"<{verb.name}> has an attribute that is no number", "warning")
        return True
    finally:
        run.ended_s = call.clock.now()


def _words(verb: Verb) -> str:
    """The text with what stands inside SSML elements."""
    return " ".join(part for part in (verb.text, *(_words(child) for child in verb.children)) if part)


async def _recorded(call: Call, verb: Verb, base: str) -> bytes:
    if verb.get("digits"):
        call.note("keys played", verb.get("digits"))
        return b"\xff" * round(0.5 * SAMPLE_RATE * len(verb.get("digits")))
    if not verb.text or "bytes" in verb.attributes:
        return b"\xff" * SAMPLE_RATE
    url = call.reach.dial(urljoin(base, verb.text))
    try:
        async with call.session.get(url, timeout=aiohttp.ClientTimeout(total=15)) as response:
            sound = wav.read(io.BytesIO(await read_at_most(response, LONGEST_PLAY)))
    except (aiohttp.ClientError, TimeoutError, MalformedMessage) as error:
        call.fault(11200, f"<Play>: {type(error).__name__}")
        return b""
    mono = sound.mono()
    at = np.arange(0, len(mono), sound.rate / SAMPLE_RATE).astype(np.int64)
    return encode(mono[at[at < len(mono)]])


async def _sound(call: Call, mulaw: bytes, source: str, text: str, stop: Stop | None) -> bool:
    """Play in slices so that keys, hang-ups and barge-in take effect in time."""
    size = round(SLICE_S * SAMPLE_RATE)
    end = call.clock.now()
    for start in range(0, len(mulaw), size):
        piece = mulaw[start : start + size]
        if source != "pause":
            call.hearing.heard(end, piece, source, text if start == 0 else "")
        end += len(piece) / SAMPLE_RATE
        keys = "".join(await call.pass_time(end - call.clock.now()))
        if keys:
            call.note("keys", keys)
        if stop is not None and stop(keys):
            call.hearing.close_spurt(cleared=True)
            return False
    call.hearing.silence_until(call.clock.now())
    return True
