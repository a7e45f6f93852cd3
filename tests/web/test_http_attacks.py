"""Rows B01 to B10 of the fault catalogue: what strangers do to an HTTP port, over real sockets."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import psutil
import pytest
from structlog.testing import capture_logs

VOICE = "/api/stella/call/voice"
HEAD = b"POST /api/stella/call/voice HTTP/1.1\r\nHost: x\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
SIGNED = b"X-Twilio-Signature: " + b"A" * 28 + b"\r\n"


@pytest.fixture
async def hasty(open_doors, kit):
    """Doors with the same deadlines, a hundred times shorter."""
    deadlines = replace(kit.locked.deadlines, headers=0.1, body=0.1, write=0.2, start=0.1, keep_alive=1)
    return await open_doors(replace(kit.locked, deadlines=deadlines))


async def _healthy(doors, kit):
    return (
        kit.status(await kit.raw(doors.port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")) == 200
    )


async def _drip(port, start, drop, seconds=1.0):
    """Send `start`, then a byte now and then: the seconds until the server hung up, and what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop = asyncio.get_running_loop()
    began = loop.time()
    writer.write(start)
    answer = b""
    try:
        while loop.time() - began < seconds:
            try:
                piece = await asyncio.wait_for(reader.read(4096), 0.02)
                if not piece:
                    break
                answer += piece
            except TimeoutError:
                writer.write(drop)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    return loop.time() - began, answer


async def test_b01_slow_headers_are_cut_off_at_an_absolute_deadline(hasty, kit):
    """A byte now and then buys no time; fifty at once do not shut out the healthy."""
    slow = [_drip(hasty.port, b"GET /health HTTP/1.1\r\nHost: x\r\n", b"X-a: b\r\n") for _ in range(50)]
    with capture_logs() as lines:
        *results, healthy = await asyncio.gather(*slow, _healthy(hasty, kit))
    assert healthy
    assert all(kit.status(answer) == 408 for _, answer in results)
    assert all(seconds < 0.9 for seconds, _ in results)
    assert len(lines) <= 10


async def test_b01_a_silent_connection_is_closed(hasty, kit):
    """Not even a byte: closed without a word."""
    seconds, answer = await _drip(hasty.port, b"", b"")
    assert (answer, seconds < 0.9) == (b"", True)


async def test_b02_slow_bodies_are_cut_off_at_an_absolute_deadline(hasty, kit):
    """With a signature, so that the body is waited for."""
    with capture_logs() as lines:
        start = HEAD + FORM + SIGNED + b"Content-Length: 1000\r\n\r\n"
        seconds, answer = await _drip(hasty.port, start, b"a")
    assert (kit.status(answer), seconds < 0.9) == (408, True)
    assert not [line for line in lines if line["log_level"] in {"error", "critical"}]


