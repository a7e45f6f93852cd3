"""The relay socket has the media socket's locks, caps and deadlines; what travels on it are words."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from stella.domain.errors import Refused

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PATH = "/api/stella/call/relay"
SESSION = "VX" + "5" * 32


@pytest.fixture
def opened(kit):
    """Opens signed relay sockets that are cut with the test."""
    sockets = []

    async def open_one(doors):
        header = f"X-Twilio-Signature: {kit.sign(PATH, base='wss://calls.example.com')}"
        socket, status, _ = await kit.Socket.open(doors.port, [header], path=PATH)
        assert status == 101
        sockets.append(socket)
        return socket

    yield open_one
    for socket in sockets:
        socket.cut()


def setup(socket, kit, token="token-1", **fields):
    """Twilio's first message."""
    socket.say(
        {"type": "setup", "sessionId": SESSION, "accountSid": kit.account, "callSid": kit.call, "from": "+1", "to": "+2",
         "direction": "inbound", "customParameters": {"token": token}, **fields}
    )  # fmt: skip


async def session_of(doors, kit):
    """The session, once it is there."""
    await kit.until(lambda: doors.front.sessions)
    return doors.front.sessions[-1]


async def test_a_session_travels_both_ways(locked, kit, opened):
    """Prompts, an interruption, a key and what was played in; words, a language and the end out."""
    socket = await opened(locked)
    setup(socket, kit)
    for message in (
        {"type": "prompt", "voicePrompt": "Hello", "lang": "en-GB", "last": False},
        {"type": "prompt", "voicePrompt": "Hello there", "lang": "en-GB", "last": True},
        {"type": "interrupt", "utteranceUntilInterrupt": "We are", "durationUntilInterruptMs": 460},
        {"type": "dtmf", "digit": "5"},
        {"type": "info", "name": "agentSpeaking", "value": "on"},
        {"type": "info", "name": "tokensPlayed", "value": "open"},
        {"type": "info", "name": "roundTripDelayMs", "value": "120"},
        {"type": "error", "description": "Invalid message received"},
    ):
        socket.say(message)
    session = await session_of(locked, kit)
    await kit.until(lambda: "complained" in session.facts)
    assert session.facts == [
        ("prompt", "Hello", False), ("prompt", "Hello there", True), ("interrupted", "We are"), ("dtmf", "5"),
        ("speaking", True, True), ("played", "open"), "complained",
    ]  # fmt: skip
    session.line.send_text("Grüß Gott. ", last=False, interruptible=True)
    session.line.send_language("de-AT")
    session.line.end("goodbye")
    session.line.send_text("too late", last=True, interruptible=True)
    sent = [json.loads((await socket.read())[1]) for _ in range(3)]
    assert sent == [
        {"type": "text", "token": "Grüß Gott. ", "last": False, "interruptible": True, "preemptible": True},
        {"type": "language", "ttsLanguage": "de-DE", "transcriptionLanguage": "de-DE"},
        {"type": "end", "handoffData": '{"after":"goodbye"}'},
    ]
    socket.frame(CLOSE, b"\x03\xe8")
    await kit.until(lambda: session.facts[-1] == "gone")
    assert session.counts.frames_received == 7
    assert session.counts.bytes_sent == len("Grüß Gott. ".encode())
    assert locked.server.media.open_sockets == 0


async def test_a_carrier_that_does_not_close_after_the_end_is_closed(locked, kit, opened):
    """`end` was sent and nothing happens: 1000, and the session is told."""
    socket = await opened(locked)
    setup(socket, kit)
    session = await session_of(locked, kit)
    session.line.end("goodbye")
    await socket.read()
    assert await socket.close_code() == 1000
    socket.cut()
    await kit.until(lambda: session.facts == ["gone"])


async def test_a_carrier_that_reads_nothing_is_given_up_and_the_call_goes_on(open_doors, kit, opened):
    """Words that wait for ever are no words: the session is told that its line is gone, and no word counts as sent."""
    doors = await open_doors(replace(kit.locked, caps=replace(kit.locked.caps, backlog_bytes=50_000)))
    socket = await opened(doors)
    socket.writer.transport.pause_reading()
    setup(socket, kit)
    session = await session_of(doors, kit)
    tries = 0
    while session.line.open and tries < 100_000:
        session.line.send_text("word " * 200, last=False, interruptible=True)
        tries += 1
    sent = session.counts.bytes_sent
    session.line.send_text("too late", last=True, interruptible=True)
    await kit.until(lambda: session.facts == ["gone"])
    assert session.counts.bytes_sent == sent
    assert doors.metrics.given_up["outbound-text"] == 1
    assert doors.server.media.open_sockets == 0


