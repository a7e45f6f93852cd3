"""The sound of a turn of ours: made, failed, sent, and proven by marks."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.floor import Floor
from stella.conversation.speaking import AgentTurn, Kind


class Voicing:
    """What the voice and the carrier do, applied to the floor."""

    __slots__ = ("_floor",)

    def __init__(self, floor: Floor) -> None:
        """Speak for one conversation."""
        self._floor = floor

    def voiced(self, event: on.SegmentVoiced) -> None:
        """A segment's length and word times are known."""
        segment = self._floor.playout.find(event.segment)
        if segment is None:
            self._floor.counts["stale"] += 1
            return
        segment.duration, segment.words = event.duration, event.words
        if event.duration <= 0.0:
            segment.failed = True

    def unvoiced(self, event: on.SegmentFailed) -> None:
        """A segment could not be voiced, or not to its end. If nothing of the turn can be, another path must speak."""
        floor = self._floor
        segment = floor.playout.find(event.segment)
        mine = floor.mine
        if segment is None or mine is None:
            floor.counts["stale"] += 1
            return
        floor.counts["voice_failures"] += 1
        if segment.duration:
            segment.broken = True
            return
        segment.failed = True
        if not mine.closing and all(each.failed for each in mine.segments):
            floor.leave(do.FallBack("voice-failed"))

    def sent(self, event: on.AudioSent) -> None:
        """Sound went to the carrier."""
        floor = self._floor
        segment = floor.playout.find(event.segment)
        mine = floor.mine
        if segment is None or mine is None:
            floor.counts["stale"] += 1
            return
        floor.playout.sent(segment, event.seconds, event.upto, event.mark, floor.now)
        floor.progress_at = floor.now
        if not mine.audible:
            self._first_sound(mine)
        if mine.kind is Kind.REPLY and not mine.replied and not segment.filler:
            mine.replied = True
            if mine.caller_stopped is not None:
                floor.order(do.RecordGap(max(0.0, floor.now - mine.caller_stopped)))

    def _first_sound(self, mine: AgentTurn) -> None:
        """From here the caller hears us: what we answer is settled, and can no longer grow."""
        floor = self._floor
        mine.audible = True
        mine.began = floor.now
        if mine.answers is not None:
            floor.commit_caller(mine.answers)
            mine.answers = None

    def returned(self, event: on.MarkReturned) -> None:
        """A mark came back."""
        self._floor.playout.returned(event.mark, self._floor.now)
