"""Requests as Twilio sends them, and what Twilio makes of bad answers."""

import contextlib
import re
import socket

import pytest
from aiohttp import web

from stella.phone import Account, Habits, Speak, Telephony, Wire
from stella.phone.reach import Reach
from stella.wire.signature import Signatures

TOKEN = "0123456789abcdef0123456789abcdef"
VOICE = "/api/stella/call/voice"


def codes(report):
    """Twilio's error codes in order."""
    return [fault.code for fault in report.faults]


async def test_voice_request_has_every_field_and_header_of_a_real_one(stella, phone):
    """Blank fields count in the signature, so they must be there."""
    stella.documents[VOICE] = "<Hangup/>"
    report = await phone(account=Account(TOKEN, "AC" + "1" * 32, "+436601234567", "+4312345678")).ring([])
    method, path, fields, headers = stella.requests[0]
    assert (method, path) == ("POST", VOICE)
    assert re.fullmatch("CA[0-9a-f]{32}", fields["CallSid"])
    assert fields["CallSid"] == report.call_sid
    expected = {
        "AccountSid": "AC" + "1" * 32,
        "ApiVersion": "2010-04-01",
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": "+436601234567",
        "Caller": "+436601234567",
        "To": "+4312345678",
        "Called": "+4312345678",
        "FromCountry": "AT",
        "FromCity": "",
        "CalledZip": "",
    }
    assert expected.items() <= fields.items()
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["user-agent"] == "TwilioProxy/1.1"
    assert lower["content-type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert lower["accept"] == "*/*"
    assert lower["accept-encoding"] == "gzip"
    assert len(lower["x-twilio-signature"]) == 28
    assert "cookie" not in lower


async def test_every_request_of_a_call_is_signed_rightly(stella, phone):
    """The official validator is the judge, over the public URL."""
    stella.documents[VOICE] = f'<Redirect method="GET">{VOICE}2?a=1&amp;b=%20x</Redirect>'
    stella.documents[f"{VOICE}2"] = "<Hangup/>"
    await phone(public_url="https://stella.example").ring([], extra={"CallerName": "Jörg +%", "Unknown": ""})
    doors = Signatures([TOKEN], "https://stella.example")
    first, second, third = stella.requests
    assert doors.check_form(first[1], first[2].items(), first[3]["x-twilio-signature"]).ok
    assert second[0] == "GET"
    assert second[2]["CallStatus"] == "in-progress"
    assert third[2]["CallStatus"] == "completed"
    assert doors.check_form(third[1], third[2].items(), third[3]["x-twilio-signature"]).ok


async def test_without_a_token_no_signature_is_sent(stella, phone):
    """A development server on loopback takes that; an empty header would be a lie."""
    stella.documents[VOICE] = "<Hangup/>"
    await phone(account=Account()).ring([])
    assert "x-twilio-signature" not in {name.lower() for name in stella.requests[0][3]}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (web.Response(status=500), 11200),
        (web.Response(status=403), 11200),
        (web.Response(text="<Response><Say>a & b</Say></Response>", content_type="text/xml"), 12100),
        (web.Response(text=" <?xml version='1.0'?><Response/>", content_type="text/xml"), 12100),
        (web.Response(text="<html></html>", content_type="text/html"), 12100),
        (web.Response(text="{}", content_type="application/json"), 12300),
        (web.Response(text="<Response>" + " " * 70_000 + "</Response>", content_type="text/xml"), 11200),
    ],
)
async def test_a_bad_answer_is_twilios_error_and_the_fallback_is_asked(stella, phone, answer, code):
    """The fallback gets ErrorCode and ErrorUrl, and may go on with the call."""
    stella.documents[VOICE] = lambda _: answer
    stella.documents["/api/stella/call/fallback"] = "<Say>Sorry.</Say>"
    report = await phone(habits=Habits(fallback_url=f"{stella.base}/api/stella/call/fallback")).ring([])
    assert codes(report) == [code]
    assert not report.ok
    asked = stella.posted("/api/stella/call/fallback")[0]
    assert asked["ErrorCode"] == str(code)
    assert asked["ErrorUrl"] == f"{stella.base}{VOICE}"
    assert [spurt.text for spurt in report.heard] == ["Sorry."]


async def test_without_a_fallback_the_caller_hears_the_stock_sentence(stella, phone):
    """What a person on the telephone would report."""
    stella.documents[VOICE] = lambda _: web.Response(status=502)
    report = await phone().ring([])
    assert "application error" in report.heard[0].text
    assert (report.ended_by, report.status) == ("error", "completed")


async def test_plain_text_is_read_aloud(stella, phone):
    """An error page in text/plain is spoken to the caller, as Twilio does."""
    stella.documents[VOICE] = lambda _: web.Response(text="out of order")
    report = await phone().ring([])
    assert [spurt.text for spurt in report.heard] == ["out of order"]


async def test_redirects_turn_post_into_get_and_end_after_ten(stella, phone):
    """301 and 302 lose the body; the eleventh is 11215."""
    stella.documents[VOICE] = lambda _: web.Response(status=302, headers={"location": "/loop"})
    stella.documents["/loop"] = lambda _: web.Response(status=302, headers={"location": "/loop"})
    report = await phone().ring([])
    assert codes(report) == [11215]
    assert stella.requests[1][0] == "GET"
    assert len([request for request in stella.requests if request[1] == "/loop"]) == 10


async def test_a_refused_connection_is_tried_twice_and_is_11205(phone):
    """The default override: one retry, on connect failures only."""
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    report = await Telephony(f"http://127.0.0.1:{port}", Account(TOKEN), pace=0).ring([])
    assert codes(report)[0] == 11205
    assert report.exchanges[0].attempts == 2


async def test_a_slow_answer_is_given_up(stella, phone):
    """Twilio's ceiling is 15 s; the test's is shorter."""
    stella.documents[VOICE] = "<Hangup/>"
    stella.document_delay_s = 0.3
    report = await phone(habits=Habits(http_limit_s=0.05)).ring([])
    assert codes(report)[0] == 11200


async def test_cookies_stay_with_the_call(stella, phone):
    """Twilio keeps cookies per call and sends them back."""

    def voice(_):
        response = web.Response(text="<Response><Redirect>/two</Redirect></Response>", content_type="text/xml")
        response.set_cookie("seen", "yes")
        return response

    stella.documents[VOICE] = voice
    stella.documents["/two"] = "<Hangup/>"
    telephone = phone()
    await telephone.ring([])
    await telephone.ring([])
    cookies = [{k.lower(): v for k, v in headers.items()}.get("cookie") for _, path, _, headers in stella.requests]
    assert cookies[0] is None
    assert cookies[1] == "seen=yes"
    assert cookies[3] is None


async def test_a_wire_may_spoil_a_request(stella, phone):
    """Attack tests forge what the telephone has signed."""

    class Forger(Wire):
        def request(self, headers, fields):
            fields["CallSid"] = "CA" + "0" * 32

    stella.documents[VOICE] = "<Hangup/>"
    await phone(wire=Forger()).ring([])
    _, path, fields, headers = stella.requests[0]
    assert not Signatures([TOKEN], stella.base).check_form(path, fields.items(), headers["x-twilio-signature"]).ok


async def test_status_callback_counts_seconds_and_minutes(stella, phone):
    """`CallDuration` is seconds, `Duration` minutes begun."""
    stella.documents[VOICE] = '<Pause length="61"/>'
    await phone(timeout_s=600).ring([])
    status = stella.posted("/api/stella/call/status")[0]
    assert (status["CallStatus"], status["CallDuration"], status["Duration"]) == ("completed", "61", "2")
    assert status["CallbackSource"] == "call-progress-events"
    assert status["Timestamp"].endswith("+0000")


async def test_a_script_without_a_voice_is_refused_at_once(stella):
    """Better than a call in which nobody speaks."""
    with pytest.raises(ValueError, match="no voice"):
        await Telephony(stella.base, Account(), pace=0).ring([Speak("hello")])


@pytest.mark.parametrize(
    ("url", "public", "given", "dialled", "signed"),
    [
        ("http://localhost:3001", "", "ws://localhost:3001/s", "ws://localhost:3001/s", "ws://localhost:3001/s"),
        ("http://localhost:3001", "", "wss://localhost:3001/s", "ws://localhost:3001/s", "ws://localhost:3001/s"),
        ("http://127.0.0.1:9", "https://a.example", "wss://a.example/s", "ws://127.0.0.1:9/s", "wss://a.example/s"),
        ("https://a.example", "", "wss://a.example/s", "wss://a.example/s", "wss://a.example/s"),
        (
            "https://a.example",
            "",
            "https://u:p@a.example:443/x?b=1#f",
            "https://a.example/x?b=1",
            "https://a.example/x?b=1",
        ),
        ("http://127.0.0.1:9", "", "https://other.example/x", "https://other.example/x", "https://other.example/x"),
    ],
)
def test_dialled_and_signed_addresses(url, public, given, dialled, signed):
    """Tunnel, proxy and loopback: the server's name is signed, the reachable place is dialled."""
    reach = Reach(url, public)
    assert (reach.dial(given), reach.sign(given)) == (dialled, signed)
