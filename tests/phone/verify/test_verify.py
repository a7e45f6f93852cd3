"""Every way in which a deployment is known to fail is found, named and told apart; a sound one is left in peace."""

from __future__ import annotations

import gzip
import socket
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from tests.phone.verify.conftest import HASTY

from stella.phone.reach import Reach
from stella.phone.verify import CHECKS, FINDINGS
from stella.phone.verify_locks import spellings

VOICE = "/api/stella/call/voice"
STATUS = "/api/stella/call/status"


def always(**answer):
    """An endpoint that gives this answer to everybody."""

    async def serve(request):
        return web.Response(**answer)

    return serve


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_sound_deployment_is_left_in_peace(deploy, check):
    """A check that cries wolf is switched off, and then nobody sees the wolf."""
    house = await deploy()
    found = await check(house)
    assert found.codes == []
    assert [line.check for line in found.lines if line.code != "stream-port"] == list(CHECKS)
    assert house.sockets == 2  # one handshake tried, one call
    # One call is left behind, and it has ended: open records would be litter.
    assert len({fields["CallSid"] for _, fields in house.seen}) == 1
    assert [fields["CallStatus"] for path, fields in house.seen if path == STATUS] == ["completed"]
    # Reports are pasted into tickets.
    assert "0123456789abcdef0123456789abcdef" not in repr(found.lines)


async def test_a_webhook_that_leads_to_no_call_is_ended_all_the_same(deploy, check):
    """The record that the webhook began must not stay open for ever."""
    house = await deploy(document="<Response><Say>Busy.</Say></Response>")
    assert (await check(house)).failed == ["no-stream"]
    assert [fields["CallStatus"] for path, fields in house.seen if path == STATUS] == ["completed"]


class TestRelay:
    """An agent whose carrier hears and speaks by itself is called over its own kind of socket."""

    async def test_a_sound_one_is_left_in_peace(self, deploy, check):
        """Handshake, first words, hang-up, status: the same checks."""
        house = await deploy(relay='language="en-GB"')
        found = await check(house)
        assert found.codes == []
        assert "<Connect>" in found.seen("answer")
        assert [fields["CallStatus"] for path, fields in house.seen if path == STATUS] == ["completed"]

    async def test_a_parameter_twilio_does_not_take(self, deploy, check):
        """Found in the answer, before any caller finds it."""
        assert (await check(await deploy(relay='speechTimeout="50"'))).failed == ["relay-parameter"]

    async def test_words_that_never_come_and_words_that_are_none(self, deploy, check):
        """Silence is silence, whatever travels; what is no message of the protocol is named."""
        assert (await check(await deploy(relay='language="en-GB"', talk="silent"), hasty=True)).failed == [
            "stream-silent"
        ]
        found = await check(await deploy(relay='language="en-GB"', talk="wrong"), hasty=True)
        assert "stream-messages" in found.codes


class TestNetwork:
    """Before a byte of HTTP."""

    async def test_a_name_that_does_not_exist(self, check):
        """The commonest of all: a typing error."""
        assert (await check("https://nobody.invalid")).failed == ["name-unknown"]

    async def test_a_name_of_the_inner_network(self, check):
        """It works from the desk of whoever set it up, and for no caller."""
        assert (await check("https://inside.example")).failed == ["address-private"]

    async def test_a_port_on_which_nobody_listens(self, check):
        """The server is down or listens elsewhere."""
        assert (await check(f"https://stella.example:{closed_port()}")).failed == ["tcp-refused"]

    async def test_after_a_failure_the_rest_is_skipped_by_name(self, check):
        """Twelve failures of one cause would hide it."""
        found = await check("https://nobody.invalid")
        assert [line.check for line in found.lines] == list(CHECKS)
        assert {line.result for line in found.lines[1:]} == {"skipped"}

    @pytest.mark.parametrize(
        ("certificate", "code"),
        [
            ("self", "tls-self-signed"),
            ("expired", "tls-expired"),
            ("other", "tls-wrong-host"),
            ("incomplete", "tls-incomplete-chain"),
        ],
    )
    async def test_each_fault_of_a_certificate_has_its_name(self, deploy, check, certificate, code):
        """Twilio refuses all of them, but the mends have nothing in common."""
        assert (await check(await deploy(certificate))).failed == [code]

    async def test_an_authority_that_nobody_knows(self, deploy, check):
        """A company's own authority is trusted by its own machines only."""
        house = await deploy()
        house.trust = None
        assert (await check(house)).failed[0] in {"tls-unknown-authority", "tls-incomplete-chain"}

    async def test_a_certificate_that_soon_expires_is_told_before_it_does(self, deploy, check):
        """That is the time to mend the renewal."""
        found = await check(await deploy("soon"))
        assert found.codes == ["tls-expires-soon"]
        assert found.failed == []

    async def test_plain_http_where_tls_is_expected(self, deploy, check):
        """Https on the port of http."""
        house = await deploy(None)
        found = await check(house, url=house.base.replace("http", "https"))
        assert found.failed == ["tls-plain"]

    async def test_plain_http_on_a_public_address(self, deploy, check):
        """It even answers, but Twilio opens no stream without TLS."""
        found = await check(await deploy(None))
        assert found.codes == ["plain-http", "stream-scheme"]


