"""Row A10 as a state machine: every order of stream messages, right and wrong, on one socket, against a model."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from picows import WSMsgType
from picows.picows import _make_test_ws_frame

from stella.domain.call import MediaCounts
from stella.domain.errors import Refused
from stella.ports.metrics import NullMetrics
from stella.web.config import Caps, WebConfig
from stella.web.media_socket import MediaSocket
from stella.web.refusals import Refusals

MINE, FOREIGN = "MZ" + "1" * 32, "MZ" + "2" * 32
CALLS = {"right": "CA" + "1" * 32, "other": "CA" + "2" * 32}


class _Session:
    def __init__(self, call):
        self.call, self.counts, self.heard, self.facts = call, MediaCounts(), bytearray(), []

    def media(self, mulaw):
        assert self.facts[-1:] not in (["stopped"], ["gone"]), "sound after the end"
        self.heard += mulaw

    def mark(self, name):
        self.facts.append("mark")

    def dtmf(self, digit):
        self.facts.append("dtmf")

    def stopped(self):
        self.facts.append("stopped")

    def gone(self):
        self.facts.append("gone")


class _House:
    """Keeper and front in one."""

    def __init__(self):
        self.config = WebConfig(development=True, caps=Caps(bad_messages=3))
        self.metrics, self.front = NullMetrics(), self
        self.refusals = Refusals(self.metrics, 0, lambda: 0.0)
        self.line, self.sessions, self.tokens, self.asked = None, [], {"good": CALLS["right"]}, 0

    def connect(self, call_sid, account_sid, stream_sid, token, line):
        self.asked += 1
        self.line = line
        if self.tokens.get(token) != call_sid:
            raise Refused("unknown-token")
        del self.tokens[token]
        self.sessions.append(_Session(call_sid))
        return self.sessions[-1]

    def started(self, socket):
        """Nothing."""

    def ended(self, socket):
        """Nothing."""


class _Transport:
    """What a socket may do to its line."""

    def __init__(self):
        self.codes, self.cut, self.is_close_frame_sent, self.underlying_transport = [], False, False, self

    def get_write_buffer_size(self):
        return 0

    def send(self, kind, data):
        assert not self.codes and not self.cut, "a message after the close"

    def send_pong(self, data):
        """Nothing."""

    def send_close(self, code, reason=""):
        self.codes.append(int(code))
        self.is_close_frame_sent = True

    def disconnect(self, graceful=True):
        self.cut = True


class StreamOrders(RuleBasedStateMachine):
    """The socket is fed; the model knows what may have been heard."""

    def __init__(self):
        super().__init__()
        self.now, self.house, self.line = 0.0, _House(), _Transport()
        self.socket = MediaSocket(self.house, "peer", lambda: self.now)
        self.socket.on_ws_connected(self.line)
        self.chunk, self.live, self.gone = 0, False, False
        self.expected = bytearray()

    def _say(self, message):
        self._frame(WSMsgType.TEXT, json.dumps(message).encode())

    def _frame(self, kind, payload, fin=True):
        self.socket.on_ws_frame(self.line, _make_test_ws_frame(kind, payload, fin, False))
        if self.line.codes or self.line.cut:
            self.live = False

    @precondition(lambda self: not self.gone)
    @rule()
    def connected(self):
        """The carrier's first word, at any time."""
        self._say({"event": "connected"})

    @precondition(lambda self: not self.gone)
    @rule(
        token=st.sampled_from(["good", "bad", ""]),
        call=st.sampled_from(["right", "other"]),
        stream=st.sampled_from([MINE, FOREIGN, ""]),
    )
    def start(self, token, call, stream):
        """Right and wrong starts, first and later ones."""
        first = not self.house.asked and not self.line.codes
        self._say({"event": "start", "streamSid": stream,
                   "start": {"callSid": CALLS[call], "streamSid": stream, "customParameters": {"token": token}}})  # fmt: skip
        if first and (token, call) == ("good", "right") and stream:
            self.live, self.stream = True, stream

    @precondition(lambda self: not self.gone)
    @rule(stream=st.sampled_from([MINE, FOREIGN]), byte=st.integers(0, 254))
    def media(self, stream, byte):
        """Sound for this stream and for another."""
        mine = self.live and stream == self.stream
        if mine:
            self.chunk += 1
            self.expected += bytes([byte]) * 160
        sound = {
            "chunk": str(self.chunk or 1),
            "timestamp": str(20 * self.chunk),
            "payload": _base64(bytes([byte]) * 160),
        }
        self._say({"event": "media", "streamSid": stream, "media": sound})

    @precondition(lambda self: not self.gone)
    @rule(stream=st.sampled_from([MINE, FOREIGN]), event=st.sampled_from(["mark", "dtmf", "stop", "news"]))
    def rare(self, stream, event):
        """Marks, keys, stops, news."""
        bodies = {"mark": {"name": "m"}, "dtmf": {"digit": "1"}, "stop": {}, "news": {}}
        self._say({"event": event, "streamSid": stream, event: bodies[event]})

    @precondition(lambda self: not self.gone)
    @rule(
        kind=st.sampled_from([WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.PING, WSMsgType.CONTINUATION]),
        fin=st.booleans(),
        junk=st.binary(max_size=20),
    )
    def noise(self, kind, fin, junk):
        """Frames of every kind, whole or not."""
        self._frame(kind, junk, fin or kind == WSMsgType.PING)

    @precondition(lambda self: not self.gone)
    @rule(seconds=st.floats(0.1, 40))
    def time_passes(self, seconds):
        """The patrol comes by."""
        self.now += seconds
        self.socket.check(self.now)
        if self.line.codes or self.line.cut:
            self.live = False

    @precondition(lambda self: not self.gone)
    @rule()
    def the_house_closes(self):
        """The session ends its line."""
        if self.house.sessions:
            self.house.line.close()
            self.house.line.send_media(b"x")
            self.live = False

    @precondition(lambda self: self.gone)
    @rule()
    def silence(self):
        """After the end a line is a no-op."""
        if self.house.line is not None:
            self.house.line.send_media(b"x")
            self.house.line.send_mark("x")
            self.house.line.close()

    @precondition(lambda self: not self.gone)
    @rule()
    def lost(self):
        """The line is gone."""
        self.gone, self.live = True, False
        self.socket.on_ws_disconnected(self.line)

    @invariant()
    def the_house_is_asked_once_and_never_crossed(self):
        """One connect, one session, its own sound only, one close, `gone` last and once."""
        assert self.house.asked <= 1
        assert len(self.line.codes) <= 1
        assert 1011 not in self.line.codes
        for session in self.house.sessions:
            assert session.call == CALLS["right"]
            assert bytes(session.heard) == bytes(self.expected)
            assert session.facts.count("stopped") <= 1
            assert session.facts.count("gone") == int(self.gone)
            assert "gone" not in session.facts[:-1]


def _base64(sound):
    import base64

    return base64.b64encode(sound).decode()


StreamOrders.TestCase.settings = settings(max_examples=150, stateful_step_count=14, deadline=None)
TestStreamOrders = StreamOrders.TestCase
TestStreamOrders.__doc__ = "Every order of messages keeps the three laws of the media socket."
