"""A refused signature explains itself to the operator: the cause in words, at a bounded cost, and nobody is let in by it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from stella.domain.errors import Refused
from stella.ports.metrics import NullMetrics
from stella.web.config import WebConfig
from stella.web.locks import Locks
from stella.web.refusals import KEPT, Puzzle, Refusals
from stella.wire.signature import sign_form

TOKEN, OTHER = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
OURS, THEIRS = "AC" + "1" * 32, "AC" + "2" * 32
PUBLIC, VOICE = "https://calls.example.com", "/api/stella/call/voice"
FIELDS = (("AccountSid", OURS), ("CallSid", "CA" + "0" * 32), ("FromCity", ""), ("To", "+4312345678"))


@pytest.fixture
def locks() -> Locks:
    """A door with a token, an account and a public address."""
    return Locks(WebConfig(public_url=PUBLIC, auth_tokens=(TOKEN,), account_sid=OURS, secret=b"s" * 32), PUBLIC)


def refused(locks: Locks, signature: str, fields=FIELDS, target: str = VOICE) -> Refused:
    """What the door says to this request."""
    with pytest.raises(Refused) as told:
        locks.webhook(target.encode(), fields, [(b"x-twilio-signature", signature.encode())], "203.0.113.9")
    return told.value


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        (f"http://calls.example.com{VOICE}", "http://"),
        (f"https://www.calls.example.com{VOICE}", "www.calls.example.com"),
        (f"{PUBLIC}:8443{VOICE}", ":8443"),
        (f"{PUBLIC}{VOICE}/", "slash"),
        (f"{PUBLIC}/stella/call/voice", "/api"),
    ],
)
def test_the_address_that_was_signed_for_is_named(locks, signed, words):
    """The commonest mistake of all, and the one that 403 says least about."""
    puzzle = refused(locks, sign_form(TOKEN, signed, FIELDS))
    assert isinstance(puzzle, Puzzle)
    assert words in puzzle.explain()


def test_a_field_that_a_proxy_dropped_is_named(locks):
    """Frameworks in between like to trim blanks."""
    puzzle = refused(locks, sign_form(TOKEN, PUBLIC + VOICE, FIELDS), tuple(pair for pair in FIELDS if pair[1]))
    assert isinstance(puzzle, Puzzle)
    assert "FromCity" in puzzle.explain()


def test_another_token_is_named_as_such_and_never_shown(locks):
    """After a rotation nothing else helps."""
    puzzle = refused(locks, sign_form(OTHER, PUBLIC + VOICE, FIELDS))
    assert isinstance(puzzle, Puzzle)
    assert "TWILIO_AUTH_TOKEN" in puzzle.explain()
    assert TOKEN not in puzzle.explain()


def test_the_request_of_another_account_is_told_apart_from_a_wrong_token(locks):
    """A sub-account's number is signed with the sub-account's token."""
    fields = (("AccountSid", THEIRS), *FIELDS[1:])
    puzzle = refused(locks, sign_form(OTHER, PUBLIC + VOICE, fields), fields)
    assert isinstance(puzzle, Puzzle)
    assert "TWILIO_ACCOUNT_SID" in puzzle.explain()


def test_reasons_are_looked_for_once_a_second_and_place(locks):
    """A flood of forgeries must not become a flood of arithmetic."""
    now, asked = 0.0, 0

    def explain() -> str:
        nonlocal asked
        asked += 1
        return "why"

    refusals = Refusals(NullMetrics(), 10, lambda: now)
    with capture_logs() as lines:
        for _ in range(5):
            refusals.note(Puzzle("wrong-signature", "the mend", explain), VOICE)
        refusals.note(Puzzle("wrong-signature", "the mend", explain), "stream")
        now = 1.0
        refusals.note(Puzzle("wrong-signature", "the mend", explain), VOICE)
    assert asked == 3
    assert [line["mend"] for line in lines] == ["why", *["the mend"] * 4, "why", "why"]


class TestRemembered:
    """What the doors turned away can still be read when the log has scrolled away."""

    def test_the_true_reason_is_kept_with_how_often_and_when(self):
        """The general advice of the next hundred must not cover the one sentence that helps."""
        refusals = Refusals(NullMetrics(), 1, lambda: 0.0, lambda: datetime(2026, 11, 30, 12, 0, tzinfo=UTC))
        for _ in range(3):
            refusals.note(Puzzle("wrong-signature", "general advice", lambda: "signed for http://"), VOICE)
        kept = refusals.recent()
        assert kept == [
            {"cause": "wrong-signature", "where": VOICE, "mend": "signed for http://", "times": 3,
             "last_at": "2026-11-30T12:00:00+00:00"}
        ]  # fmt: skip

    def test_it_is_a_handful_and_the_newest_come_first(self):
        """Whoever knocks with a thousand paths shall not fill the memory."""
        refusals = Refusals(NullMetrics(), 1, lambda: 0.0)
        for number in range(KEPT + 20):
            refusals.note(Refused("no-signature", "sign"), f"/path{number}")
        kept = refusals.recent()
        assert len(kept) == KEPT
        assert kept[0]["where"] == f"/path{KEPT + 19}"

    async def test_the_operator_reads_them_behind_the_gate(self, locked, kit):
        """With the token only: they say how the doors are built."""
        body = b"AccountSid=AC1&CallSid=CA1"
        head = f"POST {VOICE} HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: {'A' * 27}=\r\nConnection: close\r\n"
        kind = "Content-Type: application/x-www-form-urlencoded\r\n"
        sent = f"{head}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body
        assert kit.status(await kit.raw(locked.port, sent)) == 403
        path = "/api/stella/v1/refusals"
        bearer = "Authorization: Bearer operator-token-0123456789"
        ask = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{bearer}\r\n\r\n".encode()
        told = json.loads((await kit.raw(locked.port, ask)).partition(b"\r\n\r\n")[2])["refusals"]
        assert [(each["cause"], each["where"]) for each in told] == [("wrong-signature", VOICE)]
        assert kit.status(await kit.raw(locked.port, ask.replace(bearer.encode(), b"X: y"))) == 401
