"""One caller of a load: as little work per frame as can be, and the figures a caller would notice."""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from stella.phone.clock import FRAME_S
from stella.phone.load_sound import Line, Repertoire
from stella.phone.sound import SAMPLE_RATE, first_audible
from stella.wire.twilio_carrier import CarrierStream

QUIET_S = 0.7
"""The agent's silence after which the next thing is said."""

PATIENCE_S = 8.0
"""Without an answer for so long the turn counts as unanswered."""

TALK_OVER_S = 1.0
"""Into a reply, when it is a reply to be interrupted."""

_Phase = Literal["settling", "speaking", "waiting", "listening"]


@dataclass(slots=True)
class Figures:
    """What one call has measured. Milliseconds."""

    response_gaps: list[float] = field(default_factory=list)
    barge_ins: list[float] = field(default_factory=list)
    unanswered: int = 0
    unnoticed: int = 0
    premature: int = 0
    frames_sent: int = 0
    frames_late: int = 0
    messages: int = 0
    marks: int = 0
    clears: int = 0
    bytes_heard: int = 0
    closed_early: bool = False


class LoadCall(WSListener):
    """A stream's socket. `beat(now, due)` every 20 ms; everything else comes by itself."""

    def __init__(
        self, stream: CarrierStream, words: Repertoire, now: Callable[[], float], *, first_line: int, settle_s: float
    ) -> None:
        """Speaks first `settle_s` after the start; every second reply is interrupted."""
        self._stream, self._words, self._now = stream, words, now
        self.figures = Figures()
        self._transport: WSTransport | None = None
        self._next_line = first_line
        self._line: Line | None = None
        self._frame = 0
        self._noise = first_line * 7 % len(words.noise)
        self._sent = 0
        self._phase: _Phase = "settling"
        self._until = now() + settle_s
        self._onset = self._offset = 0.0
        self._talking_over = self._cleared = self._cut_in = False
        self._turn = 0
        self._play_until = 0.0
        self._first_sound = 0.0
        self._marks: deque[tuple[float, str]] = deque()
        self._sequence = 1
        self.over = False
        self.prepared = (
            b'{"event":"media","sequenceNumber":"%d","streamSid":"'
            + stream.stream_sid.encode()
            + b'","media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"%b"}}'
        )

    def open(self, transport: WSTransport, parameters: dict[str, str]) -> None:
        """Say `connected` and `start`."""
        self._transport = transport
        transport.send(WSMsgType.TEXT, self._stream.connected())
        transport.send(WSMsgType.TEXT, self._stream.start(parameters))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket has gone before its time, or after `finish`."""
        if not self.over:
            self.figures.closed_early = True
        self.over, self._transport = True, None

    def beat(self, now: float, due: float) -> None:
        """Send the frame that is due; the script and the marks move on."""
        transport = self._transport
        if transport is None or self.over:
            return
        figures = self.figures
        if now - due > FRAME_S / 2:
            figures.frames_late += 1
        while self._marks and self._marks[0][0] <= now:
            self._echo(self._marks.popleft()[1])
        line = self._line
        if line is not None:
            payload = line.frames[self._frame]
            self._frame += 1
            if self._frame == len(line.frames):
                self._line = None
        else:
            self._move_on(now)
            payload = self._words.noise[self._noise]
            self._noise = (self._noise + 1) % len(self._words.noise)
        self._sent += 1
        self._sequence += 1
        transport.send(WSMsgType.TEXT, self.prepared % (self._sequence, self._sent, 40 + self._sent * 20, payload))
        figures.frames_sent += 1

    def _move_on(self, now: float) -> None:
        """Between utterances: what comes next."""
        match self._phase:
            case "settling":
                if now >= self._until and now > self._play_until + QUIET_S:
                    self._speak(now)
            case "speaking":
                if self._talking_over and not self._cleared:
                    self.figures.unnoticed += 1
                self._phase, self._talking_over = "waiting", False
            case "waiting":
                if now > self._offset + PATIENCE_S:
                    self.figures.unanswered += 1
                    self._speak(now)
            case "listening":
                if self._turn % 2 and now >= self._first_sound + TALK_OVER_S and now < self._play_until:
                    self._speak(now, over=True)
                elif now > self._play_until + QUIET_S:
                    self._speak(now)

    def _speak(self, now: float, *, over: bool = False) -> None:
        self._line = self._words.lines[self._next_line % len(self._words.lines)]
        self._next_line += 1
        self._turn += 1
        self._frame = 0
        # A frame leaves when it is full, so its first sample is the next frame's time less its length.
        self._onset, self._offset = now + self._line.onset_s, now + self._line.offset_s
        self._talking_over, self._cleared, self._cut_in, self._phase = over, False, False, "speaking"

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Tell the three kinds of message apart by their beginning; only what must be read is read."""
        if frame.msg_type is not WSMsgType.TEXT:
            if frame.msg_type is WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            return
        data = frame.get_payload_as_bytes()
        self.figures.messages += 1
        head = data[:24]
        if b'"media"' in head:
            self._media(data)
        elif b'"mark"' in head:
            self._mark(str(json.loads(data)["mark"]["name"]))
        elif b'"clear"' in head:
            self._clear()
        else:
            message = json.loads(data)
            match message.get("event"):
                case "media":
                    self._media(data)
                case "mark":
                    self._mark(str(message["mark"]["name"]))
                case "clear":
                    self._clear()
                case _:
                    pass

    def _media(self, data: bytes) -> None:
        now = self._now()
        begin = data.index(b'"', data.index(b":", data.index(b'"payload"'))) + 1
        end = data.index(b'"', begin)
        length = (end - begin) * 3 // 4 - data.count(b"=", end - 2, end)
        starts = max(now, self._play_until)
        self._play_until = starts + length / SAMPLE_RATE
        self.figures.bytes_heard += length
        if self._phase in {"waiting", "speaking"} and (not self._talking_over or self._cleared):
            audible = first_audible(a2b_base64(data[begin:end]))
            if audible >= 0:
                self._sound(starts + audible / SAMPLE_RATE, now)

    def _sound(self, at: float, now: float) -> None:
        """The agent becomes audible, and the caller was waiting for it or is still speaking."""
        if now < self._offset:
            self._cut_in = True
            return
        if self._cut_in:
            self.figures.premature += 1
        else:
            self.figures.response_gaps.append((at - self._offset) * 1000)
        self._first_sound, self._phase, self._line, self._talking_over = at, "listening", None, False

    def _mark(self, name: str) -> None:
        self.figures.marks += 1
        if self._play_until > self._now():
            self._marks.append((self._play_until, name))
        else:
            self._echo(name)

    def _echo(self, name: str) -> None:
        if self._transport is not None:
            self._sequence += 1
            echo = {
                "event": "mark",
                "sequenceNumber": str(self._sequence),
                "streamSid": self._stream.stream_sid,
                "mark": {"name": name},
            }
            self._transport.send(WSMsgType.TEXT, json.dumps(echo).encode())

    def _clear(self) -> None:
        now = self._now()
        self.figures.clears += 1
        if self._talking_over and not self._cleared and now >= self._onset:
            self.figures.barge_ins.append((now - self._onset) * 1000)
            self._cleared = True
        self._cut_in = False
        self._play_until = now
        while self._marks:
            self._echo(self._marks.popleft()[1])

    def finish(self) -> None:
        """Hang up: `stop`, then close."""
        self.over = True
        if self._transport is not None:
            self._sequence += 1
            stop = {
                "event": "stop",
                "sequenceNumber": str(self._sequence),
                "streamSid": self._stream.stream_sid,
                "stop": {"accountSid": self._stream.account_sid, "callSid": self._stream.call_sid},
            }
            self._transport.send(WSMsgType.TEXT, json.dumps(stop).encode())
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()
