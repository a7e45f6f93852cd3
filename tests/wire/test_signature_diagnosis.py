"""A signature that does not match is explained, and explaining lets nobody in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.wire.signature import Signatures, sign_form, sign_upgrade
from stella.wire.signature_diagnosis import diagnose

TOKEN = "0123456789abcdef0123456789abcdef"
BASE = "https://calls.example.com"
VOICE = "/api/stella/call/voice"
CALL = (("CallSid", "CA1"), ("From", "+4311"), ("SpeechResult", "a b"))


def explain(header, *, target=VOICE, pairs=CALL, base=BASE, host="", upgrade=False):
    """The words for a request that is refused, before and after."""
    lock = Signatures([TOKEN], base)
    verdict = lock.check_upgrade(target, header) if upgrade else lock.check_form(target, pairs, header)
    assert not verdict.ok
    words = diagnose(lock, verdict.cause, target, pairs, header, host=host, upgrade=upgrade)
    assert not lock.check_form(target, pairs, header).ok
    assert TOKEN not in words
    assert header not in words
    return words


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        ("http://calls.example.com" + VOICE, "http://"),
        ("https://www.calls.example.com" + VOICE, "https://www.calls.example.com"),
        ("https://calls.example.com:8443" + VOICE, "https://calls.example.com:8443"),
        ("https://other.example:99" + VOICE, "https://other.example:99"),
        ("http://other.example" + VOICE, "http://other.example"),
        (BASE + VOICE + "/", "slash"),
        (BASE + "/stella/call/voice", "/api"),
    ],
)
def test_a_wrong_url_is_named(signed, words):
    """The mistakes of the field: TLS ended by a proxy, another host, another path."""
    host = "other.example:99" if ":99" in signed else "other.example"
    assert words in explain(sign_form(TOKEN, signed, CALL), host=host)


def test_a_configured_host_or_port_that_twilio_does_not_use_is_named():
    """Case, `www.` and a port in STELLA_PUBLIC_URL that the console does not have."""
    assert "https://calls.example.com" in explain(
        sign_form(TOKEN, BASE + VOICE, CALL), base="https://Calls.example.com"
    )
    assert "https://calls.example.com" in explain(
        sign_form(TOKEN, BASE + VOICE, CALL), base="https://www.calls.example.com"
    )
    header = sign_form(TOKEN, BASE + ":443" + VOICE, CALL)
    assert "https://calls.example.com" in explain(header, base=BASE + ":9000")


def test_a_missing_port_is_named_for_common_ports_only():
    """A port already configured is not tried again."""
    assert "primary auth token" in explain("a" * 28, base=BASE + ":8443")


def test_a_prefix_too_many_is_named():
    """STELLA_PUBLIC_URL has a path, the number's settings do not."""
    assert "/phone" in explain(sign_form(TOKEN, BASE + VOICE, CALL), base=BASE + "/phone")


@pytest.mark.parametrize(
    ("target", "signed", "words"),
    [
        (VOICE + "?a=1", VOICE, "without the query"),
        (VOICE + "?a=x+y", VOICE + "?a=x%20y", "rebuilt"),
        (VOICE + "?a=x%20y", VOICE + "?a=x+y", "rebuilt"),
        (VOICE + "?b=1&a='", VOICE + "?a=%27&b=1", "rebuilt"),
        (VOICE + "/", VOICE, "slash"),
    ],
)
def test_a_rewritten_target_is_named(target, signed, words):
    """Proxies and frameworks that rebuild the query or the path."""
    assert words in explain(sign_form(TOKEN, BASE + signed, CALL), target=target)


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        ((), "GET"),
        ((*CALL, ("FromCity", "")), "FromCity"),
        (
            (
                *CALL,
                *(
                    (f"{who}{what}", "")
                    for who in ("From", "To", "Caller", "Called")
                    for what in ("City", "State", "Zip", "Country")
                ),
            ),
            "blank fields",
        ),
        (CALL[:2], "field number 3"),
        ((*CALL[:2], ("SpeechResult", "a+b")), "+"),
    ],
)
def test_changed_fields_are_named(signed, words):
    """Frameworks that trim, add or decode twice."""
    assert words in explain(sign_form(TOKEN, BASE + VOICE, signed))


def test_a_lost_plus_is_named():
    """`+4311` decoded twice is ` 4311`."""
    pairs = (("CallSid", "CA1"), ("From", " 4311"), ("SpeechResult", "a b"))
    assert "From" in explain(sign_form(TOKEN, BASE + VOICE, CALL), pairs=pairs)


def test_an_upgrade_is_explained_too():
    """The socket's URL has the same mistakes."""
    header = sign_upgrade(TOKEN, "wss://tunnel.example" + VOICE)
    assert "https://tunnel.example" in explain(header, host="tunnel.example", upgrade=True)
    assert "token" in explain(sign_upgrade("f" * 31 + "e", "wss://x" + VOICE), upgrade=True)


def test_a_query_beyond_all_bounds_is_not_taken_apart():
    """Explaining has a bound too; and a Host header that is the configured one explains nothing."""
    words = explain("a" * 28, target=VOICE + "?" + "a=1&" * 200, host="calls.example.com")
    assert "primary auth token" in words


def test_another_token_is_the_last_guess():
    """When nothing else explains it."""
    assert "primary auth token" in explain(sign_form("f" * 31 + "e", BASE + VOICE, CALL))


@pytest.mark.parametrize(
    "cause",
    [
        "no-signature",
        "several-signatures",
        "unreadable-signature",
        "bad-target",
        "bad-fields",
        "no-body-hash",
        "wrong-body-hash",
    ],
)
def test_every_other_cause_has_words(cause):
    """Cause and mend, for each word a verdict can have."""
    assert ":" in diagnose(Signatures([TOKEN], BASE), cause, VOICE, CALL, "")
    assert diagnose(Signatures([TOKEN], BASE), "else", VOICE, CALL, "")


@given(st.text(max_size=30), st.text("/?&=%+a:[]", max_size=20), st.text("abAB=+/", min_size=28, max_size=28))
def test_nothing_a_stranger_sends_raises_or_is_repeated(host, target, header):
    """A Host header is anybody's word: quoted only where it is a plain name that truly explains the signature."""
    words = diagnose(Signatures([TOKEN], BASE), "wrong-signature", "/" + target, CALL, header, host=host)
    assert "primary auth token" in words
