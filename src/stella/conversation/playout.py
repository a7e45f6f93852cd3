"""What has been heard? The ledger of sound sent, marks returned, clears and fences.

The carrier sends a mark back when it was reached *and* when a clear dropped it (TWILIO.md §3.3). The playout clock tells
the two apart: a mark counts only if its sound can have been played by now, and after a clear only if it was due when the
clear went out. The fence mark sent behind a clear ends the doubt: what comes after it for older sound never counts.

Law 1: what is unproven was not heard. Law 2: a mark that counts proves everything before it since the last clear.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from stella.conversation.events import AudioSent, MarkReturned, WordTime
from stella.conversation.policy import Policy
from stella.conversation.steps import NEVER
from stella.domain.ids import Mark, SegmentId

_GRAIN = 0.025
"""Sound travels in frames of 20 ms: a segment is whole when no more than this is missing."""


@dataclass(slots=True)
class Segment:
    """A piece of speech on its way to the ear. `sent` and `heard` are seconds into it. A `broken` one sounds,
    but its end could not be made."""

    segment: SegmentId
    text: str
    duration: float | None = None
    words: tuple[WordTime, ...] = ()
    sent: float = 0.0
    heard: float = 0.0
    failed: bool = False
    filler: bool = False
    broken: bool = False

    @property
    def all_sent(self) -> bool:
        """Whether nothing of it is still to be sent."""
        return self.failed or (self.duration is not None and self.sent >= self.duration - _GRAIN)

    @property
    def all_heard(self) -> bool:
        """Whether it is proven heard to its end."""
        return self.duration is not None and self.heard > 0.0 and self.heard >= self.duration - _GRAIN

    def heard_text(self) -> str:
        """The words proven heard: all, or up to the last word wholly heard, or none where word times are missing."""
        if self.all_heard and not self.broken:
            return self.text
        return self.text[: max((word.chars for word in self.words if word.end <= self.heard), default=0)].rstrip()

    def boundary(self) -> tuple[float, bool]:
        """Where to go on after a pause, and whether that is a word boundary."""
        if not self.heard:
            return 0.0, True
        if self.words:
            return max((word.end for word in self.words if word.end <= self.heard), default=0.0), True
        return self.heard, False


@dataclass(slots=True)
class _Sent:
    """A mark under way: when its sound will have been played, and what it proves then."""

    segment: Segment
    upto: float
    due: float
    epoch: int
    done: bool = field(default=False)


class Playout:
    """The ledger of one stream. Segments are handed in by `say`; truth is read from them."""

    __slots__ = (
        "_cleared", "_early", "_entries", "_fences", "_fresh", "_order", "_policy", "_segments", "ends_at", "epoch",
        "ignored", "marks_heard", "paused", "silent_from",
    )  # fmt: skip

    def __init__(self, policy: Policy) -> None:
        """Begin with silence."""
        self._policy = policy
        self._segments: dict[SegmentId, Segment] = {}
        self._entries: dict[Mark, _Sent] = {}
        self._order: deque[_Sent] = deque()
        self._early: list[_Sent] = []
        self._cleared: dict[int, float] = {}
        self._fences: dict[Mark, int] = {}
        self.ends_at = -math.inf
        self.epoch = 0
        self.paused = False
        self.ignored = 0
        self.marks_heard = 0
        self.silent_from = -math.inf

    def say(self, segment: Segment) -> None:
        """A segment was ordered; its sound will come."""
        self._segments[segment.segment] = segment

    def find(self, segment: SegmentId) -> Segment | None:
        """A segment of the turn under way."""
        return self._segments.get(segment)

    def sent(self, segment: Segment, seconds: float, upto: float, mark: Mark, now: float) -> None:
        """Sound went out, followed by a mark. Sound that crossed with a clear is never believed."""
        if self.paused:
            self._entries[mark] = _Sent(segment, upto, math.inf, self.epoch - 1)
            return
        segment.sent = max(segment.sent, upto)
        self.ends_at = max(self.ends_at, now) + seconds
        entry = _Sent(segment, upto, self.ends_at, self.epoch)
        self._entries[mark] = entry
        self._order.append(entry)

    def returned(self, mark: Mark, now: float) -> None:
        """A mark came back. Unknown, doubled and disproved ones are counted and change nothing."""
        closed = self._fences.pop(mark, None)
        if closed is not None:
            self._close(closed)
            return
        entry = self._entries.pop(mark, None)
        if entry is None:
            self.ignored += 1
        elif entry.epoch < self.epoch:
            if entry.due <= self._cleared[entry.epoch]:
                self._hear(entry)
            else:
                self.ignored += 1
        elif entry.due <= now + self._policy.mark_tolerance:
            self._hear(entry)
        else:
            self._early.append(entry)

    def _hear(self, entry: _Sent) -> None:
        """Believe a mark, and with it all sound sent before it since the clear before it."""
        self.marks_heard += 1
        while not entry.done:
            before = self._order.popleft()
            before.done = True
            if before.epoch == entry.epoch:
                before.segment.heard = max(before.segment.heard, before.upto)

    def _close(self, epoch: int) -> None:
        """A fence came back: what is still missing from before its clear was not heard."""
        self._entries = {mark: entry for mark, entry in self._entries.items() if entry.epoch > epoch}
        self._cleared = {number: at for number, at in self._cleared.items() if number > epoch}
        self._fences = {mark: number for mark, number in self._fences.items() if number > epoch}
        while self._order and self._order[0].epoch <= epoch:
            self._order.popleft().done = True

    def flows(self, event: AudioSent | MarkReturned, now: float) -> bool:
        """Take an event that neither begins nor completes anything: sound before the end of a segment that has begun,
        or a mark that is due, with more sound behind it. Whether it was one; any other is left alone."""
        if self.paused or self._early:
            return False
        if isinstance(event, AudioSent):
            segment = self._segments.get(event.segment)
            if segment is None or not segment.sent:
                return False
            if segment.duration is not None and event.upto >= segment.duration - _GRAIN:
                return False
            self.sent(segment, event.seconds, event.upto, event.mark, now)
            return True
        entry = self._entries.get(event.mark)
        if entry is None or entry.done or entry.epoch != self.epoch or entry is self._order[-1]:
            return False
        if entry.due > now + self._policy.mark_tolerance:
            return False
        del self._entries[event.mark]
        self._hear(entry)
        return True

    def tick(self, now: float) -> float:
        """Time has passed: believe marks that came a little too early, now that their sound is due. When the next of
        them can be believed."""
        if not self._early:
            return NEVER
        for entry in [entry for entry in self._early if entry.due <= now]:
            self._hear(entry)
        self._early = [entry for entry in self._early if entry.due > now]
        return min((entry.due for entry in self._early), default=NEVER)

    def pause(self, now: float) -> Mark:
        """A clear goes out now: nothing after this moment was heard. Returns the fence to send behind it."""
        self.tick(now)
        self._early.clear()
        self._cleared[self.epoch] = now
        fence = Mark(f"fence-{self.epoch}")
        self._fences[fence] = self.epoch
        self.epoch += 1
        self.silent_from = max(self.silent_from, min(self.ends_at, now))
        self.ends_at = -math.inf
        self.paused = True
        for segment in self._segments.values():
            segment.sent = min(segment.sent, segment.heard)
        return fence

    def resume(self) -> tuple[SegmentId, float, bool] | None:
        """Where to go on: segment, seconds into it, whether that is exact. None if all was heard after all."""
        self.paused = False
        for segment in self._segments.values():
            if not segment.failed and not segment.all_heard:
                at, exact = segment.boundary()
                segment.sent = at
                return segment.segment, at, exact
            segment.sent = segment.heard
        return None

    def drop(self) -> None:
        """Nothing of the present turn will be sent any more. Marks under way still find their segment."""
        self.paused = False
        self._segments = {}

    def sounded(self, since: float) -> bool:
        """Whether by the clock any of our sound was in the air at or after `since`."""
        return max(self.ends_at, self.silent_from) >= since

    def open_fence(self) -> bool:
        """Whether the truth about the last clear is still under way."""
        return bool(self._fences)

    def forget(self) -> None:
        """The stream is gone: no mark of it can come back."""
        self.drop()
        self._entries.clear()
        self._order.clear()
        self._early.clear()
        self._cleared.clear()
        self._fences.clear()
        self.epoch += 1
        self.ends_at = -math.inf

    def left(self, now: float) -> float:
        """Seconds still to be heard by the clock; infinite while a segment's length is unknown."""
        left = max(0.0, self.ends_at - now)
        for segment in self._segments.values():
            if not segment.all_sent:
                left += math.inf if segment.duration is None else segment.duration - segment.sent
        return left

    @property
    def all_sent(self) -> bool:
        """Whether every segment ordered is at the carrier."""
        # The last one is the likeliest. Asked at every fact: a generator costs twice as much.
        for segment in reversed(self._segments.values()):  # noqa: SIM110
            if not segment.all_sent:
                return False
        return True

    def heard_by(self) -> float:
        """When everything ordered will have been heard, or can no longer be proven: before any time if it is, the time
        until which the last marks are waited for if all was sent, NEVER while some was not."""
        for segment in reversed(self._segments.values()):
            if not (segment.failed or segment.all_heard):
                return self.ends_at + self._policy.mark_patience if self.all_sent else NEVER
        return -NEVER
