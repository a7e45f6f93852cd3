"""What the carrier says is read once, patiently, and fails in one way only."""

import base64
import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.domain.errors import MalformedMessage
from stella.wire.twilio_stream import (
    MAX_MESSAGE,
    Connected,
    Dtmf,
    MarkReturned,
    Media,
    Outbound,
    Start,
    Stop,
    Unknown,
    clear_message,
    mark_message,
    media_message,
    parse,
)

SID = "MZ" + "0" * 32


def media(payload="/////w==", **fields):
    """A media message with these fields."""
    return json.dumps({"event": "media", "streamSid": SID, "media": {"payload": payload, **fields}}).encode()


def test_a_real_call_is_read_message_by_message():
    """The captures of the documentation, letter by letter."""
    assert parse(b'{"event":"connected","protocol":"Call","version":"1.0.0"}') == Connected("Call", "1.0.0")
    start = parse(
        b'{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1","streamSid":"MZ1",'
        b'"callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,'
        b'"channels":1},"customParameters":{"token":"t"}}}'
    )
    assert isinstance(start, Start)
    assert (start.stream_sid, start.start.call_sid, start.start.account_sid) == ("MZ1", "CA1", "AC1")
    assert start.start.custom_parameters == {"token": "t"}
    assert (start.start.media_format.sample_rate, start.start.media_format.channels) == (8000, 1)
    sound = parse(
        b'{"event":"media","sequenceNumber":"2","streamSid":"MZ1","media":{"track":"inbound","chunk":"1",'
        b'"timestamp":"57","payload":"//8="}}'
    )
    assert isinstance(sound, Media)
    assert (sound.media.payload, sound.media.chunk, sound.media.timestamp, sound.media.track) == (
        b"\xff\xff",
        1,
        57,
        "inbound",
    )
    key = parse(b'{"event":"dtmf","sequenceNumber":"9","streamSid":"MZ1","dtmf":{"track":"inbound_track","digit":"5"}}')
    assert isinstance(key, Dtmf)
    assert key.digit == "5"
    mark = parse(b'{"event":"mark","sequenceNumber":"40","streamSid":"MZ1","mark":{"name":"turn-3"}}')
    assert isinstance(mark, MarkReturned)
    assert mark.name == "turn-3"
    stop = b'{"event":"stop","sequenceNumber":"99","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}'
    assert parse(stop) == Stop("MZ1")


def test_bytes_may_come_as_a_view():
    """A socket may hand over a window into its buffer."""
    assert isinstance(parse(memoryview(media())), Media)


@pytest.mark.parametrize(
    ("chunk", "read"),
    [
        (7, 7),
        ("7", 7),
        (7.0, 7),
        ("x", -1),
        (None, -1),
        ("", -1),
        ([], -1),
        (7.5, -1),
        ("9" * 99, int("9" * 99)),
        (True, -1),
    ],
)
def test_counters_of_any_type_are_tolerated(chunk, read):
    """C06: clones send numbers for strings, and a counter is no reason to lose sound."""
    message = parse(media(chunk=chunk, timestamp=chunk))
    assert isinstance(message, Media)
    assert (message.media.chunk, message.media.timestamp) == (read, read)
    assert message.media.payload == b"\xff" * 4


def test_numbers_for_strings_are_read_as_words():
    """A clone that writes digits as numbers is understood."""
    key = parse(b'{"event":"dtmf","streamSid":5,"dtmf":{"digit":5}}')
    assert key == Dtmf(msgspec.convert({"digit": "5"}, type(key.dtmf)), "5")
    mark = parse(b'{"event":"mark","streamSid":null,"mark":{"name":12}}')
    assert isinstance(mark, MarkReturned)
    assert (mark.name, mark.stream_sid) == ("12", "")
    start = parse(
        b'{"event":"start","start":{"callSid":"CA1","accountSid":7,"tracks":[1],"mediaFormat":{"sampleRate":"8000"},'
        b'"customParameters":{"a":1,"b":null}}}'
    )
    assert isinstance(start, Start)
    assert start.start.custom_parameters == {"a": "1", "b": ""}
    assert (start.start.account_sid, start.start.media_format.sample_rate, start.start.tracks) == ("7", 8000, ["1"])
    bare = parse(b'{"event":"start","start":{"callSid":1,"tracks":1,"mediaFormat":1,"customParameters":1}}')
    assert isinstance(bare, Start)
    assert (bare.start.call_sid, bare.start.tracks, bare.start.custom_parameters) == ("1", [], {})
    assert parse(b'{"event":"connected","protocol":7}') == Connected("7", "")
    assert parse(b'{"event":"stop","streamSid":7}') == Stop("7")


def test_missing_and_extra_fields_are_tolerated():
    """New fields appear without notice; a sequence number is nothing anybody needs."""
    assert isinstance(parse(b'{"event":"media","new":{"a":[1]},"media":{"payload":"","more":1}}'), Media)
    assert parse(b'{"event":"stop"}') == Stop("")
    empty = parse(b'{"event":"start","start":{}}')
    assert isinstance(empty, Start)
    assert empty.start.call_sid == ""


def test_the_track_is_reported():
    """The door decides about the other side's sound; it may come as a number from a clone."""
    message = parse(media(track="outbound", chunk="x"))
    assert isinstance(message, Media)
    assert message.media.track == "outbound"


