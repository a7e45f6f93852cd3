"""What the dialogue stands on: the agent, the time, the caller; and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stella.adapters.receptionist.copy import line
from stella.adapters.receptionist.hours import Opening
from stella.adapters.receptionist.knowledge import Knowledge
from stella.domain.acts import Act, ExpectAnswer, UsedTool
from stella.domain.agent import Agent
from stella.domain.call import ToolUse

_YES_NO = ExpectAnswer("yes-no", max_digits=1)
_NUMBER = ExpectAnswer("number", max_digits=15, terminator="#")

EXPECTS: Mapping[str, ExpectAnswer] = {
    "offer-message": _YES_NO,
    "offer-transfer": _YES_NO,
    "whom": ExpectAnswer("name"),
    "name": ExpectAnswer("name"),
    "name-check": _YES_NO,
    "number-offer": _YES_NO,
    "number": _NUMBER,
    "number-check": _YES_NO,
    "summary": _YES_NO,
    "try-again": _YES_NO,
}
"""What kind of answer the question of a step wants; the other steps take anything."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything outside the dialogue that it may look at in one turn."""

    agent: Agent
    knowledge: Knowledge
    opening: Opening
    caller: str
    call_sid: str
    now: datetime
    may_transfer: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the caller did: `text` as understood, `folded` for patterns, `digits` as keyed."""

    text: str
    folded: str
    digits: str


@dataclass(slots=True)
class Answer:
    """What to say and do. With `save` the message is handed to the outbox first, and the outcome decides what is said."""

    language: str
    lines: list[str] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    save: bool = False
    rest: bool = False

    def say(self, key: str, **values: str) -> Answer:
        """Add a line of the copy."""
        self.lines.append(line(self.language, key, **values))
        return self

    def quote(self, text: str) -> Answer:
        """Add words that are not of the copy."""
        self.lines.append(text)
        return self

    def act(self, act: Act) -> Answer:
        """Add an act."""
        self.acts.append(act)
        return self

    def used(self, tool: str, arguments: dict[str, object], result: str, error: str | None = None) -> Answer:
        """Note the use of a tool for the record."""
        return self.act(UsedTool(ToolUse(tool, dict(arguments), result, error=error)))
