"""Sound comes out in order, complete in time, bounded, and every frame is counted."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.domain.call import MediaCounts
from stella.wire.media_order import WINDOW, MediaOrder

SILENT = b"\xff"


def frame(number, size=160):
    """A frame that can be told from every other and from silence."""
    return bytes([number % 251]) * size


class Stream:
    """A stream under test, its clock set by hand."""

    def __init__(self, now=0.0):
        self.now = now
        self.counts = MediaCounts()
        self.order = MediaOrder(self.counts, lambda: self.now)
        self.heard = b""

    def take(self, chunk, timestamp, payload):
        out = self.order.accept(chunk, timestamp, payload)
        self.heard += out
        return out

    def frames(self, *numbers):
        for number in numbers:
            self.take(number, 37 + 20 * number, frame(number))

    def end(self):
        self.heard += self.order.flush()
        return self.heard

    @property
    def counted(self):
        return (self.counts.frames_received, self.counts.frames_rejected, self.counts.frames_missing)


def clean(*numbers):
    """What a perfect line would have brought."""
    return b"".join(frame(number) for number in numbers)


def test_in_order_frames_pass_at_once_and_uncopied():
    """The rule of every call: no delay, no copy."""
    stream = Stream()
    stream.frames(1)
    for number in range(2, 100):
        payload = frame(number)
        assert stream.take(number, 37 + 20 * number, payload) is payload
    assert stream.counted == (99, 0, 0)


@given(st.permutations(range(WINDOW)), st.integers(0, 3))
def test_reordered_frames_come_out_as_sent(order, blocks):
    """C04: permuted within the window, the recording equals the clean one byte for byte."""
    stream = Stream()
    numbers = [block * WINDOW + place + 1 for block in range(blocks + 1) for place in order]
    stream.frames(*numbers)
    assert stream.end() == clean(*sorted(numbers))
    assert stream.counted == (len(numbers), 0, 0)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=40))
def test_a_frame_is_heard_at_most_once(numbers):
    """C04: duplicates are dropped and counted, whenever they come."""
    stream = Stream()
    stream.frames(*numbers)
    heard = stream.end()
    seen = [heard[at] for at in range(0, len(heard), 160) if heard[at] != 0xFF]
    assert all(earlier < later for earlier, later in pairwise(seen))
    assert stream.counts.frames_received == len(seen)
    assert stream.counts.frames_received + stream.counts.frames_rejected == len(numbers)


@pytest.mark.parametrize("gap_s", [0.2, 1, 5, 30])
def test_a_gap_is_silence_of_its_length(gap_s):
    """C02: where the carrier lost sound, time still passes and the recording keeps its length."""
    frames = round(gap_s * 50)
    stream = Stream()
    stream.frames(1, 2)
    stream.take(3, 37 + 20 * (3 + frames), frame(3))
    assert stream.end() == clean(1, 2) + SILENT * 160 * frames + clean(3)
    assert stream.counted == (3, 0, frames)


def test_a_gap_in_chunks_is_waited_for_and_then_given_up():
    """A late frame may still come; ten frames later it will not."""
    stream = Stream()
    stream.frames(1, *range(4, 4 + WINDOW))
    assert stream.heard == clean(1) + SILENT * 320 + clean(*range(4, 4 + WINDOW))
    assert stream.counted == (WINDOW + 1, 0, 2)
    stream.frames(2)
    assert stream.counted == (WINDOW + 1, 1, 2)


def test_a_wide_gap_in_chunks_waits_for_nothing():
    """A second that is lost is lost: its end is heard at once."""
    stream = Stream()
    stream.frames(1)
    stream.frames(52)
    assert stream.heard == clean(1) + SILENT * 160 * 50 + clean(52)
    assert stream.counted == (2, 0, 50)


def test_what_is_held_at_the_end_is_not_lost():
    """The last frames before a hang-up may wait for one that never comes."""
    stream = Stream()
    stream.frames(1, 3)
    assert stream.heard == clean(1)
    assert stream.end() == clean(1) + SILENT * 160 + clean(3)
    assert stream.counted == (2, 0, 1)


def test_more_than_thirty_seconds_are_counted_but_not_made():
    """A bound on what a timestamp can make us produce."""
    stream = Stream()
    stream.frames(1)
    stream.take(2, 37 + 20 * 3002, frame(2))
    assert len(stream.end()) == 160 + 30 * 8000 + 160
    assert stream.counts.frames_missing == 3000


def test_silence_is_made_no_faster_than_real_time():
    """Frames that each jump by 30 s would make megabytes a second of nothing."""
    stream = Stream()
    stream.frames(1)
    for jump in range(2, 40):
        stream.take(jump, jump * 30_000, frame(jump))
    assert len(stream.end()) <= 35 * 8000
    stream.now = 31.0
    stream.take(40, 40 * 30_000, frame(40))
    assert len(stream.end()) > 59 * 8000


def test_clock_jitter_neither_adds_nor_takes_sound():
    """A timestamp that swings by under a frame means nothing; ten minutes of it add up to nothing."""
    stream = Stream()
    for number in range(1, 400):
        stream.take(number, 37 + 20 * number + (0, 7, 19, -13)[number % 4], frame(number))
    assert abs(len(stream.end()) - 399 * 160) <= 160
    assert stream.counts.frames_missing <= 1


def test_a_slow_drift_is_made_up_frame_by_frame():
    """21 ms of clock for 20 ms of sound: the error never exceeds a frame."""
    stream = Stream()
    for number in range(1, 201):
        stream.take(number, 21 * number, frame(number))
        stream.now += 0.021
        assert abs(len(stream.heard) - 21 * 8 * number) <= 2 * 160


@pytest.mark.parametrize("timestamp", [-1, 0, 2**60, 5])
def test_a_clock_out_of_its_mind_is_believed_or_ignored(timestamp):
    """C06: jumps, wraps, unreadable: the sound goes on and nothing absurd is counted."""
    stream = Stream()
    stream.take(1, 10_000_000, frame(1))
    stream.take(2, timestamp, frame(2))
    stream.take(3, timestamp + 20 if timestamp >= 0 else -1, frame(3))
    assert stream.end() == clean(1, 2, 3)
    assert stream.counted == (3, 0, 0)


def test_without_chunks_the_order_of_arrival_counts():
    """A clone that sends no counters is heard all the same."""
    stream = Stream()
    for number in range(1, 4):
        stream.take(-1, -1, frame(number))
    assert stream.end() == clean(1, 2, 3)
    assert stream.counted == (3, 0, 0)


def test_without_a_clock_lost_chunks_are_counted_but_not_filled():
    """Nothing tells how long they were."""
    stream = Stream()
    stream.take(1, -1, frame(1))
    stream.take(40, -1, frame(40))
    assert stream.end() == clean(1, 40)
    assert stream.counted == (2, 0, 38)


@pytest.mark.parametrize("first", [0, 1, 1000])
def test_a_stream_may_begin_at_any_chunk(first):
    """Some carriers count from 0, and a stream may be joined in its middle."""
    stream = Stream()
    stream.frames(first, first + 1)
    assert stream.end() == clean(first, first + 1)
    assert stream.counted == (2, 0, 0)


def test_empty_frames_are_rejected():
    """B11: there is nothing in them to hear."""
    stream = Stream()
    stream.frames(1)
    assert stream.take(2, 77, b"") == b""
    assert stream.counted == (1, 1, 0)


def test_frames_of_any_size_are_taken():
    """B11: 20 ms is a habit of Twilio's, not a promise."""
    stream = Stream()
    stream.take(1, 0, frame(1, 1))
    stream.take(2, 20, frame(2, 160))
    stream.take(3, 40, frame(3, 800))
    stream.take(4, 140, frame(4, 160))
    assert stream.end() == frame(1, 1) + frame(2, 160) + frame(3, 800) + frame(4, 160)


