"""The `gather` path: the carrier listens and speaks, the same brain answers, turn by turn over HTTP.

The carrier does not tell how far it got when somebody talks over it. So a reply counts as heard up to the last sentence
that must have ended before the caller's answer began, at the pace of a slow voice.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from stella.calls.language import key_hints, language_by_key
from stella.calls.live_call import LiveCall
from stella.calls.sentences import Sentences
from stella.conversation.policy import Policy
from stella.conversation.words import Answer, yes_or_no
from stella.domain.acts import BeganTool, ChangeLanguage, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import EndedBy, KeyPressed
from stella.domain.ids import TurnId
from stella.domain.plan import AskByGather, Plan, SayGoodbye, Spoken
from stella.domain.request import CallRequest
from stella.domain.transcript import Turn
from stella.ports.brain import Asked, Said
from stella.ports.failure import ProviderError

_log = structlog.get_logger("stella.gather")

REPLY_DEADLINE_S = 7.0
"""The carrier waits 10 s for a webhook; what the brain has said by then is spoken."""
SLOW_CHARS_PER_S = 13.0
"""What a carrier's voice says in a second at the least: what must have been heard is judged by it."""
QUICK_CHARS_PER_S = 18.0
"""And at the most: an answer that came even before this was an interruption."""
ANSWER_S = 0.5
"""The shortest answer, and the pause after it, before the carrier tells us."""
CONSENT_ASKED_MOST = 2


@dataclass(slots=True)
class Answered:
    """What the brain made of a turn."""

    sentences: list[str] = field(default_factory=list)
    transfer: str = ""
    language: str = ""
    ends: bool = False
    expects: ExpectAnswer = field(default_factory=ExpectAnswer)
    failed: bool = False


@dataclass(slots=True)
class Spell:
    """Where a call is on the gather path."""

    silences: int = 0
    said_at: float = 0.0
    said_text: list[str] = field(default_factory=list)
    consent_asked: int = 0
    warned: bool = False


