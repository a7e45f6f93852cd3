"""The media socket: rows A08 to A13, B05, B06 and B11 to B13, and the life of a stream."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import psutil
import pytest
from structlog.testing import capture_logs

TEXT, BINARY, CLOSE, PING, PONG, MORE = 1, 2, 8, 9, 10, 0


@pytest.fixture
def opened(kit):
    """Opens signed media sockets that are cut with the test."""
    sockets = []

    async def open_one(doors, headers=None):
        socket, status, _ = await kit.Socket.open(doors.port, kit.signed_stream if headers is None else headers)
        assert status == 101
        sockets.append(socket)
        return socket

    yield open_one
    for socket in sockets:
        socket.cut()


async def _session(doors, kit):
    await kit.until(lambda: doors.front.sessions)
    return doors.front.sessions[-1]


async def test_a_stream_travels_both_ways(locked, kit, opened):
    """Sound, a key and a mark in; sound, mark and clear out; `stop`, 1000, gone."""
    socket = await opened(locked)
    socket.start()
    for chunk in range(1, 4):
        socket.media(chunk, bytes([chunk]) * 160)
    socket.say({"event": "dtmf", "streamSid": kit.stream, "dtmf": {"track": "inbound_track", "digit": "5"}})
    socket.say({"event": "mark", "streamSid": kit.stream, "mark": {"name": "turn-1"}})
    session = await _session(locked, kit)
    await kit.until(lambda: len(session.facts) == 2)
    session.line.send_media(b"\x7f" * 160)
    session.line.send_mark("m")
    session.line.send_clear()
    sent = [(await socket.read())[1] for _ in range(3)]
    socket.say({"event": "stop", "streamSid": kit.stream, "stop": {"callSid": kit.call}})
    assert await socket.close_code() == 1000
    socket.frame(CLOSE, b"\x03\xe8")
    await kit.until(lambda: session.facts[-1] == "gone")
    assert session.facts == [("dtmf", "5"), ("mark", "turn-1"), "stopped", "gone"]
    assert bytes(session.heard) == b"\1" * 160 + b"\2" * 160 + b"\3" * 160
    assert [message[:16] for message in sent] == [b'{"event":"media"', b'{"event":"mark",', b'{"event":"clear"']
    assert (session.counts.frames_received, session.counts.bytes_sent, session.counts.marks_sent) == (3, 160, 1)
    assert session.counts.clears == 1
    assert locked.server.media.open_sockets == 0
    assert locked.metrics.frame_totals == [3, 0, 0]


async def test_frames_sent_with_the_handshake_are_not_lost(locked, kit):
    """A client need not wait for the 101 to begin."""
    reader, writer = await asyncio.open_connection("127.0.0.1", locked.port)
    socket = kit.Socket(reader, writer)
    lines = ["GET /api/stella/call/stream HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket",
             "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *kit.signed_stream]  # fmt: skip
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
    socket.start()
    for chunk in range(1, 41):
        socket.media(chunk)
    session = await _session(locked, kit)
    await kit.until(lambda: session.counts.frames_received == 40)
    socket.cut()
    await kit.until(lambda: session.facts == ["gone"])


async def test_a08_a_token_opens_one_stream_only(locked, kit, opened):
    """The second `start` with the same token is closed with 1008, and the first goes on."""
    first, second = await opened(locked), await opened(locked)
    first.start()
    session = await _session(locked, kit)
    second.start()
    assert await second.close_code() == 1008
    first.media(1)
    await kit.until(lambda: session.counts.frames_received == 1)
    assert len(locked.front.sessions) == 1


GUESSES = {
    "no token": {"token": ""}, "guessed": {"token": "token-2"}, "other call": {"call": "CA" + "9" * 32},
    "blank call": {"call": ""}, "blank stream": {"stream": ""}, "foreign account": {"account": "AC" + "b" * 32},
    "no account": {"account": ""}, "script": {"call": "<script>"}, "long": {"call": "C" * 5000},
    "wrong rate": {"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1}},
    "wrong coding": {"mediaFormat": {"encoding": "audio/l16", "sampleRate": 8000, "channels": 1}},
}  # fmt: skip


@pytest.mark.parametrize("name", GUESSES)
async def test_a09_a10_a_start_that_is_not_ours_opens_nothing(locked, kit, opened, name):
    """1008, a cause in the log, no session; what follows on that socket is not read."""
    socket = await opened(locked)
    with capture_logs() as lines:
        socket.start(**GUESSES[name])
        socket.media(1)
        socket.start()
        assert await socket.close_code() == 1008
    assert locked.front.sessions == []
    assert [line for line in lines if line["event"] == "refused"]


async def test_a10_media_before_start_and_foreign_streams_are_counted_not_heard(locked, kit, opened):
    """And a second start changes nothing."""
    socket = await opened(locked)
    socket.media(1)
    socket.start()
    session = await _session(locked, kit)
    locked.front.tokens["token-3"] = "CA" + "3" * 32
    socket.start(token="token-3", call="CA" + "3" * 32, stream="MZ" + "3" * 32)
    socket.media(1, b"\1" * 160)
    socket.media(2, b"\2" * 160, stream="MZ" + "3" * 32)
    socket.media(2, b"\3" * 160, track="outbound")
    socket.say({"event": "stop", "streamSid": "MZ" + "3" * 32})
    socket.say({"event": "mark", "streamSid": "MZ" + "3" * 32, "mark": {"name": "x"}})
    socket.media(2, b"\4" * 160)
    await kit.until(lambda: session.counts.frames_received == 2)
    assert bytes(session.heard) == b"\1" * 160 + b"\4" * 160
    assert (session.facts, len(locked.front.sessions), session.counts.frames_rejected) == ([], 1, 5)


async def test_a10_media_after_stop_is_not_heard(locked, kit, opened):
    """And a second stop is no second end."""
    socket = await opened(locked)
    socket.start()
    socket.media(1)
    for _ in range(2):
        socket.say({"event": "stop", "streamSid": kit.stream})
        socket.media(2)
    session = await _session(locked, kit)
    assert await socket.close_code() == 1000
    socket.cut()
    await kit.until(lambda: session.facts[-1:] == ["gone"])
    assert (session.facts, session.counts.frames_received) == (["stopped", "gone"], 1)


async def test_a11_racing_sockets_for_one_call_end_with_one_owner(locked, kit, opened):
    """Fifty at once, one token."""
    caps_keep = [await opened(locked) for _ in range(30)]
    for socket in caps_keep:
        socket.start()
    codes = await asyncio.gather(*(asyncio.wait_for(_code_or_open(socket), 2) for socket in caps_keep))
    assert (codes.count(1008), codes.count("open"), len(locked.front.sessions)) == (29, 1, 1)


async def _code_or_open(socket):
    try:
        return await asyncio.wait_for(socket.close_code(), 0.3)
    except TimeoutError:
        return "open"


async def test_a12_sockets_without_start_are_few_and_short_lived(open_doors, kit, opened):
    """The cap per address, the cap in all, the deadline; then there is room again."""
    caps = replace(kit.locked.caps, pending_sockets=8, pending_per_address=5)
    doors = await open_doors(replace(kit.locked, caps=caps, deadlines=replace(kit.locked.deadlines, start=0.15)))
    held = [await opened(doors) for _ in range(5)]
    assert (await kit.Socket.open(doors.port, kit.signed_stream))[1] == 503
    proxied = (*kit.signed_stream, "X-Forwarded-For: 1.2.3.4")
    held += [await opened(doors, proxied) for _ in range(3)]
    assert (await kit.Socket.open(doors.port, proxied))[1] == 503
    assert await asyncio.gather(*(socket.close_code() for socket in held)) == [1008] * 8
    await kit.until(lambda: doors.server.media.open_sockets == 0)
    assert doors.metrics.causes["no-start"] == 8
    socket = await opened(doors)
    socket.start()
    await _session(doors, kit)


async def test_a12_talking_without_start_buys_no_time(open_doors, kit, opened):
    """`connected`, pings and noise are not a start."""
    doors = await open_doors(replace(kit.locked, deadlines=replace(kit.locked.deadlines, start=0.1)))
    socket = await opened(doors)
    for _ in range(10):
        socket.say({"event": "connected"})
        socket.frame(PING, b"x")
        socket.media(1)
    assert await socket.close_code() == 1008
    assert doors.front.sessions == []


async def test_a13_a_handshake_without_the_right_signature_gets_no_101(locked, kit):
    """403 with words; nothing but the one URL in its documented spellings is signed rightly."""
    path = "/api/stella/call/stream"
    for base, expected in {
        "wss://calls.example.com": 101, "https://calls.example.com": 101, "wss://calls.example.com:443": 101,
        "ws://calls.example.com": 403, "wss://evil.example.com": 403,
    }.items():  # fmt: skip
        for target in (path, path + "/"):
            header = f"X-Twilio-Signature: {kit.sign(target, base=base)}"
            socket, status, _ = await kit.Socket.open(locked.port, [header])
            assert status == (expected if target == path or base.startswith("wss://calls") else 403), (base, target)
            if socket:
                socket.cut()
    bad = (
        [],
        ["X-Twilio-Signature:"],
        ["X-Twilio-Signature: " + "A" * 27 + "="],
        [*kit.signed_stream, *kit.signed_stream],
    )
    for headers in bad:
        assert (await kit.Socket.open(locked.port, headers))[1] == 403
    assert locked.front.asked == []


async def test_other_websocket_paths_are_refused(locked, kit):
    """One path, no other."""
    for path in ("/", "/api/stella/call/streams", "/ws", "/health", "/api/stella/call/stream/"):
        assert (await kit.Socket.open(locked.port, kit.signed_stream, path=path))[1] == 404


async def test_b05_a_frame_is_refused_by_its_announced_length(locked, kit, opened):
    """1 MB to 1 GB: 1009 before a byte of it is kept."""
    for announced in (65_537, 1 << 20, 1 << 30, 1 << 62):
        socket = await opened(locked)
        socket.frame(TEXT, b"{" * 1000, announced=announced)
        assert await socket.close_code() == 1009


async def test_b05_a_flood_behind_an_oversized_frame_is_not_buffered(locked, kit, opened):
    """The line is read no further once its framing broke: 64 MB offered, next to nothing kept."""
    socket = await opened(locked)
    before = psutil.Process().memory_info().rss
    socket.frame(TEXT, b"", announced=1 << 30)
    with contextlib.suppress(ConnectionError):
        for _ in range(64):
            socket.writer.write(b"x" * (1 << 20))
            await socket.writer.drain()
    await kit.until(lambda: locked.server.media.open_sockets == 0)
    assert psutil.Process().memory_info().rss - before < 8_000_000


@pytest.mark.parametrize("pieces", [[b"x" * 30_000] * 3, [b"x"] * 80, [b""] * 80])
async def test_b05_endless_fragments_are_refused(locked, kit, opened, pieces):
    """In size and in number."""
    socket = await opened(locked)
    socket.start()
    for index, piece in enumerate(pieces):
        socket.frame(MORE if index else TEXT, piece, fin=False)
    assert await socket.close_code() == 1009


async def test_b05_a_message_in_a_few_pieces_is_read(locked, kit, opened):
    """Legal, so it is understood, with a ping in between."""
    socket = await opened(locked)
    socket.start()
    session = await _session(locked, kit)
    whole = b'{"event":"dtmf","streamSid":"' + kit.stream.encode() + b'","dtmf":{"digit":"7"}}'
    socket.frame(TEXT, whole[:10], fin=False)
    socket.frame(PING, b"hello")
    socket.frame(MORE, whole[10:20], fin=False)
    socket.frame(MORE, whole[20:])
    await kit.until(lambda: session.facts == [("dtmf", "7")])
    assert await socket.read() == (PONG, b"hello")


async def test_b05_a_ping_flood_is_cut_off(locked, kit, opened):
    """A few are answered, a flood is not."""
    socket = await opened(locked)
    socket.start()
    for _ in range(1000):
        socket.frame(PING, b"x" * 100)
    assert await socket.close_code() in {1008, 1006}
    assert locked.metrics.causes["flood"] == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"\x81\x02{}",
        b"\xc3\x80\0\0\0\0",
        b"\x09\x80\0\0\0\0",
        b"\x80\x80\0\0\0\0",
        b"\x88\x81\0\0\0\0x",
        b"\x89\xfe\x00\x80\0\0\0\0",
        b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0",
    ],
)
async def test_b05_broken_framing_is_a_protocol_error(locked, kit, opened, broken):
    """Unmasked, unknown opcode, fragmented control, continuation of nothing, half a close code, long ping, 2^64."""
    socket = await opened(locked)
    socket.writer.write(broken)
    assert await socket.close_code() in {1002, 1006}


async def test_b06_compression_is_never_negotiated(locked, kit, opened):
    """An offer is passed over; a compressed frame is an unreadable message."""
    offer = (*kit.signed_stream, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    socket, status, answer = await kit.Socket.open(locked.port, offer)
    assert status == 101
    assert "extensions" not in answer.lower()
    socket.start()
    session = await _session(locked, kit)
    socket.frame(TEXT, b"\xaa\x56\x4a\x2d" * 10, rsv1=True)
    await kit.until(lambda: session.counts.frames_rejected == 1)
    socket.cut()


BAD = (b"", b"{", b"[]", b"null", b"[" * 20_000, b'{"event":"media"}',
       b'{"event":"media","streamSid":"%s","media":{"payload":"@@@"}}',
       b'{"event":"media","streamSid":"%s","media":{"payload":7}}', b"\xff\xfe", b'{"event":7}', b'{"event":"dtmf"}')  # fmt: skip


async def test_b11_bad_messages_are_dropped_and_counted_and_the_call_goes_on(locked, kit, opened):
    """Each exactly once; empty sound too."""
    socket = await opened(locked)
    socket.start()
    session = await _session(locked, kit)
    for bad in BAD:
        socket.frame(TEXT, bad.replace(b"%s", kit.stream.encode()))
    socket.frame(BINARY, b"\0" * 320)
    socket.media(1, b"")
    socket.media(1)
    await kit.until(lambda: session.counts.frames_received == 1)
    assert session.counts.frames_rejected == len(BAD) + 2
    assert session.facts == []


async def test_b11_more_than_a_hundred_bad_messages_close_the_stream(locked, kit, opened):
    """No Twilio does that."""
    socket = await opened(locked)
    socket.start()
    for _ in range(101):
        socket.frame(TEXT, b"{")
    assert await socket.close_code() == 1008
    session = await _session(locked, kit)
    socket.cut()
    await kit.until(lambda: session.facts == ["gone"])
    assert session.counts.frames_rejected == 101


async def test_b12_unknown_events_and_fields_are_passed_over_and_counted_once(locked, kit, opened):
    """A thousand names break no call."""
    socket = await opened(locked)
    socket.start()
    for number in range(1000):
        socket.say({"event": f"new-{number % 5}", "streamSid": kit.stream, "extra": {"deep": [number]}})
    socket.say(
        {
            "event": "media",
            "streamSid": kit.stream,
            "new": 1,
            "media": {"chunk": 1, "timestamp": 0, "payload": "//8=", "x": {}},
        }
    )
    session = await _session(locked, kit)
    await kit.until(lambda: session.counts.frames_received == 1)
    assert locked.metrics.given_up["unknown-event"] == 5
    assert session.counts.frames_rejected == 0


async def test_b13_a_flood_of_sound_is_held_off_and_counted(locked, kit, opened):
    """Fifty seconds at once: what a stalled network may deliver is taken, the rest is counted, the stream lives."""
    socket = await opened(locked)
    socket.start()
    session = await _session(locked, kit)
    for chunk in range(1, 2501):
        socket.media(chunk)
    await kit.until(lambda: session.counts.frames_received + session.counts.frames_rejected == 2500)
    assert 400 <= session.counts.frames_received <= 2000
    # What real time allows meanwhile is bridged with silence, so only the sound itself is counted.
    assert session.heard.count(0x55) == session.counts.frames_received * 160
    socket.say({"event": "dtmf", "streamSid": kit.stream, "dtmf": {"digit": "1"}})
    await kit.until(lambda: session.facts == [("dtmf", "1")])


async def test_b13_a_carrier_that_reads_nothing_never_makes_us_grow(open_doors, kit, opened):
    """Beyond the backlog sound is dropped and counted, and no mark claims it was heard, until the next clear."""
    doors = await open_doors(replace(kit.locked, caps=replace(kit.locked.caps, backlog_bytes=50_000)))
    socket = await opened(doors)
    socket.writer.transport.pause_reading()
    socket.start()
    session = await _session(doors, kit)
    line = session.line
    for _ in range(5000):
        line.send_media(b"\x7f" * 3200)
    assert line.backlog < 60_000
    assert doors.metrics.given_up["outbound-audio"] > 3000
    marks = session.counts.marks_sent
    line.send_mark("not heard")
    assert session.counts.marks_sent == marks
    line.send_clear()
    line.send_mark("after the clear")
    assert session.counts.marks_sent == marks + 1


def test_c01_a_half_open_socket_is_gone_within_ten_seconds(kit):
    """Asked, waited for, closed and cut, with a round of the patrol between each."""
    deadlines = kit.locked.deadlines
    assert deadlines.ask + deadlines.pong + deadlines.close + 3 * deadlines.patrol <= 10.0


async def test_c01_a_line_gone_quiet_is_asked_and_then_closed(open_doors, kit, opened):
    """No FIN, no frames, no pong: found by the patrol, without a timer per stream."""
    doors = await open_doors(replace(kit.locked, deadlines=replace(kit.locked.deadlines, ask=0.05, pong=0.05)))
    socket = await opened(doors)
    socket.start()
    session = await _session(doors, kit)
    for chunk in range(1, 9):
        socket.media(chunk)
        await asyncio.sleep(0.025)
    assert "gone" not in session.facts
    await kit.until(lambda: session.facts == ["gone"])
    assert doors.metrics.causes["idle-stream"] == 1
    assert (await socket.read())[0] == PING


@pytest.mark.parametrize("idle", [30.0, 0.6])
async def test_c02_a_peer_that_answers_may_be_without_sound_for_longer(open_doors, kit, opened, idle):
    """A gap of the carrier's network is no dead socket: the call survives it, but not for ever."""
    doors = await open_doors(
        replace(kit.locked, deadlines=replace(kit.locked.deadlines, ask=0.02, pong=20.0, idle=idle))
    )
    socket = await opened(doors)
    socket.start()
    socket.media(1)
    session = await _session(doors, kit)
    for _ in range(3):
        assert await socket.read() == (PING, b"there?")
        socket.frame(PONG, b"there?")
    if idle < 1.0:
        await kit.until(lambda: session.facts == ["gone"])
        return
    socket.media(2)
    await kit.until(lambda: session.counts.frames_received == 2)
    assert session.facts == []