def test_a_flood_is_bounded():
    """B13: fifty seconds of sound in half a second; 35 are taken, the rest is counted, the call goes on."""
    stream = Stream()
    for number in range(1, 2501):
        stream.now += 0.0002
        stream.frames(number)
    received, rejected, _ = stream.counted
    assert received + rejected == 2500
    assert 1750 <= received <= 1780
    assert len(stream.heard) <= 36 * 8000
    stream.now += 60
    stream.frames(*range(2501, 2601))
    assert stream.counts.frames_received == received + 100
    assert len(stream.end()) <= 2600 * 160


def test_real_time_never_meets_the_bound():
    """An hour at a clock that runs half a percent fast, with stalls of five seconds, loses nothing."""
    stream = Stream()
    taken = 0
    for number in range(1, 60 * 50 * 4):
        stream.now = number * 0.0199 + (5.0 if number % 1000 < 250 else 0.0)
        taken += len(stream.take(number, 20 * number, frame(number)))
    assert stream.counts.frames_rejected == 0
    assert stream.counts.frames_missing == 0


def test_a_clock_that_goes_back_allows_nothing():
    """The allowance never grows out of a broken clock."""
    stream = Stream(now=100.0)
    for number in range(1, 2001):
        stream.now -= 1
        stream.frames(number)
    assert stream.counts.frames_received == 1750


@given(
    st.lists(
        st.tuples(st.integers(-2, 40), st.integers(-5, 10**7) | st.just(2**62), st.integers(0, 400)),
        max_size=60,
    )
)
def test_nothing_raises_and_every_frame_is_counted_once(frames):
    """C06: whatever the counters say."""
    stream = Stream()
    for chunk, timestamp, size in frames:
        stream.take(chunk, timestamp, frame(chunk, size))
    stream.end()
    received, rejected, missing = stream.counted
    assert received + rejected == len(frames)
    assert missing >= 0
    assert len(stream.heard) <= 30 * 8000 + 30 * 8000
