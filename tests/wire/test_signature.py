"""Both doors are locked: judged by the official validator as oracle, and by ten thousand forgeries."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from stella.domain.errors import ConfigError
from stella.wire.signature import Fields, Signatures, sign_form, sign_json, sign_upgrade

TOKEN = "0123456789abcdef0123456789abcdef"
NEXT = "fedcba9876543210fedcba9876543210"
BASE = "https://calls.example.com"
VOICE = "/api/stella/call/voice"
STREAM = "/api/stella/call/stream"
CALL = (
    ("CallSid", "CA1"),
    ("From", "+4311"),
    ("FromCity", ""),
    ("SpeechResult", "Grüß Gott & mehr"),
    ("X", "b"),
    ("X", "a"),
)

LOCK = Signatures([TOKEN, NEXT], BASE)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=6)
# What a request line may hold, without what the official validator is known to mend wrongly: an empty `?`, `;`, `#`.
TARGETS = st.builds(
    "{}{}".format,
    st.text("abzAZ09/-._~%+:@&=,", max_size=12).map(lambda path: "/" + path.lstrip("/")),
    st.just("") | st.text("abzAZ09/-._~%+:@&=,", min_size=1, max_size=12).map(lambda query: "?" + query),
)
BASES = st.sampled_from(
    [
        "https://calls.example.com",
        "https://Calls.Example.com",
        "https://a.b:8443",
        "http://localhost:3001",
        "http://a.b",
    ]
)


def test_the_documentations_example_is_accepted():
    """The vector of Twilio's own page, computed by the official code."""
    pairs = [("CallSid", "CA1234567890ABCDE"), ("Caller", "+14158675309"), ("Digits", "1234")]
    pairs += [("From", "+14158675309"), ("To", "+18005551212")]
    assert sign_form("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", pairs) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@given(
    BASES,
    TARGETS,
    PAIRS,
    st.sampled_from(["plain", "port", "other-token", "other-url", "other-fields", "junk"]),
    st.data(),
)
def test_it_agrees_with_the_official_validator(base, target, pairs, how, data):
    """A04: disagreements 0, for genuine and forged alike."""
    lock, oracle = Signatures([TOKEN], base), RequestValidator(TOKEN)
    url = base + target
    signed_url, signed_pairs, token = url, pairs, TOKEN
    if how == "port" and base.count(":") == 1:
        signed_url = base + (":443" if base.startswith("https") else ":80") + target
    elif how == "other-token":
        token = NEXT
    elif how == "other-url":
        signed_url = base + data.draw(TARGETS)
    elif how == "other-fields":
        signed_pairs = data.draw(PAIRS)
    header = sign_form(token, signed_url, signed_pairs) if how != "junk" else data.draw(st.text(max_size=30))
    expected = header.isascii() and oracle.validate(url, Fields(pairs), header)
    assert lock.check_form(target.encode("ascii"), pairs, header).ok == expected
    assert lock.check_get(target, header).ok == (header.isascii() and oracle.validate(url, {}, header))


@given(TARGETS, st.binary(max_size=40), st.booleans(), st.booleans())
def test_json_bodies_agree_where_a_hash_is_given(target, body, same_body, same_token):
    """The hash in the signed query stands for the body."""
    url, header = sign_json(TOKEN if same_token else NEXT, BASE + target, body)
    lock = Signatures([TOKEN], BASE)
    given_body = body if same_body else body + b" "
    assert lock.check_json(url[len(BASE) :], given_body, header).ok == (same_body and same_token)
    text = given_body.decode("latin-1")
    if text.isascii():
        assert RequestValidator(TOKEN).validate(url, text, header) == (same_body and same_token)


@pytest.mark.parametrize(
    "query", ["", "?a=1", "?bodySHA256=", "?bodySHA256=x&bodySHA256=y", "?bodySHA256=%ff", "?" + "a&" * 2000]
)
def test_json_without_one_good_hash_is_refused(query):
    """The official validator raises TypeError here, or trusts the first of two."""
    target = VOICE + query
    verdict = LOCK.check_json(target, b"{}", sign_form(TOKEN, BASE + target))
    assert not verdict.ok
    assert verdict.cause in {"no-body-hash", "wrong-body-hash", "bad-target"}


