"""The flight recorder: the facts of a call and their times are the call, and can be played to the core again.

A tape is plain data that any JSON writer takes: `[version, rows]`, a row being `[microseconds, kind, field, ...]` with
the fields of the event in the order of its class. What a person said or keyed is personal; `split` takes it out, leaving
numbered blanks, so that the one can be erased and the other kept. Version 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeAlias, get_args

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation
from stella.domain.acts import Act, ExpectAnswer, UsedTool
from stella.domain.agent import Phrases
from stella.domain.call import EndedBy, ToolUse
from stella.domain.errors import MalformedMessage

VERSION = 1
Row: TypeAlias = list[Any]
Tape: TypeAlias = list[Any]
Moment: TypeAlias = tuple[float, on.Event]

_EVENTS: dict[str, type] = {kind.__name__: kind for kind in get_args(on.Event)}
_ACTS: dict[str, type] = {kind.__name__: kind for kind in get_args(Act)}
_PERSONAL = {
    ("HypothesisGrew", "text"), ("UtteranceFinal", "text"), ("DigitPressed", "digit"), ("ReplyGrew", "text"),
    ("ReplyActed", "act"),
}  # fmt: skip


def write(call: Iterable[Moment]) -> Tape:
    """The tape of a call: times in whole microseconds from the first fact."""
    rows: list[Row] = []
    began: float | None = None
    for now, event in call:
        began = now if began is None else began
        row: Row = [round((now - began) * 1e6), type(event).__name__]
        row += [_plain(name, getattr(event, name), now) for name in _names(type(event))]
        rows.append(row)
    return [VERSION, rows]


def read(tape: Sequence[Any]) -> list[Moment]:
    """The call on a tape, beginning at 0 s. Raises MalformedMessage."""
    if len(tape) != 2 or tape[0] != VERSION:
        raise MalformedMessage(f"a tape of version {VERSION} is needed; this one says {tape[:1]!r}")
    try:
        return [_moment(row) for row in tape[1]]
    except (KeyError, TypeError, ValueError, IndexError) as failure:
        raise MalformedMessage(f"a row of the tape cannot be read: {failure!r}") from failure


def split(tape: Tape) -> tuple[Tape, list[Any]]:
    """The tape without what anybody said or keyed, and that apart. `join` puts the two together."""
    personal: list[Any] = []
    rows: list[Row] = []
    for row in tape[1]:
        names = _names(_EVENTS[row[1]])
        kept = list(row)
        for place, name in enumerate(names, 2):
            if (row[1], name) in _PERSONAL:
                personal.append(kept[place])
                kept[place] = None
        rows.append(kept)
    return [tape[0], rows], personal


def join(tape: Tape, personal: Sequence[Any]) -> Tape:
    """Undo `split`. Raises MalformedMessage if the two do not belong together."""
    left = iter(personal)
    try:
        rows = [
            [*row[:2], *(next(left) if (row[1], name) in _PERSONAL else value
                         for name, value in zip(_names(_EVENTS[row[1]]), row[2:], strict=True))]
            for row in tape[1]
        ]  # fmt: skip
    except (RuntimeError, KeyError, ValueError) as failure:
        raise MalformedMessage("the personal part does not belong to this tape") from failure
    if next(left, None) is not None:
        raise MalformedMessage("the personal part is longer than this tape")
    return [tape[0], rows]


def replay(call: Iterable[Moment], begin: Callable[[], Conversation]) -> list[tuple[float, do.Action]]:
    """The orders the present code gives for a recorded call.

    The recording has its own TimePassed and none is added; one that rounding put a hair before its deadline is moved to it.
    """
    conversation = begin()
    log: list[tuple[float, do.Action]] = []
    for at, event in call:
        due = conversation.deadline()
        now = due if isinstance(event, on.TimePassed) and due is not None and at < due < at + 1e-3 else at
        log += [(now, action) for action in conversation.handle(event, now)]
    return log


def differences(
    before: Sequence[tuple[float, do.Action]], after: Sequence[tuple[float, do.Action]]
) -> list[tuple[int, tuple[float, do.Action] | None, tuple[float, do.Action] | None]]:
    """Where two lists of orders part: place, what was ordered, what is ordered now. Times within 1 ms are the same."""
    found: list[tuple[int, tuple[float, do.Action] | None, tuple[float, do.Action] | None]] = []
    for place in range(max(len(before), len(after))):
        old = before[place] if place < len(before) else None
        new = after[place] if place < len(after) else None
        if old is None or new is None or old[1] != new[1] or abs(old[0] - new[0]) > 1e-3:
            found.append((place, old, new))
    return found


def _names(kind: type) -> list[str]:
    """The fields of a fact, in order."""
    return [each.name for each in fields(kind)]


def _plain(name: str, value: Any, now: float) -> Any:
    """A field as plain data. Onsets and offsets are stored as how long ago they were."""
    if name == "at":
        return round((now - value) * 1e6)
    if name == "words":
        return [[word.chars, word.end] for word in value]
    if name == "phrases":
        return [
            list(part) if isinstance(part, tuple) else part
            for part in (getattr(value, each) for each in _names(Phrases))
        ]
    if name == "act":
        return _plain_act(value)
    return str(value) if isinstance(value, EndedBy) else value


def _plain_act(act: Act) -> list[Any]:
    """An act as plain data."""
    if isinstance(act, UsedTool):
        use = act.use
        return ["UsedTool", use.name, use.arguments, use.result, use.started_s, use.ended_s, use.error]
    parts = [getattr(act, name) for name in _names(type(act))]
    return [type(act).__name__, *(list(part) if isinstance(part, tuple) else part for part in parts)]


def _moment(row: Row) -> Moment:
    """A row as a time and a fact."""
    now = row[0] / 1e6
    kind = _EVENTS[row[1]]
    values = [_rich(name, value, now) for name, value in zip(_names(kind), row[2:], strict=True)]
    return now, kind(*values)


def _rich(name: str, value: Any, now: float) -> Any:
    """A field as the fact has it."""
    if name == "at":
        return now - value / 1e6
    if name == "words":
        return tuple(on.WordTime(*word) for word in value)
    if name == "phrases":
        parts: list[Any] = [tuple(part) if isinstance(part, list) else part for part in value]
        return Phrases(*parts)
    if name == "act":
        return _rich_act(value)
    return EndedBy(value) if name == "by" else value


def _rich_act(value: list[Any]) -> Act:
    """An act from plain data; one that was erased is a fresh expectation, which changes nothing that is said."""
    if value is None:
        return ExpectAnswer()
    name, *rest = value
    if name == "UsedTool":
        return UsedTool(ToolUse(*rest))
    act: Act = _ACTS[name](*(tuple(part) if isinstance(part, list) else part for part in rest))
    return act
