"""The voice of a call whose carrier speaks by itself: words go out, and what was heard of them is put together.

Three witnesses, the better one counts. Told words (`played`, and what an interruption had let through) are proof. Told
beginnings and ends of the voice prove that what was sent before has been said. Where the carrier tells nothing, only
the clock is left: what a slow voice must have said by now.

Law 1: to the conversation, sound is sent the moment it is proven heard; until then it is only told that we are not silent.
Law 2: what the carrier has dropped is sent again on `resume`, from the first word that was not heard.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from stella.calls.pronounce import Places, Respelling
from stella.calls.told_words import ToldWords
from stella.conversation import events as on
from stella.domain.ids import Mark, SegmentId
from stella.ports.line import WordLine

PACE = 15.0
"""Characters a second: the scale on which places in a text are told as seconds. No claim about any voice."""
SLOW = 12.0
"""Characters a second of a slow voice, where the clock is the only witness."""
START_S = 0.8
"""What a voice may take before its first sound, at the most that is usual."""
CRAWL, CRAWL_S = 6.0, 4.0
"""With witnesses, an end that was never told is taken for granted after so long."""
STALE_S = 0.7
"""How long a voice may go on after a new turn was sent to take its place."""
END_S = 3.0
"""When all words were told, the end of the voice is waited for this long."""
QUIET_S = 0.5
"""An end of the voice that is followed by a beginning this soon was a breath between two sentences."""
TICK_S = 0.25


@dataclass(slots=True)
class _Piece:
    """A sentence at the carrier: it stands from `start` to `end` in the words of its cycle, and `skipped` characters of
    its text had been heard before it was sent again."""

    segment: SegmentId
    text: str
    start: int
    end: int
    places: Places
    skipped: int = 0
    proven: int = 0
    sounded: bool = False

    def back(self, spoken: int) -> int:
        """Where a place in the respelled words is in the text that was to be said."""
        while (place := self.places.back(spoken)) is None:
            spoken -= 1
        return place


class RelayVoice:
    """Sends words on a line and tells the conversation what was heard. Synchronous; one timer."""

    def __init__(
        self, line: WordLine, tell: Callable[[on.Event], None], clock: Callable[[], float], respell: Respelling
    ) -> None:
        """`tell` takes SegmentVoiced, AudioSent and MarkReturned; `clock` is monotonic seconds."""
        self.respell = respell
        self._line, self._tell, self._clock = line, tell, clock
        self._pieces: list[_Piece] = []
        self._cycle = ToldWords()
        self._open = False
        self._yields = True
        self._paused = self._dropped = False
        self._proven = self._anchor = self._off_upto = 0
        self._anchor_s = self._stale_until = self._sent_at = self._on_at = self._off_at = 0.0
        self._sounding = self._witness = self._words_told = False
        self._told_whole_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._marks = 0
        self.first_audio_ms: deque[float] = deque(maxlen=500)

    @property
    def sounding(self) -> bool:
        """Whether the carrier's voice is to be heard now, as far as is known."""
        return self._sounding if self._witness else bool(self._pieces) and self._clock() >= self._anchor_s + START_S

    @property
    def outstanding(self) -> bool:
        """Whether words are at the carrier that are not proven heard."""
        return bool(self._pieces) and not self._dropped

    @property
    def unwitnessed(self) -> bool:
        """Whether words are under way of which the carrier tells nothing."""
        return self.outstanding and not self._witness

    def say(self, segment: SegmentId, text: str, *, interruptible: bool) -> None:
        """Have `text` spoken after everything said before."""
        words = tuple(on.WordTime(end, end / PACE) for end in _word_ends(text))
        self._tell(on.SegmentVoiced(segment, max(len(text.rstrip()), 1) / PACE, words))
        self._send(segment, text, 0, interruptible=interruptible)

    def _send(self, segment: SegmentId, text: str, skipped: int, *, interruptible: bool) -> None:
        if not self._open:
            self._begin_cycle()
        self._yields = interruptible
        start = len(self._cycle.text)
        rest, places = self.respell.of(text[skipped:])
        if not self._pieces:
            self._anchor_s, self._anchor = self._clock(), start
        self._told_whole_at = None
        self._cycle.add(f"{rest} ")
        self._pieces.append(_Piece(segment, text, start, start + len(rest), places, skipped))
        self._line.send_text(f"{rest} ", last=False, interruptible=interruptible)
        self._arm()

    def _begin_cycle(self) -> None:
        self._cycle, self._proven = ToldWords(), 0
        self._open, self._dropped = True, False
        self._sent_at = self._on_at = now = self._clock()
        # What still sounds is a turn that was given up: it is cut off by this one, and tells of itself until then.
        self._stale_until = now + STALE_S if self._sounding else 0.0
        self._sounding = False

    def complete(self) -> None:
        """The turn has all its words."""
        if self._open:
            self._open = False
            self._line.send_text("", last=True, interruptible=self._yields)

    def pause(self, fence: Mark) -> None:
        """The caller may want the floor. The carrier has stopped by itself, or goes on; what it says is no longer told."""
        self._paused = True
        self._tell(on.MarkReturned(fence))

    def resume(self, segment: SegmentId, at: float) -> None:
        """Go on with `segment` from `at` seconds: with the carrier's own going on, or by saying the rest again."""
        self._paused = False
        if not self._dropped:
            self._tell_proven()
            self._arm()
            return
        waiting = list(self._pieces)
        again, self._pieces = [piece for piece in waiting if piece.segment != segment], []
        first = next((piece for piece in waiting if piece.segment == segment), None)
        self.complete()
        if first is not None:
            self._send(first.segment, first.text, _next_word(first.text, round(at * PACE)), interruptible=self._yields)
        for piece in again:
            self._send(piece.segment, piece.text, piece.skipped, interruptible=self._yields)

    def drop(self) -> None:
        """Forget all that is not yet heard. The carrier drops it when the next turn comes: there is no order for it."""
        self.complete()
        self._pieces.clear()
        self._paused = False
        self._stop_timer()

    def close(self) -> None:
        """Stop for good."""
        self._pieces.clear()
        self._stop_timer()

    def spoke(self, *, begins: bool) -> None:
        """The carrier's voice began or ended."""
        self._witness = True
        now = self._clock()
        stale, self._stale_until = now < self._stale_until, 0.0
        if stale and not begins:
            return
        if not begins and self._on_at <= self._sent_at:
            self._on_at = self._sent_at + 1e-6
        if begins and not self._sounding and self._pieces and not self._pieces[0].sounded:
            self.first_audio_ms.append((now - self._sent_at) * 1000)
        self._sounding = begins
        if begins:
            self._on_at = now
            self._show_life()
        else:
            self._off_at, self._off_upto = now, len(self._cycle.text)
            if self._told_whole_at is not None:
                self._prove(self._off_upto)
        self._arm()

    def played(self, words: str) -> None:
        """These words have been spoken."""
        self._words_told = self._witness = True
        if self._clock() < self._stale_until:
            return
        place, whole = self._cycle.played(words), len(self._cycle.text)
        if place == whole and self._sounding:
            # Told when they are on their way, perhaps: the last word is heard when the voice ends.
            self._told_whole_at = self._clock()
            place = max(0, self._cycle.text.rstrip().rfind(" "))
        self._prove(place)

    def interrupted(self, heard: str) -> bool:
        """The carrier stopped, having said `heard`; the rest is dropped there. Whether there was anything to stop."""
        self._sounding = False
        if not self.outstanding:
            return False
        self._prove(self._cycle.heard(heard))
        self._dropped = True
        self._stop_timer()
        return True

    def answered(self) -> None:
        """Whole words of the caller came and nothing was stopped for them: where nothing else is told, our voice had ended."""
        said = (self._clock() - self._anchor_s) * 2 * PACE
        if not self._witness and self._cycle.said_after(self._anchor, int(said)) == len(self._cycle.text):
            self._prove(len(self._cycle.text))

    def _prove(self, upto: int) -> None:
        self._proven = max(self._proven, upto)
        if not self._paused:
            self._tell_proven()

    def _tell_proven(self) -> None:
        """Say of every sentence how much of it is proven."""
        for piece in self._pieces:
            proven = min(self._proven, piece.end) - piece.start
            if proven <= piece.proven:
                continue
            piece.proven, piece.sounded = proven, True
            whole = piece.start + proven >= piece.end
            place = len(piece.text.rstrip()) if whole else _last_word(piece.text, piece.skipped + piece.back(proven))
            mark = self._mark(piece)
            self._tell(on.AudioSent(piece.segment, 0.0, max(place, 1) / PACE, mark))
            self._tell(on.MarkReturned(mark))
        self._pieces = [piece for piece in self._pieces if piece.proven < piece.end - piece.start]

    def _mark(self, piece: _Piece) -> Mark:
        self._marks += 1
        return Mark(f"{piece.segment}.{self._marks}")

    def _show_life(self) -> None:
        """Something sounds, of which no word is proven yet."""
        piece = self._pieces[0] if self._pieces and not self._paused and not self._dropped else None
        if piece is not None:
            piece.sounded = True
            mark = self._mark(piece)
            self._tell(on.AudioSent(piece.segment, 0.0, 0.0, mark))
            self._tell(on.MarkReturned(mark))

    def _arm(self) -> None:
        if self._timer is None and self.outstanding:
            self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self.outstanding:
            return
        now = self._clock()
        if self.sounding:
            self._show_life()
        self._prove(self._by_clock(now))
        self._arm()

    def _by_clock(self, now: float) -> int:
        """How much must have been heard by now, where no words are told."""
        whole = len(self._cycle.text)
        if not self._witness:
            said = (now - self._anchor_s - START_S) * SLOW
            return self._cycle.said_after(self._anchor, int(said)) if said > 0 else 0
        patience = QUIET_S * (4 if self._words_told else 1)
        ended = self._off_at > self._on_at > self._sent_at and not self._sounding and now >= self._off_at + patience
        crawled = now >= self._on_at + CRAWL_S + whole / CRAWL and self._on_at > self._sent_at
        told = self._told_whole_at is not None and now >= self._told_whole_at + END_S
        return whole if crawled or told else self._off_upto if ended else 0

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _word_ends(text: str) -> list[int]:
    return [
        at + 1 for at, char in enumerate(text) if not char.isspace() and (at + 1 == len(text) or text[at + 1].isspace())
    ]


def _last_word(text: str, upto: int) -> int:
    return max((end for end in _word_ends(text) if end <= upto), default=0)


def _next_word(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
