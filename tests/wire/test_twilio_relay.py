"""ConversationRelay in both directions: what Twilio says is read in one way, what we write Twilio takes."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.domain.errors import MalformedMessage
from stella.wire import relay_carrier as carrier
from stella.wire.relay_carrier import EndSession, RelayFault, SayText, UseLanguage, parse_from_server
from stella.wire.twilio_relay import (
    MAX_MESSAGE,
    Complaint,
    Interrupted,
    Key,
    Played,
    Prompt,
    Setup,
    Speaking,
    Unknown,
    end_message,
    language_message,
    parse,
    text_message,
)

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def test_a_session_of_the_documentation_is_read_message_by_message():
    """The examples of the reference page, field by field; a number that comes as a string is a number."""
    setup = parse(
        b'{"type":"setup","sessionId":"VX1","accountSid":"AC1","parentCallSid":"","callSid":"CA1","from":"+18005550100",'
        b'"to":"+18005550101","forwardedFrom":"+18005550102","callType":"PSTN","callerName":"","direction":"inbound",'
        b'"callStatus":"RINGING","customParameters":{"token":"t"}}'
    )
    assert setup == Setup("VX1", "AC1", "CA1", "+18005550100", "+18005550101", "inbound", {"token": "t"})
    assert parse(b'{"type":"prompt","voicePrompt":"Hi!","lang":"en-US","last":true}') == Prompt("Hi!", "en-US")
    assert parse(b'{"type":"prompt","voicePrompt":"Hi","lang":"en-US","last":false}') == Prompt(
        "Hi", "en-US", last=False
    )
    assert parse(b'{"type":"dtmf","digit":"1"}') == Key("1")
    told = b'{"type":"interrupt","utteranceUntilInterrupt":"Life is a","durationUntilInterruptMs":%s}'
    assert parse(told % b"460") == parse(told % b'"460"') == Interrupted("Life is a", 0.46)
    assert parse(b'{"type":"error","description":"Invalid message received"}') == Complaint("Invalid message received")


def test_what_the_subscriptions_bring_is_read_and_anything_else_of_them_passed_over():
    """Their shape is not in the reference: a value we do not know must not become a state."""
    assert parse(b'{"type":"info","name":"agentSpeaking","value":"on","ts":1}') == Speaking(agent=True, on=True)
    assert parse(b'{"type":"info","name":"clientSpeaking","value":"off"}') == Speaking(agent=False, on=False)
    assert parse(b'{"type":"info","name":"tokensPlayed","value":"You said:"}') == Played("You said:")
    assert isinstance(parse(b'{"type":"info","name":"agentSpeaking","value":"start"}'), Unknown)
    assert parse(b'{"type":"info","name":"roundTripDelayMs","value":"148"}') == Unknown("info roundTripDelayMs")
    assert parse(b'{"type":"tomorrow"}') == Unknown("tomorrow")


def test_a_prompt_that_does_not_say_whether_it_is_the_last_is():
    """Words must never wait for an end that does not come."""
    assert parse(b'{"type":"prompt","voicePrompt":"Hi"}') == Prompt("Hi")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "json"),
        (b"\xff\xfe", "json"),
        (b"[" * 5000, "json"),
        (b"[]", "shape"),
        (b'{"type":7}', "shape"),
        (b'{"type":"prompt"}', "shape"),
        (b'{"type":"dtmf"}', "shape"),
        (b" " * (MAX_MESSAGE + 1), "size"),
    ],
)
def test_what_cannot_be_read_fails_in_one_way(data, kind):
    """One failure, with a word to count by and without what was received."""
    with pytest.raises(MalformedMessage) as failure:
        parse(data)
    assert failure.value.kind == kind


_FIELDS = ["type", "voicePrompt", "last", "digit", "name", "value", "customParameters", "utteranceUntilInterrupt"]
_TYPES = ["setup", "prompt", "interrupt", "dtmf", "info", "error"]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.sampled_from(_TYPES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES), st.sampled_from(_TYPES))
def test_no_message_whatever_breaks_either_reader(tree, kind):
    """Hostile trees end in a value or in the one failure, on both sides."""
    for data in (json.dumps(tree).encode(), json.dumps({**tree, "type": kind}).encode()):
        with contextlib.suppress(MalformedMessage):
            parse(data)
        with contextlib.suppress(RelayFault):
            parse_from_server(data)


@given(st.binary(max_size=200))
def test_no_bytes_whatever_break_either_reader(data):
    """Nor does noise."""
    with contextlib.suppress(MalformedMessage):
        parse(data)
    with contextlib.suppress(RelayFault):
        parse_from_server(data)


@given(WORDS, st.booleans(), st.booleans())
def test_what_the_server_writes_is_what_twilio_reads(words, last, yields):
    """The strict reader takes every message of ours, whatever is said in it."""
    said = parse_from_server(text_message(words, last=last, interruptible=yields))
    assert said == SayText(words.replace("<", " ").replace(">", " "), last, yields, True)
    assert parse_from_server(language_message("de-DE")) == UseLanguage("de-DE", "de-DE")
    ended = parse_from_server(end_message({"after": words}))
    assert isinstance(ended, EndSession)
    assert json.loads(ended.handoff) == {"after": words}


def test_tags_in_a_text_are_no_orders_to_the_voice():
    """A model, a page or a tool may have them in its words; the voice would pause for ten seconds, or whisper."""
    said = parse_from_server(text_message('One <break time="10s"/> two <audio src="https://evil.example/a.mp3">'))
    assert isinstance(said, SayText)
    assert not set(said.token) & set("<>")
    assert said.token.startswith("One ")


@given(WORDS, st.booleans())
def test_what_twilio_says_is_what_the_server_reads(words, last):
    """The telephone speaks no dialect of its own."""
    ids = {"sessionId": "VX1", "accountSid": "AC1", "callSid": "CA1"}
    assert parse(carrier.setup(ids, "+1", "+2", {"token": words})) == Setup(
        "VX1", "AC1", "CA1", "+1", "+2", "inbound", {"token": words}
    )
    assert parse(carrier.prompt(words, "en-US", last=last)) == Prompt(words, "en-US", last)
    assert parse(carrier.interrupt(words, 460)) == Interrupted(words, 0.46)
    assert parse(carrier.dtmf("#")) == Key("#")
    assert parse(carrier.info("tokensPlayed", words, 1)) == Played(words)
    assert parse(carrier.info("clientSpeaking", "on", 1)) == Speaking(agent=False, on=True)
    assert parse(carrier.error(words)) == Complaint(words)


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"text"}',
        '{"type":"text","token":7}',
        '{"type":"text","token":"a","last":"true"}',
        '{"type":"text","token":"a","interruptable":true}',
        '{"type":"play","source":"s","loop":true}',
        '{"type":"language"}',
        '{"type":"end","handoffData":{"a":1}}',
        '{"type":"interrupt"}',
        '{"event":"media"}',
        "no JSON",
    ],
)
def test_twilio_answers_64107_to_whatever_does_not_match(message):
    """Misspelt fields and wrong types are what the message validation exists for."""
    with pytest.raises(RelayFault) as fault:
        parse_from_server(message)
    assert fault.value.code == 64107
