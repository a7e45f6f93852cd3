"""The ears of a speech-to-speech line: which sound belongs to an utterance, and who still waits for its words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from stella.domain.ids import UtteranceId
from stella.ports.speech import Final, Heard, Hypothesis, Lost

PRE_ROLL = 3200
PACKET = 800
LONGEST = 60 * 8000
TEXT_MOST = 20_000


@dataclass(slots=True)
class Utterance:
    """What the caller says in one go. `sent` bytes of it have left; `item` is the vendor's name for it."""

    id: UtteranceId
    sent: int = 0
    item: str = ""
    text: str = ""
    finished_at: float = 0.0
    dropped: bool = False
    packet: bytearray = field(default_factory=bytearray)
    timer: asyncio.TimerHandle | None = None


class Mouthpiece(Protocol):
    """How a vendor is told of an utterance."""

    def sound(self, utterance: Utterance, mulaw: bytes) -> None:
        """More of it; the first piece begins it."""

    def commit(self, utterance: Utterance) -> None:
        """That was all of it."""

    def discard(self, utterance: Utterance, *, committed: bool) -> None:
        """It never was."""


class LineEars:
    """One utterance is open at a time; another that begins meanwhile is not begun."""

    def __init__(self, heard: Callable[[Heard], None], mouthpiece: Mouthpiece, patience: float) -> None:
        """`patience` seconds after `finish` the words of an utterance are lost; what the model heard stays heard."""
        self._heard, self._mouthpiece, self._patience = heard, mouthpiece, patience
        self._loop = asyncio.get_running_loop()
        self._kept = bytearray()
        self._failed = ""
        self._closed = False
        self.open: Utterance | None = None
        self.pending: dict[UtteranceId, Utterance] = {}
        """Finished, their words still to come."""

    def feed(self, mulaw: bytes) -> None:
        """As the port."""
        if self._closed:
            return
        if self.open is None:
            self._kept += mulaw
            if len(self._kept) > 2 * PRE_ROLL:
                del self._kept[:-PRE_ROLL]
            return
        if not self._failed and self.open.sent + len(self.open.packet) < LONGEST:
            self.open.packet += mulaw
            if len(self.open.packet) >= PACKET:
                self._flush(self.open)

    def _flush(self, utterance: Utterance) -> None:
        if utterance.packet:
            sound = bytes(utterance.packet)
            self._mouthpiece.sound(utterance, sound)
            utterance.sent += len(sound)
            utterance.packet.clear()

    def begin(self, utterance: UtteranceId) -> None:
        """As the port."""
        if self._closed or self.open is not None:
            return
        self.open = Utterance(utterance)
        kept, self._kept = bytes(self._kept[-PRE_ROLL:]), bytearray()
        self.feed(kept)

    def finish(self, utterance: UtteranceId) -> None:
        """As the port. One that never began, or in which nothing was sent, is answered with an empty Final."""
        if self._closed or utterance in self.pending:
            return
        done = self.open if self.open is not None and self.open.id == utterance else None
        if done is None:
            done = Utterance(utterance)
        else:
            self.open = None
            if not self._failed:
                self._flush(done)
        done.finished_at = time.monotonic()
        self.pending[utterance] = done
        if self._failed:
            done.timer = self._loop.call_later(0, self.lose, done, self._failed)
        elif not done.sent:
            done.timer = self._loop.call_later(0, self.answer, done, "")
        else:
            self._mouthpiece.commit(done)
            done.timer = self._loop.call_later(self._patience, self.lose, done, "timeout")

    def drop(self, utterance: UtteranceId) -> Utterance | None:
        """As the port, for one whose words are not known yet; hands back what was dropped."""
        if self.open is not None and self.open.id == utterance:
            dropped, self.open = self.open, None
            dropped.dropped = True
            if dropped.sent:
                self._mouthpiece.discard(dropped, committed=False)
            return dropped
        pending = self.pending.pop(utterance, None)
        if pending is not None:
            pending.dropped = True
            if pending.timer is not None:
                pending.timer.cancel()
        return pending

    def grow(self, utterance: Utterance, text: str) -> None:
        """More words of it."""
        if len(utterance.text) < TEXT_MOST and not utterance.dropped:
            utterance.text += text
            if utterance.text.strip():
                self._heard(Hypothesis(utterance.id, utterance.text.strip()))

    def answer(self, utterance: Utterance, text: str) -> None:
        """These are its words."""
        utterance.text = text
        self._settle(utterance, Final(utterance.id, text, (time.monotonic() - utterance.finished_at) * 1000))

    def lose(self, utterance: Utterance, code: str) -> None:
        """Its words will not come."""
        self._settle(utterance, Lost(utterance.id, code))

    def _settle(self, utterance: Utterance, answer: Heard) -> None:
        if utterance.timer is not None:
            utterance.timer.cancel()
        if self.pending.pop(utterance.id, None) is not None and not self._closed:
            self._heard(answer)

    def fail(self, code: str) -> None:
        """The line is dead."""
        self._failed = self._failed or code
        for pending in list(self.pending.values()):
            self.lose(pending, code)

    def close(self) -> None:
        """Quiet from now on."""
        self._closed = True
        for pending in self.pending.values():
            if pending.timer is not None:
                pending.timer.cancel()
        self.pending.clear()
        self.open = None
