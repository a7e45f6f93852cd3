"""What a webhook is asked first, and what a caller hears when the house fails."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

VOICE = "/api/stella/call/voice"
BARE = b"POST /api/stella/call/voice HTTP/1.1\r\nHost: localhost:3001\r\n%bConnection: close\r\n\r\n"


async def test_a_bare_post_shows_the_twiml_in_development(unlocked, kit):
    """`curl -X POST http://localhost:3001/api/stella/call/voice`: no field, no content type."""
    for extra in (
        b"",
        b"Content-Length: 0\r\n",
        b"Origin: http://localhost:3001\r\n",
        b"User-Agent: curl/8\r\nAccept: */*\r\n",
    ):
        answer = await kit.raw(unlocked.port, BARE % extra)
        assert kit.status(answer) == 200
        assert b"<Stream" in answer
        assert b"ws://127.0.0.1:" in answer
    assert unlocked.front.asked[0][1].call_sid == ""


@pytest.mark.parametrize("host", [b"localhost", b"127.0.0.1:3001", b"[::1]:3001", b"LOCALHOST:1"])
async def test_development_answers_to_local_names(unlocked, kit, host):
    """Any port, any case."""
    request = BARE.replace(b"localhost:3001", host) % b""
    assert kit.status(await kit.raw(unlocked.port, request)) == 200


@pytest.mark.parametrize(
    "extra",
    [b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-Proto: https", b"Forwarded: for=1.2.3.4", b"Via: 1.1 x", b"X-Real-IP: 1.2.3.4",
     b"CF-Ray: 1", b"Ngrok-Trace-Id: 1", b"X-Original-Host: abc.ngrok.app", b"Origin: https://evil.example.com", b"Origin: null",
     b"Origin: http://localhost:3002"],
)  # fmt: skip
async def test_development_refuses_what_came_through_a_tunnel_or_from_another_page(unlocked, kit, extra):
    """A tunnel on the same machine also connects from loopback."""
    answer = await kit.raw(unlocked.port, BARE % (extra + b"\r\n"))
    assert kit.status(answer) == 403
    assert b"TWILIO_AUTH_TOKEN is not set" in answer
    _, status, _ = await kit.Socket.open(unlocked.port, [extra.decode()], host="localhost:3001")
    assert status == 403
    assert unlocked.front.asked == []


@pytest.mark.parametrize(
    "host", [b"abc.ngrok.app", b"192.168.1.7:3001", b"localhost.evil.com", b"127.0.0.1.nip.io", b"0.0.0.0"]
)
async def test_development_refuses_any_other_host(unlocked, kit, host):
    """A page elsewhere can rebind its name to this machine."""
    assert kit.status(await kit.raw(unlocked.port, BARE.replace(b"localhost:3001", host) % b"")) == 403


async def test_development_with_a_token_demands_signatures(open_doors, kit):
    """The token decides, not the mode."""
    doors = await open_doors(replace(kit.open, auth_tokens=(kit.token,), public_url=kit.public))
    assert kit.status(await kit.raw(doors.port, BARE % b"")) == 403
    path = VOICE
    answer = await kit.raw(doors.port, kit.post(path, kit.fields, signature=kit.sign(path, kit.fields)))
    assert kit.status(answer) == 200


async def test_checks_come_from_the_cheapest_to_the_dearest(locked, kit):
    """Method, content type, announced size, signature there, body, signature right."""
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    signed = b"X-Twilio-Signature: " + b"A" * 28 + b"\r\n"
    head = b"%b " + VOICE.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    ask = lambda *parts: kit.raw(locked.port, b"".join(parts) + b"\r\n", 1.0)  # noqa: E731 - a table follows
    huge, small = b"Content-Length: 70000\r\n", b"Content-Length: 0\r\n"
    assert kit.status(await ask(head % b"GET", b"Content-Type: text/plain\r\n")) == 405
    assert kit.status(await ask(head % b"POST", b"Content-Type: application/json\r\n", huge)) == 415
    assert kit.status(await ask(head % b"POST", b"Content-Type: multipart/form-data; boundary=x\r\n", huge)) == 415
    assert kit.status(await ask(head % b"POST", form, huge)) == 413
    assert kit.status(await ask(head % b"POST", form, b"Content-Length: 100\r\n")) == 403
    assert kit.status(await ask(head % b"POST", form, signed, small)) == 403
    assert locked.front.asked == []


async def _raise():
    raise RuntimeError("the database is on fire")


async def _hang():
    await asyncio.sleep(60)


@pytest.mark.parametrize("fault", [_raise, _hang])
@pytest.mark.parametrize("path", ["voice", "after", "gather"])
async def test_a_house_that_fails_or_hangs_still_speaks_to_the_caller(open_doors, kit, fault, path):
    """200 and valid TwiML, within the answer's deadline."""
    doors = await open_doors(replace(kit.locked, deadlines=replace(kit.locked.deadlines, answer=0.05)))
    doors.front.fault, target = fault, f"/api/stella/call/{path}"
    request = kit.post(target, kit.fields, signature=kit.sign(target, kit.fields))
    with capture_logs() as lines:
        answer = await kit.raw(doors.port, request)
    assert kit.status(answer) == 200
    assert ET.fromstring(answer.partition(b"\r\n\r\n")[2]).find("Say").text == "Sorry."
    assert any(line["log_level"] == "error" for line in lines)


