"""What reaches the caller's ear, put together into spurts, and the two figures that matter: gap and barge-in."""

from __future__ import annotations

from collections.abc import Callable

from stella.phone.caller import Ear
from stella.phone.report import CallReport, ClearTrace, Entry, Spurt, Utterance
from stella.phone.sound import SAMPLE_RATE, first_audible, last_audible

BREAK_S = 0.3
"""A pause longer than this begins a new spurt."""

REPLY_BREAK_S = 0.7
"""A pause longer than this ends a reply."""

NOTICE_S = 2.0
"""A `clear` this long after the caller's last word is still taken for the answer to an interruption."""


class Hearing:
    """Follows one call. `tell` receives each spurt when it is complete, each clear, and each of the caller's utterances
    twice: when it begins, and when it has been answered (then with its response gap)."""

    def __init__(
        self, report: CallReport, tell: Callable[[Entry], None], sounded: Callable[[float, bytes], None]
    ) -> None:
        """Nothing heard yet. `sounded(at_s, mulaw)` gets every piece as it sounds."""
        self._report, self._tell, self._sounded = report, tell, sounded
        self._spurt: Spurt | None = None
        self._sound = bytearray()
        self._waiting: Utterance | None = None
        self._last: Utterance | None = None
        self._in_reply = False
        self.first_sound_s: float | None = None
        self.last_sound_s: float | None = None
        self.last_media_s: float | None = None
        self.replies = 0

    def heard(self, at_s: float, mulaw: bytes, source: str, text: str = "") -> None:
        """`mulaw` sounds in the ear from `at_s` on."""
        self._report.recording.agent(at_s, mulaw)
        self._sounded(at_s, mulaw)
        spurt = self._spurt
        if spurt is None or source != spurt.source or text or at_s > spurt.end_s + BREAK_S:
            self.close_spurt()
            spurt = self._spurt = Spurt(source, at_s, at_s, text=text)
        elif at_s > spurt.end_s:
            self._sound += b"\xff" * round((at_s - spurt.end_s) * SAMPLE_RATE)
        self._sound += mulaw
        spurt.end_s = at_s + len(mulaw) / SAMPLE_RATE
        first = first_audible(mulaw)
        if first < 0:
            return
        when = at_s + first / SAMPLE_RATE
        if spurt.first_sound_s is None:
            spurt.first_sound_s = when
            self._answered(when)
        if not self._in_reply:
            self._in_reply, self.first_sound_s = True, when
        self.last_sound_s = at_s + last_audible(mulaw) / SAMPLE_RATE

    def silence_until(self, now: float) -> None:
        """Time has passed: a long enough pause ends the spurt and the reply."""
        if self._spurt is not None and now > self._spurt.end_s + BREAK_S:
            self.close_spurt()
        if self._in_reply and self.last_sound_s is not None and now > self.last_sound_s + REPLY_BREAK_S:
            self._in_reply = False
            self.replies += 1

    def leg_began(self) -> None:
        """A stream or a question opens: what sounds now is a new reply."""
        self.close_spurt()
        self._in_reply = False

    def close_spurt(self, *, cleared: bool = False) -> None:
        """The spurt is complete, or was cut off by a `clear`."""
        spurt, self._spurt = self._spurt, None
        if spurt is None:
            return
        spurt.mulaw, spurt.cleared = bytes(self._sound), cleared
        self._sound = bytearray()
        if spurt.first_sound_s is not None:
            self._report.heard.append(spurt)
            self._tell(spurt)

    def said(self, utterance: Utterance) -> None:
        """The caller begins to speak: the next sound of the agent's is measured against it."""
        self._report.said.append(utterance)
        self._last = self._waiting = utterance
        self._tell(utterance)

    def cleared(self, at_s: float, dropped_s: float) -> None:
        """A `clear` has come over the wire."""
        since, said = None, self._last
        if said is not None and said.start_s <= at_s <= said.end_s + NOTICE_S and dropped_s > 0:
            since = (at_s - said.start_s) * 1000
            if said.barge_in_ms is None:
                said.barge_in_ms, said.interrupts = since, True
        trace = ClearTrace(at_s, dropped_s, since)
        if dropped_s > 0:
            self.close_spurt(cleared=True)
            self._in_reply = False
        self._report.clears.append(trace)
        self._tell(trace)

    def ear(self, *, queued: bool) -> Ear:
        """What the caller can tell now."""
        return Ear(queued, self.last_media_s, self.first_sound_s, self.last_sound_s, self.replies)

    def _answered(self, when: float) -> None:
        said = self._waiting
        if said is None or when <= said.start_s:
            return
        if said.interrupts and said.barge_in_ms is None:
            return
        said.response_gap_s, self._waiting = when - said.end_s, None
        self._tell(said)
