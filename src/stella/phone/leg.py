"""One media stream as Twilio runs it: 20 ms frames out, a modelled playout buffer in, marks, clear, stop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import randint

from stella.phone.caller import Noticed, PressKeys, PutDown, Say
from stella.phone.clock import FRAME_S
from stella.phone.context import Call
from stella.phone.line import FRAME
from stella.phone.playout import Happening, Played, Playout
from stella.phone.report import MarkTrace, StreamRun, Utterance
from stella.phone.sound import SAMPLE_RATE
from stella.wire.twilio_carrier import (
    CarrierStream,
    ClearQueue,
    PlayMedia,
    SetMark,
    StreamFault,
    parse_outbound,
)

OVERFLOW = 31931
PRESS_S = 0.2
"""From one key to the next."""

Send = Callable[[str, bytes], None]


class Leg:
    """The two directions of a stream without its socket: `beat` every 20 ms, `receive` for each message.

    `send(kind, message)` takes what goes to the server; `hang_up(order)` is called when the caller puts the phone down.
    """

    finished = False
    """A media stream ends by its socket; no message says so."""

    def __init__(self, call: Call, run: StreamRun, send: Send, hang_up: Callable[[PutDown], None]) -> None:
        """The stream begins now."""
        self._call, self._run, self._send, self._hang_up = call, run, send, hang_up
        self.stream = CarrierStream(call.account.account_sid, call.form.call_sid, run.stream_sid)
        self._playout = Playout()
        self._began = call.clock.now()
        self._first_ms = randint(20, 120)
        self._frames = 0
        self._voice: bytes | None = None
        self._voice_at = 0
        self._keys: deque[tuple[float, str]] = deque()
        self._held: deque[tuple[float, str, bytes]] = deque()
        self._lost = 0
        self._sent_marks: deque[float] = deque()
        self._warned: set[int] = set()
        self._over = False
        call.hearing.leg_began()
        call.caller.leg_began(self._began)

    def open(self) -> None:
        """Say `connected` and `start`."""
        self._send("connected", self.stream.connected())
        self._send("start", self.stream.start(self._run.parameters))

    def _sample(self) -> int:
        return max(0, int((self._call.clock.now() - self._began) * SAMPLE_RATE + 0.5))

    def beat(self) -> None:
        """20 ms have passed."""
        if self._over:
            return
        call = self._call
        call.clock.beat()
        now, sample = call.clock.now(), self._sample()
        self._happened(self._playout.advance(sample))
        call.hearing.silence_until(now)
        self._obey(now)
        self._press(now)
        self._frame(now)

    def _obey(self, now: float) -> None:
        call = self._call
        ear = call.hearing.ear(queued=self._playout.queued > 0)
        for order in call.caller.tick(now, ear, speaking=self._voice is not None):
            match order:
                case Say():
                    self._voice, self._voice_at = order.sound.mulaw, 0
                    # A frame leaves when it is full: what goes out now was spoken in the 20 ms before.
                    mouth = now - FRAME_S
                    start, end = mouth + order.sound.onset_s, mouth + order.sound.offset_s
                    call.hearing.said(Utterance(order.sound.text, start, end, order.interrupts))
                case PressKeys():
                    self._keys.extend((now + i * PRESS_S, key) for i, key in enumerate(order.digits) if key not in "wW")
                    call.note("keys", order.digits)
                case PutDown():
                    self._hang_up(order)
                case Noticed():
                    call.note("noticed", order.what)

    def _press(self, now: float) -> None:
        while self._keys and self._keys[0][0] <= now:
            self._send("dtmf", self.stream.dtmf(self._keys.popleft()[1]))

    def _frame(self, now: float) -> None:
        call, run = self._call, self._run
        voice: bytes | None = None
        if self._voice is not None:
            voice = self._voice[self._voice_at : self._voice_at + FRAME].ljust(FRAME, b"\xff")
            self._voice_at += FRAME
            if self._voice_at >= len(self._voice):
                self._voice = None
        elif call.microphone is not None:
            voice = call.microphone().ljust(FRAME, b"\xff")[:FRAME]
        # By the count of frames, not by the clock: a beat that comes late must not tear the echo apart.
        frame = call.line.frame(voice, self._frames * FRAME)
        call.meters.caller, call.meters.now_s = frame, now
        call.meters.queued_s = self._playout.queued / SAMPLE_RATE
        call.report.recording.caller(now - FRAME_S, frame)
        due = self._began + (self._frames + 1) * FRAME_S
        if now - due > FRAME_S:
            run.frames_late += 1
        self._frames += 1
        if call.line.lost():
            run.frames_lost += 1
            self._lost += 1
        else:
            stamp = self._first_ms + (self._frames - 1) * 20
            message = self.stream.media(frame, stamp, skipped=self._lost)
            self._lost = 0
            run.frames_sent += 1
            earliest = self._held[-1][0] if self._held else 0.0
            self._held.append((max(earliest, now + call.line.delay_s()), "media", message))
        while self._held and self._held[0][0] <= now:
            _, kind, message = self._held.popleft()
            self._send(kind, message)

    def receive(self, data: str | bytes, *, binary: bool) -> None:
        """A message of the server's."""
        if self._over:
            return
        call, run = self._call, self._run
        now, sample = call.clock.now(), self._sample()
        run.messages_received += 1
        try:
            message = parse_outbound(data, run.stream_sid, binary=binary)
        except StreamFault as fault:
            # Twilio logs each kind once per stream; the report keeps the first, the rest are only ignored.
            if fault.code not in self._warned:
                self._warned.add(fault.code)
                call.fault(fault.code, str(fault), "error" if fault.code == 31924 else "warning")
            return
        match message:
            case PlayMedia(mulaw):
                run.bytes_received += len(mulaw)
                call.hearing.last_media_s = now
                if run.first_media_s is None:
                    run.first_media_s = now
                self._happened(self._playout.feed(mulaw, sample))
                if self._playout.overflowed and OVERFLOW not in self._warned:
                    self._warned.add(OVERFLOW)
                    call.fault(OVERFLOW, "more than ten minutes of sound are queued", "warning")
            case SetMark(name):
                self._sent_marks.append(now)
                self._happened(self._playout.mark(name, sample))
            case ClearQueue():
                queued = self._playout.queued
                happened = self._playout.clear(sample)
                self._happened(happened)
                played = sum(len(item.mulaw) for item in happened if isinstance(item, Played))
                call.hearing.cleared(now, (queued - played) / SAMPLE_RATE)

    def _happened(self, happened: list[Happening]) -> None:
        call = self._call
        for item in happened:
            if isinstance(item, Played):
                call.line.heard(item.start, item.mulaw)
                call.hearing.heard(self._began + item.start / SAMPLE_RATE, item.mulaw, "stream")
                continue
            trace = MarkTrace(item.name, self._sent_marks.popleft(), self._began + item.at / SAMPLE_RATE, item.how)
            call.report.marks.append(trace)
            call.tell(trace)
            self._send("mark", self.stream.mark(item.name))

    def end(self, *, stop: bool) -> None:
        """The stream is over; what was queued is never heard."""
        if self._over:
            return
        self._happened(self._playout.advance(self._sample()))
        self._over = True
        if self._playout.queued:
            seconds = self._playout.queued / SAMPLE_RATE
            self._call.note("unheard", f"{seconds:.2f} s of sound were still queued when the stream ended")
        self._call.hearing.close_spurt(cleared=self._playout.queued > 0)
        if stop:
            self._send("stop", self.stream.stop())
