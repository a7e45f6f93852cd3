"""What was heard, by marks, fences, clears and the clock."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.conversation.events import AudioSent, MarkReturned, WordTime
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


# A segment by itself


def test_a_fresh_segment_is_neither_sent_nor_heard() -> None:
    """Nor broken, failed or a filler; how long it is nobody knows."""
    segment = Segment(SegmentId(1), "one")
    assert (segment.duration, segment.words, segment.sent, segment.heard) == (None, (), 0.0, 0.0)
    assert (segment.failed, segment.filler, segment.broken) == (False, False, False)
    assert (segment.all_sent, segment.all_heard) == (False, False)


@pytest.mark.parametrize(("place", "whole"), [(1.0, True), (0.975, True), (0.974, False), (0.0, False)])
def test_a_segment_is_whole_but_for_a_frame(place: float, whole: bool) -> None:
    """Sound travels in frames: what is missing of the last is not missed."""
    segment = Segment(SegmentId(1), "one", 1.0, sent=place, heard=place)
    assert (segment.all_sent, segment.all_heard) == (whole, whole)


def test_a_segment_that_failed_is_not_waited_for_and_was_not_heard() -> None:
    """There is no sound of it."""
    segment = Segment(SegmentId(1), "one", failed=True)
    assert (segment.all_sent, segment.all_heard) == (True, False)


def test_a_very_short_segment_is_heard_when_something_of_it_was() -> None:
    """Shorter than a frame, and still not heard before it was played."""
    segment = Segment(SegmentId(1), "one", 0.02)
    assert not segment.all_heard
    segment.heard = 0.01
    assert segment.all_heard


def test_of_a_segment_that_broke_off_only_proven_words_count() -> None:
    """Its sound was heard to the end, its text was not."""
    segment = Segment(SegmentId(1), "one two six", 0.6, WORDS, heard=0.6, broken=True)
    assert segment.heard_text() == "one two"


@pytest.mark.parametrize(
    ("heard", "text", "place"), [(0.24, "", 0.0), (0.25, "one", 0.25), (0.55, "one two", 0.55), (0.6, "one two", 0.55)]
)
def test_a_cut_and_a_resumption_are_at_the_last_word_wholly_heard(heard: float, text: str, place: float) -> None:
    """A word counts with the very moment of its end."""
    segment = Segment(SegmentId(1), "one two six", 1.0, WORDS, heard=heard)
    assert segment.heard_text() == text
    assert segment.boundary() == (place, True)


def test_a_cut_ends_without_a_blank() -> None:
    """Where an engine counts the blank behind a word to it."""
    segment = Segment(SegmentId(1), "one two six", 1.0, (WordTime(4, 0.2),), heard=0.3)
    assert segment.heard_text() == "one"


# The ledger between the facts


def test_a_new_ledger_has_heard_and_waits_for_nothing() -> None:
    """Not a mark, not a fence, not a sound."""
    ledger = Playout(Policy())
    assert (ledger.marks_heard, ledger.ignored, ledger.paused, ledger.open_fence()) == (0, 0, False, False)
    assert ledger.left(0.0) == 0.0
    assert not ledger.sounded(-1e9)
    assert ledger.all_sent
    assert ledger.heard_by() < -1e9
    assert ledger.tick(5.0) == NEVER


def test_what_is_left_is_what_was_not_played_yet(playout: Playout) -> None:
    """At the carrier, and still to be sent; unknown while a length is."""
    assert playout.left(0.25) == pytest.approx(0.75)
    assert playout.left(5.0) == 0.0
    playout.say(Segment(SegmentId(2), "more", 2.0, sent=0.5))
    assert playout.left(0.25) == pytest.approx(0.75 + 1.5)
    playout.say(Segment(SegmentId(3), "more"))
    assert playout.left(0.25) == math.inf


def test_marks_are_waited_for_only_when_everything_was_sent(playout: Playout) -> None:
    """Then with patience, from when the sound is over."""
    assert playout.heard_by() == pytest.approx(1.0 + Policy().mark_patience)
    playout.say(Segment(SegmentId(2), "more", 2.0))
    assert playout.heard_by() == NEVER
    assert not playout.all_sent


def test_a_failed_segment_is_not_waited_for(playout: Playout) -> None:
    """It will never be heard."""
    playout.say(Segment(SegmentId(2), "x", failed=True))
    playout.returned(Mark("m5"), 1.0)
    assert playout.heard_by() < 0.0


def test_sound_that_was_sent_twice_counts_once(playout: Playout) -> None:
    """A piece that was repeated does not take the place back."""
    playout.sent(only(playout), 0.2, 0.4, Mark("again"), 0.5)
    assert only(playout).sent == 1.0
    assert playout.ends_at == pytest.approx(1.2)


@pytest.mark.parametrize(("at", "believed"), [(0.14, True), (0.13, False)])
def test_a_mark_is_believed_a_little_before_it_is_due(at: float, believed: bool) -> None:
    """By the tolerance, and no more; then it waits for its time."""
    ledger = filled(WORDS)
    ledger.returned(Mark("m1"), at)
    assert (ledger.marks_heard == 1) is believed
    assert ledger.tick(at) == (NEVER if believed else pytest.approx(0.2))


def test_early_marks_are_believed_each_in_its_time(playout: Playout) -> None:
    """The next one is named."""
    playout.returned(Mark("m5"), 0.0)
    playout.returned(Mark("m3"), 0.0)
    assert playout.tick(0.0) == pytest.approx(0.6)
    assert playout.tick(0.7) == pytest.approx(1.0)
    assert only(playout).heard == pytest.approx(0.6)
    assert playout.marks_heard == 1


@pytest.mark.parametrize(("cleared", "heard"), [(0.2, 0.2), (0.19, 0.0)])
def test_what_was_due_when_the_clear_went_out_was_heard(cleared: float, heard: float) -> None:
    """To the moment. The rest came back because it was dropped, and counts for nothing."""
    ledger = filled(WORDS)
    ledger.pause(cleared)
    ledger.returned(Mark("m1"), 0.5)
    assert only(ledger).heard == heard
    assert (ledger.marks_heard, ledger.ignored) == ((1, 0) if heard else (0, 1))


def test_a_mark_of_before_a_clear_proves_nothing_sent_after_it(playout: Playout) -> None:
    """Nor does one from after it prove what was dropped."""
    playout.pause(0.45)
    playout.resume()
    playout.sent(only(playout), 0.2, 0.2, Mark("n1"), 0.5)
    playout.returned(Mark("n1"), 0.7)
    assert only(playout).heard == pytest.approx(0.2)
    playout.returned(Mark("m2"), 0.7)
    assert playout.marks_heard == 2


def test_each_clear_has_a_fence_of_its_own(playout: Playout) -> None:
    """Named after how many there were before; an older one that comes late closes no younger doubt."""
    first = playout.pause(0.3)
    playout.resume()
    second = playout.pause(0.8)
    assert (first, second) == ("fence-0", "fence-1")
    playout.returned(first, 0.9)
    assert playout.open_fence()
    assert (playout.ignored, playout.marks_heard) == (0, 0)
    playout.returned(second, 0.9)
    assert not playout.open_fence()


def test_a_fence_closes_only_the_doubt_before_it(playout: Playout) -> None:
    """Marks of sound sent after the clear are still to come."""
    fence = playout.pause(0.45)
    playout.resume()
    playout.sent(only(playout), 0.2, 0.2, Mark("n1"), 0.5)
    playout.sent(only(playout), 0.2, 0.4, Mark("n2"), 0.5)
    playout.returned(fence, 0.6)
    playout.returned(Mark("n1"), 0.7)
    playout.returned(Mark("n2"), 0.9)
    assert only(playout).heard == pytest.approx(0.4)
    assert playout.ignored == 0


def test_after_a_younger_clear_the_older_one_still_judges_its_own_sound(playout: Playout) -> None:
    """The first fence is back, the second is not: sound between the two is judged by the second."""
    first = playout.pause(0.25)
    playout.resume()
    playout.sent(only(playout), 0.2, 0.2, Mark("n1"), 0.5)
    playout.pause(0.8)
    playout.returned(first, 0.9)
    playout.returned(Mark("n1"), 0.9)
    assert only(playout).heard == pytest.approx(0.2)


def test_a_pause_takes_back_what_was_not_heard(playout: Playout) -> None:
    """It will be sent again from the proven place; nothing sounds any more."""
    playout.returned(Mark("m2"), 0.4)
    playout.pause(0.45)
    assert playout.paused
    assert only(playout).sent == pytest.approx(0.4)
    assert playout.left(0.45) == pytest.approx(0.6)


def test_a_pause_believes_early_marks_whose_time_has_come_and_forgets_the_others(playout: Playout) -> None:
    """They were returned because their sound was dropped, or will not be asked about again."""
    playout.returned(Mark("m1"), 0.0)
    playout.returned(Mark("m5"), 0.0)
    playout.pause(0.3)
    assert only(playout).heard == pytest.approx(0.2)
    assert playout.tick(9.0) == NEVER
    assert only(playout).heard == pytest.approx(0.2)


def test_sound_sent_while_paused_moves_nothing(playout: Playout) -> None:
    """It crossed with the clear."""
    playout.pause(0.1)
    playout.sent(only(playout), 0.2, 0.2, Mark("late"), 0.1)
    assert only(playout).sent == 0.0
    playout.returned(Mark("late"), 0.2)
    assert (playout.ignored, playout.left(0.2)) == (1, 1.0)


def test_after_a_resumption_we_are_not_paused(playout: Playout) -> None:
    """And what was heard whole counts as sent up to there."""
    playout.returned(Mark("m5"), 1.0)
    playout.pause(1.1)
    playout.resume()
    assert not playout.paused
    assert only(playout).sent == 1.0


def test_our_sound_is_known_to_have_been_in_the_air() -> None:
    """Until it ended, or until it was cleared, whichever was first; an earlier clear does not outweigh a later."""
    ledger = filled(WORDS)
    assert ledger.sounded(1.0)
    assert not ledger.sounded(1.01)
    ledger.pause(0.5)
    assert ledger.sounded(0.5)
    assert not ledger.sounded(0.51)
    ledger.resume()
    ledger.pause(0.6)
    assert ledger.sounded(0.5)
    late = filled(WORDS)
    late.pause(3.0)
    assert late.sounded(1.0)
    assert not late.sounded(1.01)


def test_a_dropped_turn_is_neither_paused_nor_known(playout: Playout) -> None:
    """But marks under way still find their segment: it is being written down."""
    segment = only(playout)
    playout.pause(0.45)
    playout.drop()
    assert not playout.paused
    assert playout.find(SegmentId(1)) is None
    playout.returned(Mark("m2"), 0.5)
    assert segment.heard == pytest.approx(0.4)


def test_a_lost_stream_leaves_no_doubt_open(playout: Playout) -> None:
    """Nothing of it can come back: no mark, no fence, no early proof, no sound in the air after it."""
    playout.returned(Mark("m3"), 0.0)
    fence = filled(WORDS).pause(0.2)
    playout.forget()
    assert playout.tick(9.0) == NEVER
    assert not playout.open_fence()
    assert playout.left(0.0) == 0.0
    playout.returned(fence, 9.0)
    playout.returned(Mark("m1"), 9.0)
    assert playout.ignored == 2
    assert not playout.sounded(0.5)
    assert playout.pause(9.0) == "fence-1"


# In the middle of a sentence


def flowing() -> Playout:
    """Ten seconds of speech, three of them sent."""
    ledger = Playout(Policy())
    segment = Segment(SegmentId(1), "long", 10.0)
    ledger.say(segment)
    for number in (1, 2, 3):
        ledger.sent(segment, 1.0, float(number), Mark(f"m{number}"), 0.0)
    return ledger


def more(upto: float, segment: int = 1) -> AudioSent:
    """Another second of sound."""
    return AudioSent(SegmentId(segment), 1.0, upto, Mark(f"x{upto}"))


def test_sound_before_the_end_of_a_segment_that_has_begun_flows() -> None:
    """It is noted, and nothing else has to be looked at."""
    ledger = flowing()
    assert ledger.flows(more(4.0), 1.0) is True
    assert only(ledger).sent == 4.0
    assert ledger.left(1.0) == pytest.approx(3.0 + 6.0)
    only(ledger).duration = None
    assert ledger.flows(more(5.0), 1.0) is True


@pytest.mark.parametrize("what", ["unknown", "first", "last", "almost last", "paused", "early"])
def test_sound_from_which_something_may_follow_does_not_flow(what: str) -> None:
    """It begins or completes something, or there is a doubt; it is left alone."""
    ledger = flowing()
    event = more(4.0)
    if what == "unknown":
        event = more(4.0, 2)
    elif what == "first":
        only(ledger).sent = 0.0
    elif what == "last":
        event = more(10.0)
    elif what == "almost last":
        event = more(9.975)
    elif what == "paused":
        ledger.pause(0.5)
    else:
        ledger.returned(Mark("m3"), 0.1)
    before = only(ledger).sent
    assert ledger.flows(event, 0.2) is False
    assert only(ledger).sent == before


def test_a_mark_that_is_due_with_more_sound_behind_it_flows() -> None:
    """It is proof, and is taken once."""
    ledger = flowing()
    assert ledger.flows(MarkReturned(Mark("m1")), 0.94) is True
    assert (only(ledger).heard, ledger.marks_heard) == (1.0, 1)
    assert ledger.flows(MarkReturned(Mark("m1")), 1.0) is False
    assert ledger.ignored == 0


@pytest.mark.parametrize("what", ["unknown", "last", "proven", "before a clear", "early"])
def test_a_mark_from_which_something_may_follow_does_not_flow(what: str) -> None:
    """It may complete something, or prove nothing."""
    ledger = flowing()
    name, now = "m2", 2.0
    if what == "unknown":
        name = "who"
    elif what == "last":
        name, now = "m3", 3.0
    elif what == "proven":
        ledger.returned(Mark("m2"), 2.0)
        name = "m1"
    elif what == "before a clear":
        ledger.pause(2.5)
        ledger.resume()
    else:
        now = 1.9
    heard = ledger.marks_heard
    assert ledger.flows(MarkReturned(Mark(name)), now) is False
    assert ledger.marks_heard == heard