class GatherPath:
    """The turns of one call on this path. Every method gives a plan; none raises for what a caller or a brain does."""

    def __init__(self, call: LiveCall) -> None:
        """Begin with `open`."""
        self._call = call
        self._spell = Spell()
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
        answer_s = ANSWER_S + len(request.speech) / QUICK_CHARS_PER_S
        self._note_heard(answer_s if request.speech or request.digits else None)
        self._call.after = "nothing"
        if request.speech:
            call.meter.spend("stt:gather", 1)
        if call.seconds() >= call.agent.limits.call_s or not call.meter.may():
            return self._goodbye([call.language.phrases.farewell], EndedBy.LIMIT), ""
        for digit in request.digits:
            call.record.dtmf.append(KeyPressed(digit, round(call.seconds(), 3)))
        if spell.consent_asked and call.record.consent is None:
            return await self._consent(request), ""
        if not request.speech and not request.digits:
            return self._nobody_spoke(), ""
        spell.silences = 0
        if (
            not call.language_certain
            and len(request.digits) == 1
            and (code := language_by_key(call.agent, request.digits))
        ):
            call.language_certain = True
            return None, f"language:{code}"
        if request.speech:
            now_s = call.seconds()
            call.note_turn(Turn(0, "caller", request.speech, now_s, now_s, False, request.speech))
        answered = await self._ask_brain(request)
        return self._carry_out(answered)

    def _carry_out(self, answered: Answered) -> tuple[Plan | None, str]:
        call = self._call
        phrases = call.language.phrases
        if answered.failed and not answered.sentences:
            answered.sentences = [phrases.apology]
        if answered.ends:
            return self._goodbye(answered.sentences or [phrases.farewell], EndedBy.AGENT), ""
        if answered.transfer:
            # The brain has named the person, as a rule; only a silent transfer needs words of ours.
            self._remember(answered.sentences or [phrases.transferring])
            return None, answered.transfer
        if answered.language and answered.language != call.language.code:
            return None, f"language:{answered.language}"
        return self._ask([*(answered.sentences or [phrases.no_match]), *self._warning()], expects=answered.expects), ""

    def _warning(self) -> list[str]:
        """That the end is near, once: most of the time or of the money is used up."""
        call, limits = self._call, self._call.agent.limits
        last = 0.0 < limits.warn_before_s < limits.call_s and call.seconds() >= limits.call_s - limits.warn_before_s
        if self._spell.warned or not (last or call.meter.share >= self._cost_warn):
            return []
        self._spell.warned = True
        return [call.language.phrases.limit_warning]

    async def _ask_brain(self, request: CallRequest) -> Answered:
        call, answered, sentences = self._call, Answered(), Sentences()
        asked = Asked(TurnId(len(call.turns) + 1), request.speech, request.digits)
        try:
            async with asyncio.timeout(REPLY_DEADLINE_S):
                async with aclosing(call.brain.reply(asked, tuple(call.turns), call.clock.wall())) as pieces:  # type: ignore[type-var]
                    async for piece in pieces:
                        if isinstance(piece, Said):
                            answered.sentences += sentences.feed(piece.text)
                            continue
                        match piece.act:
                            case EndCall():
                                answered.ends = True
                            case TransferTo(name):
                                answered.transfer = name
                            case ChangeLanguage(language):
                                answered.language = language
                            case ExpectAnswer():
                                answered.expects = piece.act
                            case UsedTool():
                                call.note_tool(piece.act)
                            case BeganTool():
                                pass
        except (ProviderError, TimeoutError) as failure:
            _log.warning("brain-failed", call=call.sid, code=getattr(failure, "code", "timeout"))
            answered.failed = True
        except Exception:  # noqa: BLE001 a brain of somebody else's must cost a turn, not the call
            _log.exception("brain-broke", call=call.sid)
            answered.failed = True
        answered.sentences += sentences.flush()
        return answered

    async def _consent(self, request: CallRequest) -> Plan:
        call, spell = self._call, self._spell
        phrases = call.language.phrases
        answer = {"1": Answer.YES, "2": Answer.NO}.get(request.digits) or yes_or_no(request.speech)
        if answer is Answer.UNCLEAR and spell.consent_asked < CONSENT_ASKED_MOST and (request.speech or request.digits):
            spell.consent_asked += 1
            return self._ask([phrases.consent_unclear], expects=ExpectAnswer("yes-no"), barge_in=False)
        by = "key" if request.digits else "speech" if answer is not Answer.UNCLEAR else "silence"
        said = {Answer.YES: "yes", Answer.NO: "no"}.get(answer, "none")
        call.note_consent(phrases.consent_question, said, by)
        try:
            await call.store.commit(call.kept())
        except ProviderError as failure:
            _log.error("commit-failed", call=call.sid, code=failure.code)
        thanks = phrases.consent_yes if said == "yes" else phrases.consent_no
        return self._ask([thanks, phrases.greeting])

    def _nobody_spoke(self) -> Plan:
        call, spell = self._call, self._spell
        phrases = call.language.phrases
        if spell.silences >= len(phrases.no_input):
            return self._goodbye([phrases.farewell], EndedBy.SILENCE)
        line = phrases.no_input[spell.silences]
        spell.silences += 1
        return self._ask([line])

    def _goodbye(self, lines: list[str], by: EndedBy) -> Plan:
        """The call ends when the carrier says so; how much of this was heard is judged then."""
        self._remember(lines)
        self._call.record.ended_by = by
        self._call.after = "goodbye"
        return SayGoodbye(self._spoken(lines))

    def close(self) -> None:
        """The call left this path or ended: judge what was heard of the last words."""
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
    ) -> Plan:
        call = self._call
        expects = expects or ExpectAnswer()
        call.gather_turn += 1
        self._remember([*(before or []), *lines])
        keys = expects.kind in ("digits", "number") and expects.max_digits
        return AskByGather(
            self._spoken(lines),
            call.language.locale,
            call.gather_turn,
            hints=tuple(
                dict.fromkeys((*expects.hints, *(call.vocabulary if expects.kind in ("open", "name") else ())))
            ),
            timeout_s=8 if expects.kind in ("digits", "number") else 5,
            max_digits=expects.max_digits if keys else 1 if expects.kind in ("open", "yes-no") else 0,
            finish_on_key=expects.terminator,
            barge_in=barge_in,
            before=self._spoken(before or []),
        )

    def _spoken(self, lines: list[str]) -> tuple[Spoken, ...]:
        setup = self._call.language
        return tuple(Spoken(line, setup.locale, setup.say_voice) for line in lines)

    def _remember(self, lines: list[str]) -> None:
        spell = self._spell
        spell.said_text = lines
        spell.said_at = self._call.seconds()

    def _note_heard(self, answer_s: float | None) -> None:
        """Write the agent's last turn down. None: the carrier waited in vain, so all was heard; else only what must
        have ended before an answer that took `answer_s` seconds to give."""
        call, spell = self._call, self._spell
        if not spell.said_text:
            return
        text = " ".join(spell.said_text)
        passed = call.seconds() - spell.said_at - (answer_s or 0.0)
        heard, said = [], 0
        for line in spell.said_text:
            said += len(line)
            if answer_s is not None and passed < said / SLOW_CHARS_PER_S:
                break
            heard.append(line)
        cut = answer_s is not None and passed < len(text) / QUICK_CHARS_PER_S
        call.note_turn(Turn(0, "agent", text, spell.said_at, call.seconds(), cut, " ".join(heard)))
        spell.said_text = []