@pytest.mark.parametrize("how", ["close", "cut", "half"])
async def test_c09_a_socket_that_ends_without_stop_is_gone_once(locked, kit, opened, how):
    """By a close frame, by a reset, by an end of file."""
    socket = await opened(locked)
    socket.start()
    session = await _session(locked, kit)
    if how == "close":
        socket.frame(CLOSE, b"\x03\xe9")
    elif how == "cut":
        socket.cut()
    else:
        socket.writer.write_eof()
    await kit.until(lambda: locked.server.media.open_sockets == 0)
    session.line.send_media(b"x")
    session.line.send_mark("x")
    session.line.send_clear()
    session.line.close()
    assert session.facts == ["gone"]


async def test_a_line_closed_by_the_house_lets_the_carrier_go_on(locked, kit, opened):
    """1000; and a peer that does not answer is cut."""
    socket = await opened(locked)
    socket.start()
    session = await _session(locked, kit)
    session.line.send_media(b"last words")
    session.line.close()
    session.line.close()
    assert (await socket.read())[0] == TEXT
    assert await socket.close_code() == 1000
    await kit.until(lambda: session.facts == ["gone"])


async def test_a_session_that_breaks_its_promise_ends_its_own_call_only(locked, kit, opened):
    """1011 for this one; the other goes on."""
    locked.front.tokens["token-2"] = "CA" + "2" * 32
    good, bad = await opened(locked), await opened(locked)
    good.start(token="token-2", call="CA" + "2" * 32, stream="MZ" + "3" * 32)
    well = await _session(locked, kit)
    bad.start()
    await kit.until(lambda: len(locked.front.sessions) == 2)
    ill = locked.front.sessions[1]
    ill.media = None
    with capture_logs() as lines:
        bad.media(1)
        assert await bad.close_code() == 1011
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["stream-failed"]
    good.media(1, stream="MZ" + "3" * 32)
    await kit.until(lambda: well.counts.frames_received == 1)
