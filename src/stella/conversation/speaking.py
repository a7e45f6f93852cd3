"""What we are saying: one turn of the agent, its sentences and what is to happen when they were heard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from stella.conversation.actions import FallBack, HangUp, SwitchLanguage, Transfer
from stella.conversation.caller import CallerTurn
from stella.conversation.playout import Segment
from stella.domain.acts import ExpectAnswer
from stella.domain.ids import TurnId

OPEN = ExpectAnswer()
"""Anything may be said next."""


class Kind(Enum):
    """Why we speak."""

    CONSENT = auto()
    PHRASE = auto()
    REPROMPT = auto()
    REPLY = auto()
    FAREWELL = auto()


Consequence: TypeAlias = HangUp | Transfer | FallBack | SwitchLanguage


@dataclass(slots=True)
class AgentTurn:
    """One turn of the agent.

    `outbox` holds sentences and consequences in order: a sentence leaves when the floor is ours, a consequence when
    everything before it was heard. `answers` is the caller's turn it replies to, until that is committed: as long as
    nothing of the reply was sent, more words may join it. A `provisional` one was asked ahead: it answers nobody yet, and
    keeps what it `expects` to itself. `tool_since` is when a tool began that is still at work.
    """

    turn: TurnId
    kind: Kind
    began: float
    finished: float | None = None
    outbox: deque[str | Consequence] = field(default_factory=deque)
    segments: list[Segment] = field(default_factory=list)
    ended: bool = True
    interruptible: bool = True
    answers: CallerTurn | None = None
    asked: tuple[str, str] = ("", "")
    caller_stopped: float | None = None
    hold_until: float = 0.0
    expected_before: ExpectAnswer = OPEN
    attempt: int = 0
    worded: bool = False
    audible: bool = False
    replied: bool = False
    switching: bool = False
    provisional: bool = False
    expects: ExpectAnswer | None = None
    tool_since: float | None = None
    told_to_wait: int = 0

    @property
    def hanging_up(self) -> bool:
        """Whether the line is closed behind these words, if nobody speaks."""
        return bool(self.outbox) and isinstance(self.outbox[-1], HangUp)

    @property
    def leaving(self) -> bool:
        """Whether the line is left behind these words, in whatever way."""
        return bool(self.outbox) and isinstance(self.outbox[-1], (HangUp, Transfer, FallBack))

    @property
    def waits_to_be_heard(self) -> bool:
        """Whether only a consequence is left, once everything was heard."""
        return bool(self.outbox) and not isinstance(self.outbox[0], str)

    @property
    def all_said(self) -> bool:
        """Whether no sentence known so far is still to be said."""
        return not any(isinstance(waiting, str) for waiting in self.outbox)

    @property
    def closing(self) -> bool:
        """Whether the line is to be closed when this was heard, whatever the caller does."""
        return not self.interruptible and self.kind is Kind.FAREWELL

    def text(self) -> str:
        """What was meant to be said, whether or not it was."""
        said = [segment.text for segment in self.segments]
        if self.outbox:
            said += [waiting for waiting in self.outbox if isinstance(waiting, str)]
        return " ".join(said)

    def heard_text(self) -> str:
        """What is proven heard: a beginning of `text`."""
        heard: list[str] = []
        for segment in self.segments:
            part = segment.heard_text()
            if part:
                heard.append(part)
            if not segment.all_heard and not segment.failed:
                break
        return " ".join(heard)
