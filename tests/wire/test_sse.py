"""Events go out on one line and come in however they were cut."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.domain.errors import MalformedMessage
from stella.wire.sse import COMMENT, EventReader, ServerEvent, encode, json_of


def read(raw, cuts=(), **bounds):
    """The events of a stream cut at some places."""
    reader = EventReader(**bounds)
    edges = [0, *sorted(cuts), len(raw)]
    found = []
    for start, end in itertools.pairwise(edges):
        found += reader.feed(raw[start:end])
    return found


VALUES = st.dictionaries(
    st.sampled_from(["type", "content"]), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
)


@given(st.lists(VALUES, max_size=5), st.lists(st.integers(0, 200), max_size=8))
def test_what_is_written_is_read_wherever_it_is_cut(values, cuts):
    """A network cuts anywhere, inside an umlaut too."""
    raw = b"".join(encode(value) for value in values)
    found = read(raw, [min(cut, len(raw)) for cut in cuts])
    assert [json_of(event) for event in found] == values


def test_an_event_is_one_line():
    """No text, whatever breaks it holds, ends an event early."""
    assert encode({"content": "a\n\ndata: b\r\u2028"}).count(b"\n") == 2
    assert json.loads(encode({"a": "\n"})[6:]) == {"a": "\n"}


STREAM = b"\xef\xbb\xbfevent: note\r\nid: 7\rdata: a\ndata:b\r\n: comment\n\ndata: \xc3\xa4\r\rretry: 5\nid: x\0\n\nnonsense\n\n"


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_every_line_ending_is_an_ending(cut):
    """CR, LF and CRLF mixed, cut at any byte."""
    assert read(STREAM, [cut]) == [ServerEvent("a\nb", "note", "7"), ServerEvent("ä", "message", "7")]


def test_byte_by_byte_is_the_same():
    """Even a CRLF in two pieces."""
    assert read(STREAM, range(len(STREAM))) == read(STREAM)


def test_comments_cost_nothing():
    """A stream kept warm for a day ends in no size error."""
    assert read(COMMENT * 1000 + b": x\n" * 1000 + encode({}), max_event=200) == [ServerEvent("{}")]


@pytest.mark.parametrize("raw", [b"data: " + b"x" * 300, b"data: x\n" * 50])
def test_an_endless_event_is_refused(raw):
    """Bounded, whether it is one long line or many short ones."""
    with pytest.raises(MalformedMessage) as failure:
        read(raw, range(0, len(raw), 7), max_event=200)
    assert failure.value.kind == "size"


def test_what_is_not_utf8_is_refused():
    """The standard knows no other encoding."""
    with pytest.raises(MalformedMessage) as failure:
        read(b"data: \xff\n\n")
    assert failure.value.kind == "utf-8"


def test_what_is_not_json_is_refused():
    """One failure for the reader of a stream."""
    with pytest.raises(MalformedMessage) as failure:
        json_of(ServerEvent("{"))
    assert failure.value.kind == "json"