async def test_b02_a_reader_that_never_reads_is_cut_off(hasty, kit):
    """Answers pile up to the high-water mark, and not beyond; then the peer has its deadline."""
    _, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
    writer.transport.pause_reading()
    async with asyncio.timeout(10):
        while not hasty.metrics.causes["slow-reader"]:
            if not writer.transport.is_closing() and writer.transport.get_write_buffer_size() < 1 << 20:
                writer.write(b"GET /api/stella/call/token HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
            await asyncio.sleep(0.01)
    assert await _healthy(hasty, kit)
    writer.transport.abort()


async def test_b03_huge_bodies_are_refused_before_they_are_read(locked, kit):
    """By announcement, by the missing signature, or at the cap; memory does not grow."""
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    for head, expected in (
        (HEAD + FORM + SIGNED + b"Content-Length: 10000000000\r\n\r\n", 413),
        (HEAD + FORM + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20, 403),
        (HEAD + FORM + SIGNED + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20, 413),
        (HEAD + FORM + b"Content-Length: 65000\r\n\r\n" + b"a" * 65000, 403),
    ):
        answers = await asyncio.gather(*(kit.raw(locked.port, head, 0.3) for _ in range(20)))
        assert {kit.status(answer) for answer in answers} == {expected}
    assert process.memory_info().rss - before < 16_000_000
    assert locked.front.asked == []


async def test_b03_endless_chunks_after_a_refusal_end_the_connection(locked, kit):
    """The refusal does not keep the line open for the rest."""
    _, writer = await asyncio.open_connection("127.0.0.1", locked.port)
    writer.write(HEAD + FORM + b"Transfer-Encoding: chunked\r\n\r\n")
    with pytest.raises(ConnectionError):  # noqa: PT012 - one of these writes meets the closed door
        for _ in range(2000):
            writer.write(b"1000\r\n" + b"a" * 4096 + b"\r\n")
            await writer.drain()
    writer.transport.abort()


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: multipart/form-data; boundary=" + b"x" * 5000 + b"\r\nContent-Length: 500\r\n",
        b"Content-Type: multipart/form-data\r\nContent-Length: 500\r\n",
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Type: text/plain\r\nContent-Length: 500\r\n",
        b"Content-Type: text/xml\r\nContent-Length: 500\r\n",
    ],
)
async def test_b04_multipart_and_other_bodies_are_415_unread(locked, kit, head):
    """There is no multipart parser behind a telephony route."""
    assert kit.status(await kit.raw(locked.port, HEAD + SIGNED + head + b"\r\n" + b"--x\r\n" * 100, 0.2)) == 415


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"0x10", b"1 1", b"", b"99999999999999999999999", b"+5", b"1,1"])
async def test_b04_junk_lengths_are_refused(locked, kit, length):
    """A negative Content-Length once read everything there was."""
    assert kit.status(
        await kit.raw(locked.port, HEAD + FORM + SIGNED + b"Content-Length: " + length + b"\r\n\r\nabc", 0.3)
    ) in {400, 413}


SMUGGLED = [
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
    HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"X: a\r\n folded: b\r\n\r\n",
    HEAD + b"Bad Header: x\r\n\r\n",
    HEAD + b"X: \x00\r\n\r\n",
    b"POST  /api/stella/call/voice HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /api/stella/call/voice\r\n\r\n",
    b"POST /api/stella/call/voice HTTP/9.9\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET //evil.com/%2e%2e HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/stella/call/..%2fvoice HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\n\r\n\r\nXXXX\r\n",
]


@pytest.mark.parametrize("request_bytes", SMUGGLED, ids=range(len(SMUGGLED)))
async def test_b07_malformed_and_smuggled_requests_are_4xx_and_the_server_lives(locked, kit, request_bytes):
    """One answer of the 400s, the connection closed, no traceback."""
    with capture_logs() as lines:
        answer = await kit.raw(locked.port, request_bytes, 0.2)
    assert 400 <= kit.status(answer) < 500
    assert answer.count(b"HTTP/1.1 ") == 1
    assert not [line for line in lines if line["log_level"] == "error"]
    assert await _healthy(locked, kit)


HANDSHAKES = {
    "no key": (400, ["Sec-WebSocket-Key"], []),
    "short key": (400, ["Sec-WebSocket-Key"], ["Sec-WebSocket-Key: YQ=="]),
    "two keys": (400, [], ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]),
    "version 12": (426, ["Sec-WebSocket-Version"], ["Sec-WebSocket-Version: 12"]),
    "no version": (426, ["Sec-WebSocket-Version"], []),
    "2000 headers": (431, [], [f"X-{n}: {n}" for n in range(2000)]),
    "one huge header": (431, [], ["X: " + "a" * 100_000]),
    "a body": (400, [], ["Content-Length: 5"]),
    "two bodies": (400, [], ["Content-Length: 5", "Transfer-Encoding: chunked"]),
}


