"""Facts the conversation is told. Past tense, frozen, and nothing in them is sound."""

from __future__ import annotations

from typing import TypeAlias

from stella.domain.acts import Act
from stella.domain.agent import Phrases
from stella.domain.call import EndedBy
from stella.domain.ids import Mark, SegmentId, TurnId, UtteranceId
from stella.domain.value import value


@value
class CallAnswered:
    """The stream of leg 1 was verified: the disclosure has been heard, the conversation may begin."""


@value
class CallResumed:
    """A later leg was verified. `why` is `transfer-failed`, `stream-lost` or `path-changed`."""

    why: str


@value
class CallerStartedSpeaking:
    """Voice activity began; `at` is the estimated true onset, at or before now. `echo` 0…1: how far the sound is our
    own voice coming back."""

    at: float
    echo: float = 0.0


@value
class CallerStoppedSpeaking:
    """Voice activity ended; `at` is the estimated true offset, at or before now. `level` is how loud it was, dB below
    full scale, where somebody measured it."""

    at: float
    level: float | None = None


@value
class LineSounded:
    """For `seconds` the line was loud, and a voice, for the shares `loud` and `voiced` of the time, 0…1. Told only while
    that is not how people sound, and once when it has ended."""

    seconds: float
    loud: float
    voiced: float


@value
class TurnHinted:
    """At the pause the caller is making, it sounds as if they were done: `finished` 0…1. A hint and no more."""

    finished: float


@value
class HypothesisGrew:
    """Speech-to-text thinks so far that the utterance says `text`; `settled` where the engine takes that for whole."""

    utterance: UtteranceId
    text: str
    settled: bool | None = None


@value
class UtteranceFinal:
    """Speech-to-text commits to `text` (empty: nothing intelligible); `over` where the engine judged by itself that the
    caller has finished."""

    utterance: UtteranceId
    text: str
    over: bool | None = None


@value
class UtteranceLost:
    """Speech-to-text failed or missed its deadline for this utterance."""

    utterance: UtteranceId


@value
class CostGrew:
    """So much of what the call may cost is used up; 1 is all of it."""

    share: float


@value
class DigitPressed:
    """A key of the caller's telephone: one of `0-9 * # A-D`."""

    digit: str


@value
class ReplyGrew:
    """The brain produced the next sentence of the reply to `turn`."""

    turn: TurnId
    text: str


@value
class ReplyActed:
    """The brain wants something besides words; carried out when its words so far have been heard."""

    turn: TurnId
    act: Act


@value
class ReplyEnded:
    """The brain has finished its reply to `turn`."""

    turn: TurnId


@value
class ReplyFailed:
    """The brain failed in its reply to `turn`; what it said before the failure stands."""

    turn: TurnId


@value
class WordTime:
    """A word ends `end` seconds after its segment began to sound; `chars` is where it ends in the segment's text."""

    chars: int
    end: float


@value
class SegmentVoiced:
    """Text-to-speech has finished a segment: it lasts `duration` seconds; `words` are empty where the engine gives none."""

    segment: SegmentId
    duration: float
    words: tuple[WordTime, ...] = ()


@value
class SegmentFailed:
    """Text-to-speech could not make a segment (no engine was left to try). After SegmentVoiced: not to its end."""

    segment: SegmentId


@value
class AudioSent:
    """`seconds` of a segment's sound went to the carrier, ending `upto` seconds into the segment, then `mark`."""

    segment: SegmentId
    seconds: float
    upto: float
    mark: Mark


@value
class MarkReturned:
    """The carrier sent a mark back: reached in playout, or dropped by a clear. The playout machine tells which."""

    mark: Mark


@value
class LanguageChanged:
    """The shell has switched ears, voice and fixed phrases to another language; `followed` where it went after what the
    caller spoke, so that nobody need be told."""

    phrases: Phrases
    followed: bool | None = None


@value
class ShutdownAsked:
    """The process is draining and its patience is over: say goodbye and end."""


@value
class CallEnded:
    """The line is gone. Nothing can be said any more; everything is committed."""

    by: EndedBy


@value
class TimePassed:
    """The time `deadline()` named has come."""


Event: TypeAlias = (
    CallAnswered
    | CallResumed
    | CallerStartedSpeaking
    | CallerStoppedSpeaking
    | LineSounded
    | TurnHinted
    | HypothesisGrew
    | UtteranceFinal
    | UtteranceLost
    | CostGrew
    | DigitPressed
    | ReplyGrew
    | ReplyActed
    | ReplyEnded
    | ReplyFailed
    | SegmentVoiced
    | SegmentFailed
    | AudioSent
    | MarkReturned
    | LanguageChanged
    | ShutdownAsked
    | CallEnded
    | TimePassed
)
