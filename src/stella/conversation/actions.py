"""Orders the conversation gives. Imperative, frozen; the shell hands each over and never waits for it."""

from __future__ import annotations

from typing import TypeAlias

from stella.domain.acts import UsedTool
from stella.domain.call import EndedBy
from stella.domain.ids import Mark, SegmentId, TurnId, UtteranceId
from stella.domain.transcript import Turn
from stella.domain.value import value


@value
class BeginUtterance:
    """Speech-to-text: from here (and its pre-roll) the sound belongs to this utterance."""

    utterance: UtteranceId


@value
class FinishUtterance:
    """Speech-to-text: answer with UtteranceFinal as soon as you can."""

    utterance: UtteranceId


@value
class DropUtterance:
    """Speech-to-text: this was noise, echo or spoken over a fixed notice; forget it."""

    utterance: UtteranceId


@value
class AskBrain:
    """Put the caller's words to the brain. `silent` means nobody spoke; `digits` were keyed."""

    turn: TurnId
    text: str
    digits: str = ""
    silent: bool = False


@value
class CancelReply:
    """Stop the reply to `turn`; whatever still comes of it is dropped."""

    turn: TurnId


@value
class Say:
    """Voice `text` as `segment` of `turn`, after every segment said before."""

    turn: TurnId
    segment: SegmentId
    text: str


@value
class PausePlayout:
    """Send `clear` and then the mark `fence`; hold back what has not been heard (it may be resumed)."""

    fence: Mark


@value
class ResumePlayout:
    """Go on with `segment` from `at` seconds; if not `exact`, from the quietest frame at or before it."""

    segment: SegmentId
    at: float
    exact: bool


@value
class DropPlayout:
    """Forget everything that is held back or still being voiced."""


@value
class CommitTurn:
    """A turn is over: write it down. `turn.text` is what was meant, `turn.heard_text` what was heard."""

    turn: Turn


@value
class RecordDigit:
    """A key was pressed `at_s` seconds after the answer; a masked one arrives here as `x`."""

    digit: str
    at_s: float


@value
class RecordConsent:
    """The caller answered (or did not): commit before anything that depends on it."""

    question: str
    answer: str
    by: str


@value
class RecordLine:
    """No person is on this line; `kind` says why: `repeats`, `music` or `never-stops`. The call is ended in words."""

    kind: str


@value
class RecordTool:
    """A tool was used by the brain."""

    used: UsedTool


@value
class RecordGap:
    """End of the caller's speech to the first sound in the caller's ear, seconds."""

    seconds: float


@value
class RecordBargeIn:
    """Onset of the caller's speech to the clear, seconds."""

    seconds: float


@value
class SwitchLanguage:
    """Change ears, voice and phrases, then answer with LanguageChanged (or change the voice path)."""

    language: str


@value
class Transfer:
    """Everything was heard: give the line to a person by name."""

    name: str


@value
class FallBack:
    """The stream cannot go on in words: close it and let the carrier's own voice continue. `why` is a stable word."""

    why: str


@value
class HangUp:
    """Everything was heard (or can no longer be): end the call."""

    by: EndedBy


Action: TypeAlias = (
    BeginUtterance
    | FinishUtterance
    | DropUtterance
    | AskBrain
    | CancelReply
    | Say
    | PausePlayout
    | ResumePlayout
    | DropPlayout
    | CommitTurn
    | RecordDigit
    | RecordConsent
    | RecordLine
    | RecordTool
    | RecordGap
    | RecordBargeIn
    | SwitchLanguage
    | Transfer
    | FallBack
    | HangUp
)
