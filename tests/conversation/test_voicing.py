"""The sound of a turn of ours: made, failed, sent and proven."""

from __future__ import annotations

import pytest
from scripted import NOW, asked, fixed, sounds, stage, taken

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.playout import Segment
from stella.conversation.speaking import Kind
from stella.conversation.voicing import Voicing
from stella.domain.call import EndedBy
from stella.domain.ids import Mark, SegmentId


def said(floor: object, text: str = "One two.") -> Segment:
    """A sentence was ordered; nothing of it was made yet."""
    floor.say(floor.mine, text)  # type: ignore[attr-defined]
    taken(floor)  # type: ignore[arg-type]
    segment: Segment = floor.mine.segments[-1]  # type: ignore[attr-defined]
    return segment


def test_a_segment_that_was_made_has_its_length_and_its_words() -> None:
    """They are what a cut is measured with."""
    floor = stage()
    asked(floor)
    segment = said(floor)
    words = (on.WordTime(3, 0.5),)
    Voicing(floor).voiced(on.SegmentVoiced(segment.segment, 1.0, words))
    assert (segment.duration, segment.words, segment.failed) == (1.0, words, False)


@pytest.mark.parametrize(("seconds", "failed"), [(0.0, True), (0.01, False)])
def test_a_segment_of_no_sound_is_not_waited_for(seconds: float, failed: bool) -> None:
    """A voice that has nothing to say for an emoji has failed at it."""
    floor = stage()
    asked(floor)
    segment = said(floor)
    Voicing(floor).voiced(on.SegmentVoiced(segment.segment, seconds))
    assert segment.failed is failed


def test_what_comes_for_a_segment_nobody_knows_is_stale() -> None:
    """Its turn is over."""
    floor = stage()
    asked(floor)
    machine = Voicing(floor)
    machine.voiced(on.SegmentVoiced(SegmentId(9), 1.0))
    machine.unvoiced(on.SegmentFailed(SegmentId(9)))
    machine.sent(on.AudioSent(SegmentId(9), 0.2, 0.2, Mark("m")))
    assert floor.counts == {"stale": 3}
    assert taken(floor) == []


def test_sound_without_a_turn_is_stale() -> None:
    """It was given up; its segments are still known for a moment."""
    floor = stage()
    asked(floor)
    segment = said(floor)
    floor.mine = None
    machine = Voicing(floor)
    machine.unvoiced(on.SegmentFailed(segment.segment))
    machine.sent(on.AudioSent(segment.segment, 0.2, 0.2, Mark("m")))
    assert floor.counts == {"stale": 2}
    assert not segment.sent


def test_a_sentence_that_cannot_be_made_is_passed_over_while_others_can() -> None:
    """The caller misses one sentence and no more."""
    floor = stage()
    asked(floor)
    first, second = said(floor, "One."), said(floor, "Two.")
    machine = Voicing(floor)
    machine.unvoiced(on.SegmentFailed(first.segment))
    assert (first.failed, second.failed, floor.left) == (True, False, None)
    assert taken(floor) == []
    machine.unvoiced(on.SegmentFailed(second.segment))
    assert floor.left == do.FallBack("voice-failed")
    assert floor.counts == {"voice_failures": 2}


def test_a_goodbye_that_cannot_be_made_still_ends_the_call() -> None:
    """It leads out already; another path has nothing to add."""
    floor = stage()
    fixed(floor, kind=Kind.FAREWELL, then=do.HangUp(EndedBy.LIMIT), interruptible=False)
    segment = said(floor)
    Voicing(floor).unvoiced(on.SegmentFailed(segment.segment))
    assert segment.failed
    assert floor.left is None


def test_a_sentence_that_breaks_off_is_played_as_far_as_it_goes() -> None:
    """Its length is known, its end is not: it is not claimed whole."""
    floor = stage()
    asked(floor)
    segment = said(floor)
    machine = Voicing(floor)
    machine.voiced(on.SegmentVoiced(segment.segment, 1.0))
    machine.unvoiced(on.SegmentFailed(segment.segment))
    assert (segment.broken, segment.failed, floor.left) == (True, False, None)
    assert floor.counts == {"voice_failures": 1}


def test_with_the_first_sound_the_question_is_settled() -> None:
    """It is written down, before anything of the answer, and can no longer grow."""
    floor = stage()
    mine = asked(floor, "my question")
    segment = said(floor)
    floor.now = NOW + 1.0
    Voicing(floor).sent(on.AudioSent(segment.segment, 0.2, 0.2, Mark("m")))
    commit, gap = taken(floor)
    assert isinstance(commit, do.CommitTurn)
    assert (commit.turn.speaker, commit.turn.text) == ("caller", "my question")
    assert gap == do.RecordGap(3.0)
    assert (mine.audible, mine.began, mine.answers, mine.replied) == (True, NOW + 1.0, None, True)
    assert segment.sent == 0.2
    assert floor.progress_at == NOW + 1.0


def test_the_second_sound_settles_nothing_anew() -> None:
    """The turn began with the first, and the gap was measured."""
    floor = stage()
    mine = asked(floor)
    segment = said(floor)
    machine = Voicing(floor)
    machine.sent(on.AudioSent(segment.segment, 0.2, 0.2, Mark("m1")))
    taken(floor)
    floor.now = NOW + 0.2
    machine.sent(on.AudioSent(segment.segment, 0.2, 0.4, Mark("m2")))
    assert taken(floor) == []
    assert mine.began == NOW
    assert floor.playout.ends_at == pytest.approx(NOW + 0.4)


def test_a_word_of_patience_is_not_the_reply() -> None:
    """The gap the caller waits is measured to the answer."""
    floor = stage()
    mine = asked(floor)
    floor.say(mine, "One moment.", filler=True)
    filler = mine.segments[-1]
    machine = Voicing(floor)
    machine.sent(on.AudioSent(filler.segment, 0.2, 0.2, Mark("m1")))
    assert mine.audible
    assert not mine.replied
    assert do.RecordGap not in [type(order) for order in taken(floor)]
    segment = said(floor)
    floor.now = NOW + 2.0
    machine.sent(on.AudioSent(segment.segment, 0.2, 0.2, Mark("m2")))
    assert taken(floor) == [do.RecordGap(4.0)]


def test_a_gap_is_measured_where_there_is_one() -> None:
    """Not of a fixed turn, and not of words whose end nobody heard; never below nothing."""
    floor = stage()
    mine = fixed(floor)
    segment = said(floor)
    Voicing(floor).sent(on.AudioSent(segment.segment, 0.2, 0.2, Mark("m1")))
    assert taken(floor) == []
    assert not mine.replied
    floor = stage()
    asked(floor).caller_stopped = None
    segment = said(floor)
    Voicing(floor).sent(on.AudioSent(segment.segment, 0.2, 0.2, Mark("m1")))
    assert do.RecordGap not in [type(order) for order in taken(floor)]
    floor = stage()
    asked(floor).caller_stopped = NOW + 1.0
    segment = said(floor)
    Voicing(floor).sent(on.AudioSent(segment.segment, 0.2, 0.2, Mark("m1")))
    assert do.RecordGap(0.0) in taken(floor)


def test_a_mark_proves_sound() -> None:
    """At the time it came back."""
    floor = stage()
    asked(floor)
    segment = sounds(floor)
    floor.now = NOW + 2.0
    Voicing(floor).returned(on.MarkReturned(Mark(f"{segment.segment}.2")))
    assert segment.heard == 2.0
