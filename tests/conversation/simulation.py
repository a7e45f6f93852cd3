"""A virtual phone call: a caller, ears, a brain, a voice and a carrier around the real core, on virtual time.

`Call` plays a script in microseconds. The carrier is truthful: it plays what was sent in order, returns marks when their
sound was played (or at once when a clear drops it), and `heard` is what reached the caller's ear, to compare the
transcript with.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation, Phase
from stella.domain.agent import Phrases
from stella.domain.call import EndedBy
from stella.domain.ids import Mark, SegmentId, TurnId, UtteranceId

PHRASES = Phrases(
    disclosure="You are speaking with a machine.",
    greeting="Hello, how can I help?",
    consent_question="May we record this call?",
    consent_unclear="Please say yes or no.",
    consent_yes="Thank you, we record.",
    consent_no="Fine, we do not record.",
    no_input=("Are you still there?", "Can you hear me?"),
    no_match="Sorry, I did not get that.",
    one_moment="One moment please.",
    apology="I am sorry, something went wrong.",
    limit_warning="We have one minute left.",
    farewell="Thank you for calling, goodbye.",
    transferring="I will connect you.",
    transfer_failed="Nobody answered.",
    handed_over="We have to stop here.",
    language_switch="We go on in English.",
    resumed="The line dropped a moment.",
    person_check="Is a person there?",
)
PER_CHAR = 0.05
CHUNK = 0.2
AHEAD = 0.6


def play(conversation: Conversation, script: Iterable[tuple[float, on.Event]]) -> list[tuple[float, do.Action]]:
    """Feed the script in order, stopping at every deadline on the way. Returns the orders with their times."""
    log: list[tuple[float, do.Action]] = []
    for at, event in script:
        while (due := conversation.deadline()) is not None and due <= at:
            log += [(due, action) for action in conversation.handle(on.TimePassed(), due)]
        log += [(at, action) for action in conversation.handle(event, at)]
    return log


@dataclass
class Piece:
    """Sound at the carrier, and the mark behind it. A fence has no sound."""

    mark: Mark
    segment: SegmentId | None = None
    start: float = 0.0
    upto: float = 0.0
    ends: float = 0.0


@dataclass
class Carrier:
    """Plays what it is sent and returns marks; `heard` maps a segment to the seconds of it that reached the ear."""

    delay: float = 0.05
    queue: deque[Piece] = field(default_factory=deque)
    ends: float = 0.0
    heard: dict[SegmentId, float] = field(default_factory=dict)

    def take(self, piece: Piece, now: float) -> None:
        """Queue sound behind what is there already."""
        self.ends = max(self.ends, now) + (piece.upto - piece.start)
        piece.ends = self.ends
        self.queue.append(piece)

    def run(self, now: float) -> list[Mark]:
        """Play until now; the marks that were reached."""
        reached = []
        while self.queue and self.queue[0].ends <= now + 1e-9:
            piece = self.queue.popleft()
            reached.append(piece.mark)
            if piece.segment is not None:
                self.heard[piece.segment] = max(self.heard.get(piece.segment, 0.0), piece.upto)
        return reached

    def clear(self, now: float) -> list[Mark]:
        """Drop what is left; part of the first piece has been played."""
        reached = self.run(now)
        for piece in self.queue:
            played = piece.upto - (piece.ends - now)
            if piece.segment is not None and played > piece.start:
                self.heard[piece.segment] = max(self.heard.get(piece.segment, 0.0), played)
        dropped = [piece.mark for piece in self.queue]
        self.queue.clear()
        self.ends = now
        return reached + dropped


@dataclass
class Voiced:
    """A segment at our voice: how much of it was handed to the carrier."""

    text: str
    duration: float
    sent: float = 0.0


Reply = Sequence[Any]
Brain = Callable[[do.AskBrain], Reply | None]


def echo_brain(asked: do.AskBrain) -> Reply:
    """A brain that repeats what it heard, in one sentence."""
    return [f"You said {asked.text or asked.digits}."]


class Call:
    """One virtual call. Script it with `speaks`, `keys`, `at`, then `run`; read `log`, `heard`, `texts`."""

    def __init__(
        self,
        conversation: Conversation,
        brain: Brain = echo_brain,
        *,
        stt: float = 0.15,
        think: float = 0.2,
        tts: float = 0.1,
        vad: float = 0.06,
        words: bool = True,
        mute: bool = False,
        streams: bool = False,
    ) -> None:
        """Everything around the core; the delays of ears, brain, voice and voice activity are seconds.

        Ears that `streams` give their words while the caller speaks, `stt` after the onset."""
        self.conversation, self.brain = conversation, brain
        self.stt, self.think, self.tts, self.vad, self.words, self.mute = stt, think, tts, vad, words, mute
        self.streams = streams
        self.carrier = Carrier()
        self.now = 0.0
        self.log: list[tuple[float, do.Action]] = []
        self.tape: list[tuple[float, on.Event]] = []
        self.phases: list[tuple[float, Phase]] = []
        self.texts: dict[SegmentId, str] = {}
        self.turn_of: dict[SegmentId, TurnId] = {}
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._voice: dict[SegmentId, Voiced] = {}
        self._held = False
        self._cancelled: set[TurnId] = set()
        self._spoken: deque[str] = deque()
        self._said: dict[UtteranceId, str] = {}
        self._marks = 0

    # -- the script

    def at(self, when: float, event: on.Event | Callable[[], None]) -> Call:
        """Something happens at a time of the call."""
        self._count += 1
        run = event if callable(event) else lambda: self.tell(event)
        heapq.heappush(self._todo, (when, self._count, run))
        return self

    def answered(self, when: float = 0.0) -> Call:
        """The stream begins."""
        return self.at(when, on.CallAnswered())

    def speaks(self, when: float, text: str, seconds: float = 1.0, *, echo: float = 0.0) -> Call:
        """The caller says `text` (empty: a noise) for some seconds."""

        def begin() -> None:
            self._spoken.append(text)
            self.tell(on.CallerStartedSpeaking(when, echo))

        self.at(when + self.vad, begin)
        return self.at(when + seconds + self.vad, lambda: self.tell(on.CallerStoppedSpeaking(when + seconds)))

    def keys(self, when: float, digits: str, gap: float = 0.3) -> Call:
        """The caller presses keys."""
        for place, digit in enumerate(digits):
            self.at(when + place * gap, on.DigitPressed(digit))
        return self

    def hangs_up(self, when: float) -> Call:
        """The caller ends the call."""
        return self.at(when, on.CallEnded(EndedBy.CALLER))

    # -- running

    def run(self, until: float = 120.0) -> Call:
        """Let everything happen up to a time, in true order."""
        while True:
            due = self.conversation.deadline()
            following = self._todo[0][0] if self._todo else None
            playing = self.carrier.queue[0].ends if self.carrier.queue else None
            times = [when for when in (due, following, playing) if when is not None]
            if not times or min(times) > until:
                self.now = until
                return self
            when = max(self.now, min(times))
            self.now = when
            if playing is not None and playing <= when:
                self._return(self.carrier.run(when))
            elif following is not None and following <= when:
                heapq.heappop(self._todo)[2]()
            else:
                self.tell(on.TimePassed())

    def tell(self, event: on.Event) -> None:
        """Give the core a fact and carry its orders out."""
        self.tape.append((self.now, event))
        actions = self.conversation.handle(event, self.now)
        due = self.conversation.deadline()
        assert due is None or due > self.now, f"deadline {due} is not after {self.now} ({event})"
        self.phases.append((self.now, self.conversation.phase))
        for action in actions:
            self.log.append((self.now, action))
            self._carry_out(action)

    def _carry_out(self, action: do.Action) -> None:
        match action:
            case do.BeginUtterance(utterance):
                text = self._said[utterance] = self._spoken.popleft() if self._spoken else ""
                if self.streams and text:
                    self.at(self.now + self.stt, on.HypothesisGrew(utterance, text))
            case do.FinishUtterance(utterance):
                final = on.UtteranceFinal(utterance, self._said.get(utterance, ""))
                self.at(self.now + self.stt, final)
            case do.AskBrain():
                self._reply(action)
            case do.CancelReply(turn):
                self._cancelled.add(turn)
            case do.Say(turn, segment, text):
                self.texts[segment], self.turn_of[segment] = text, turn
                if not self.mute:
                    self._voice[segment] = Voiced(text, max(0.1, len(text) * PER_CHAR))
                    self.at(self.now + self.tts, lambda: self._made(segment))
            case do.PausePlayout(fence):
                self._held = True
                self._return(self.carrier.clear(self.now))
                self._return([fence])
            case do.ResumePlayout(segment, place, _):
                self._held = False
                self._voice[segment].sent = place
                for later, voiced in self._voice.items():
                    if later > segment:
                        voiced.sent = 0.0
                self.at(self.now, self._feed)
            case do.DropPlayout():
                self._held = False
                self._voice.clear()
            case do.SwitchLanguage():
                self.at(self.now + 0.3, on.LanguageChanged(PHRASES))
            case do.HangUp(by):
                self.at(self.now + 0.1, on.CallEnded(by))
            case _:
                pass

    def _return(self, marks: Iterable[Mark]) -> None:
        for mark in marks:
            self.at(self.now + self.carrier.delay, on.MarkReturned(mark))

    def _reply(self, asked: do.AskBrain) -> None:
        pieces = self.brain(asked)
        if pieces is None:
            return
        when = self.now + self.think
        for piece in pieces:
            event: on.Event = (
                on.ReplyGrew(asked.turn, piece) if isinstance(piece, str) else on.ReplyActed(asked.turn, piece)
            )
            if isinstance(piece, (int, float)):
                when += piece
                continue
            if isinstance(piece, on.ReplyFailed):
                self.at(when, on.ReplyFailed(asked.turn))
                return
            self.at(when, lambda event=event: self._if_wanted(asked.turn, event))  # type: ignore[misc]
            when += 0.05
        self.at(when, lambda: self._if_wanted(asked.turn, on.ReplyEnded(asked.turn)))

    def _if_wanted(self, turn: TurnId, event: on.Event) -> None:
        if turn not in self._cancelled:
            self.tell(event)

    def _made(self, segment: SegmentId) -> None:
        voiced = self._voice.get(segment)
        if voiced is None:
            return
        ends: list[on.WordTime] = []
        if self.words:
            place = 0
            for word in voiced.text.split():
                place = voiced.text.index(word, place) + len(word)
                ends.append(on.WordTime(place, place / len(voiced.text) * voiced.duration))
        self.tell(on.SegmentVoiced(segment, voiced.duration, tuple(ends)))
        self._feed()

    def _feed(self) -> None:
        """Keep the carrier a little ahead, segment by segment."""
        while not self._held and self.carrier.ends - self.now < AHEAD:
            open_ = [(name, each) for name, each in self._voice.items() if each.sent < each.duration - 1e-9]
            if not open_:
                return
            segment, voiced = open_[0]
            upto = min(voiced.duration, voiced.sent + CHUNK)
            self._marks += 1
            piece = Piece(Mark(f"m{self._marks}"), segment, voiced.sent, upto)
            voiced.sent = upto
            self.carrier.take(piece, self.now)
            self.tell(on.AudioSent(segment, piece.upto - piece.start, upto, piece.mark))
        if not self._held and any(each.sent < each.duration - 1e-9 for each in self._voice.values()):
            self.at(self.now + CHUNK, self._feed)

    # -- reading

    def orders(self, kind: type) -> list[Any]:
        """All orders of a kind."""
        return [action for _, action in self.log if isinstance(action, kind)]

    def when(self, kind: type, place: int = 0) -> float:
        """When an order of a kind was given."""
        return [at for at, action in self.log if isinstance(action, kind)][place]

    @property
    def transcript(self) -> list[tuple[str, str]]:
        """Speaker and what was heard, in order of commitment."""
        return [(action.turn.speaker, action.turn.heard_text) for action in self.orders(do.CommitTurn)]

    def heard_of(self, turn: int) -> float:
        """Seconds of a turn that reached the caller's ear."""
        return sum(seconds for segment, seconds in self.carrier.heard.items() if self.turn_of[segment] == turn)
