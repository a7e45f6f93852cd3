"""The caller's side: utterances, words, keys, and when a turn of theirs is over."""

from __future__ import annotations

import math

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.ahead import Ahead
from stella.conversation.barge_in import BargeIn, Verdict
from stella.conversation.caller import CallerTurn, Utterance
from stella.conversation.consent_gate import Step
from stella.conversation.consenting import Consenting
from stella.conversation.floor import Floor
from stella.conversation.speaking import AgentTurn, Kind
from stella.conversation.words import interrupts, is_backchannel, split
from stella.domain.ids import TurnId, UtteranceId

_LEARNING = 0.3
"""Weight of the newest turn in how loud a caller is."""
_SAID_AT_ONCE = 2
"""Ears that had no guess at more words than this do not give words while somebody speaks."""


class Hearing:
    """What the caller does, applied to the floor."""

    def __init__(self, floor: Floor, consenting: Consenting) -> None:
        """Listen for one conversation."""
        self._floor = floor
        self._consenting = consenting
        self._ahead = Ahead(floor)
        self._streams = False
        """Whether the ears give words while somebody speaks, as far as they have shown."""
        self._usual: float | None = None
        """How loud this caller's turns are, dB."""

    def started(self, event: on.CallerStartedSpeaking) -> None:
        """An onset: listen at once, and pause what we are saying."""
        floor = self._floor
        playing = floor.mine is not None and bool(floor.mine.segments) and not floor.played_out()
        lately = playing or floor.playout.sounded(floor.now - floor.policy.echo_tail)
        if lately and event.echo >= floor.policy.echo_threshold:
            floor.counts["echoes"] += 1
            return
        if floor.hears:
            floor.counts["stale"] += 1
            return
        self._learn_pace(event.at)
        floor.speaking, floor.talked_over = True, False
        floor.ready_at = None
        utterance = floor.begin_utterance(event.at)
        if floor.case is not None:
            floor.case.began(utterance, event.at)
        elif playing and floor.mine is not None and floor.mine.interruptible:
            self._open_case(floor.mine, utterance, event.at)

    def _learn_pace(self, at: float) -> None:
        """Going on after a pause shows how long this caller's pauses are."""
        floor = self._floor
        mine = floor.mine
        caller = floor.caller
        if mine is not None and floor.now < mine.hold_until and mine.answers is not None:
            caller = mine.answers
        if caller.stopped is not None:
            floor.endpointing.paused(at - caller.stopped, caller.guess)

    def _open_case(self, mine: AgentTurn, utterance: UtteranceId, onset: float) -> None:
        """Pause at once; with a window of nothing, cut at once."""
        floor = self._floor
        yes_or_no = floor.expected.kind == "yes-no"
        near = floor.policy.early_answer * (3.0 if yes_or_no else 1.0)
        answering = mine.all_said and (mine.ended or yes_or_no) and floor.playout.left(floor.now) <= near
        alone = mine.kind is Kind.FAREWELL
        floor.pause(onset)
        if floor.policy.barge_in_decide <= 0.0:
            floor.give_up_turn()
            return
        farewell = mine.hanging_up and not alone
        floor.case = BargeIn(
            floor.policy, onset, floor.now, answering=answering or alone, farewell=farewell, streams=self._streams,
            usual=self._usual,
        )  # fmt: skip
        floor.case.began(utterance, onset)

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
        mine = floor.mine
        if mine is not None and not mine.interruptible and not floor.played_out():
            floor.caller.drop(utterance.utterance)
            floor.gate.overlapped = True
            floor.order(do.DropUtterance(utterance.utterance))
            return
        self._finish_utterance(utterance, event.at)
        if floor.case is not None:
            self._rule(floor.case.stopped(event.at, floor.now, event.level))
        elif event.level is not None and event.at >= utterance.began + floor.policy.barge_in_decide:
            usual = self._usual
            self._usual = event.level if usual is None else usual + _LEARNING * (event.level - usual)

    def _finish_utterance(self, part: Utterance, at: float) -> None:
        """Ask for the words of the utterance under way."""
        floor = self._floor
        floor.caller.stopped = at
        floor.order(do.FinishUtterance(part.utterance))
        part.due = floor.now + floor.policy.stt_deadline
        self._reckon()

    def guessed(self, event: on.HypothesisGrew) -> None:
        """Words so far."""
        floor = self._floor
        part = floor.caller.find(event.utterance)
        if part is None or part.text is not None:
            floor.counts["stale"] += 1
            return
        self._streams = True
        if event.text.strip() != part.guess:
            part.guess = event.text.strip()
            self._ahead.changed()
        if floor.case is not None and event.utterance in floor.case.texts:
            self._rule(floor.case.guessed(part.guess))

    def understood(self, event: on.UtteranceFinal) -> None:
        """Final words: they belong to the turn they were spoken in, or open the next one."""
        floor = self._floor
        text = event.text.strip()
        part = floor.caller.find(event.utterance)
        floor.progress_at = floor.now
        if part is not None and part.text is None:
            part.text = text
            if not part.guess and len(split(text)) > _SAID_AT_ONCE:
                self._streams = False
            self._reckon()
            if floor.case is not None and event.utterance in floor.case.texts:
                self._rule(floor.case.understood(event.utterance, text))
        elif event.utterance in floor.late:
            beneath = floor.late.pop(event.utterance)
            brief = event.utterance in floor.brief
            floor.brief.discard(event.utterance)
            self._understood_late(event.utterance, text, beneath, brief=brief)
        else:
            floor.counts["stale"] += 1

    def _understood_late(self, utterance: UtteranceId, text: str, beneath: TurnId | None, *, brief: bool) -> None:
        """Words that were given up: never lost, unless they were a backchannel under our own voice, or its like."""
        floor = self._floor
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
        mine = floor.mine
        if mine is not None and mine.turn == beneath:
            floor.give_up_turn()
        self._reckon()

    def lost(self, event: on.UtteranceLost) -> None:
        """Speech-to-text gave up on an utterance."""
        floor = self._floor
        part = floor.caller.find(event.utterance)
        if part is None or part.text is not None:
            floor.counts["stale"] += 1
            return
        self._give_up(part)

    def _give_up(self, part: Utterance) -> None:
        """Go on without these words; should they still come, they are taken."""
        floor = self._floor
        floor.counts["lost"] += 1
        part.text, part.lost = part.guess, not part.guess
        if not part.guess:
            floor.remember_late(part.utterance)
        self._reckon()
        if floor.case is not None and part.utterance in floor.case.texts:
            self._rule(floor.case.understood(part.utterance, part.text))

    def _rule(self, verdict: Verdict) -> None:
        """Carry out what the evidence says."""
        floor = self._floor
        if verdict is Verdict.TURN:
            floor.give_up_turn()
            self._reckon()
        elif verdict is Verdict.RESUME:
            self._resume()

    def _resume(self) -> None:
        """It was nothing: go on where the caller stopped hearing us."""
        floor = self._floor
        case, floor.case = floor.case, None
        spoken = case.texts if case is not None else {}
        for part in [part for part in floor.caller.parts if part.utterance in spoken]:
            if part.text is None:
                floor.remember_late(part.utterance, floor.mine, brief=case is not None and case.brief)
            floor.counts["backchannels" if part.text else "coughs"] += 1
            floor.caller.drop(part.utterance)
        if not floor.caller.parts and not floor.caller.digits:
            floor.caller = CallerTurn()
        floor.ready_at = None
        floor.progress_at = floor.now
        place = floor.playout.resume()
        floor.order(do.DropPlayout() if place is None else do.ResumePlayout(*place))

    def pressed(self, event: on.DigitPressed) -> None:
        """A key: it takes the floor at once, unless a question may not be talked over."""
        floor = self._floor
        expected = floor.expectation
        stored = "x" if expected.masked else event.digit
        floor.order(do.RecordDigit(stored, floor.since_answer(floor.now)))
        mine = floor.mine
        if mine is not None and not mine.interruptible and not floor.played_out():
            return
        if mine is not None and mine.interruptible:
            if mine.segments and not floor.playout.paused and not floor.played_out():
                floor.pause(floor.now)
            floor.give_up_turn()
        caller = floor.caller
        if caller.began is None:
            caller.began = floor.now
        before = caller.digits
        caller.digits = floor.digits.pressed(event.digit, before, floor.expectation, floor.now)
        if len(caller.digits) > len(before):
            caller.stored_digits += "x" if floor.expectation.masked else event.digit
        self._reckon()

    def _reckon(self) -> None:
        """When the caller's turn will be over, as far as is known now. None while something is still to come."""
        floor = self._floor
        caller = floor.caller
        floor.ready_at = None
        if floor.hears or caller.awaited or not (caller.parts or caller.digits):
            return
        if not caller.text and not caller.digits:
            floor.ready_at = floor.now
            return
        began, stopped = caller.began, caller.stopped
        if stopped is None or began is None:
            floor.ready_at = floor.now
            return
        wait = floor.endpointing.wait(caller.text, floor.expectation, stopped - began)
        floor.ready_at = max(stopped + wait, floor.now)

    def step(self) -> bool:
        """One consequence of what the caller did, if one is due."""
        floor = self._floor
        now = floor.now
        case = floor.case
        if case is not None and now >= case.deadline():
            self._rule(case.due(now))
            return True
        due = floor.caller.due() if floor.caller.parts else None
        if due is not None and now >= due:
            for part in floor.caller.parts:
                if part.text is None and part.due is not None and now >= part.due:
                    self._give_up(part)
            return True
        keyed = floor.digits.deadline()
        if keyed is not None and now >= keyed:
            floor.digits.stop()
            self._reckon()
            return True
        return self._never_stops() or self._turn_over() or self._ahead.step()

    def _turn_over(self) -> bool:
        """Answer a caller's turn that is complete."""
        floor = self._floor
        if floor.ready_at is None and (floor.caller.parts or floor.caller.digits):
            # Words that wait for an answer always have a time for it, whoever gave them back.
            self._reckon()
        unanswered = floor.answered is None
        if unanswered or floor.case is not None or floor.ready_at is None or floor.digits.deadline() is not None:
            return False
        mine = floor.mine
        early = floor.now < floor.ready_at
        if early and not (floor.policy.speculate and floor.gate.step is Step.CLOSED and not floor.caller.digits):
            return False
        if floor.caller.empty:
            if mine is not None and mine.provisional:
                floor.give_up_turn()
            return self._nothing_said()
        if mine is not None and not _yields(mine, early=early):
            return False
        if floor.gate.step is Step.WAITING:
            self._consenting.answered()
            return True
        hold = floor.ready_at if early else 0.0
        if self._ahead.adopt(floor.caller, hold):
            floor.take_caller()
            return True
        if floor.mine is not None:
            floor.give_up_turn()
        caller = floor.take_caller()
        floor.ask(caller, (caller.text, caller.digits), hold_until=hold)
        return True

    def _nothing_said(self) -> bool:
        """The sound was no words. Say so where that leaves the caller waiting; otherwise go on as if it had not been."""
        floor = self._floor
        wanted = floor.caller.lost or floor.interrupted
        floor.take_caller()
        floor.interrupted = False
        if floor.gate.step is Step.WAITING:
            if wanted:
                self._consenting.unclear("speech")
        elif wanted and floor.mine is None:
            floor.speak(Kind.REPROMPT, [floor.phrases.no_match])
        return True

    def _never_stops(self) -> bool:
        """A caller who never makes a gap is interrupted after a while; a line that is only noise is listened past."""
        floor = self._floor
        over = self._monologue_over()
        utterance = floor.utterance
        if over is None or floor.now < over or utterance is None:
            return False
        floor.talked_over, floor.utterance = True, None
        self._finish_utterance(utterance, floor.now)
        return True

    def _monologue_over(self) -> float | None:
        """When listening to a caller without a gap ends."""
        floor = self._floor
        speaks_alone = floor.mine is None or not floor.mine.segments
        if not floor.hears or floor.caller.began is None or not speaks_alone:
            return None
        return floor.caller.began + floor.policy.monologue + floor.policy.monologue_patience

    def deadline(self) -> float:
        """The earliest time something is due on this side; infinite if nothing is."""
        floor = self._floor
        due = math.inf
        if floor.case is not None:
            due = floor.case.deadline()
        elif floor.ready_at is not None and floor.ready_at > floor.now:
            due = floor.ready_at
        if floor.caller.parts:
            for other in (floor.caller.due(), self._monologue_over(), self._ahead.due()):
                if other is not None and other < due:
                    due = other
        keyed = floor.digits.deadline()
        return due if keyed is None else min(due, keyed)

    def lose_stream(self) -> None:
        """The stream broke: nothing under way on it will come; what was understood is kept."""
        floor = self._floor
        floor.left = None
        floor.give_up_turn()
        floor.flush_cut()
        floor.playout.forget()
        floor.case = None
        floor.speaking = floor.talked_over = floor.interrupted = False
        for part in [part for part in floor.caller.parts if part.text is None]:
            floor.remember_late(part.utterance)
            floor.caller.drop(part.utterance)
        floor.digits.stop()
        self._reckon()


def _yields(mine: AgentTurn, *, early: bool) -> bool:
    """Whether our own turn gives way to words that came without an onset while it was under way."""
    if not mine.interruptible:
        return False
    if mine.kind is Kind.REPLY and not mine.audible:
        return True
    return not early and (mine.kind is Kind.REPROMPT or mine.waits_to_be_heard)
