"""The caller's yes: what costs or cannot be undone is said by us, in words no model writes, and waits for an answer.

A model only names the act. The question is ours, the turn ends behind it, and the yes must be the caller's next turn after
they heard what is about to happen. So whatever a model was talked into, it can neither ask something else nor answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from stella.conversation.words import is_plain_yes, split
from stella.domain.transcript import Turn
from stella.ports.tool import Tool, ToolFacts

QUESTIONS_MOST = 8
"""In one call; a model that keeps asking is told to stop."""
SAID_MOST = 400
"""Characters of what is about to happen: nobody agrees to more than they can keep in mind."""

_AGREED = {"de": "Ist das so recht?", "en": "Shall I do that?"}
_GENERIC = {"de": "Ich würde jetzt Folgendes tun: {what}.", "en": "This is what I would do now: {what}."}


@dataclass(frozen=True, slots=True)
class Question:
    """What waits for a yes: whose key it is, and what must have been heard of it."""

    key: str
    what: str
    text: str


class Confirming:
    """One call's questions. At most one waits, and only for the caller's very next turn."""

    def __init__(self) -> None:
        """Nothing was asked."""
        self._waiting: Question | None = None
        self._granted = ""
        self._asked = 0
        self._turn: tuple[str, str, int] | None = None

    def ask(self, tool: Tool, given: msgspec.Struct, facts: ToolFacts) -> Question | None:
        """The question to put, or None where enough was asked in this call."""
        self._asked += 1
        if self._asked > QUESTIONS_MOST:
            return None
        spoken = facts.language if facts.language in _AGREED else "en"
        asks = tool.care.asks
        what = asks(given, facts) if asks is not None else generic(tool.name, msgspec.to_builtins(given), spoken)
        what = " ".join(what.split())
        if len(what) > SAID_MOST:
            what = what[: SAID_MOST - 1].rsplit(" ", 1)[0] + "."
        self._waiting = Question(facts.key, what, f"{what} {_AGREED[spoken]}")
        return self._waiting

    def turn(self, said: str, context: Sequence[Turn]) -> None:
        """The caller's next turn: a plain yes to a question they heard allows that one use, within this turn.

        The same turn put to the next brain of a row, because the first one failed, is still the same turn.
        """
        heard = _last_heard(context)
        if (now := (said, heard, len(context))) == self._turn:
            return
        self._turn = now
        waiting, self._waiting = self._waiting, None
        agrees = waiting is not None and is_plain_yes(said) and _contains(heard, waiting.what)
        self._granted = waiting.key if waiting is not None and agrees else ""

    def allows(self, key: str) -> bool:
        """Whether the caller has just agreed to this."""
        return bool(key) and key == self._granted


def generic(name: str, given: Mapping[str, Any], language: str) -> str:
    """The words for a tool that has none of its own: its name and what is filled in."""
    told = [name.replace("_", " ")]
    told += [f"{key.replace('_', ' ')}: {value}" for key, value in given.items() if value not in (None, "", [])]
    return _GENERIC[language].format(what=", ".join(told).rstrip("."))


def _last_heard(context: Sequence[Turn]) -> str:
    return next((turn.heard_text for turn in reversed(context) if turn.speaker == "agent"), "")


def _contains(heard: str, what: str) -> bool:
    """Whether all of it was heard, word by word."""
    words, wanted = split(heard), split(what)
    return bool(wanted) and any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))
