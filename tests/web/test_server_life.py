"""The server's beginning and end: one port, a drain that lets calls finish, a second word that does not."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from dataclasses import replace

import pytest
import uvloop

from stella.web.inside import Inside
from stella.web.server import StellaServer, running, serving

READY = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def test_running_serves_on_an_ephemeral_port(kit):
    """What other rooms' tests use."""
    async with running(kit.open, kit.front(), kit.store()) as base:
        assert kit.status(await kit.raw(int(base.rpartition(":")[2]), READY)) == 200


async def test_a_taken_port_is_an_error_at_once(kit):
    """Before anything else has begun."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        StellaServer(Inside(kit.front(), kit.store()), replace(kit.open, port=taken.getsockname()[1]))


async def test_draining_lets_a_live_call_finish_and_then_ends(kit):
    """Not ready at once, the stream unharmed, the house told once, the end when the call is over."""
    told = []
    front = kit.front()
    server = StellaServer(
        Inside(front, kit.store(), drain=lambda: told.append(1), farewell=lambda: told.append(2)), kit.locked
    )
    task = asyncio.get_running_loop().create_task(server.serve(signals=False))
    await server.started()
    stream, _, _ = await kit.Socket.open(server.port, kit.signed_stream)
    stream.start()
    await kit.until(lambda: front.sessions)
    server.drain()
    server.drain()
    answer = await kit.raw(server.port, READY)
    assert (kit.status(answer), b"draining" in answer, told) == (503, True, [1])
    stream.media(1)
    await kit.until(lambda: front.sessions[0].counts.frames_received == 1)
    assert not task.done()
    stream.say({"event": "stop", "streamSid": kit.stream})
    assert await stream.close_code() == 1000
    stream.cut()
    await asyncio.wait_for(task, 3)
    assert front.sessions[0].facts == ["stopped", "gone"]
    assert told == [1]


async def test_a_drain_that_takes_too_long_closes_streams_normally(kit):
    """1000, so that the carrier goes on to `/after`."""
    front = kit.front()
    config = replace(kit.locked, deadlines=replace(kit.locked.deadlines, drain=0.1))
    server = StellaServer(Inside(front, kit.store()), config)
    task = asyncio.get_running_loop().create_task(server.serve(signals=False))
    await server.started()
    stream, _, _ = await kit.Socket.open(server.port, kit.signed_stream)
    stream.start()
    await kit.until(lambda: front.sessions)
    server.drain()
    assert await stream.close_code() == 1000
    await asyncio.wait_for(task, 3)
    assert front.sessions[0].facts == ["gone"]
    stream.cut()


def patient(kit, **deadlines):
    """The locked door with a short drain and these deadlines."""
    return replace(kit.locked, deadlines=replace(kit.locked.deadlines, drain=0.05, **deadlines))


async def streaming(kit, server, front):
    """The server's task, and the stream of one live call."""
    task = asyncio.get_running_loop().create_task(server.serve(signals=False))
    await server.started()
    stream, _, _ = await kit.Socket.open(server.port, kit.signed_stream)
    stream.start()
    await kit.until(lambda: front.sessions)
    front.live_calls = 1
    return task, stream


async def test_at_the_drain_deadline_callers_hear_a_goodbye_before_the_port_closes(kit):
    """F02: nobody is cut without a word; the stream ends by itself, and the carrier's `/after` finds an open door."""
    front, seen = kit.front(), []
    inside = Inside(front, kit.store(), farewell=lambda: seen.append(server.media.open_sockets))
    server = StellaServer(inside, patient(kit, goodbye=3.0))
    task, stream = await streaming(kit, server, front)
    server.drain()
    await kit.until(lambda: seen)
    stream.media(1)
    await kit.until(lambda: front.sessions[0].counts.frames_received == 1)
    front.sessions[0].line.close()
    assert await stream.close_code() == 1000
    stream.cut()
    path = kit.routes[2]
    answer = await kit.raw(server.port, kit.post(path, kit.fields, signature=kit.sign(path, kit.fields)))
    assert (kit.status(answer), b"Goodbye." in answer) == (200, True)
    assert not task.done()
    front.live_calls = 0
    await asyncio.wait_for(task, 1)
    assert seen == [1]


async def test_a_stream_that_outlives_the_goodbye_is_closed_and_may_still_ask(kit):
    """The close comes first, the carrier's request after it."""
    front = kit.front()
    server = StellaServer(Inside(front, kit.store()), patient(kit, goodbye=0.05, close=1.0))
    task, stream = await streaming(kit, server, front)
    server.drain()
    assert await stream.close_code() == 1000
    stream.cut()
    path = kit.routes[2]
    answer = await kit.raw(server.port, kit.post(path, kit.fields, signature=kit.sign(path, kit.fields)))
    assert (kit.status(answer), b"Goodbye." in answer) == (200, True)
    front.live_calls = 0
    await asyncio.wait_for(task, 3)
    assert front.sessions[0].facts == ["gone"]


async def test_a_second_word_does_not_wait_for_the_goodbye(kit):
    """Whoever says it twice means now."""
    front, asked = kit.front(), []
    inside = Inside(front, kit.store(), farewell=lambda: asked.append(1))
    server = StellaServer(inside, patient(kit, goodbye=60.0))
    task, stream = await streaming(kit, server, front)
    server.drain()
    await kit.until(lambda: asked)
    server.stop()
    await asyncio.wait_for(task, 3)
    stream.cut()


async def test_a_first_signal_drains_and_a_second_stops(kit):
    """As `docker stop` and an impatient Ctrl+C do."""
    front = kit.front()
    front.live_calls = 1
    server = StellaServer(Inside(front, kit.store()), kit.open)
    task = asyncio.get_running_loop().create_task(server.serve())
    await server.started()
    os.kill(os.getpid(), signal.SIGTERM)
    await kit.until(lambda: server.draining)
    assert not task.done()
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(task, 3)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_nothing_is_left_behind(kit):
    """No task and no socket after the end, whatever was open."""
    before = len(asyncio.all_tasks())
    front = kit.front()
    server = StellaServer(Inside(front, kit.store()), kit.locked)
    async with serving(server):
        idle = await asyncio.open_connection("127.0.0.1", server.port)
        stream, _, _ = await kit.Socket.open(server.port, kit.signed_stream)
        stream.start()
        await kit.until(lambda: front.sessions)
    assert front.sessions[0].facts == ["gone"]
    stream.cut()
    idle[1].transport.abort()
    await asyncio.sleep(0.02)
    assert len(asyncio.all_tasks()) == before
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", server.port)


def test_everything_stands_on_uvloop_too(kit):
    """The loop of production: a webhook, a stream both ways, a huge frame, a drain."""

    async def whole():
        front = kit.front()
        server = StellaServer(Inside(front, kit.store()), kit.locked)
        async with serving(server):
            path = kit.routes[0]
            answer = await kit.raw(server.port, kit.post(path, kit.fields, signature=kit.sign(path, kit.fields)))
            stream, _, _ = await kit.Socket.open(server.port, kit.signed_stream)
            stream.start()
            for chunk in range(1, 201):
                stream.media(chunk)
            await kit.until(lambda: front.sessions and front.sessions[0].counts.frames_received == 200)
            for _ in range(50):
                front.sessions[0].line.send_media(b"\x7f" * 3200)
            read = [(await stream.read())[0] for _ in range(50)]
            stream.frame(1, b"{", announced=1 << 30)
            code = await stream.close_code()
            stream.cut()
            return kit.status(answer), read, code

    status, read, code = uvloop.run(whole())
    assert (status, read, code) == (200, [1] * 50, 1009)