class TestRoute:
    """What answers the path."""

    async def test_a_path_that_does_not_exist_with_the_closest_that_does(self, deploy, check):
        """The original page's first trouble."""
        house = await deploy()
        found = await check(house, url=f"{house.base}/api/call/voice")
        assert found.failed == ["route-missing"]
        assert f"{house.base}{VOICE}" in found.seen("route")

    async def test_a_trailing_slash(self, deploy, check):
        """One sign too many is another path."""
        house = await deploy()
        found = await check(house, url=f"{house.base}{VOICE}/")
        assert found.failed == ["route-missing"]
        assert found.seen("route").endswith(VOICE)

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (500, "server-error"),
            (502, "gateway"),
            (503, "gateway"),
            (401, "login-wall"),
            (405, "method-refused"),
            (429, "rate-limited"),
            (400, "request-refused"),
        ],
    )
    async def test_statuses_are_told_apart(self, deploy, check, status, code):
        """A proxy without a server, a login, a limit: each has another mend."""
        found = await check(await deploy(overrides={VOICE: always(status=status)}))
        assert found.failed == [code]

    @pytest.mark.parametrize(("status", "code"), [(301, "redirected"), (302, "redirected"), (307, "redirected-307")])
    async def test_a_redirect_and_where_it_leads(self, deploy, check, status, code):
        """A 302 makes Twilio's POST a GET; the mend is the final address."""
        house = await deploy()

        async def move(request):
            return web.Response(status=status, headers={"location": VOICE}) if request.path == "/old/voice" else None

        house.before = move
        found = await check(house, url=f"{house.base}/old/voice")
        assert code in found.codes
        line = next(line for line in found.lines if line.code == code)
        assert f"{house.base}{VOICE}" in line.mend

    async def test_a_circle_of_redirects(self, deploy, check):
        """Two parties that each want the other spelling."""
        house = await deploy(overrides={VOICE: always(status=302, headers={"location": VOICE + "/"})})
        house.overrides[VOICE + "/"] = always(status=302, headers={"location": VOICE})
        assert (await check(house)).failed == ["redirect-loop"]

    async def test_a_redirect_to_a_login_page(self, deploy, check):
        """Preview deployments are locked like this."""
        house = await deploy(overrides={VOICE: always(status=302, headers={"location": "/sso-login?next=x"})})
        assert (await check(house)).failed == ["login-wall"]

    async def test_a_server_that_hangs(self, raw, check):
        """The connection is there, the answer never comes."""
        assert (await check(f"http://stella.example:{await raw(None)}", hasty=True)).failed == ["answer-never"]

    async def test_a_server_that_hangs_up(self, raw, check):
        """It took the connection and fell over."""
        assert (await check(f"http://stella.example:{await raw(b'')}")).failed == ["connection-cut"]

    async def test_a_tunnel_without_its_other_end(self, raw, check):
        """Ngrok answers for the laptop that was closed."""
        answer = b"HTTP/1.1 404 Not Found\r\nngrok-error-code: ERR_NGROK_3200\r\ncontent-length: 0\r\n\r\n"
        assert (await check(f"http://stella.example:{await raw(answer)}")).failed == ["tunnel-gone"]


