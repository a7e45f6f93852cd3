"""The gate, the operator API behind it, health and metrics."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from stella.domain.call import CallRecord, CallStatus
from stella.domain.transcript import Turn
from stella.web.metrics import PrometheusMetrics
from stella.web.server import running

OPERATOR = (
    "/metrics", "/docs", "/openapi.json", "/api/stella/v1/calls", "/api/stella/v1/calls/CA1",
    "/api/stella/v1/calls/CA1/recording.wav", "/api/stella/v1/calls/CA1/events",
    "/api/stella/v1/nothing",
)  # fmt: skip
BEARER = "Authorization: Bearer operator-token-0123456789"


def _get(path, *headers, host="localhost"):
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]).encode() + b"\r\n\r\n"


def _json(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("path", OPERATOR)
async def test_without_a_token_the_operator_surface_is_not_there_beyond_this_machine(unlocked, kit, path):
    """404, as for any unknown path; a tunnel from loopback is beyond this machine too."""
    for extra in (("X-Forwarded-For: 1.2.3.4",), ("Via: 1.1 tunnel",), ("Host2: x", "CF-Ray: 1")):
        assert kit.status(await kit.raw(unlocked.port, _get(path, *extra))) == 404
    answer = await kit.raw(unlocked.port, _get(path, host="abc.ngrok.app"))
    assert (kit.status(answer), b"operator" in answer.lower()) == (404, False)


async def test_without_a_token_this_machine_may_look(unlocked, kit):
    """In development, directly."""
    assert kit.status(await kit.raw(unlocked.port, _get("/api/stella/v1/calls"))) == 200


@pytest.mark.parametrize("path", OPERATOR)
async def test_with_a_token_everybody_must_show_it(locked, kit, path):
    """Loopback as well; only as one Bearer header, never in the query."""
    wrong = (
        (), ("Authorization: Bearer wrong",), ("Authorization: Bearer",), ("Authorization: Basic b3BlcmF0b3I=",), (BEARER + "x",),
        (BEARER, BEARER), ("X-Operator-Token: operator-token-0123456789",), ("Authorization: operator-token-0123456789",),
    )  # fmt: skip
    for headers in wrong:
        assert kit.status(await kit.raw(locked.port, _get(path, *headers))) == 401
    in_query = f"{path}?token=operator-token-0123456789&access_token=operator-token-0123456789"
    assert kit.status(await kit.raw(locked.port, _get(in_query))) == 401
    assert kit.status(await kit.raw(locked.port, _get(path, BEARER))) in {200, 404}


@pytest.mark.parametrize(
    "path",
    ["/API/stella/v1/calls", "//api/stella/v1/calls", "/api/stella/v1/../v1/calls", "/api/stella/%76%31/calls",
     "/api/stella/v1%2fcalls",
     "/metrics/", "/docs%00", "/./metrics"],
)  # fmt: skip
async def test_no_spelling_of_a_path_walks_around_the_gate(locked, kit, path):
    """Whatever it is decoded to, it is the gated path or none."""
    locked.store.save(CallRecord("CA1", from_="+43660"))
    answer = await kit.raw(locked.port, _get(path))
    assert kit.status(answer) in {401, 404}
    assert b"+43660" not in answer


async def test_calls_are_listed_newest_first_without_turns(locked, kit):
    """With `limit` and `before` to go on."""
    for minute in range(5):
        locked.store.save(
            CallRecord(
                f"CA{minute}", created_at=f"2026-11-23T10:0{minute}:00.000Z", turns=[Turn(1, "agent", "Hi", 0, 1)]
            )
        )
    listed = _json(await kit.raw(locked.port, _get("/api/stella/v1/calls?limit=2", BEARER)))["calls"]
    assert [call["call_sid"] for call in listed] == ["CA4", "CA3"]
    assert "turns" not in listed[0]
    rest = _json(await kit.raw(locked.port, _get(f"/api/stella/v1/calls?before={listed[-1]['created_at']}", BEARER)))[
        "calls"
    ]
    assert [call["call_sid"] for call in rest] == ["CA2", "CA1", "CA0"]


async def test_one_call_has_every_field_of_the_contract(locked, kit):
    """PRODUCT §6: the names are fixed."""
    locked.store.save(
        CallRecord("CA1", from_="+43660", turns=[Turn(1, "agent", "Grüß Gott", 0.1, 1.2, heard_text="Grüß")])
    )
    record = _json(await kit.raw(locked.port, _get("/api/stella/v1/calls/CA1", BEARER)))
    assert set(record) == {
        "call_sid", "stream_sids", "account_sid", "direction", "from", "to", "status", "voice_path", "agent", "language",
        "created_at", "answered_at", "ended_at", "duration_s", "ended_by", "error", "disclosure", "consent", "turns",
        "dtmf", "tools", "latency", "media", "cost", "recording",
    }  # fmt: skip
    assert (record["from"], record["status"], record["turns"][0]["heard_text"]) == ("+43660", "ringing", "Grüß")


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [("/api/stella/v1/calls/CA9", 404, "no such call"),
     ("/api/stella/v1/calls/CA1/recording.wav", 404, "no sound of this call was kept"),
     ("/api/stella/v1/calls?limit=0", 400, "limit"), ("/api/stella/v1/calls?limit=many", 400, "limit"),
     ("/api/stella/v1/calls/..%2f..%2fetc", 404, ""), ("/api/stella/v1/calls/%00", 400, "call_sid"),
     ("/api/stella/v1/nope", 404, "")],
)  # fmt: skip
async def test_errors_say_what_is_wrong(locked, kit, path, status, word):
    """As problem details."""
    locked.store.save(CallRecord("CA1"))
    answer = await kit.raw(locked.port, _get(path, BEARER))
    assert kit.status(answer) == status
    assert b"application/problem+json" in answer
    assert word in _json(answer)["detail"]


async def test_events_follow_a_call_until_it_ends(locked, kit):
    """The record now, after a change, and the end."""
    record = CallRecord("CA1", status=CallStatus.IN_PROGRESS)
    locked.store.save(record)
    reader, writer = await asyncio.open_connection("127.0.0.1", locked.port)
    writer.write(_get("/api/stella/v1/calls/CA1/events", BEARER))
    assert b"text/event-stream" in await reader.readuntil(b"\r\n\r\n")
    assert b'"status":"in-progress"' in await asyncio.wait_for(reader.readuntil(b"\n\n"), 2)
    record.status = CallStatus.COMPLETED
    rest = await asyncio.wait_for(reader.read(-1), 3)
    assert b'"status":"completed"' in rest
    assert b"event: end" in rest
    writer.close()


async def test_event_readers_are_bounded_and_let_go(open_doors, kit):
    """The one too many is told so; a reader that left makes room; the server ends in spite of readers."""
    doors = await open_doors(replace(kit.locked, caps=replace(kit.locked.caps, event_readers=1)))
    doors.store.save(CallRecord("CA1", status=CallStatus.IN_PROGRESS))
    request = _get("/api/stella/v1/calls/CA1/events", BEARER)
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.port)
    writer.write(request)
    await reader.readuntil(b"event: record")
    assert kit.status(await kit.raw(doors.port, request)) == 429
    writer.transport.abort()
    async with asyncio.timeout(3):
        while kit.status(await kit.raw(doors.port, request, 0.2)) == 429:
            await asyncio.sleep(0.02)


async def test_openapi_describes_the_operator_api(locked, kit):
    """At the fixed address, behind the gate."""
    paths = _json(await kit.raw(locked.port, _get("/openapi.json", BEARER)))["paths"]
    one = "/api/stella/v1/calls/{call_sid}"
    root = "/api/stella/v1"
    assert set(paths) == {f"{root}/calls", f"{root}/refusals", one, f"{one}/recording.wav", f"{one}/events"}
    answer = await kit.raw(locked.port, _get("/docs", BEARER))
    assert (kit.status(answer), b"x-content-type-options: nosniff" in answer) == (200, True)


async def test_health_is_what_it_was(locked, kit):
    """`{"status":"ok","timestamp":…}`; live; ready."""
    found = _json(await kit.raw(locked.port, _get("/health")))
    assert (set(found), found["status"], found["timestamp"][-1]) == ({"status", "timestamp"}, "ok", "Z")
    assert kit.status(await kit.raw(locked.port, _get("/healthz"))) == 200
    assert kit.status(await kit.raw(locked.port, _get("/readyz"))) == 200
    locked.front.accepting = False
    assert kit.status(await kit.raw(locked.port, _get("/readyz"))) == 503
    assert kit.status(await kit.raw(locked.port, _get("/healthz"))) == 200


async def test_metrics_count_what_happens(kit):
    """Refusals by cause, webhooks, the loop's lag; never a label that a stranger chose."""
    async with running(kit.locked, kit.front(), kit.store(), metrics=PrometheusMetrics()) as base:
        port = int(base.rpartition(":")[2])
        path = kit.routes[0]
        await kit.raw(port, kit.post(path, kit.fields))
        await kit.raw(port, kit.post(path, kit.fields, signature=kit.sign(path, kit.fields)))
        await asyncio.sleep(0.05)
        text = (await kit.raw(port, _get("/metrics", BEARER))).decode()
    assert 'stella_refused_total{cause="no-signature"} 1.0' in text
    assert 'stella_webhook_seconds_count{route="voice"} 1.0' in text
    assert "stella_calls_live 0.0" in text
    assert "stella_event_loop_lag_seconds_count" in text


def test_metrics_labels_stay_few():
    """Should a cause ever come from outside, it cannot fill the memory."""
    metrics = PrometheusMetrics()
    for number in range(1000):
        metrics.refused(f"cause-{number}")
    assert metrics.exposition().count(b"stella_refused_total{") <= 201