def test_json_with_a_bad_target_is_refused():
    """Before anything is taken apart."""
    assert LOCK.check_json(b"\xff", b"{}", "x").cause == "bad-target"


@pytest.mark.parametrize("token", [TOKEN, NEXT])
@pytest.mark.parametrize(
    "pairs",
    [
        (),
        CALL,
        (*CALL, ("Brand-New-Field", "1")),
        (("A", ""),),
        (("", ""),),
        (("a", "x"), ("a", "x"), ("a", "y")),
        (("emoji", "😀"),),
    ],
)
def test_genuine_odd_requests_are_accepted(token, pairs):
    """A02: unknown fields, blanks, repeats, any script, either token of a rotation, and the order of fields is free."""
    header = sign_form(token, BASE + VOICE + "?q=a%20b+c", pairs)
    verdict = LOCK.check_form((VOICE + "?q=a%20b+c").encode(), tuple(reversed(pairs)), header)
    assert verdict.ok
    assert verdict.which_token == (token == NEXT)
    assert verdict.which_url == BASE + VOICE + "?q=a%20b+c"


def test_ten_thousand_forgeries_are_refused():
    """A01, A02: one byte of target, field or header changed; fields added, removed, renamed; replayed elsewhere."""
    dice = random.Random(7)
    target = VOICE + "?leg=1&x=%20"
    header = sign_form(TOKEN, BASE + target, CALL)

    def alter(text):
        at = dice.randrange(len(text) + 1)
        return text[:at] + dice.choice("abcXYZ019-_.") + text[at + dice.randrange(2) :]

    def forge():
        pairs = list(CALL)
        index = dice.randrange(len(pairs))
        match dice.randrange(7):
            case 0:
                return alter(target), pairs, header
            case 1:
                pairs[index] = (pairs[index][0], alter(pairs[index][1]))
            case 2:
                pairs[index] = (alter(pairs[index][0]), pairs[index][1])
            case 3:
                del pairs[index]
            case 4:
                pairs.insert(index, (f"New{dice.random()}", ""))
            case 5:
                return target, pairs, alter(header)[:28]
            case _:
                return target, pairs, sign_form(f"{dice.getrandbits(128):032x}", BASE + target, CALL)
        return target, pairs, header

    accepted = 0
    for _ in range(10_000):
        line, pairs, signature = forge()
        if (line, Fields(pairs), signature) != (target, Fields(CALL), header):
            accepted += LOCK.check_form(line, pairs, signature).ok
    assert accepted == 0


@pytest.mark.parametrize("signed_for", ["https://evil.example" + VOICE, BASE + "/api/stella/call/after"])
def test_a_signature_for_elsewhere_is_worth_nothing_here(signed_for):
    """A05: the same account's signature for another host or path, with whatever Host header it comes."""
    assert LOCK.check_form(VOICE, CALL, sign_form(TOKEN, signed_for, CALL)).cause == "wrong-signature"


@pytest.mark.parametrize(
    ("header", "cause"),
    [
        (None, "no-signature"),
        ("", "no-signature"),
        ([], "no-signature"),
        ([""], "no-signature"),
        (["a" * 28, "a" * 28], "several-signatures"),
        ("a" * 13 + "," + "b" * 14, "several-signatures"),
        ("short", "unreadable-signature"),
        ("é" * 28, "unreadable-signature"),
        ("a" * 28, "wrong-signature"),
        (["a" * 28], "wrong-signature"),
    ],
)
def test_a_refusal_names_its_cause(header, cause):
    """The operator learns which of the causes it was; the official validator raises for some of these."""
    for verdict in (
        LOCK.check_form(VOICE, CALL, header),
        LOCK.check_get(VOICE, header),
        LOCK.check_upgrade(STREAM, header),
    ):
        assert (verdict.ok, verdict.cause, verdict.which_token, verdict.which_url) == (False, cause, -1, "")


@pytest.mark.parametrize("target", [b"", b"\xff", "/é", "*", "https://calls.example.com/x", b"/" + b"x" * 20_000])
def test_a_target_twilio_never_asks_for_is_refused(target):
    """A06: absolute targets and bytes beyond ASCII are nobody we know."""
    assert LOCK.check_form(target, CALL, "a" * 28).cause == "bad-target"
    assert LOCK.check_upgrade(target, "a" * 28).cause == "bad-target"


