"""The telephone is as strict as Twilio; what it says, the server's reader reads."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.wire.twilio_carrier import (
    CarrierStream,
    ClearQueue,
    PlayMedia,
    SetMark,
    StreamFault,
    parse_outbound,
)
from stella.wire.twilio_stream import Connected, Dtmf, MarkReturned, Media, Outbound, Start, Stop, parse

SID = "MZ" + "1" * 32


def test_a_stream_is_spoken_in_twilios_order_and_types():
    """Counters are strings and count from 1; the first message is neither counted nor named."""
    stream = CarrierStream("AC1", "CA1", SID)
    said = [
        stream.connected(),
        stream.start({"token": "t"}),
        stream.media(b"\xff" * 160, 57),
        stream.media(b"\xff" * 160, 117, skipped=2),
        stream.dtmf("5"),
        stream.mark("m"),
        stream.stop(),
    ]
    assert [type(parse(message)) for message in said] == [Connected, Start, Media, Media, Dtmf, MarkReturned, Stop]
    trees = [json.loads(message) for message in said]
    assert [tree.get("sequenceNumber") for tree in trees] == [None, "1", "2", "3", "4", "5", "6"]
    assert list(trees[1]) == ["event", "sequenceNumber", "streamSid", "start"]
    assert list(trees[1]["start"]) == [
        "accountSid",
        "streamSid",
        "callSid",
        "tracks",
        "mediaFormat",
        "customParameters",
    ]
    assert list(trees[2]["media"]) == ["track", "chunk", "timestamp", "payload"]
    assert [tree["media"]["chunk"] for tree in trees[2:4]] == ["1", "4"]
    assert trees[2]["media"]["timestamp"] == "57"
    assert trees[4]["dtmf"] == {"track": "inbound_track", "digit": "5"}
    assert trees[6]["stop"] == {"accountSid": "AC1", "callSid": "CA1"}


@given(st.binary(max_size=500), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_the_strict_ear_accepts_what_the_server_writes(mulaw, name):
    """The two sides of the wire agree, whatever the sound and the name."""
    out = Outbound(SID)
    assert parse_outbound(out.media(mulaw), SID) == PlayMedia(mulaw)
    assert parse_outbound(out.mark(name), SID) == SetMark(name)
    assert parse_outbound(out.clear().decode(), SID) == ClearQueue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff", 31950),
        (b'{"event":"mark","streamSid":"' + SID.encode() + b'","mark":{"name":"\xff"}}', 31950),
        (b"{", 31951),
        (b"[" * 50_000, 31951),
        (b"[]", 31951),
        (b'{"event":"hello"}', 31951),
        (b'{"event":["media"]}', 31951),
        (b'{"event":"start"}', 31924),
        (b'{"event":"connected"}', 31924),
        (b'{"event":"clear"}', 31951),
        (b'{"event":"clear","streamSid":"MZ2"}', 31951),
        (f'{{"event":"clear","streamSid":"{SID}","x":1}}'.encode(), 31951),
        (f'{{"event":"media","streamSid":"{SID}","media":{{"payload":"","track":"x"}}}}'.encode(), 31951),
        (f'{{"event":"media","streamSid":"{SID}","media":{{"payload":"$"}}}}'.encode(), 31951),
        (f'{{"event":"media","streamSid":"{SID}","media":{{"payload":"ä"}}}}'.encode(), 31951),
        (f'{{"event":"media","streamSid":"{SID}","media":{{"payload":5}}}}'.encode(), 31951),
        (f'{{"event":"media","streamSid":"{SID}","media":"x"}}'.encode(), 31951),
        (f'{{"event":"mark","streamSid":"{SID}","mark":{{}}}}'.encode(), 31951),
    ],
)
def test_what_twilio_ignores_has_twilios_code(data, code):
    """A server under test learns what Twilio's debugger would have said."""
    with pytest.raises(StreamFault) as fault:
        parse_outbound(data, SID)
    assert fault.value.code == code


def test_binary_frames_are_not_decoded():
    """Twilio reads text frames only."""
    with pytest.raises(StreamFault) as fault:
        parse_outbound(Outbound(SID).clear(), SID, binary=True)
    assert fault.value.code == 31950


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_fault(data):
    """The telephone never dies of a server."""
    with contextlib.suppress(StreamFault):
        parse_outbound(data, SID)
