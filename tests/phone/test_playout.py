"""The playout buffer keeps its promises to the sample."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stella.phone.playout import Played, Playout, Reached

moves = st.lists(
    st.tuples(
        st.integers(0, 500),
        st.one_of(
            st.tuples(st.just("feed"), st.integers(0, 700)),
            st.tuples(st.just("mark"), st.just(0)),
            st.tuples(st.just("clear"), st.just(0)),
            st.tuples(st.just("advance"), st.just(0)),
        ),
    ),
    max_size=40,
)


def play(steps, capacity=2000):
    """Run a script of moves; what happened, what was fed, and the buffer."""
    buffer, now, fed, happened, names = Playout(capacity), 0, 0, [], 0
    for wait, (move, size) in steps:
        now += wait
        match move:
            case "feed":
                sound = bytes((fed + i) % 251 for i in range(size))
                fed += size
                happened += buffer.feed(sound, now)
            case "mark":
                happened += buffer.mark(str(names), now)
                names += 1
            case "clear":
                happened += buffer.clear(now)
            case _:
                happened += buffer.advance(now)
    return buffer, now, fed, happened, names


@settings(deadline=None, max_examples=50)
@given(moves)
def test_every_sample_is_played_cleared_refused_or_still_queued(steps):
    """Nothing is lost silently and nothing is invented."""
    buffer, _, fed, happened, _ = play(steps)
    played = sum(len(item.mulaw) for item in happened if isinstance(item, Played))
    assert played + buffer.cleared + buffer.overflowed + buffer.queued == fed


@settings(deadline=None, max_examples=50)
@given(moves)
def test_sound_never_overlaps_and_never_precedes_its_time(steps):
    """A telephone plays one sample at a time, none before it came and none after now."""
    _, now, _, happened, _ = play(steps)
    end = 0
    for item in happened:
        if isinstance(item, Played):
            assert item.start >= end
            end = item.start + len(item.mulaw)
    assert end <= now


@settings(deadline=None, max_examples=50)
@given(moves)
def test_every_mark_comes_back_once_and_in_order(steps):
    """The heard-text ledger of the server stands on this."""
    buffer, now, _, happened, names = play(steps)
    happened += buffer.advance(now + 1_000_000)
    assert [item.name for item in happened if isinstance(item, Reached)] == [str(n) for n in range(names)]


@settings(deadline=None, max_examples=50)
@given(moves, st.integers(1, 500))
def test_playing_in_one_go_or_in_small_steps_is_the_same(steps, step):
    """How often somebody looks must not change what is heard."""
    buffer, now, _, _, _ = play(steps)
    again, _, _, _, _ = play(steps)
    whole = b"".join(item.mulaw for item in buffer.advance(now + 3000) if isinstance(item, Played))
    pieces = b""
    for at in range(now, now + 3001, step):
        pieces += b"".join(item.mulaw for item in again.advance(at) if isinstance(item, Played))
    pieces += b"".join(item.mulaw for item in again.advance(now + 3000) if isinstance(item, Played))
    assert pieces == whole


def test_mark_is_reached_at_the_sample_where_the_sound_before_it_ends():
    """Not at the end of the frame, not when somebody looks."""
    buffer = Playout()
    buffer.feed(b"\x01" * 100, 50)
    buffer.mark("end", 50)
    assert buffer.advance(149) == [Played(50, b"\x01" * 99)]
    assert buffer.advance(500) == [Played(149, b"\x01"), Reached("end", 150, "played")]


def test_mark_with_nothing_queued_comes_back_at_once():
    """As Twilio's pages say."""
    assert Playout().mark("now", 7) == [Reached("now", 7, "empty")]


def test_clear_returns_outstanding_marks_and_plays_nothing_more():
    """The echo has no flag for it on the wire; only the report knows."""
    buffer = Playout()
    buffer.feed(b"\x01" * 1000, 0)
    buffer.mark("a", 0)
    buffer.feed(b"\x02" * 1000, 0)
    buffer.mark("b", 0)
    assert buffer.clear(1200) == [
        Played(0, b"\x01" * 1000),
        Reached("a", 1000, "played"),
        Played(1000, b"\x02" * 200),
        Reached("b", 1200, "cleared"),
    ]
    assert buffer.advance(5000) == []
    assert (buffer.cleared, buffer.queued) == (800, 0)


def test_more_than_ten_minutes_are_dropped_and_counted():
    """31931: the surplus is discarded, what was there before goes on."""
    buffer = Playout()
    buffer.feed(b"\xff" * (10 * 60 * 8000), 0)
    buffer.feed(b"\x01" * 10, 0)
    assert (buffer.queued, buffer.overflowed) == (4_800_000, 10)
