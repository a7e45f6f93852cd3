"""The HTTP door: rows A01 to A07 and A14 to A20 of the fault catalogue, as far as they are the door's."""

from __future__ import annotations

import ast
import itertools
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import stella
from stella.domain.errors import ConfigError
from stella.web.locks import Locks

ODD = (
    ("From", "Ünïcödé 𝄞 日本"), ("CallerName", ""), ("Tag", "a"), ("Tag", "b"), ("Tag", "a"), ("Plus", "1+1 = 2"),
    ("Percent", "%41%zz"), ("NewField2030", "\u00e4 \t~'!()*"), ("bodySHA256", "no hash of ours"), ("Empty", ""),
)  # fmt: skip


@pytest.fixture(params=range(6), ids=("voice", "status", "after", "fallback", "gather", "stream-status"))
def route(request, kit):
    """Every telephony route."""
    return kit.routes[request.param]


async def test_a_signed_call_is_answered_with_a_stream(locked, kit):
    """The first promise of the whole server."""
    path = kit.routes[0]
    answer = await kit.raw(locked.port, kit.post(path, kit.fields, signature=kit.sign(path, kit.fields)))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert kit.status(answer) == 200
    assert b"text/xml" in head.lower()
    assert ET.fromstring(body).find("Connect/Stream").get("url") == "wss://calls.example.com/api/stella/call/stream"
    kind, request = locked.front.asked[0]
    assert (kind, request.call_sid, request.from_) == ("incoming", kit.call, "+436601234567")


async def test_a01_unsigned_or_wrongly_signed_posts_reach_nothing(locked, kit, route):
    """403 with words, no state, and a log line with the cause but without the body or a secret."""
    with capture_logs() as lines:
        for signature in (
            None,
            "",
            "x",
            "A" * 27 + "=",
            kit.sign(route, kit.fields, token="another-token-0123456789"),
            "ä" * 28,
        ):
            answer = await kit.raw(
                locked.port, kit.post(route, kit.fields, signature=signature).replace("ä".encode(), b"\xe4")
            )
            assert kit.status(answer) == 403
            assert kit.token.encode() not in answer
    assert locked.front.asked == []
    refused = [line for line in lines if line["event"] == "refused"]
    assert {line["cause"] for line in refused} >= {"no-signature", "unreadable-signature", "wrong-signature"}
    assert "+43660" not in str(lines)
    assert kit.token not in str(lines)


async def test_a01_a_refusal_says_what_to_do(locked, kit):
    """`curl` against a production server shows the mend."""
    answer = await kit.raw(
        locked.port, b"POST /api/stella/call/voice HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 0.2
    )
    assert kit.status(answer) == 403
    assert b"must be signed by Twilio" in answer


async def test_a02_genuine_odd_requests_are_accepted(locked, kit, route):
    """Unicode, repeats, blanks, plus signs, fields nobody knows, a query: whatever the official library signs comes in."""
    for target in (route, route + "?turn=2&a=%20b+c&empty=", route + "?"):
        fields = kit.fields + ODD
        answer = await kit.raw(locked.port, kit.post(target, fields, signature=kit.sign(target, fields)))
        assert kit.status(answer) in {200, 204}
    assert len(locked.front.asked) == 3


async def test_a02_one_changed_byte_anywhere_is_refused(locked, kit, route):
    """A changed, added, removed or doubled field, a changed path or query."""
    fields, target = kit.fields, route + "?turn=2"
    good = kit.sign(target, fields)
    changed = [
        (target, (*fields, ("Extra", "1"))), (target, fields[1:]), (target, (("CallSid", kit.call[:-1] + "2"), *fields[1:])),
        (route, fields), (route + "?turn=3", fields), (route + "?turn=2&", fields), (target, (*fields[:-1], ("FromCity", " "))),
        (target, (*fields, ("To", "+431"))),
    ]  # fmt: skip
    for path, sent in changed:
        assert kit.status(await kit.raw(locked.port, kit.post(path, sent, signature=good))) == 403
    assert kit.status(await kit.raw(locked.port, kit.post(target, fields[::-1], signature=good))) in {200, 204}
    assert len(locked.front.asked) == 1


@pytest.mark.parametrize("tokens", [(), ("",), (" ",), ("good-token-0123456789", "")])
def test_a03_without_a_token_production_does_not_open(kit, tokens):
    """There is no switch that skips the check."""
    with pytest.raises(ValueError, match="TWILIO_AUTH_TOKEN"):
        replace(kit.locked, auth_tokens=tokens)


