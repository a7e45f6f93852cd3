"""What the pure pieces of a call cost: microseconds per 20 ms frame, and of the rarer steps.

Run `python bench/hot_path.py`. Each figure is the CPU time of the best of many passes, caches warm: compare ratios, not machines.
"""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable
from time import process_time
from timeit import repeat

import numpy as np

from stella.audio import mulaw
from stella.audio.echo import EchoGuard
from stella.audio.energy import dbfs, quietest_frame_before
from stella.audio.framing import Windows
from stella.audio.resample import QUICK, Resampler
from stella.domain.call import MediaCounts
from stella.domain.plan import OpenStream, Spoken
from stella.wire.media_order import MediaOrder
from stella.wire.signature import Signatures, sign_form
from stella.wire.twilio_stream import Outbound, parse
from stella.wire.twilio_webhook import call_request, parse_form
from stella.wire.twiml import render

SID = "MZ0123456789abcdef0123456789abcdef"
TOKEN = "0123456789abcdef" * 2
BASE = "https://calls.example.com"
VOICE = "/api/stella/call/voice"
FORM = (
    b"CallSid=CA0123456789abcdef0123456789abcdef&AccountSid=AC0123456789abcdef0123456789abcdef&From=%2B431234567"
    b"&To=%2B437654321&CallStatus=ringing&ApiVersion=2010-04-01&Direction=inbound&FromCity=&FromState=&FromZip="
    b"&FromCountry=AT&ToCity=&ToState=&ToZip=&ToCountry=AT&Caller=%2B431234567&Called=%2B437654321&CallerCity="
    b"&CallerState=&CallerZip=&CallerCountry=AT&CalledCity=&CalledState=&CalledZip=&CalledCountry=AT"
)


def cost(name: str, step: Callable[[], object], times: int) -> None:
    """Print the microseconds of one `step`."""
    # CPU time, in many short passes: the machine may be busy with other things.
    best = min(repeat(step, timer=process_time, number=times // 10, repeat=50)) / (times // 10)
    print(f"{name:44s} {best * 1e6:9.2f} us")


def in_order() -> Callable[[], object]:
    """The order check with frames that come as they should."""
    count, frame = [0], bytes(160)
    order = MediaOrder(MediaCounts(), lambda: count[0] * 0.02)

    def step() -> object:
        count[0] = number = count[0] + 1
        return order.accept(number, 37 + 20 * number, frame)

    return step


def main() -> None:
    """Measure everything once."""
    frame = random.Random(1).randbytes(160)
    message = (
        f'{{"event":"media","sequenceNumber":"2","streamSid":"{SID}","media":{{"track":"inbound","chunk":"1",'
        f'"timestamp":"57","payload":"{b64encode(frame).decode()}"}}}}'
    ).encode()
    out, windows, second = Outbound(SID), Windows(), frame * 50
    cost("parse a media message", lambda: parse(message), 100_000)
    cost("put a frame in order", in_order(), 100_000)
    cost("cut windows from a frame", lambda: windows.feed(frame), 100_000)
    cost("write a media message, 20 ms", lambda: out.media(frame), 100_000)
    cost("write a media message, 200 ms", lambda: out.media(frame * 10), 50_000)
    cost("write a mark", lambda: out.mark("12-3"), 100_000)
    pcm = mulaw.decode(frame)
    cost("decode mu-law, 20 ms", lambda: mulaw.decode(frame), 50_000)
    cost("decode mu-law to float, 20 ms", lambda: mulaw.decode_float(frame), 50_000)
    cost("decode mu-law, 1 s", lambda: mulaw.decode(second), 5_000)
    cost("encode mu-law, 20 ms", lambda: mulaw.encode(pcm), 50_000)
    for quality in ("HQ", QUICK):
        resampler = Resampler(8000, 16_000, quality)
        cost(f"resample 20 ms, 8 to 16 kHz, {quality}", lambda stream=resampler: stream.feed(pcm), 20_000)
    cost("loudness of 20 ms", lambda: dbfs(frame), 50_000)
    cost("quietest place in 0.3 s", lambda: quietest_frame_before(second, 0.9), 2_000)
    guard, noise = EchoGuard(), mulaw.encode_float(np.random.default_rng(1).standard_normal(16_000) * 0.1)
    for at in range(0, 16_000, 160):
        guard.sent(noise[at : at + 160], at / 8000)
    cost("is it our echo? (once an onset)", lambda: guard.likelihood(noise[4000:5600], 1.0), 100)
    pairs, lock = parse_form(FORM), Signatures([TOKEN], BASE)
    header = sign_form(TOKEN, BASE + VOICE, pairs)
    cost("read a voice webhook's form", lambda: call_request(parse_form(FORM)), 5_000)
    cost("check its signature", lambda: lock.check_form(VOICE.encode(), pairs, header), 5_000)
    cost("refuse a forged one", lambda: lock.check_form(VOICE.encode(), pairs, "a" * 28), 5_000)
    cost("refuse one without a signature", lambda: lock.check_form(VOICE.encode(), pairs, None), 50_000)
    plan = OpenStream((Spoken("Guten Tag, hier spricht eine Maschine.", "de-AT"),), "token")
    cost("write the TwiML of a stream", lambda: render(plan, BASE), 2_000)


if __name__ == "__main__":
    main()
