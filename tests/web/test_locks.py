"""Rows A02 and A04 in depth: the lock against the official validator as oracle, thousands of requests without a socket."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from stella.domain.errors import Refused
from stella.web.config import WebConfig
from stella.web.locks import Locks
from stella.web.origin import client_address, is_forwarded, is_loopback
from stella.wire.twilio_webhook import parse_form

TOKEN, ACCOUNT, PUBLIC = "0123456789abcdef0123456789abcdef", "AC" + "a" * 32, "https://calls.example.com"
LOCKS = Locks(WebConfig(public_url=PUBLIC, auth_tokens=(TOKEN,), account_sid=ACCOUNT), PUBLIC)

names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
values = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
forms = st.lists(st.tuples(names, values), max_size=8).map(lambda pairs: [*pairs, ("AccountSid", ACCOUNT)])
targets = st.sampled_from(
    ["/api/stella/call/voice", "/api/stella/call/gather?turn=2", "/api/stella/call/after?a=%20+b&c="]
)


class _Many(dict):
    def getlist(self, name):
        return self[name]


def _oracle(url, pairs, token=TOKEN):
    grouped = _Many()
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return RequestValidator(token).compute_signature(url, grouped)


def _opens(target, pairs, signature):
    try:
        LOCKS.webhook(target.encode(), tuple(pairs), [(b"x-twilio-signature", signature.encode("latin-1"))], "1.2.3.4")
    except Refused:
        return False
    return True


@given(forms, targets)
def test_a04_what_the_official_library_signs_comes_in(pairs, target):
    """Over the wire and back: encoded as a form, decoded once, judged."""
    from urllib.parse import urlencode

    assume(sum(name == "AccountSid" for name, _ in pairs) == 1)
    decoded = parse_form(urlencode(pairs).encode())
    assert list(decoded) == pairs
    assert _opens(target, decoded, _oracle(PUBLIC + target, pairs))
    assert _opens(target, decoded, _oracle(PUBLIC + ":443" + target, pairs))


@given(forms, targets, st.data())
def test_a02_what_was_changed_after_signing_stays_out(pairs, target, data):
    """One character of a name or a value, one field more or less, another target: refused, unless the oracle agrees."""
    signature = _oracle(PUBLIC + target, pairs)
    changed, where = list(pairs), data.draw(st.integers(0, len(pairs) - 1))
    name, value = changed[where]
    match data.draw(st.sampled_from(["value", "name", "less", "more", "target"])):
        case "value":
            changed[where] = (name, value + "x")
        case "name":
            changed[where] = (name + "x", value)
        case "less":
            del changed[where]
        case "more":
            changed.append(("Extra", value))
        case _:
            target += "x"
    assume(_oracle(PUBLIC + target, changed) != signature)
    assert not _opens(target, changed, signature)


@given(st.text(max_size=40), forms)
def test_a01_no_text_is_a_signature(text, pairs):
    """And none raises anything but Refused."""
    assume(text != _oracle(PUBLIC + "/x", pairs))
    try:
        header = text.encode("latin-1", "replace").decode("latin-1")
    except UnicodeError:
        header = ""
    assert not _opens("/x", pairs, header)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("::ffff:10.0.0.1", False),
     ("10.0.0.1", False),
     ("0.0.0.0", False), ("", False), ("localhost", False), ("fe80::1", False)],
)  # fmt: skip
def test_a05_loopback_is_an_address_and_not_a_name(address, loopback):
    """In every notation of it."""
    assert is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [("1.1.1.1", [b"6.6.6.6"], "1.1.1.1"), ("10.0.0.1", [b"6.6.6.6"], "6.6.6.6"),
     ("10.0.0.1", [b"6.6.6.6, 7.7.7.7"], "7.7.7.7"),
     ("10.0.0.1", [b"6.6.6.6", b"7.7.7.7, 10.0.0.2"], "7.7.7.7"), ("10.0.0.1", [b"junk"], "10.0.0.1"),
     ("10.0.0.1", [], "10.0.0.1"),
     ("10.0.0.1", [b"6.6.6.6, junk"], "10.0.0.1"), ("10.0.0.1", [b"10.0.0.2"], "10.0.0.1")],
)  # fmt: skip
def test_a05_the_client_is_whom_the_last_trusted_proxy_saw(peer, forwarded, client):
    """An untrusted peer is itself whatever it says; a trusted one is believed for one hop."""
    headers = [(b"x-forwarded-for", value) for value in forwarded]
    assert client_address(headers, peer, {"10.0.0.1", "10.0.0.2"}) == client
    assert is_forwarded(headers) is bool(headers)