class TestLocks:
    """Who is let in."""

    async def test_a_door_without_a_lock(self, deploy, check):
        """The scaffold that STELLA replaced had none."""
        found = await check(await deploy(locked=False))
        assert found.failed == ["unsigned-accepted", "stream-unsigned-accepted"]

    async def test_another_token(self, deploy, check):
        """Staging has other secrets: that must not look like a wrong address."""
        found = await check(await deploy(), auth_token="f" * 31 + "e")
        assert found.failed == ["signature-refused"]
        assert "other spellings" in found.seen("genuine signature")

    async def test_without_a_token_only_the_refusals_are_checked(self, deploy, check):
        """Anybody may verify that a door is locked."""
        found = await check(await deploy(), auth_token="")
        assert found.codes == ["no-token"]
        assert found.failed == []

    @pytest.mark.parametrize("change", ["http", "no port", "www"])
    async def test_the_address_the_server_signs_for_is_named(self, deploy, check, change):
        """The mend is to make the two addresses the same, so both are shown."""
        house = await deploy()
        parts = urlsplit(house.base)
        house.public = {
            "http": f"http://{parts.netloc}",
            "no port": f"https://{parts.hostname}",
            "www": f"https://www.{parts.netloc}",
        }[change]
        house.stream_url = house.base.replace("http", "ws") + "/api/stella/call/stream"
        found = await check(house)
        assert found.failed[0] == "signed-for-other"
        assert house.public in found.seen("genuine signature")

    async def test_a_proxy_that_takes_the_header_away(self, deploy, check):
        """STELLA says so itself, and that is believed."""

        async def naked(request):
            return web.Response(status=403, text="no-signature: requests must be signed")

        assert (await check(await deploy(overrides={VOICE: naked}))).failed == ["signature-header-lost"]

    async def test_a_firewall_that_knows_only_browsers(self, deploy, check):
        """403 is the right answer to a forgery and the wrong one to Twilio."""
        page = always(status=403, text="<!DOCTYPE html><title>Checking your browser</title>", content_type="text/html")
        assert (await check(await deploy(overrides={VOICE: page}))).failed == ["blocked"]

    async def test_the_server_of_another_account(self, deploy, check):
        """The signature is right and the account is not."""

        async def foreign(request):
            signed = request.headers.get("x-twilio-signature", "")
            return web.Response(status=403, text="foreign-account: …" if signed else "no-signature: …")

        assert (await check(await deploy(overrides={VOICE: foreign}))).failed == ["foreign-account"]

    def test_the_spellings_that_are_tried_are_few_and_different(self):
        """Each costs a request, and the server's own limits count them."""
        url = "https://stella.example/app/api/stella/call/voice"
        tried = list(spellings(url, "https://other.example"))
        assert len(tried) == len(set(tried)) <= 40
        assert url not in tried
        assert tried[0] == "https://other.example/app/api/stella/call/voice"
        assert "https://stella.example/api/stella/call/voice" in tried
        assert "http://stella.example/app/api/stella/call/voice" in tried
        assert url + "/" in tried


class TestAnswer:
    """What Twilio could not carry out."""

    @pytest.mark.parametrize(
        ("body", "media", "code"),
        [
            ('{"message": "ok"}', "application/json", "content-type-wrong"),
            ("It works!", "text/plain", "content-type-plain"),
            ("<!doctype html><html><body>Oops</body></html>", "text/html", "html-page"),
            ('\n<?xml version="1.0"?><Response/>', "text/xml", "twiml-blank-first"),
            ("\ufeff<Response/>", "text/xml", "twiml-blank-first"),
            ("<Response><Say>a & b</Say></Response>", "text/xml", "twiml-malformed"),
            ("<Answer/>", "text/xml", "twiml-root"),
            ("<Response/>", "text/xml", "twiml-empty"),
            ("<Response><Reject/></Response>", "text/xml", "call-rejected"),
            ("<Response><Say>Sorry.</Say><Hangup/></Response>", "text/xml", "no-stream"),
        ],
    )
    async def test_each_unusable_answer_has_its_name(self, deploy, check, body, media, code):
        """Twilio's debugger says 12100 to most of them."""
        found = await check(await deploy(document=body, media=media))
        assert found.failed == [code]

    async def test_a_204_for_a_call(self, deploy, check):
        """Right for a callback, the end of a call."""

        async def nothing(request):
            return web.Response(status=204 if request.headers.get("x-twilio-signature") else 403)

        found = await check(await deploy(overrides={VOICE: nothing}))
        assert "twiml-none" in found.failed

    async def test_the_gather_path_is_a_choice_and_no_failure(self, deploy, check):
        """An agent that only speaks German does so without a stream on the embedded engine."""
        found = await check(await deploy(document="<Response><Gather><Say>Ja?</Say></Gather></Response>"))
        assert found.codes == ["gather-only"]
        assert found.failed == []

    async def test_gzip_is_what_twilio_asks_for(self, deploy, check):
        """A proxy may pack the answer, as long as it is in this one way."""
        house = await deploy()

        async def pack(request):
            if request.path != VOICE or not request.headers.get("x-twilio-signature"):
                return None
            answer = await Plain(house).serve(request)
            if answer.status == 200:
                answer.headers["content-encoding"] = "gzip"
                answer.body = gzip.compress(answer.body)
            return answer

        house.before = pack
        assert (await check(house)).codes == []

    async def test_another_way_of_packing_is_unreadable(self, deploy, check):
        """Brotli for everybody breaks Twilio."""
        house = await deploy()

        async def pack(request):
            if request.path != VOICE or not request.headers.get("x-twilio-signature"):
                return None
            answer = await Plain(house).serve(request)
            answer.headers["content-encoding"] = "br" if answer.status == 200 else "identity"
            return answer

        house.before = pack
        assert (await check(house)).failed == ["encoding-unreadable"]

    @pytest.mark.parametrize(("delay", "code"), [(0.25, "answer-sluggish"), (0.9, "answer-slow")])
    async def test_slow_answers_are_told_by_what_they_cost(self, deploy, check, delay, code):
        """Ringing for seconds is a nuisance, no second try within 15 s a danger."""
        found = await check(await deploy(delay_s=delay, document="<Response><Gather/></Response>"), hasty=True)
        assert found.codes == ["gather-only", code]

    async def test_an_answer_after_the_limit(self, deploy, check):
        """Twilio has long since hung up."""
        assert (await check(await deploy(delay_s=3.0), hasty=True)).failed == ["answer-never"]