@pytest.mark.parametrize("token", ["changeme", "short", "your_auth_token"])
def test_a03_a_token_that_cannot_be_real_does_not_open(kit, token):
    """A placeholder is as good as none."""
    with pytest.raises(ConfigError):
        Locks(replace(kit.locked, auth_tokens=(token,)), kit.public)


def test_a03_development_with_a_public_address_needs_a_token(kit):
    """A tunnel is the whole world."""
    with pytest.raises(ValueError, match="STELLA_PUBLIC_URL"):
        replace(kit.open, public_url="https://abc.ngrok.app")


async def test_a04_port_and_host_spellings_equal_the_official_validator(open_doors, kit):
    """With or without the default port; a GET's signature and another scheme are not accepted."""
    doors = await open_doors(kit.locked)
    path = kit.routes[0]
    bases = {kit.public: 200, kit.public + ":443": 200, kit.public + ":8443": 403, "http://calls.example.com": 403,
             "https://CALLS.example.com": 403, "https://evil.example.com": 403}  # fmt: skip
    for base, expected in bases.items():
        answer = await kit.raw(doors.port, kit.post(path, kit.fields, signature=kit.sign(path, kit.fields, base=base)))
        assert kit.status(answer) == expected, base
    assert kit.status(await kit.raw(doors.port, kit.post(path, kit.fields, signature=kit.sign(path)))) == 403


FORWARDING = (
    "X-Forwarded-Host: evil.example.com", "X-Forwarded-Proto: http", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Port: 80",
    "Forwarded: for=127.0.0.1;host=evil.example.com;proto=http", "X-Original-URL: /health", "X-Rewrite-URL: /health",
    "X-Real-IP: 127.0.0.1", "Via: 1.1 evil", "CF-Connecting-IP: 127.0.0.1", "X-HTTP-Method-Override: GET",
)  # fmt: skip


async def test_a05_spoofed_forwarding_headers_change_nothing(locked, kit, route):
    """Neither do they open a door nor do they close one: the public URL is configured."""
    good, bad = kit.sign(route, kit.fields), kit.sign(route, kit.fields, base="http://evil.example.com")
    for extra in (*((line,) for line in FORWARDING), FORWARDING, (FORWARDING[0], FORWARDING[0])):
        assert kit.status(await kit.raw(locked.port, kit.post(route, kit.fields, signature=bad, headers=extra))) == 403
        answer = await kit.raw(locked.port, kit.post(route, kit.fields, signature=good, headers=extra))
        assert kit.status(answer) in {200, 204}
        assert b"evil" not in answer


HOSTS = (
    b"", b" ", b"a.com/x?", b"a.com/", b"user@a.com", b"a.com:port", b"a.com:80:80", b"a.com:999999", b"a b.com", b"[::1",
    b"::1", b"a.com#x", b"a.com\\x", b"\xff.com", b"a.com,b.com", b"'; drop", b"<x>", b"a..com?", b"[zz]", b"a" * 300,
    b"http://a.com", b"a.com%00", b"-a.com", b"a.com\tx", b":80", b"*", b"a.com;b", b"$HOST", b"{{x}}", b'a"b',
)  # fmt: skip


async def test_a06_host_junk_is_refused_on_every_route(locked, kit, route):
    """400 before any route is looked at."""
    for host in HOSTS:
        request = kit.post(route, kit.fields, signature=kit.sign(route, kit.fields), host="HOST").replace(b"HOST", host)
        assert kit.status(await kit.raw(locked.port, request)) == 400, host
    assert locked.front.asked == []


async def test_a06_two_hosts_none_and_foreign_ones_reach_no_protected_route(locked, kit):
    """Authority hangs on the route: a Host can neither rebuild a path nor poison a link."""
    two = b"GET /api/stella/v1/calls HTTP/1.1\r\nHost: a.com\r\nHost: b.com\r\n\r\n"
    none = b"GET /api/stella/v1/calls HTTP/1.1\r\n\r\n"
    whole = b"GET http://evil/api/stella/v1/calls HTTP/1.1\r\nHost: evil\r\n\r\n"
    for request in (two, none, whole):
        assert kit.status(await kit.raw(locked.port, request)) == 400
    for host in (b"evil.example.com", b"localhost", b"health"):
        request = b"GET /api/stella/v1/calls HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
        assert kit.status(await kit.raw(locked.port, request)) == 401
    path = kit.routes[0]
    answer = await kit.raw(
        locked.port, kit.post(path, kit.fields, signature=kit.sign(path, kit.fields), host="evil.example.com")
    )
    assert b"calls.example.com" in answer
    assert b"evil" not in answer


