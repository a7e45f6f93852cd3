"""The words of the caller: guessed, final, lost, or late. None that was understood is ever dropped in silence."""

from __future__ import annotations

from stella.conversation import events as on
from stella.conversation.ahead import Ahead
from stella.conversation.caller import Utterance
from stella.conversation.floor import Floor
from stella.conversation.interrupting import Interrupting
from stella.conversation.steps import DONE
from stella.conversation.words import interrupts, is_backchannel
from stella.domain.ids import UtteranceId

_SAID_AT_ONCE = 2
"""Ears that had no guess at more words than this do not give words while somebody speaks."""


class Understanding:
    """What speech-to-text says, applied to the floor."""

    __slots__ = ("_ahead", "_floor", "_interrupting")

    def __init__(self, floor: Floor, interrupting: Interrupting, ahead: Ahead) -> None:
        """Listen for one conversation."""
        self._floor = floor
        self._interrupting = interrupting
        self._ahead = ahead

    def guessed(self, event: on.HypothesisGrew) -> None:
        """Words so far."""
        floor = self._floor
        part = floor.caller.find(event.utterance)
        if part is None or part.text is not None:
            floor.counts["stale"] += 1
            return
        floor.streams = True
        guess = event.text.strip()
        if guess != part.guess:
            part.guess = guess
            self._ahead.changed()
        if event.settled:
            self._ahead.settled()
        if floor.case is not None and event.utterance in floor.case.texts:
            self._interrupting.rule(floor.case.guessed(guess))

    def understood(self, event: on.UtteranceFinal) -> None:
        """Final words: they belong to the turn they were spoken in, or open the next one."""
        floor = self._floor
        text = event.text.strip()
        part = floor.caller.find(event.utterance)
        floor.progress_at = floor.now
        if part is not None and part.text is None:
            if not part.guess and len(text.split()) > _SAID_AT_ONCE:
                floor.streams = False
            part.over = bool(event.over)
            self._settle_for(part, text)
        elif event.utterance in floor.late:
            self._understood_late(event.utterance, text)
        else:
            floor.counts["stale"] += 1

    def lost(self, event: on.UtteranceLost) -> None:
        """Speech-to-text gave up on an utterance."""
        floor = self._floor
        part = floor.caller.find(event.utterance)
        if part is None or part.text is not None:
            floor.counts["stale"] += 1
            return
        self._give_up(part)

    def step(self) -> float:
        """Give up words that did not come in time."""
        floor = self._floor
        now = floor.now
        due = floor.caller.due()
        if now < due:
            return due
        for part in floor.caller.parts:
            if part.text is None and part.due is not None and now >= part.due:
                self._give_up(part)
        return DONE

    def _settle_for(self, part: Utterance, text: str) -> None:
        """These are the words of this utterance."""
        floor = self._floor
        part.text = text
        floor.ready_at = None
        if floor.case is not None and part.utterance in floor.case.texts:
            self._interrupting.rule(floor.case.understood(part.utterance, text))

    def _give_up(self, part: Utterance) -> None:
        """Go on without these words, or with what was guessed of them; should they still come, they are taken."""
        floor = self._floor
        floor.counts["lost"] += 1
        part.lost = not part.guess
        if part.lost:
            floor.remember_late(part.utterance)
        self._settle_for(part, part.guess)

    def _understood_late(self, utterance: UtteranceId, text: str) -> None:
        """Words that were given up: never lost, unless they were a backchannel under our own voice, or its like."""
        floor = self._floor
        beneath = floor.late.pop(utterance)
        brief = utterance in floor.brief
        floor.brief.discard(utterance)
        if not text:
            return
        if beneath is not None and (is_backchannel(text) or (brief and not interrupts(text))):
            floor.counts["backchannels"] += 1
            return
        part = floor.caller.find(utterance)
        if part is not None:
            part.text, part.lost = text, False
        else:
            floor.caller.parts.append(Utterance(utterance, floor.now, text))
        if floor.caller.began is None:
            floor.caller.began = floor.now
        if floor.mine is not None and floor.mine.turn == beneath:
            floor.give_up_turn()
        floor.ready_at = None