@pytest.mark.parametrize("name", HANDSHAKES)
async def test_b07_handshake_junk_is_refused(locked, kit, name):
    """Before any 101."""
    status, without, extra = HANDSHAKES[name]
    lines = ["GET /api/stella/call/stream HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket",
             "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *kit.signed_stream]  # fmt: skip
    kept = [line for line in lines if line.partition(":")[0] not in without]
    answer = await kit.raw(locked.port, "\r\n".join([*kept, *extra]).encode() + b"\r\n\r\n", 0.3)
    assert kit.status(answer) == status
    assert await _healthy(locked, kit)


async def test_b07_non_ascii_subprotocols_and_odd_connection_headers_do_no_harm(locked, kit):
    """A proxy may write `keep-alive, Upgrade`; a subprotocol is never negotiated."""
    extra = [
        *kit.signed_stream,
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Protocol: \u00e4\u00f6",
        "Origin: null",
    ]
    socket, status, answer = await kit.Socket.open(locked.port, extra)
    assert status == 101
    assert "protocol" not in answer.lower().replace("switching protocols", "")
    socket.cut()


async def test_b07_only_a_get_becomes_a_socket_and_other_upgrades_are_passed_over(locked, kit):
    """POST with the right headers is 400; a client that would rather speak HTTP/2 is answered in HTTP/1.1."""
    lines = ["POST /api/stella/call/stream HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket",
             "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *kit.signed_stream]  # fmt: skip
    assert kit.status(await kit.raw(locked.port, "\r\n".join(lines).encode() + b"\r\n\r\n", 0.3)) == 400
    h2c = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
    assert kit.status(await kit.raw(locked.port, h2c, 0.2)) == 200


async def test_b08_many_cookies_trailers_and_tiny_chunks_cost_little(locked, kit):
    """Caps on headers, on trailers, and no quadratic buffer."""
    cookies = HEAD + b"Cookie: a=b\r\n" * 100_000 + b"\r\n"
    assert kit.status(await kit.raw(locked.port, cookies, 0.5)) == 431
    trailers = (
        HEAD
        + FORM
        + SIGNED
        + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
        + b"X-Twilio-Signature: a\r\n" * 10_000
        + b"\r\n"
    )
    assert kit.status(await kit.raw(locked.port, trailers, 0.5)) in {403, 431}
    tiny = (
        HEAD
        + FORM
        + SIGNED
        + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"1\r\na\r\n" * 20_000
        + b"0\r\n\r\n"
    )
    assert kit.status(await kit.raw(locked.port, tiny, 0.5)) == 403
    assert kit.status(await kit.raw(locked.port, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 0.5)) in {
        414,
        431,
    }


async def test_b09_a_recording_has_no_ranges_to_abuse(locked, kit):
    """Ten thousand ranges are one 404 while nothing is kept."""
    ranges = b"Range: bytes=" + b",".join(b"%d-%d" % (n, n + 1) for n in range(2_000)) + b"\r\n"
    request = b"GET /api/stella/v1/calls/CA1/recording.wav HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    bearer = b"Authorization: Bearer operator-token-0123456789\r\n"
    assert kit.status(await kit.raw(locked.port, request + bearer + ranges + b"\r\n", 0.5)) == 404


@pytest.mark.parametrize(
    "body",
    [b"[" * 4000, b'{"type":"chat","consent":' + b"1" * 4000, b'{"type":"chat","consent":NaN}', b'"\\ud800"',
     b'{"type":"chat","type":"x","consent":true}', b"", b"null", b"\xff\xfe", b'{"type":"chat","consent":"true"}',
     b'{"type":"fax","consent":true}'],
)  # fmt: skip
async def test_b10_json_junk_is_a_400_with_a_clear_error(locked, kit, body):
    """On the one route that reads JSON."""
    head = b"POST /api/stella/consent HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    answer = await kit.raw(locked.port, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert kit.status(answer) == 400
    assert b'"detail"' in answer


async def test_b21_too_many_fields_are_refused_unparsed(locked, kit):
    """A thousand distinct names are plenty."""
    body = "&".join(f"k{n}=" for n in range(5_000)).encode()
    assert kit.status(await kit.raw(locked.port, kit.post(VOICE, body=body, signature="A" * 28))) == 400


async def test_connections_of_one_address_are_bounded(open_doors, kit):
    """The rest is told to come again."""
    doors = await open_doors(replace(kit.locked, caps=replace(kit.locked.caps, connections_per_address=5)))
    held = [await asyncio.open_connection("127.0.0.1", doors.port) for _ in range(5)]
    await asyncio.sleep(0.02)
    assert kit.status(await kit.raw(doors.port, b"", 0.2)) == 503
    for _, writer in held:
        writer.transport.abort()
    await asyncio.sleep(0.02)
    assert await _healthy(doors, kit)
