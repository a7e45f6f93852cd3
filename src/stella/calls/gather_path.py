"""The `gather` path: the carrier listens and speaks, the same brain answers, turn by turn over HTTP.

The carrier does not tell how far it got when somebody talks over it. So a reply counts as heard up to the last sentence
that must have ended before the caller's answer began, at the pace of a slow voice.

Law: no request waits longer than `HOLD_S` for a brain. What is ready by then is said, or "one moment", and the carrier is
sent back for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stella.calls.gather_reply import Answered, GatherReply
from stella.calls.gather_words import UNDERSTOOD, hints_for
from stella.calls.language import key_hints, language_by_key
from stella.calls.live_call import LiveCall
from stella.calls.pronounce import respelling
from stella.conversation.policy import Policy
from stella.conversation.words import Answer, yes_or_no
from stella.domain.acts import ExpectAnswer
from stella.domain.call import EndedBy, KeyPressed
from stella.domain.ids import TurnId
from stella.domain.plan import AskByGather, HoldOn, Plan, SayGoodbye, Spoken
from stella.domain.request import CallRequest
from stella.domain.transcript import Turn
from stella.ports.brain import Asked

HOLD_S = 3.0
"""A request is answered within this and the time of a save; the carrier itself gives up after 15 s."""
REPLY_MOST_S = 30.0
"""A brain that has not finished after this is stopped: what it said stands, or an apology."""
SLOW_CHARS_PER_S = 13.0
"""What a carrier's voice says in a second at the least: what must have been heard is judged by it."""
QUICK_CHARS_PER_S = 18.0
"""And at the most: an answer that came even before this was an interruption."""
ANSWER_S = 0.5
"""The shortest answer, and the pause after it, before the carrier tells us."""
CONSENT_ASKED_MOST = 2
NO_MATCH_MOST = 3
"""So many times in a row nothing can be made of the words; then the call ends politely."""
HEARD_BADLY, HEARD_ILL = 0.3, 0.5
"""The carrier's confidence below which words are none, and below which they are asked back. 0 says that it gave none."""
PATIENCE_S, PATIENCE_DIGITS_S, PATIENCE_GROWTH = 5.0, 8.0, 1.4
"""How long an answer is waited for; each silence, or misunderstanding, makes it longer."""


@dataclass(slots=True)
class Spell:
    """Where a call is on the gather path. `held` was said while the brain went on; `doubted` waits for a yes; what was asked
    last could not be talked over where it is `whole`, so whoever answers has heard all of it."""

    silences: int = 0
    mismatches: int = 0
    said_at: float = 0.0
    began_at: float = 0.0
    said_text: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    holds: int = 0
    expects: ExpectAnswer = field(default_factory=ExpectAnswer)
    doubted: str = ""
    consent_asked: int = 0
    whole: bool = False
    warned: bool = False