async def test_a07_a_replayed_webhook_gets_what_the_house_gives_for_the_same_call(locked, kit):
    """The door adds nothing of its own to a replay: identical bytes, whatever the idempotency header says."""
    path = kit.routes[0]
    request = [kit.post(path, kit.fields, signature=kit.sign(path, kit.fields), headers=(f"I-Twilio-Idempotency-Token: {n}",))
               for n in range(20)]  # fmt: skip
    bodies = {(await kit.raw(locked.port, one)).partition(b"\r\n\r\n")[2] for one in request}
    assert len(bodies) == 1
    assert {request.call_sid for _, request in locked.front.asked} == {kit.call}


async def test_a14_both_tokens_are_good_while_rotating(open_doors, kit):
    """And the old one no more afterwards."""
    old, new, path = kit.token, "fedcba9876543210fedcba9876543210", kit.routes[0]
    posts = {
        token: kit.post(path, kit.fields, signature=kit.sign(path, kit.fields, token=token)) for token in (old, new)
    }
    during = await open_doors(replace(kit.locked, auth_tokens=(new, old)))
    after = await open_doors(replace(kit.locked, auth_tokens=(new,)))
    assert [kit.status(await kit.raw(during.port, posts[token])) for token in (old, new)] == [200, 200]
    assert [kit.status(await kit.raw(after.port, posts[token])) for token in (old, new)] == [403, 200]


def test_a15_secrets_are_compared_in_constant_time():
    """Every comparison with a secret in these rooms goes through `compare_digest`."""
    room = Path(stella.__file__).parent
    for name in ("wire/signature.py", "web/gates.py", "web/consent.py"):
        source = (room / name).read_text()
        assert "compare_digest" in source
        assert not re.search(r"(?:token|signature|mac)\w* == (?!\[)", source), name


async def test_a16_a_call_without_callbacks_needs_none(locked, kit):
    """The door keeps no state that a missing callback could leave behind."""
    path = kit.routes[0]
    await kit.raw(locked.port, kit.post(path, kit.fields, signature=kit.sign(path, kit.fields)))
    assert [kind for kind, _ in locked.front.asked] == ["incoming"]


async def test_a17_callbacks_in_every_order_and_number_are_204(locked, kit):
    """What they mean is the house's affair; the carrier is never given a reason to complain."""
    path = "/api/stella/call/status"
    for order in itertools.permutations(("ringing", "in-progress", "completed")):
        for status in (*order, order[0]):
            fields = (("CallSid", kit.call), ("AccountSid", kit.account), ("CallStatus", status), ("CallDuration", "7"))
            assert (
                kit.status(await kit.raw(locked.port, kit.post(path, fields, signature=kit.sign(path, fields)))) == 204
            )
    assert len(locked.front.asked) == 24
    assert locked.front.asked[0][1].call_duration_s == 7


def test_a18_nothing_in_the_tree_unpickles_or_evaluates():
    """Bytes from outside never become objects with a will of their own."""
    forbidden = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
    for path in Path(stella.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not forbidden & {alias.name.split(".")[0] for alias in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden, path
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec"}, path


async def test_a19_another_account_is_refused_even_with_our_key(locked, kit, route):
    """AccountSid wrong, missing, doubled."""
    rest = tuple(pair for pair in kit.fields if pair[0] != "AccountSid")
    for accounts in ((), ("AC" + "b" * 32,), (kit.account, "AC" + "b" * 32), ("",)):
        fields = (*rest, *(("AccountSid", account) for account in accounts))
        answer = await kit.raw(locked.port, kit.post(route, fields, signature=kit.sign(route, fields)))
        assert (kit.status(answer), b"foreign-account" in answer) == (403, True)
    assert locked.front.asked == []


async def test_a20_odd_caller_ids_reach_the_house_letter_by_letter(locked, kit):
    """The door neither trims nor normalises nor trusts them."""
    path = kit.routes[0]
    callers = (
        "",
        "anonymous",
        "+266696687",
        "+43660123456７",
        "client:bob",
        "sip:a@b",
        " +43660",
        "0043660",
        "+43 660",
        "unknown",
    )
    for caller in callers:
        fields = (("CallSid", kit.call), ("AccountSid", kit.account), ("From", caller))
        assert kit.status(await kit.raw(locked.port, kit.post(path, fields, signature=kit.sign(path, fields)))) == 200
    assert [request.from_ for _, request in locked.front.asked] == list(callers)