def test_fields_that_cannot_exist_are_refused_not_raised():
    """A lone surrogate comes out of no form, but nothing may crash a door."""
    assert LOCK.check_form(VOICE, [("a", "\ud800")], "a" * 28).cause == "bad-fields"


@pytest.mark.parametrize("public", ["https://[2001:db8::1]:8443", "https://user:pass@calls.example.com:8443"])
def test_hosts_the_official_validator_loses_are_checked(public):
    """It cuts IPv6 and user names at the first colon; Twilio signs without user and password."""
    lock = Signatures([TOKEN], public)
    host = public.rpartition("@")[2].removeprefix("https://")
    assert lock.check_form(VOICE, CALL, sign_form(TOKEN, f"https://{host}{VOICE}", CALL)).ok


def test_an_empty_query_is_kept():
    """The official validator drops the `?` that Twilio signed."""
    assert LOCK.check_form(VOICE + "?", CALL, sign_form(TOKEN, BASE + VOICE + "?", CALL)).ok


def test_a_path_prefix_may_be_stripped_by_the_proxy_or_not():
    """STELLA_PUBLIC_URL with a path: Twilio signs the whole, we may see either."""
    lock = Signatures([TOKEN], BASE + "/phone/")
    header = sign_form(TOKEN, BASE + "/phone" + VOICE, CALL)
    assert lock.check_form(VOICE, CALL, header).ok
    assert lock.check_form("/phone" + VOICE, CALL, header).ok
    assert not lock.check_form(VOICE, CALL, sign_form(TOKEN, BASE + VOICE, CALL)).ok


@pytest.mark.parametrize(
    "signed",
    [
        "wss://calls.example.com",
        "wss://calls.example.com:443",
        "wss://calls.example.com:80",
        "https://calls.example.com",
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_upgrades_are_accepted_in_every_spelling_seen(signed, slash):
    """TWILIO §3.1: the URL of the TwiML, with a slash behind it, in the spelling of https; helpers add a port."""
    header = sign_upgrade(NEXT, f"{signed}{STREAM}{slash}?dropped=1")
    assert LOCK.check_upgrade(STREAM, header).ok == (signed.startswith("wss") or not slash)


def test_upgrades_of_development_are_ws():
    """`stella dev` on http: the TwiML says ws://."""
    lock = Signatures([TOKEN], "http://localhost:3001")
    assert lock.check_upgrade(STREAM, sign_upgrade(TOKEN, "ws://localhost:3001" + STREAM)).ok
    assert lock.check_upgrade(STREAM + "/", sign_upgrade(TOKEN, "ws://localhost:3001" + STREAM + "/")).ok
    assert not lock.check_upgrade(STREAM, sign_upgrade(TOKEN, "wss://localhost:3001" + STREAM)).ok


def test_the_oracle_signs_upgrades_the_same():
    """The official validator accepts what `sign_upgrade` makes."""
    assert RequestValidator(TOKEN).validate("wss://h.example/s", {}, sign_upgrade(TOKEN, "wss://h.example/s?q"))


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [""],
        ["   "],
        ["changeme"],
        ["Change-Me"],
        ["your_auth_token"],
        ["<your token here>"],
        ["${TWILIO_AUTH_TOKEN}"],
        ["xxxxxxxxxxxxxxxx"],
        ["12345"],
        ["two words here"],
        ["tököööööööööön"],
        ["tab\tinside-token"],
        [TOKEN, ""],
    ],
)
def test_no_lock_is_built_on_a_token_that_is_none(tokens):
    """A03: it fails closed, at the start, and says the name of the setting and the mend but never the value."""
    with pytest.raises(ConfigError, match="TWILIO_AUTH_TOKEN") as failure:
        Signatures(tokens, BASE)
    assert not any(token.strip() and token in str(failure.value) for token in tokens)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "calls.example.com",
        "ftp://a.b",
        "https://",
        "https://a.b?x",
        "https://a.b#x",
        "https://a b",
        "https://[::1",
        "https://a:b",
        "https://ü.de",
    ],
)
def test_no_lock_is_built_on_a_url_that_is_none(url):
    """The one truth for signed URLs must be one."""
    with pytest.raises(ConfigError, match="STELLA_PUBLIC_URL"):
        Signatures([TOKEN], url)
