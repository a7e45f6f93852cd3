"""The telephone reads TwiML as strictly as Twilio does."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.domain.errors import MalformedMessage
from stella.wire.twiml_reader import MAX_DOCUMENT, Verb, parse_document


def test_verbs_are_read_in_order_with_all_they_hold():
    """Known or not: what to make of them is the telephone's decision."""
    verbs = parse_document(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response>\n <Say voice="alice">Grüß <break/> Gott</Say><Pause length="2"/>'
        '<Connect action="/a"><Stream url="wss://h/s"><Parameter name="a" value="1"/><Parameter name="b"/></Stream></Connect>'
        "<Dial><Number>+1</Number><Client>x</Client></Dial><New><Deep/></New></Response>"
    )
    assert [verb.name for verb in verbs] == ["Say", "Pause", "Connect", "Dial", "New"]
    assert verbs[0].text == "Grüß  Gott"
    assert verbs[1].get("length", "1") == "2"
    stream = verbs[2].child("Stream")
    assert stream is not None
    assert stream.parameters() == {"a": "1", "b": ""}
    assert verbs[2].child("Conference") is None
    assert verbs[4].children == (Verb("Deep"),)
    assert verbs[4].get("none") == ""


def test_an_empty_response_has_no_verbs():
    """Twilio ends the call; a status callback may well answer so."""
    assert parse_document("<Response/>") == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        " <?xml version='1.0'?><Response/>",
        "<response/>",
        "<html><Response/></html>",
        "<Response>a & b</Response>",
        "<Response><Say>",
        "<Response/><Response/>",
        "<Response>\x00</Response>",
        "<Response>\ud800</Response>",
        '<!DOCTYPE r SYSTEM "file:///etc/passwd"><Response/>',
        '<!DOCTYPE r [<!ENTITY a "x">]><Response>&a;</Response>',
        "<Response>&undefined;</Response>",
        "<Response>" + "<a>" * 50 + "</a>" * 50 + "</Response>",
        "<Response>" + "<a/>" * 3000 + "</Response>",
        "<Response>" + "a" * MAX_DOCUMENT + "</Response>",
        "just text",
    ],
)
def test_what_twilio_cannot_parse_is_12100(text):
    """One failure, with Twilio's own code; no document type, so no entity is expanded and no file opened."""
    with pytest.raises(MalformedMessage) as failure:
        parse_document(text)
    assert failure.value.kind == "12100"


@given(
    st.text(max_size=80)
    | st.text("<>/&;ResponsayX ='\"!?[]-", max_size=80).map(lambda text: f"<Response>{text}</Response>")
)
def test_any_text_is_a_document_or_malformed(text):
    """The telephone never dies of a server."""
    with contextlib.suppress(MalformedMessage):
        parse_document(text)
