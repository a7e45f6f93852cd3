"""The sound of the caller: where it begins and ends, and what that means before a word is known."""

from __future__ import annotations

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.floor import Floor
from stella.conversation.interrupting import Interrupting


class Onsets:
    """Voice activity of one caller, applied to the floor."""

    __slots__ = ("_floor", "_interrupting")

    def __init__(self, floor: Floor, interrupting: Interrupting) -> None:
        """Listen for one conversation."""
        self._floor = floor
        self._interrupting = interrupting

    def started(self, event: on.CallerStartedSpeaking) -> None:
        """An onset: listen at once, and pause what we are saying. Our own voice coming back is none."""
        floor = self._floor
        mine = floor.mine
        playing = mine is not None and bool(mine.segments) and not floor.played_out()
        if event.echo >= floor.policy.echo_threshold and (
            playing or floor.playout.sounded(floor.now - floor.policy.echo_tail)
        ):
            floor.counts["echoes"] += 1
            return
        if floor.hears:
            floor.counts["stale"] += 1
            return
        self._learn_pace(event.at)
        floor.endpointing.hint = None
        floor.speaking, floor.talked_over = True, False
        utterance = floor.begin_utterance(event.at)
        if floor.case is not None:
            floor.case.began(utterance, event.at)
        elif playing and mine is not None and mine.interruptible:
            self._interrupting.open(mine, utterance, event.at)

    def _learn_pace(self, at: float) -> None:
        """Going on after a pause shows how long this caller's pauses are."""
        floor = self._floor
        mine = floor.mine
        caller = floor.caller
        if mine is not None and floor.now < mine.hold_until and mine.answers is not None:
            caller = mine.answers
        if caller.stopped is not None:
            floor.endpointing.paused(at - caller.stopped, caller.guess)

    def stopped(self, event: on.CallerStoppedSpeaking) -> None:
        """An offset: the words are wanted at once, whether or not the turn is over."""
        floor = self._floor
        if not floor.speaking:
            floor.counts["stale"] += 1
            return
        floor.speaking = False
        floor.talked_over = False
        utterance, floor.utterance = floor.utterance, None
        if utterance is None:
            return
        if floor.deaf():
            floor.caller.drop(utterance.utterance)
            floor.gate.overlapped = True
            floor.order(do.DropUtterance(utterance.utterance))
            return
        floor.finish_utterance(utterance, event.at)
        if floor.case is not None:
            self._interrupting.rule(floor.case.stopped(event.at, floor.now, event.level))
        elif event.level is not None and event.at >= utterance.began + floor.policy.barge_in_decide:
            self._interrupting.learn(event.level)

    def hinted(self, event: on.TurnHinted) -> None:
        """How the pause sounds, if it is still the one that was listened to."""
        floor = self._floor
        if floor.hears or floor.caller.stopped is None:
            floor.counts["stale"] += 1
            return
        floor.endpointing.hint = event.finished
        floor.ready_at = None