@pytest.mark.parametrize(
    ("caller", "languages"), [("+436601234567", ["de-DE"]), ("+15551234567", ["en-GB"]), ("", ["de-DE", "en-GB"])]
)
async def test_even_without_a_fallback_there_are_words_in_the_callers_language(locked, kit, caller, languages):
    """The last words need nothing of the house."""
    locked.front.fault, locked.front.fallback_fault = _raise, RuntimeError("and so is this")
    for path in (VOICE, "/api/stella/call/fallback"):
        fields = (("CallSid", kit.call), ("AccountSid", kit.account), ("From", caller))
        with capture_logs():
            answer = await kit.raw(locked.port, kit.post(path, fields, signature=kit.sign(path, fields)))
        document = ET.fromstring(answer.partition(b"\r\n\r\n")[2])
        assert [say.get("language") for say in document.findall("Say")] == languages
        assert document[-1].tag == "Hangup"


@pytest.mark.parametrize("path", ["status", "stream-status"])
async def test_callbacks_are_204_even_when_the_house_fails(locked, kit, path):
    """The carrier does not try again, so an error would tell nobody anything."""
    locked.front.fault, target = _raise, f"/api/stella/call/{path}"
    with capture_logs():
        answer = await kit.raw(locked.port, kit.post(target, kit.fields, signature=kit.sign(target, kit.fields)))
    assert kit.status(answer) == 204


async def test_a_flood_of_refusals_is_not_a_flood_of_lines(locked, kit):
    """At most ten lines a second; the rest is counted in the next."""
    with capture_logs() as lines:
        request = kit.post(VOICE, kit.fields, close=False) * 199 + kit.post(VOICE, kit.fields)
        answer = await kit.raw(locked.port, request)
    assert answer.count(b"HTTP/1.1 403") == 200
    assert len([line for line in lines if line["event"] == "refused"]) <= 30
    assert locked.metrics.causes["no-signature"] == 200


async def test_an_unknown_path_names_the_nearest_known_one(locked, kit):
    """A mistyped webhook is the commonest fault of an afternoon."""
    answer = await kit.raw(locked.port, kit.post("/api/stella/call/voice/", kit.fields))
    assert kit.status(answer) == 404
    assert b"did you mean /api/stella/call/voice?" in answer
    stream = await kit.raw(locked.port, b"GET /api/stella/call/stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert kit.status(stream) == 426


async def test_answers_name_no_server_and_carry_the_safe_headers(locked, kit):
    """Nothing to sniff, frame or cache."""
    answer = (await kit.raw(locked.port, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).lower()
    assert b"\r\nserver:" not in answer
    for name in (
        b"x-content-type-options: nosniff",
        b"referrer-policy: no-referrer",
        b"x-frame-options: deny",
        b"no-store",
    ):
        assert name in answer


async def test_the_log_says_which_mistake_explains_a_wrong_signature(locked, kit):
    """The operator is told the mend; the stranger who asked is not."""
    with capture_logs() as lines:
        signature = kit.sign(VOICE, kit.fields, base="http://calls.example.com")
        answer = await kit.raw(locked.port, kit.post(VOICE, kit.fields, signature=signature))
        headers = [f"X-Twilio-Signature: {kit.sign('/api/stella/call/stream', base='wss://www.calls.example.com')}"]
        _, status, _ = await kit.Socket.open(locked.port, headers)
    assert (kit.status(answer), status) == (403, 403)
    told = [line["mend"] for line in lines if line["event"] == "refused"]
    assert "Twilio called http://" in told[0]
    assert "www.calls.example.com" in told[1]
    assert b"Twilio called" not in answer


@pytest.mark.parametrize("left", ["", "/stella"])
async def test_a_public_url_with_a_path_works_whether_the_proxy_leaves_it_or_not(open_doors, kit, left):
    """Webhooks, the socket and the gate alike."""
    doors = await open_doors(replace(kit.locked, public_url=kit.public + "/stella"))
    signature = kit.sign("/stella" + VOICE, kit.fields)
    answer = await kit.raw(doors.port, kit.post(left + VOICE, kit.fields, signature=signature))
    assert kit.status(answer) == 200
    assert b"wss://calls.example.com/stella/api/stella/call/stream" in answer
    path = "/stella/api/stella/call/stream"
    header = f"X-Twilio-Signature: {kit.sign(path, base='wss://calls.example.com')}"
    socket, status, _ = await kit.Socket.open(doors.port, [header], path=left + "/api/stella/call/stream")
    assert status == 101
    socket.cut()
    gated = f"GET {left}/api/stella/v1/calls HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert kit.status(await kit.raw(doors.port, gated.encode())) == 401
