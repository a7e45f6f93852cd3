"""Our side: the brain's reply, its voice, the marks that prove it, and what happens when it was heard."""

from __future__ import annotations

import math

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.consent_gate import Step
from stella.conversation.floor import Floor
from stella.conversation.speaking import AgentTurn, Kind
from stella.domain.acts import EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import EndedBy
from stella.domain.ids import TurnId


class Replying:
    """What the brain and the voice do, applied to the floor."""

    def __init__(self, floor: Floor) -> None:
        """Speak for one conversation."""
        self._floor = floor

    def _current(self, turn: TurnId) -> AgentTurn | None:
        """The reply under way, if this event belongs to it. Anything else is stale and never spoken."""
        mine = self._floor.mine
        if mine is not None and mine.turn == turn and mine.kind is Kind.REPLY and not mine.ended:
            return mine
        self._floor.counts["stale"] += 1
        return None

    def grew(self, event: on.ReplyGrew) -> None:
        """The next sentence."""
        mine = self._current(event.turn)
        if mine is not None and event.text.strip():
            mine.worded = True
            last = mine.outbox.pop() if mine.leaving else None
            mine.outbox.append(event.text.strip())
            if last is not None:
                mine.outbox.append(last)

    def acted(self, event: on.ReplyActed) -> None:
        """Something besides words. What closes or changes the line waits until the words before it were heard."""
        floor = self._floor
        mine = self._current(event.turn)
        if mine is None:
            return
        floor.progress_at = floor.now
        act = event.act
        if isinstance(act, ExpectAnswer):
            if mine.provisional:
                mine.expects = act
            else:
                floor.expected = act
        elif isinstance(act, UsedTool):
            floor.order(do.RecordTool(act))
        elif isinstance(act, EndCall):
            self._consequence(mine, floor.phrases.farewell, do.HangUp(EndedBy.AGENT))
        elif isinstance(act, TransferTo):
            self._consequence(mine, floor.phrases.transferring, do.Transfer(act.name))
        else:
            self._consequence(mine, "", do.SwitchLanguage(act.language))

    def _consequence(
        self, mine: AgentTurn, words: str, consequence: do.HangUp | do.Transfer | do.SwitchLanguage
    ) -> None:
        """Queue a consequence behind the reply's words, or behind our own where the brain had none.

        The first that closes the line stands: whatever is said after it is said before it, and no other follows.
        """
        if mine.leaving:
            self._floor.counts["stale"] += 1
            return
        if not mine.worded and words.strip():
            mine.outbox.append(words)
        mine.worded = True
        mine.outbox.append(consequence)

    def ended(self, event: on.ReplyEnded) -> None:
        """The reply is complete. One without anything in it is tried once more."""
        mine = self._current(event.turn)
        if mine is None:
            return
        mine.ended = True
        if mine.provisional and not mine.worded:
            self._floor.give_up_turn()
        elif not mine.worded and not self._retry(mine):
            self._floor.commit_agent(mine, interrupted=False)
            self._floor.speak(Kind.REPROMPT, [self._floor.phrases.no_match])

    def failed(self, event: on.ReplyFailed) -> None:
        """The brain failed. What it said stands; if it said nothing: once more, then an apology and another path."""
        mine = self._current(event.turn)
        if mine is None:
            return
        mine.ended = True
        self._floor.counts["brain_failures"] += 1
        if mine.provisional:
            self._floor.give_up_turn()
        elif not mine.worded and not self._retry(mine):
            self._apologise("brain-failed")

    def _retry(self, mine: AgentTurn) -> bool:
        """Ask the same again under a new number, once."""
        floor = self._floor
        if mine.attempt:
            return False
        floor.silence_us(mine)
        if mine.audible:
            floor.commit_agent(mine, interrupted=True)
        answers = mine.answers
        caller = floor.caller
        if answers is None:
            answers = type(caller)(stopped=mine.caller_stopped)
        floor.expected = mine.expected_before
        floor.ask(answers, mine.asked, attempt=mine.attempt + 1, hold_until=mine.hold_until)
        return True

    def _apologise(self, why: str) -> None:
        """Say sorry, then let the carrier's own voice go on."""
        floor = self._floor
        mine = floor.mine
        floor.give_up_turn()
        if mine is not None and mine.answers is not None and floor.caller.parts[:1] == mine.answers.parts[:1]:
            floor.commit_caller(floor.take_caller())
        floor.speak(Kind.FAREWELL, [floor.phrases.apology], do.FallBack(why), interruptible=False)

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
            mine.audible = True
            mine.began = floor.now
            if mine.answers is not None:
                floor.commit_caller(mine.answers)
                mine.answers = None
        if mine.kind is Kind.REPLY and not mine.replied and not segment.filler:
            mine.replied = True
            if mine.caller_stopped is not None:
                floor.order(do.RecordGap(max(0.0, floor.now - mine.caller_stopped)))

    def returned(self, event: on.MarkReturned) -> None:
        """A mark came back."""
        self._floor.playout.returned(event.mark, self._floor.now)

    def language_changed(self, event: on.LanguageChanged) -> None:
        """Ears, voice and phrases are those of another language. Say so in it, and ask anew what was being asked."""
        floor = self._floor
        floor.phrases = event.phrases
        mine = floor.mine
        if mine is not None and mine.switching:
            mine.switching = False
            floor.progress_at = floor.now
            if event.phrases.language_switch.strip():
                mine.outbox.appendleft(event.phrases.language_switch)
        elif floor.answered is not None and not (mine is not None and mine.closing):
            self._begin_anew()

    def _begin_anew(self) -> None:
        """The caller chose another language (by a key): what we were saying is not for them."""
        floor = self._floor
        floor.give_up_turn()
        if floor.gate.step is Step.CLOSED:
            floor.speak(Kind.PHRASE, [floor.phrases.language_switch])
        else:
            floor.gate.step = Step.ASKING
            floor.speak(Kind.CONSENT, [floor.phrases.consent_question], interruptible=False)

    def step(self) -> bool:
        """One consequence on our side, if one is due."""
        floor = self._floor
        floor.playout.tick(floor.now)
        if floor.cut is not None and (floor.now >= floor.cut_until or not floor.playout.open_fence()):
            floor.flush_cut()
            return True
        mine = floor.mine
        if mine is None:
            return False
        if mine.switching and floor.now >= floor.progress_at + floor.policy.switch_patience:
            mine.switching = False
            floor.progress_at = floor.now
            return True
        if mine.ended and not mine.outbox and floor.case is None and not mine.switching and floor.heard():
            self._finish(mine)
            return True
        if floor.ours() and self._go_on(mine):
            return True
        due = self._watchdog()
        if due is not None and floor.now >= due:
            self._bark(mine)
            return True
        return False

    def _go_on(self, mine: AgentTurn) -> bool:
        """Say the next sentence, carry out the next consequence, or finish. Whether there was anything to do."""
        floor = self._floor
        waiting = mine.outbox[0] if mine.outbox else None
        if isinstance(waiting, str):
            floor.say(mine, waiting)
            mine.outbox.popleft()
            return True
        if waiting is None or not floor.heard():
            return False
        mine.outbox.popleft()
        if isinstance(waiting, do.SwitchLanguage):
            mine.switching = True
            floor.progress_at = floor.now
            floor.order(waiting)
        else:
            floor.leave(waiting)
        return True

    def _finish(self, mine: AgentTurn) -> None:
        """Everything was heard: write it down and listen."""
        floor = self._floor
        floor.playout.drop()
        floor.mine = None
        floor.commit_agent(mine, interrupted=False)
        if mine.kind is Kind.CONSENT:
            floor.gate.asked(floor.now)
        if mine.kind is Kind.REPLY:
            floor.listen_again()

    def _watchdog(self) -> float | None:
        """When silence of ours has lasted too long; None while it is not our silence."""
        floor = self._floor
        mine = floor.mine
        if mine is None or mine.switching or not floor.ours():
            return None
        playout = floor.playout
        if playout.all_sent and (mine.ended or mine.outbox):
            return None
        return max(floor.progress_at, playout.ends_at, mine.hold_until) + floor.policy.watchdog

    def _bark(self, mine: AgentTurn) -> None:
        """Nothing was sent for too long: one moment, then retry, then apology and another path."""
        floor = self._floor
        floor.counts["watchdog"] += 1
        floor.progress_at = floor.now
        stuck = not floor.playout.all_sent
        if mine.kind is not Kind.REPLY:
            self._abandon(mine)
        elif not mine.ended and not stuck and not mine.attempt and not any(each.filler for each in mine.segments):
            floor.say(mine, floor.phrases.one_moment, filler=True)
        elif mine.replied:
            self._stop_short(mine)
        elif not self._retry(mine):
            self._apologise("silent")

    def _abandon(self, mine: AgentTurn) -> None:
        """A fixed turn cannot be voiced: do what was to follow it, or let another path speak."""
        floor = self._floor
        then = mine.outbox[-1] if mine.outbox else None
        floor.leave(do.FallBack("silent") if then is None or isinstance(then, (str, do.SwitchLanguage)) else then)

    def _stop_short(self, mine: AgentTurn) -> None:
        """A reply broke off after the caller had heard part of it: what was said stands."""
        floor = self._floor
        if not mine.ended:
            floor.order(do.CancelReply(mine.turn))
            mine.ended = True
        for segment in mine.segments:
            if not segment.all_sent:
                segment.failed = True

    def deadline(self) -> float:
        """The earliest time something is due on this side; infinite if nothing is."""
        floor = self._floor
        playout = floor.playout
        now = floor.now
        due = math.inf
        early = playout.early_deadline()
        if early is not None:
            due = early
        if floor.cut is not None:
            due = min(due, floor.cut_until)
        mine = floor.mine
        if mine is None:
            return due
        if mine.switching:
            return min(due, floor.progress_at + floor.policy.switch_patience)
        watchdog = self._watchdog()
        if watchdog is not None:
            due = min(due, watchdog)
        if now < mine.hold_until:
            due = min(due, mine.hold_until)
        if mine.segments and playout.all_sent and not playout.all_heard:
            patience = playout.given_up_at()
            due = min(due, patience if patience > now else due)
        return due
