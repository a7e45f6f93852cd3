"""What the website asks: the features, and a visitor's consent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from stella.ports.failure import Unavailable
from stella.web.consent import ConsentIds
from stella.web.visitors import Throttle

SITE = "https://www.example.com"


def _consent(body, origin=SITE, kind="application/json", method="POST", extra=()):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"{method} /api/stella/consent HTTP/1.1",
        "Host: calls.example.com",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *extra,
    ]
    lines += [f"Origin: {origin}"] if origin else []
    lines += [f"Content-Type: {kind}"] if kind else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _json(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


@pytest.fixture
async def site(open_doors, kit):
    """Doors that know a website, and the answers they kept."""
    kept = []

    async def keep(answer):
        kept.append(answer)

    doors = await open_doors(replace(kit.locked, allowed_origins=(SITE,)), keep_consent=keep)
    return doors, kept


async def test_a_yes_is_kept_signed_and_without_an_address(site, kit):
    """The id is good for its kind and origin, for a day."""
    doors, kept = site
    answer = await kit.raw(doors.port, _consent({"type": "chat", "consent": True}))
    found = _json(answer)
    assert (kit.status(answer), found["success"], set(found)) == (200, True, {"success", "timestamp", "consent_id"})
    assert f"access-control-allow-origin: {SITE}".encode() in answer
    assert (kept[0].kind, kept[0].consent, kept[0].origin, kept[0].consent_id) == (
        "chat",
        True,
        SITE,
        found["consent_id"],
    )
    assert "127.0.0.1" not in str(kept[0])
    assert len(kept[0].address_hash) == 32


def test_a_consent_id_is_good_for_one_kind_one_origin_and_one_day():
    """And a no is no yes; a changed byte is nothing."""
    ids = ConsentIds(b"k" * 32)
    made = ids.issue("chat", SITE, 1000.0, consent=True)
    assert ids.valid(made, "chat", SITE, 1001.0)
    assert not ids.valid(made, "call", SITE, 1001.0)
    assert not ids.valid(made, "chat", "https://evil.example.com", 1001.0)
    assert not ids.valid(made, "chat", SITE, 1000.0 + 86_401)
    assert not ids.valid(ids.issue("chat", SITE, 1000.0, consent=False), "chat", SITE, 1001.0)
    assert not ConsentIds(b"x" * 32).valid(made, "chat", SITE, 1001.0)
    for at in range(len(made)):
        assert not ids.valid(made[:at] + ("0" if made[at] != "0" else "1") + made[at + 1 :], "chat", SITE, 1001.0)
    for junk in ("", ".", "....", "chat.1.9.9.9", "ä" * 10, "a" * 10_000):
        assert not ids.valid(junk, "chat", SITE, 1.0)


@pytest.mark.parametrize(
    ("request_bytes", "status", "word"),
    [(_consent(b"{"), 400, "not JSON"), (_consent({"type": "fax", "consent": True}), 400, "fax"),
     (_consent({"type": "chat"}), 400, "consent"),
     (_consent({"type": "chat", "consent": "yes"}), 400, "consent"), (_consent({}, kind="text/plain"), 415, "JSON"),
     (_consent({}, method="GET"), 405, "POST"), (_consent(b"x" * 5000), 413, "JSON"),
     (_consent({}, origin="https://evil.example.com"), 403, "STELLA_ALLOWED_ORIGINS"),
     (_consent({}, origin="null"), 403, "website"),
     (_consent({}, origin=SITE + ".evil.com"), 403, "website")],
    ids=range(10),
)  # fmt: skip
async def test_other_answers_say_what_is_wrong(site, kit, request_bytes, status, word):
    """And keep nothing."""
    doors, kept = site
    answer = await kit.raw(doors.port, request_bytes)
    assert (kit.status(answer), kept) == (status, [])
    assert word in _json(answer)["detail"]
    assert b"evil" not in answer


async def test_a_preflight_names_exactly_the_asking_site(site, kit):
    """No star, no credentials, no echo of strangers."""
    doors, _ = site
    ours = (await kit.raw(doors.port, _consent(b"", method="OPTIONS"))).lower()
    theirs = (await kit.raw(doors.port, _consent(b"", method="OPTIONS", origin="https://evil.example.com"))).lower()
    assert f"access-control-allow-origin: {SITE}".encode() in ours
    assert b"credentials" not in ours
    assert b"allow-origin" not in theirs


async def test_one_address_cannot_fill_the_store(site, kit):
    """Sixty a minute, counted by the keyed hash."""
    doors, kept = site
    answers = [await kit.raw(doors.port, _consent({"type": "call", "consent": False})) for _ in range(65)]
    assert [kit.status(answer) for answer in answers].count(429) == 5
    assert len(kept) == 60


async def test_what_cannot_be_kept_is_no_success(open_doors, kit):
    """The visitor is told to try again."""

    async def keep(answer):
        raise Unavailable("sqlite", "disk full")

    doors = await open_doors(replace(kit.locked, allowed_origins=(SITE,)), keep_consent=keep)
    assert kit.status(await kit.raw(doors.port, _consent({"type": "chat", "consent": True}))) == 503


async def test_without_a_secret_nothing_is_signed(open_doors, kit):
    """And the error names the setting."""
    doors = await open_doors(replace(kit.locked, secret=b""))
    answer = await kit.raw(doors.port, _consent({"type": "chat", "consent": True}, origin=""))
    assert (kit.status(answer), b"SECRET_SALT" in answer) == (503, True)


async def test_the_features_are_told(open_doors, kit):
    """As the original told them."""
    doors = await open_doors(replace(kit.locked, chat_enabled=True, call_enabled=False))
    answer = await kit.raw(doors.port, b"GET /api/stella/call/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert _json(answer) == {"enabled": True, "provider": "twilio", "features": {"call": False, "chat": True}}


def test_the_throttle_forgets_after_a_minute_and_is_bounded():
    """A table that strangers can fill has an end."""
    throttle = Throttle(2)
    assert [throttle.admits("a", 1.0) for _ in range(3)] == [True, True, False]
    assert throttle.admits("a", 61.0)
    assert sum(throttle.admits(str(number), 62.0) for number in range(20_000)) == 9_999


async def test_consent_survives_a_peer_that_leaves(site, kit):
    """Half a body and gone: nothing kept, nothing broken."""
    doors, kept = site
    _, writer = await asyncio.open_connection("127.0.0.1", doors.port)
    writer.write(_consent({"type": "chat", "consent": True})[:-5])
    await writer.drain()
    writer.transport.abort()
    assert kit.status(await kit.raw(doors.port, _consent({"type": "chat", "consent": True}))) == 200
    assert len(kept) == 1