class Plain:
    """A deployment's own answer, without what was put before it."""

    def __init__(self, house):
        self._house = house

    async def serve(self, request):
        before, self._house.before = self._house.before, None
        try:
            return await self._house.serve(request)
        finally:
            self._house.before = before


def without_upgrade(head: bytes) -> bytes:
    """What nginx does unless it is told otherwise."""
    lines = head.split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith((b"upgrade:", b"connection:"))]
    return kept[0] + b"\r\nconnection: close\r\n" + b"\r\n".join(kept[1:])


class TestStream:
    """The way the sound takes."""

    async def test_a_proxy_that_drops_the_upgrade(self, deploy, proxy, check):
        """The webhook works, the call is silent: hours are lost on this."""
        house = await deploy(None)
        house.base = await proxy(house, without_upgrade)
        found = await check(house)
        assert found.failed == ["upgrade-lost"]
        assert "426" in found.seen("stream handshake")

    async def test_a_proxy_that_rewrites_the_host(self, deploy, proxy, check):
        """A server that believes in Host hands Twilio an address of the inner network."""
        house = await deploy(None)
        house.base = await proxy(house, lambda head: head.replace(b"Host: stella.example", b"Host: backend.internal"))
        house.stream_url = "wss://backend.internal:3001/api/stella/call/stream"
        assert (await check(house)).failed == ["stream-internal-host"]

    async def test_a_stream_on_this_very_machine(self, deploy, check):
        """STELLA_PUBLIC_URL was forgotten."""
        house = await deploy(stream_url="wss://localhost:3001/api/stella/call/stream")
        assert (await check(house)).failed == ["stream-internal-host"]

    async def test_a_stream_on_a_closed_port(self, deploy, check):
        """Two ports were opened in the firewall's form, one in the firewall."""
        house = await deploy(stream_url=f"wss://stella.example:{closed_port()}/api/stella/call/stream")
        assert (await check(house)).failed == ["tcp-refused"]

    async def test_a_stream_without_tls(self, deploy, check):
        """Twilio's 31922."""
        house = await deploy(stream_url="ws://stella.example/api/stella/call/stream")
        assert (await check(house)).failed == ["stream-scheme"]

    async def test_what_twilio_drops_and_what_it_needs(self, deploy, check):
        """A query never arrives, and without a token the socket is bound to nothing."""
        house = await deploy()
        url = house.base.replace("http", "ws") + "/api/stella/call/stream?x=1"
        house.document = f'<Response><Connect><Stream url="{url}"/></Connect></Response>'
        found = await check(house)
        assert found.codes == ["stream-query", "stream-no-token"]

    @pytest.mark.parametrize(
        ("status", "code"),
        [(404, "upgrade-missing"), (502, "upgrade-gateway"), (403, "upgrade-refused"), (400, "upgrade-lost")],
    )
    async def test_refused_handshakes_are_told_apart(self, deploy, check, status, code):
        """Twilio says 31920 to all of them."""
        house = await deploy(overrides={"/api/stella/call/stream": always(status=status)})
        assert (await check(house)).failed == [code]

    async def test_a_101_that_is_none(self, deploy, raw, check):
        """Something in between answered for the server."""
        port = await raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
        house = await deploy(None, locked=False)
        local = f"http://127.0.0.1:{house.port}"
        house.stream_url = f"ws://127.0.0.1:{port}/api/stella/call/stream"
        assert (await check(local, tls=None)).failed == ["upgrade-broken"]

    @pytest.mark.parametrize(
        ("talk", "code"),
        [
            ("closes", "stream-closed-at-start"),
            ("silent", "stream-silent"),
            ("inaudible", "stream-silent"),
        ],
    )
    async def test_a_stream_without_a_voice(self, deploy, check, talk, code):
        """No audio on the call: the original page's third trouble, with its cause."""
        assert (await check(await deploy(talk=talk), hasty=True)).failed == [code]

    async def test_a_voice_that_is_late(self, deploy, check):
        """Callers say "hello?" first."""
        deadlines = replace(HASTY, silence_s=8.0)
        assert (await check(await deploy(talk="late"), deadlines=deadlines)).codes[-1] == "first-audio-late"

    async def test_messages_that_twilio_does_not_know(self, deploy, check):
        """It ignores them, and so the caller hears nothing: both are said."""
        found = await check(await deploy(talk="extra fields"), hasty=True)
        assert found.codes[-2:] == ["stream-silent", "stream-messages"]

    async def test_a_status_callback_that_fails(self, deploy, check):
        """Nobody hears it, and every record stays open."""
        assert (await check(await deploy(status=500))).failed == ["status-refused"]

    async def test_a_status_callback_that_is_answered_with_a_page(self, deploy, check):
        """Twilio writes a warning for each call."""
        assert (await check(await deploy(status=200))).codes == ["status-answer"]