def test_unknown_events_are_named_and_bounded():
    """B12: tomorrow's event breaks no call, and its name cannot fill a log."""
    assert parse(b'{"event":"future"}') == Unknown("future")
    assert parse(json.dumps({"event": "x" * 9999}).encode()) == Unknown("x" * 64)


@pytest.mark.parametrize("payload", ["$$$$", "AAA", "AA==A", "A A=", "ä", "AA\n==", 5, None, [], {}])
def test_a_bad_payload_is_told_apart(payload):
    """B11: the door counts such a frame and goes on; it does not mistake it for a broken peer."""
    with pytest.raises(MalformedMessage) as failure:
        parse(media(payload))
    assert failure.value.kind == "payload"


def test_a_missing_payload_is_a_bad_payload():
    """A frame without sound counts like one that cannot be read."""
    with pytest.raises(MalformedMessage) as failure:
        parse(b'{"event":"media","media":{}}')
    assert failure.value.kind == "payload"


DEEP = b"[" * 50_000


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "json"),
        (b"\xff", "json"),
        (b"{", "json"),
        (b"NaN", "json"),
        (DEEP, "json"),
        (b'{"event":"media","x":' + DEEP, "json"),
        (b'{"event":"media","streamSid":"\xff","media":{"payload":""}}', "json"),
        (b'{"event":"mark","mark":{"name":"\\ud800"}}', "json"),
        (b'{"event":"stop"} x', "json"),
        (b"[]", "shape"),
        (b"7", "shape"),
        (b"null", "shape"),
        (b"{}", "shape"),
        (b'{"event":7}', "shape"),
        (b'{"event":"media"}', "shape"),
        (b'{"event":"media","media":[]}', "shape"),
        (b'{"event":"start","start":null}', "shape"),
        (b'{"event":"mark"}', "shape"),
        (b'{"event":"dtmf","dtmf":"5"}', "shape"),
        (b'"' + b"x" * MAX_MESSAGE + b'"', "size"),
    ],
)
def test_what_cannot_be_read_has_one_failure(data, kind):
    """B10: depth, NaN, surrogates, size: one error, one word for counting."""
    with pytest.raises(MalformedMessage) as failure:
        parse(data)
    assert failure.value.kind == kind


def test_an_endless_number_is_harmless():
    """B10: a million digits in a field nobody needs cost nothing; in a counter they read as unknown or fail."""
    digits = b"9" * 60_000
    assert isinstance(parse(b'{"event":"media","sequenceNumber":' + digits + b',"media":{"payload":""}}'), Media)
    with pytest.raises(MalformedMessage):
        parse(b'{"event":"media","media":{"payload":"","chunk":' + digits + b"}}")


def test_duplicate_keys_take_the_last():
    """One rule for both readers."""
    message = parse(b'{"event":"media","media":{"payload":"AA==","payload":"//8="}}')
    assert isinstance(message, Media)
    assert message.media.payload == b"\xff\xff"


def test_an_error_never_repeats_what_was_received():
    """Bad messages may hold anybody's words, and errors end in logs."""
    for data in (b'{"secret-word', b'{"event":"media","media":{"payload":"secret-word!"}}', b'"secret-word"'):
        with pytest.raises(MalformedMessage) as failure:
            parse(data)
        assert "secret" not in str(failure.value)
        assert failure.value.__cause__ is None


json_values = st.recursive(
    st.sampled_from([None, True, 0, -1, 5, 10**30, 0.5, 1e300, float("nan"), "", "5", "x", "AA==", "ä", "\ud800"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "5"]), inner, max_size=2),
    max_leaves=4,
)
almost = st.fixed_dictionaries(
    {"event": st.sampled_from(["connected", "start", "media", "mark", "dtmf", "stop", "x"]) | json_values},
    optional=dict.fromkeys(("streamSid", "start", "media", "mark", "dtmf", "stop"), json_values),
)
bodies = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("payload", "chunk", "timestamp", "track", "name", "digit", "tracks", "mediaFormat", "customParameters"),
        json_values,
    ),
)


@given(st.binary(max_size=300) | almost.map(lambda tree: json.dumps(tree).encode()))
def test_any_bytes_are_a_message_or_malformed(data):
    """The one failure of the parser is the only one."""
    with contextlib.suppress(MalformedMessage):
        parse(data)


@given(st.sampled_from(["start", "media", "mark", "dtmf"]), bodies)
def test_any_body_gives_words_where_words_are_promised(event, body):
    """Whoever reads a message may trust its types."""
    try:
        message = parse(json.dumps({"event": event, event: body}).encode())
    except MalformedMessage:
        return
    msgspec.json.Decoder(type(message)).decode(msgspec.json.encode(message))


@given(st.binary(max_size=400))
def test_sound_out_is_exactly_what_twilio_allows(mulaw):
    """One field more is warning 31951, and every bit arrives."""
    tree = json.loads(Outbound(SID).media(mulaw))
    assert tree == {"event": "media", "streamSid": SID, "media": {"payload": base64.b64encode(mulaw).decode()}}
    assert media_message(SID, memoryview(mulaw)) == Outbound(SID).media(mulaw)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_names_are_escaped(sid, name):
    """A mark's name may hold anything; the message stays a message."""
    assert json.loads(mark_message(sid, name)) == {"event": "mark", "streamSid": sid, "mark": {"name": name}}
    assert json.loads(clear_message(sid)) == {"event": "clear", "streamSid": sid}