class GatherPath:
    """The turns of one call on this path. Every method gives a plan; none raises for what a caller or a brain does."""

    def __init__(self, call: LiveCall) -> None:
        """Begin with `open`."""
        self._call = call
        self._spell = Spell()
        self._reply: GatherReply | None = None
        self._cost_warn = Policy().with_overrides(call.agent.policy).cost_warn

    def open(self, why: str) -> Plan:
        """The first question on this path. `why` is `new` (say the disclosure), `language`, `transfer-failed` or what
        made a stream impossible."""
        call = self._call
        phrases = call.language.phrases
        before: list[str] = []
        if why == "new":
            before.append(phrases.disclosure)
        call.path = call.record.voice_path = "gather"
        if call.agent.preset.asks and call.record.consent is None:
            self._spell.consent_asked = 1
            return self._ask([phrases.consent_question], before, ExpectAnswer("yes-no"), barge_in=False)
        opening = {
            "new": phrases.greeting,
            "unheard": phrases.greeting,
            "language": phrases.language_switch,
            "transfer-failed": phrases.transfer_failed,
        }.get(why, phrases.resumed)
        lines = [opening]
        if why == "new" and not call.language_certain:
            lines += key_hints(call.agent, call.language)
        return self._ask(lines, before)

    async def turn(self, request: CallRequest) -> tuple[Plan | None, str]:
        """Answer a turn: the plan, or None and a transfer target's name, or None and `language:CODE`."""
        call, spell = self._call, self._spell
        if self._reply is not None:
            return await self._go_on(self._reply)
        answer_s = ANSWER_S + len(request.speech) / QUICK_CHARS_PER_S
        self._note_heard(answer_s if request.speech or request.digits else None, whole=spell.whole)
        call.after = "nothing"
        if request.speech:
            call.meter.spend("stt:gather", 1)
        if call.seconds() >= call.agent.limits.call_s or not call.meter.may():
            return self._goodbye([call.language.phrases.farewell], EndedBy.LIMIT), ""
        masked = "x" * len(request.digits) if spell.expects.masked else request.digits
        for digit in masked:
            call.record.dtmf.append(KeyPressed(digit, round(call.seconds(), 3)))
        if spell.consent_asked and call.record.consent is None:
            return await self._consent(request), ""
        if not request.speech and not request.digits:
            return self._nobody_spoke(), ""
        spell.silences = 0
        if code := self._chosen_language(request):
            return None, f"language:{code}"
        speech = self._trusted(request)
        if isinstance(speech, str):
            return await self._answer(speech, request.digits, masked)
        return speech, ""

    def _chosen_language(self, request: CallRequest) -> str:
        """The language a single key stands for, while it is not certain which one the caller speaks."""
        call = self._call
        if call.language_certain or len(request.digits) != 1:
            return ""
        code = language_by_key(call.agent, request.digits)
        call.language_certain = bool(code)
        return code

    def _trusted(self, request: CallRequest) -> str | Plan:
        """The caller's words as far as they can be believed; else what is to be asked about them."""
        spell, speech, sure = self._spell, request.speech, request.confidence
        doubted, spell.doubted = spell.doubted, ""
        if doubted and not (request.digits and request.digits not in ("1", "2")):
            keyed = {"1": Answer.YES, "2": Answer.NO}.get(request.digits)
            answer = keyed or yes_or_no(speech)
            if answer is Answer.YES:
                return doubted
            if answer is Answer.NO:
                return self._not_understood()
        elif speech and sure and sure < (HEARD_ILL if spell.expects.kind == "yes-no" else HEARD_BADLY):
            # A yes may cost something: it is never taken from words that are doubted.
            return self._not_understood()
        elif speech and sure and sure < HEARD_ILL and spell.expects.kind in ("open", "name", "number"):
            spell.doubted = speech
            asked = UNDERSTOOD.get(self._call.language.code, UNDERSTOOD["en"]).format(text=speech.rstrip(" .?!"))
            return self._ask([asked], expects=ExpectAnswer("yes-no"), keeps=spell.expects)
        spell.mismatches = 0
        return speech

    async def _answer(self, speech: str, digits: str, shown: str) -> tuple[Plan | None, str]:
        """Put a turn to the brain."""
        call = self._call
        self._note_caller(f"{speech} {shown}".strip())
        self._reply = GatherReply(call, Asked(TurnId(len(call.turns) + 1), speech, digits))
        return await self._go_on(self._reply)

    async def _go_on(self, reply: GatherReply) -> tuple[Plan | None, str]:
        """What the brain has by now: all of it, or enough to go on with."""
        spell = self._spell
        # Whoever comes back for more has heard what was said before.
        spell.held += spell.said_text
        spell.said_text = []
        whole = await reply.whole(HOLD_S)
        if not whole and reply.age_s < REPLY_MOST_S:
            return self._hold(reply), ""
        if not whole:
            reply.give_up()
        self._reply, spell.holds = None, 0
        return self._carry_out(reply.answered, reply.take())

    def _hold(self, reply: GatherReply) -> Plan:
        """Say what is ready, or that it takes a moment, and have the carrier ask again."""
        call, spell = self._call, self._spell
        phrases, lines = call.language.phrases, reply.take()
        if lines:
            self._remember(lines)
        elif not spell.held:
            fillers = (phrases.one_moment, "", *phrases.still_working)
            lines = [fillers[spell.holds]] if spell.holds < len(fillers) and fillers[spell.holds] else []
        spell.holds += 1
        call.gather_turn += 1
        return HoldOn(self._spoken(lines), call.gather_turn)

    def _carry_out(self, answered: Answered, lines: list[str]) -> tuple[Plan | None, str]:
        call = self._call
        phrases, worded = call.language.phrases, bool(lines or self._spell.held)
        if answered.failed and not worded:
            lines, worded = [phrases.apology], True
        if answered.ends:
            return self._goodbye(lines if worded else [phrases.farewell], EndedBy.AGENT), ""
        if answered.transfer:
            # The brain has named the person, as a rule; only a silent transfer needs words of ours.
            self._remember(lines if worded else [phrases.transferring])
            return None, answered.transfer
        if answered.language and answered.language != call.language.code:
            return None, f"language:{answered.language}"
        expects = answered.expects
        if expects.heard_out:
            # The warning can wait: this answer is to this question.
            return self._ask(lines, expects=expects, barge_in=False), ""
        return self._ask([*(lines if worded else [phrases.no_match]), *self._warning()], expects=expects), ""

    def _warning(self) -> list[str]:
        """That the end is near, once: most of the time or of the money is used up."""
        call, limits = self._call, self._call.agent.limits
        last = 0.0 < limits.warn_before_s < limits.call_s and call.seconds() >= limits.call_s - limits.warn_before_s
        if self._spell.warned or not (last or call.meter.share >= self._cost_warn):
            return []
        self._spell.warned = True
        return [call.language.phrases.limit_warning]

    async def _consent(self, request: CallRequest) -> Plan:
        call, spell = self._call, self._spell
        phrases = call.language.phrases
        answer = {"1": Answer.YES, "2": Answer.NO}.get(request.digits) or yes_or_no(request.speech)
        if not request.digits and request.confidence and request.confidence < HEARD_ILL:
            answer = Answer.UNCLEAR
        if answer is Answer.UNCLEAR and spell.consent_asked < CONSENT_ASKED_MOST and (request.speech or request.digits):
            spell.consent_asked += 1
            return self._ask([phrases.consent_unclear], expects=ExpectAnswer("yes-no"), barge_in=False)
        by = "key" if request.digits else "speech" if answer is not Answer.UNCLEAR else "silence"
        said = {Answer.YES: "yes", Answer.NO: "no"}.get(answer, "none")
        call.note_consent(phrases.consent_question, said, by)
        self._note_caller(f"{request.speech} {request.digits}".strip())
        await call.commit()
        thanks = phrases.consent_yes if said == "yes" else phrases.consent_no
        return self._ask([thanks, phrases.greeting])

    def _nobody_spoke(self) -> Plan:
        """Silence: asked about with growing patience, then a polite end."""
        call, spell = self._call, self._spell
        phrases, spell.doubted = call.language.phrases, ""
        if spell.silences >= len(phrases.no_input):
            return self._goodbye([phrases.farewell], EndedBy.SILENCE)
        line = phrases.no_input[spell.silences]
        spell.silences += 1
        return self._ask([line], keeps=spell.expects)

    def _not_understood(self) -> Plan:
        """Words of which nothing can be made: asked for again, then a polite end."""
        call, spell = self._call, self._spell
        spell.mismatches += 1
        if spell.mismatches >= NO_MATCH_MOST:
            return self._goodbye([call.language.phrases.farewell], EndedBy.AGENT)
        return self._ask([call.language.phrases.no_match], keeps=spell.expects)

    def _goodbye(self, lines: list[str], by: EndedBy) -> Plan:
        """The call ends when the carrier says so; how much of this was heard is judged then."""
        self._remember(lines)
        self._call.record.ended_by = by
        self._call.after = "goodbye"
        return SayGoodbye(self._spoken(lines))

    def close(self) -> None:
        """The call left this path or ended: judge what was heard of the last words."""
        if self._reply is not None:
            self._reply.give_up()
            self._reply = None
        self._note_heard(0.0)

    def said_before_transfer(self) -> tuple[Spoken, ...]:
        """The words to say before a person is dialled."""
        return self._spoken(self._spell.said_text)

    def _ask(
        self,
        lines: list[str],
        before: list[str] | None = None,
        expects: ExpectAnswer | None = None,
        *,
        barge_in: bool = True,
        keeps: ExpectAnswer | None = None,
    ) -> Plan:
        """Ask, and wait for what is expected. `keeps` is what the brain goes on expecting behind a question of ours."""
        call, spell = self._call, self._spell
        expects = expects or keeps or ExpectAnswer()
        spell.expects, spell.whole = keeps or expects, not barge_in
        call.gather_turn += 1
        self._remember([*(before or []), *lines])
        keyed = expects.kind in ("digits", "number")
        rung = min(spell.silences + spell.mismatches, 3)
        return AskByGather(
            self._spoken(lines),
            call.language.locale,
            call.gather_turn,
            hints=hints_for(expects, call.vocabulary, call.language.code),
            timeout_s=round((PATIENCE_DIGITS_S if keyed else PATIENCE_S) * PATIENCE_GROWTH**rung),
            max_digits=expects.max_digits if keyed else 1 if expects.kind in ("open", "yes-no") else 0,
            finish_on_key=expects.terminator,
            barge_in=barge_in,
            speech_model=call.agent.speech_model,
            before=self._spoken(before or []),
        )

    def _spoken(self, lines: list[str]) -> tuple[Spoken, ...]:
        setup = self._call.language
        words = respelling(self._call.agent.pronunciation, setup.code)
        return tuple(Spoken(words.of(line)[0], setup.locale, setup.say_voice) for line in lines)

    def _remember(self, lines: list[str]) -> None:
        spell = self._spell
        spell.said_text = lines
        spell.said_at = self._call.seconds()
        if not spell.held:
            spell.began_at = spell.said_at

    def _note_caller(self, shown: str) -> None:
        if shown:
            now_s = self._call.seconds()
            self._call.note_turn(Turn(0, "caller", shown, now_s, now_s, False, shown))

    def _note_heard(self, answer_s: float | None, *, whole: bool = False) -> None:
        """Write the agent's last turn down. None, or `whole`: the carrier said all of it; else only what must have ended
        before an answer that took `answer_s` seconds to give counts as heard. What was held was heard."""
        call, spell = self._call, self._spell
        if not spell.said_text and not spell.held:
            return
        answer_s = None if whole else answer_s
        passed = call.seconds() - spell.said_at - (answer_s or 0.0)
        heard, said = list(spell.held), 0
        for line in spell.said_text:
            said += len(line)
            if answer_s is not None and passed < said / SLOW_CHARS_PER_S:
                break
            heard.append(line)
        cut = answer_s is not None and passed < len(" ".join(spell.said_text)) / QUICK_CHARS_PER_S
        text = " ".join([*spell.held, *spell.said_text])
        call.note_turn(Turn(0, "agent", text, spell.began_at, call.seconds(), cut, " ".join(heard)))
        spell.said_text, spell.held = [], []