async def test_a_deployment_behind_a_path_is_called_behind_it(deploy, proxy, check):
    """One host for the website and for STELLA; the proxy takes the prefix away."""
    house = await deploy(None)

    def shorten(head: bytes) -> bytes:
        shorter = head.replace(b" /stella/api/", b" /api/", 1)
        upgrading = b"upgrade: websocket" in head.lower()
        return shorter if upgrading else shorter.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)

    house.base = await proxy(house, shorten)
    house.public = f"{house.base}/stella"
    found = await check(house, url=house.public)
    assert found.codes == []
    assert [path for path, _ in house.seen][-1] == STATUS


async def test_a_development_server_of_this_machine_may_take_unsigned_requests(deploy, check):
    """`stella verify http://localhost:3001` must be green on the first day."""
    house = await deploy(None, locked=False)
    url = f"http://localhost:{house.port}"
    house.base = url
    found = await check(url, auth_token="")
    assert found.codes == []
    assert "development" in found.seen("forged signature")


async def test_a_local_address_of_a_public_server_is_no_failure(deploy, check):
    """On the server itself one verifies localhost, and signatures are for the public address."""
    house = await deploy(None, public="https://stella.example")
    found = await check(f"http://localhost:{house.port}", public_url="https://stella.example")
    assert found.failed == []
    assert found.codes == ["signed-for-public"]


async def test_a_check_without_end_ends(deploy, check):
    """A pipeline waits for it."""
    from stella.phone.verify import Deadlines

    house = await deploy(delay_s=0.3)
    found = await check(house, deadlines=Deadlines(whole_s=0.35))
    assert found.failed == ["out-of-time"]


async def test_a_password_in_the_address_is_sent_and_neither_signed_nor_shown(deploy, check):
    """Twilio takes https://user:password@host in a number's settings."""
    house = await deploy()

    async def ask(request):
        if request.path.endswith("/stream") or request.headers.get("authorization") == "Basic c3RlbGxhOm9wZW4gc2VzYW1l":
            return None
        return web.Response(status=401)

    house.before = ask
    assert (await check(house)).failed == ["login-wall"]
    found = await check(house, url=house.base.replace("://", "://stella:open%20sesame@"))
    assert found.codes == []
    assert "sesame" not in repr(found.lines)


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("http://localhost:3001/api/x", "https://calls.example.com/stella/api/x"),
        ("wss://calls.example.com/stella/api/x", "wss://calls.example.com/stella/api/x"),
        ("https://elsewhere.example.com/api/x", "https://elsewhere.example.com/api/x"),
    ],
)
def test_a_path_in_the_public_address_is_signed_once(url, signed):
    """Dialled directly the server has no prefix, and signs it all the same."""
    assert Reach("http://localhost:3001", "https://calls.example.com/stella").sign(url) == signed


def test_every_finding_says_what_to_do():
    """A check that only says no is half a check."""
    for code, known in FINDINGS.items():
        assert known.code == code
        assert all((known.means, known.cause, known.mend)), code
        assert known.result in {"warn", "fail"}
