"""A short call over the stream, as Twilio rings: the first sound, a polite hang-up, the status callback."""

from __future__ import annotations

import ssl

import aiohttp

from stella.phone.context import Habits, Meters
from stella.phone.line import LineFaults
from stella.phone.report import CallReport, Entry, StreamRun
from stella.phone.script import HangUp
from stella.phone.sound import first_audible
from stella.phone.telephony import Telephony
from stella.phone.verify_order import Inspection, status_url_of

SOUND, STATUS = "first audio", "status callback"
HUM = b"\x20\xa0" * 2000
"""Half a second of sound."""
_LISTEN_S = 0.4
"""How much of the greeting is listened to before hanging up."""


async def check_call(look: Inspection) -> None:
    """Ring with the same call the webhook knows already, so that one whole record is left behind."""
    order, meters, heard = look.order, Meters(), 0
    streams: list[StreamRun] = []

    def listen(mulaw: bytes) -> None:
        nonlocal heard
        if streams and streams[-1].opened_s and first_audible(mulaw) >= 0:
            heard += len(mulaw)
            if heard >= _LISTEN_S * 8000:
                meters.hang_up = True

    def watch(entry: Entry) -> None:
        if isinstance(entry, StreamRun) and entry not in streams:
            streams.append(entry)

    limits = order.deadlines
    connector = aiohttp.TCPConnector(ssl=order.tls or ssl.create_default_context())
    telephony = Telephony(
        look.voice_url.replace("://", f"://{order.login}@", 1) if order.login else look.voice_url,
        look.account,
        # What `<Say>` reads is known; the check does not listen to it.
        # Over a relay it is this telephone that speaks: there it must be audible.
        voice=lambda _text, _language: HUM,
        public_url=look.public_origin,
        faults=LineFaults(snr_db=None),
        habits=Habits(http_limit_s=limits.total_s, handshake_limit_s=limits.connect_s),
        timeout_s=limits.silence_s + 5,
        status_url=status_url_of(look.voice_url),
        connector=connector,
    )
    async with connector:
        report = await telephony.ring(
            [HangUp(at_s=limits.silence_s)],
            observer=watch,
            call_sid=look.form.call_sid,
            meters=meters,
            loudspeaker=listen,
        )
    look.rung = True
    _judge_sound(look, report)
    _judge_status(look, report)


def _judge_sound(look: Inspection, report: CallReport) -> None:
    stream = report.streams[0] if report.streams else None
    faults = "; ".join(f"{fault.code} {fault.detail}" for fault in report.errors()) or "nothing more is known"
    if stream is None or not stream.opened_s:
        look.find("carried-on-failed", SOUND, f"no stream was opened: {faults}")
        return
    spurt = next((spurt for spurt in report.heard if spurt.source in ("stream", "relay")), None)
    after = (spurt.first_sound_s or 0.0) - stream.opened_s if spurt else None
    limits = look.order.deadlines
    if after is None:
        open_s = stream.closed_s - stream.opened_s
        if stream.closed_by == "server":
            look.find(
                "stream-closed-at-start", SOUND, f"closed with {stream.close_code} after {open_s:.1f} s, no sound"
            )
        elif stream.closed_by == "loss":
            look.find("stream-cut", SOUND, f"the socket broke after {open_s:.1f} s, no sound")
        else:
            look.find("stream-silent", SOUND, f"{stream.bytes_received} bytes of sound in {open_s:.1f} s, none audible")
    elif after > limits.first_audio_s:
        look.find("first-audio-late", SOUND, f"{after:.1f} s after start")
    else:
        look.note(SOUND, "ok", f"{after * 1000:.0f} ms after start")
    messages = [fault for fault in report.faults if fault.code in {31924, 31950, 31951, 64107}]
    if messages:
        look.find("stream-messages", SOUND, f"{messages[0].code}: {messages[0].detail}")


def _judge_status(look: Inspection, report: CallReport) -> None:
    told = next((each for each in report.exchanges if each.purpose == "status"), None)
    if told is None:
        return
    if told.error_code or not 200 <= told.status < 300:
        look.find("status-refused", STATUS, told.error or f"answered with {told.status}")
    elif told.status != 204 and "<Response" not in told.body:
        look.find("status-answer", STATUS, f"answered with {told.status}")
    else:
        look.note(STATUS, "ok", f"{told.status} in {told.took_s * 1000:.0f} ms")