WRONG = {
    "no token": {"token": ""}, "guessed": {"token": "token-2"}, "other call": {"callSid": "CA" + "9" * 32},
    "no call": {"callSid": ""}, "no session": {"sessionId": ""}, "script": {"callSid": "<script>"},
    "foreign account": {"accountSid": "AC" + "b" * 32}, "no account": {"accountSid": ""},
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_a_setup_that_is_not_ours_opens_nothing(locked, kit, opened, name):
    """1008, no session, and what follows on that socket is not read."""
    socket = await opened(locked)
    setup(socket, kit, **WRONG[name])
    setup(socket, kit)
    assert await socket.close_code() == 1008
    assert locked.front.sessions == []


async def test_a_token_opens_one_session_only(locked, kit, opened):
    """The second setup with the same token is closed with 1008, and the first goes on."""
    first, second = await opened(locked), await opened(locked)
    setup(first, kit)
    session = await session_of(locked, kit)
    setup(second, kit)
    assert await second.close_code() == 1008
    first.say({"type": "dtmf", "digit": "1"})
    await kit.until(lambda: session.facts == [("dtmf", "1")])


async def test_the_door_of_the_other_kind_is_refused_in_words(locked, kit, opened):
    """The house says so before the token is spent."""

    def refuse(*_args):
        raise Refused("other-door", "the token was given out for the other kind of socket")

    locked.front.connect_relay = refuse
    socket = await opened(locked)
    setup(socket, kit)
    assert await socket.close_code() == 1008
    assert locked.metrics.causes["other-door"] == 1


async def test_only_the_signed_address_opens_with_or_without_a_slash(locked, kit):
    """The media stream's signature opens no relay; Twilio's page names the trailing slash."""
    for base, target, expected in (
        ("wss://calls.example.com", PATH, 101),
        ("wss://calls.example.com", PATH + "/", 101),
        ("wss://evil.example.com", PATH, 403),
        ("wss://calls.example.com", "/api/stella/call/stream", 403),
    ):
        header = f"X-Twilio-Signature: {kit.sign(target, base=base)}"
        socket, status, _ = await kit.Socket.open(locked.port, [header], path=PATH)
        assert status == expected, (base, target)
        if socket:
            socket.cut()
    assert (await kit.Socket.open(locked.port, [], path=PATH))[1] == 403


async def test_nothing_is_heard_before_setup_and_no_setup_comes_too_late(open_doors, kit, opened):
    """Words, keys and noise are no setup."""
    doors = await open_doors(replace(kit.locked, deadlines=replace(kit.locked.deadlines, start=0.1)))
    socket = await opened(doors)
    socket.say({"type": "prompt", "voicePrompt": "Hello", "last": True})
    socket.say({"type": "dtmf", "digit": "1"})
    assert await socket.close_code() == 1008
    assert doors.front.sessions == []
    assert doors.metrics.causes["no-start"] == 1


BAD = (b"", b"{", b"[]", b"null", b"[" * 20_000, b'{"type":7}', b'{"type":"prompt"}', b"\xff\xfe", b'{"type":"dtmf"}')


async def test_bad_messages_are_dropped_and_counted_and_too_many_close_the_session(locked, kit, opened):
    """Each exactly once, binary frames too; a hundred are no accident."""
    socket = await opened(locked)
    setup(socket, kit)
    session = await session_of(locked, kit)
    for bad in BAD:
        socket.frame(TEXT, bad)
    socket.frame(BINARY, b"\0" * 320)
    socket.say({"type": "dtmf", "digit": "1"})
    await kit.until(lambda: session.facts == [("dtmf", "1")])
    assert session.counts.frames_rejected == len(BAD) + 1
    for _ in range(100):
        socket.frame(TEXT, b"{")
    assert await socket.close_code() == 1008


async def test_a_second_setup_changes_nothing(locked, kit, opened):
    """It is counted."""
    socket = await opened(locked)
    setup(socket, kit)
    session = await session_of(locked, kit)
    locked.front.tokens["token-3"] = kit.call
    setup(socket, kit, "token-3")
    socket.say({"type": "dtmf", "digit": "1"})
    await kit.until(lambda: session.facts == [("dtmf", "1")])
    assert len(locked.front.sessions) == 1
    assert session.counts.frames_rejected == 1


async def test_an_oversized_message_is_refused_by_its_announced_length(locked, kit, opened):
    """1009, as on the media socket."""
    socket = await opened(locked)
    socket.frame(TEXT, b"{" * 1000, announced=1 << 20)
    assert await socket.close_code() == 1009


async def test_silence_is_not_the_end_of_a_session(open_doors, kit, opened):
    """Between two turns nothing travels: a socket that a media stream would have lost is kept."""
    quick = replace(kit.locked.deadlines, ask=0.05, pong=0.05, idle=0.1)
    doors = await open_doors(replace(kit.locked, deadlines=quick))
    socket = await opened(doors)
    setup(socket, kit)
    session = await session_of(doors, kit)
    stream, _, _ = await kit.Socket.open(doors.port, kit.signed_stream)
    doors.front.tokens["token-1"] = kit.call
    stream.start()
    assert await stream.close_code() == 1000
    stream.cut()
    socket.say({"type": "dtmf", "digit": "1"})
    await kit.until(lambda: session.facts == [("dtmf", "1")])


async def test_a_plain_request_is_told_what_this_is(locked, kit):
    """426, as for the media stream."""
    answer = await kit.raw(locked.port, f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert kit.status(answer) == 426
