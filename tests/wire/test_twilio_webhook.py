"""Forms are decoded once and exactly; what is optional may be missing or strange."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.domain.errors import MalformedMessage
from stella.domain.request import CallRequest, StreamNotice
from stella.wire.twilio_webhook import MAX_FIELDS, MAX_FORM, call_request, parse_form, stream_notice

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=30))
def test_every_field_arrives_as_sent(pairs):
    """Order, repeats, blanks, plus signs, umlauts: the signature is over exactly these."""
    expected = tuple((name, value) for name, value in pairs)
    assert parse_form(urlencode(pairs).encode()) == expected


def test_blanks_and_names_alone_are_kept():
    """Twilio signs a blank field with its name."""
    assert parse_form(b"FromCity=&A&B=1&B=&&C=%2B43+1") == (
        ("FromCity", ""),
        ("A", ""),
        ("B", "1"),
        ("B", ""),
        ("C", "+43 1"),
    )
    assert parse_form(b"") == ()


def test_a_value_is_decoded_once():
    """CallToken is percent-encoded JSON inside a value."""
    assert parse_form(b"CallToken=%257B%2522a%2522%257D") == (("CallToken", "%7B%22a%22%7D"),)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"a=%ff", "utf-8"),
        (b"a=\xff", "utf-8"),
        (b"%c3=1", "utf-8"),
        (b"a=1&" * (MAX_FIELDS + 1), "fields"),
        (b"a" * (MAX_FORM + 1), "size"),
    ],
)
def test_what_twilio_never_sends_is_refused(raw, kind):
    """One failure, and a word for counting."""
    with pytest.raises(MalformedMessage) as failure:
        parse_form(raw)
    assert failure.value.kind == kind


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_malformed(raw):
    """Nothing else ever comes out of it."""
    try:
        pairs = parse_form(raw)
    except MalformedMessage:
        return
    call_request(pairs)
    stream_notice(pairs)


def test_a_call_request_is_read():
    """The fields of a real `<Gather>` action and of a final status."""
    request = call_request(
        parse_form(
            b"CallSid=CA1&AccountSid=AC1&From=%2B4311&To=%2B4322&CallStatus=in-progress&Direction=inbound"
            b"&FromCountry=at&Digits=5&SpeechResult=Gr%C3%BC%C3%9F+Gott&Confidence=0.93&DialCallStatus=busy"
            b"&CallDuration=49&SequenceNumber=3&ErrorCode=11200&New=x&New=y"
        ),
        {"turn": "3"},
    )
    assert request.call_sid == "CA1"
    assert (request.from_, request.to, request.country) == ("+4311", "+4322", "AT")
    assert (request.speech, request.confidence, request.digits) == ("Grüß Gott", 0.93, "5")
    assert (request.dial_status, request.call_duration_s, request.sequence, request.error_code) == (
        "busy",
        49,
        3,
        "11200",
    )
    assert request.query == {"turn": "3"}
    assert request.fields["New"] == "x"


@pytest.mark.parametrize("caller", ["", "anonymous", "client:joe", "sip:joe@example.com;x=1", "+266696687", "unknown"])
def test_anybody_may_call(caller):
    """Caller IDs are words of the network and may be missing."""
    assert call_request([("CallSid", "CA1"), ("From", caller)]).from_ == caller
    assert call_request([("Caller", caller), ("Called", "+1")]) == CallRequest(
        from_=caller, to="+1", fields={"Caller": caller, "Called": "+1"}
    )


def test_a_bare_request_is_an_empty_one():
    """Development: `curl -X POST` without any field."""
    assert call_request(()) == CallRequest()


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "9" * 5000, "²", "nan", "inf", "1e999", " 5"])
def test_numbers_that_are_none_are_none(text):
    """Optional numbers may be anything; none of it raises or takes long."""
    request = call_request([("CallDuration", text), ("SequenceNumber", text)], [("q", "1"), ("q", "2")])
    assert (request.call_duration_s, request.sequence) == (None, None)
    assert request.query == {"q": "1"}


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("x", None), ("nan", None), ("inf", None), ("0.5", 0.5), ("1", 1.0)]
)
def test_confidence_is_a_finite_number_or_none(text, value):
    """A comparison with NaN would always be false."""
    assert call_request([("Confidence", text)]).confidence == value


def test_a_stream_notice_is_read():
    """Stream status callbacks have fields of their own."""
    pairs = parse_form(b"CallSid=CA1&StreamSid=MZ1&StreamEvent=stream-error&StreamError=broken+pipe&StreamName=MZ1")
    assert stream_notice(pairs) == StreamNotice("CA1", "MZ1", "stream-error", "broken pipe")
    assert stream_notice(()) == StreamNotice("", "", "", "")
