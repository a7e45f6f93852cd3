"""Row A01's figure: ten thousand forged, mutated and replayed requests on every telephony route, none accepted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace

from structlog.testing import capture_logs

EACH = 10_000 // 6 + 1


def _forgeries(kit, route, seed):
    """Requests that no carrier signed: guessed, borrowed from another route or token, mutated in one place."""
    dice = random.Random(seed)
    good = kit.sign(route, kit.fields)
    others = [kit.sign(other, kit.fields) for other in kit.routes if other != route]
    stolen = kit.sign(route, kit.fields, token="f" * 31 + "0")
    for _ in range(EACH):
        fields, signature, target = list(kit.fields), good, route
        match dice.randrange(8):
            case 0:
                signature = "".join(dice.choices("ABCDabcd0123+/", k=27)) + "="
            case 1:
                signature = dice.choice(others)
            case 2:
                signature = stolen
            case 3:
                at = dice.randrange(27)
                signature = good[:at] + dice.choice("ABCDEFGH".replace(good[at], "")) + good[at + 1 :]
            case 4:
                at = dice.randrange(len(fields))
                fields[at] = (fields[at][0], fields[at][1] + dice.choice("0 \u00e4x"))
            case 5:
                del fields[dice.randrange(len(fields))]
            case 6:
                fields.append((f"X{dice.randrange(99)}", "1"))
            case _:
                target = f"{route}?turn={dice.randrange(9)}"
        yield kit.post(
            target, [pair for pair in fields if pair[1] or pair[0] == "FromCity"], signature=signature, close=False
        )


async def _send_all(port, requests):
    """Over one connection, twenty at a time: how often each status came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    statuses = Counter()
    batch = list(requests)
    for begin in range(0, len(batch), 20):
        some = batch[begin : begin + 20]
        writer.write(b"".join(some))
        for _ in some:
            head = await reader.readuntil(b"\r\n\r\n")
            statuses[int(head.split(b" ", 2)[1])] += 1
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
    writer.close()
    return statuses


async def test_a01_ten_thousand_forgeries_and_not_one_comes_in(locked, kit):
    """No 2xx, no 5xx, nothing reaches the house, and the log does not drown."""
    with capture_logs() as lines:
        for index, route in enumerate(kit.routes):
            assert await _send_all(locked.port, _forgeries(kit, route, index)) == {403: EACH}
    assert locked.front.asked == []
    assert len(lines) < 1000
    assert sum(locked.metrics.causes.values()) == 6 * EACH


async def test_a13_a_thousand_forged_handshakes_and_not_one_101(open_doors, kit):
    """And the sockets of the strangers are not even pending."""
    doors = await open_doors(replace(kit.locked, caps=replace(kit.locked.caps, pending_per_address=1)))
    dice = random.Random(13)

    async def knock():
        for _ in range(50):
            header = "X-Twilio-Signature: " + "".join(dice.choices("ABCDabcd0123+/", k=27)) + "="
            assert (await kit.Socket.open(doors.port, [header]))[1] == 403

    with capture_logs():
        await asyncio.gather(*(knock() for _ in range(20)))
    assert doors.server.media.open_sockets == 0


async def test_a09_thousands_of_unpaid_starts_cost_nothing(locked, kit):
    """Signed sockets without a good token: every one closed with 1008, the house has opened no session."""

    async def try_in(number):
        socket, status, _ = await kit.Socket.open(locked.port, kit.signed_stream)
        assert status == 101
        socket.start(token=f"guess-{number}")
        assert await socket.close_code() == 1008
        socket.cut()

    with capture_logs():
        for begin in range(0, 500, 20):
            await asyncio.gather(*(try_in(number) for number in range(begin, begin + 20)))
    assert locked.front.sessions == []
    assert list(locked.front.tokens) == ["token-1"]
    await kit.until(lambda: locked.server.media.open_sockets == 0)
