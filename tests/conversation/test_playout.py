"""What was heard, by marks, fences, clears and the clock."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.conversation.events import MarkReturned, WordTime
from stella.conversation.playout import Playout, Segment
from stella.conversation.policy import Policy
from stella.conversation.steps import NEVER
from stella.domain.ids import Mark, SegmentId

WORDS = (WordTime(3, 0.25), WordTime(7, 0.55), WordTime(11, 1.0))


@pytest.fixture
def playout() -> Playout:
    """A ledger with one segment of a second, "one two six", sent in five pieces at 0 s."""
    return filled(WORDS)


def filled(words: tuple[WordTime, ...]) -> Playout:
    """The same, with or without word times."""
    ledger = Playout(Policy())
    segment = Segment(SegmentId(1), "one two six", 1.0, words)
    ledger.say(segment)
    for place in range(1, 6):
        ledger.sent(segment, 0.2, place * 0.2, Mark(f"m{place}"), 0.0)
    return ledger


def only(ledger: Playout) -> Segment:
    """The segment."""
    segment = ledger.find(SegmentId(1))
    assert segment is not None
    return segment


def test_marks_in_time_prove_what_was_heard(playout: Playout) -> None:
    """Word by word, and at the end all of it."""
    playout.returned(Mark("m3"), 0.62)
    assert only(playout).heard == pytest.approx(0.6)
    assert only(playout).heard_text() == "one two"
    playout.returned(Mark("m5"), 1.02)
    assert only(playout).heard_text() == "one two six"
    assert playout.heard_by() < 0.0


def test_without_word_times_only_whole_segments_count() -> None:
    """Half a sentence without word times proves no word."""
    ledger = filled(())
    ledger.returned(Mark("m4"), 0.82)
    assert only(ledger).heard_text() == ""
    assert only(ledger).boundary() == (pytest.approx(0.8), False)
    ledger.returned(Mark("m5"), 1.1)
    assert only(ledger).heard_text() == "one two six"


def test_a_mark_may_be_a_little_early(playout: Playout) -> None:
    """Clocks differ by a frame or two."""
    playout.returned(Mark("m1"), 0.15)
    assert only(playout).heard == pytest.approx(0.2)


def test_a_mark_far_too_early_is_believed_when_it_is_due(playout: Playout) -> None:
    """A carrier that answers at once has not played a second in no time."""
    playout.returned(Mark("m5"), 0.01)
    assert only(playout).heard == 0.0
    assert playout.tick(0.01) == pytest.approx(1.0)
    playout.tick(0.5)
    assert only(playout).heard == 0.0
    playout.tick(1.0)
    assert only(playout).heard == pytest.approx(1.0)
    assert playout.tick(1.0) == NEVER


def test_a_mark_too_early_is_not_believed_after_a_clear(playout: Playout) -> None:
    """It was not due when the clear went out."""
    playout.returned(Mark("m5"), 0.01)
    playout.pause(0.3)
    playout.tick(2.0)
    assert only(playout).heard == 0.0


def test_marks_of_dropped_sound_prove_nothing(playout: Playout) -> None:
    """After a clear the carrier returns all marks; only those due when it went out were reached."""
    fence = playout.pause(0.45)
    for place in range(1, 6):
        playout.returned(Mark(f"m{place}"), 0.5)
    playout.returned(fence, 0.5)
    assert only(playout).heard == pytest.approx(0.4)
    assert only(playout).heard_text() == "one"
    assert playout.ignored == 3
    assert not playout.open_fence()


def test_after_the_fence_nothing_older_counts(playout: Playout) -> None:
    """The fence ends the doubt."""
    fence = playout.pause(0.45)
    playout.returned(fence, 0.5)
    playout.returned(Mark("m1"), 0.6)
    assert only(playout).heard == 0.0
    assert playout.ignored == 1


def test_a_later_mark_proves_the_earlier_ones_also_after_a_clear(playout: Playout) -> None:
    """A missing mark between two played ones changes nothing."""
    playout.pause(0.65)
    playout.returned(Mark("m3"), 0.7)
    assert only(playout).heard == pytest.approx(0.6)
    playout.returned(Mark("m1"), 0.7)
    assert only(playout).heard == pytest.approx(0.6)


def test_unknown_and_doubled_marks_are_counted_and_harmless(playout: Playout) -> None:
    """Nothing is lost silently."""
    playout.returned(Mark("m1"), 0.3)
    playout.returned(Mark("m1"), 0.3)
    playout.returned(Mark("who"), 0.3)
    assert playout.ignored == 2


def test_sound_that_crossed_with_a_clear_is_never_believed(playout: Playout) -> None:
    """It was reported after the clear: nobody knows which side of it the carrier saw it."""
    playout.pause(0.1)
    playout.sent(only(playout), 0.2, 0.2, Mark("late"), 0.1)
    playout.returned(Mark("late"), 9.0)
    assert only(playout).heard == 0.0


def test_resume_goes_on_at_the_last_word_boundary(playout: Playout) -> None:
    """No word is begun in the middle, and none is left out."""
    playout.pause(0.65)
    playout.returned(Mark("m3"), 0.7)
    assert playout.resume() == (SegmentId(1), 0.55, True)
    assert playout.left(0.8) == pytest.approx(0.45)


def test_resume_before_anything_was_heard_begins_anew(playout: Playout) -> None:
    """The beginning is a boundary."""
    playout.pause(0.1)
    assert playout.resume() == (SegmentId(1), 0.0, True)


def test_resume_goes_on_with_the_next_segment(playout: Playout) -> None:
    """What was heard is not said again; what failed cannot be."""
    failed = Segment(SegmentId(2), "x", failed=True)
    following = Segment(SegmentId(3), "next")
    playout.say(failed)
    playout.say(following)
    playout.returned(Mark("m5"), 1.0)
    playout.pause(1.1)
    assert playout.resume() == (SegmentId(3), 0.0, True)
    assert playout.left(1.2) == math.inf


def test_resume_with_nothing_left(playout: Playout) -> None:
    """All was heard after all."""
    playout.returned(Mark("m5"), 1.0)
    playout.pause(1.1)
    assert playout.resume() is None
    assert playout.all_sent


def test_the_clock_starts_anew_after_an_underrun(playout: Playout) -> None:
    """Sound sent into silence is played from then on."""
    playout.sent(only(playout), 0.2, 1.0, Mark("m6"), 5.0)
    assert playout.ends_at == pytest.approx(5.2)
    assert playout.heard_by() == pytest.approx(5.2 + Policy().mark_patience)


def test_a_lost_stream_takes_its_marks_along(playout: Playout) -> None:
    """Marks of an old stream mean nothing on a new one."""
    segment = only(playout)
    playout.forget()
    playout.returned(Mark("m5"), 9.0)
    assert segment.heard == 0.0
    assert playout.left(9.0) == 0.0


def test_two_clears_have_two_fences(playout: Playout) -> None:
    """The second fence closes the first doubt too, should the first have been lost."""
    playout.pause(0.3)
    playout.resume()
    playout.sent(only(playout), 0.2, 0.2, Mark("n1"), 0.5)
    second = playout.pause(0.8)
    playout.returned(Mark("n1"), 0.9)
    assert only(playout).heard == pytest.approx(0.2)
    playout.returned(second, 0.9)
    assert not playout.open_fence()


@given(st.lists(st.tuples(st.sampled_from(["mark", "pause", "fence", "sent"]), st.integers(1, 8), st.floats(0, 0.5))))
def test_never_more_is_heard_than_the_clock_allows(script: list[tuple[str, int, float]]) -> None:
    """Whatever the carrier returns, nothing counts that was not due, less the tolerance."""
    ledger, now, fences = filled(WORDS), 0.0, []
    segment = only(ledger)
    last_clear = None
    for place, (kind, number, gap) in enumerate(script):
        now += gap
        if kind == "mark":
            ledger.returned(Mark(f"m{number}"), now)
        elif kind == "fence" and fences:
            ledger.returned(fences.pop(0), now)
        elif kind == "pause":
            last_clear = now if last_clear is None else last_clear
            fences.append(ledger.pause(now))
            ledger.resume()
        elif kind == "sent" and last_clear is None:
            ledger.sent(segment, 0.2, 1.0, Mark(f"s{place}"), now)
        ledger.tick(now)
        limit = now if last_clear is None else min(now, last_clear)
        assert segment.heard <= limit + Policy().mark_tolerance + 1e-9


def test_a_mark_that_comes_early_in_the_flow_is_not_taken_in_passing() -> None:
    """Before its sound can have been played it proves nothing: it has to wait for its time like any other."""
    playout = Playout(Policy())
    segment = Segment(SegmentId(1), "long", 10.0)
    playout.say(segment)
    for number in (1, 2, 3):
        playout.sent(segment, 1.0, float(number), Mark(f"m{number}"), 0.0)
    assert not playout.flows(MarkReturned(Mark("m2")), 0.5)
    assert playout.flows(MarkReturned(Mark("m2")), 2.0)
    assert segment.heard == 2.0
