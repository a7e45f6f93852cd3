"""Facts and orders as rows of plain data, and back, to the last bit.

A row is `[time, kind, field, ...]` with the fields in the order of the class. Times are whole microseconds where that says
exactly what the clock said, else seconds as a float. The row of an order has no time: it belongs to the fact before it.
"""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import Any, TypeAlias, get_args

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.domain.acts import Act, ExpectAnswer, UsedTool
from stella.domain.agent import Phrases
from stella.domain.call import EndedBy, ToolUse
from stella.domain.transcript import Turn

Row: TypeAlias = list[Any]

EVENTS: dict[str, type] = {kind.__name__: kind for kind in get_args(on.Event)}
ORDERS: dict[str, type] = {kind.__name__: kind for kind in get_args(do.Action)}
_ACTS: dict[str, type] = {kind.__name__: kind for kind in get_args(Act)}
_PERSONAL = frozenset(
    {
        ("HypothesisGrew", "text"), ("UtteranceFinal", "text"), ("DigitPressed", "digit"), ("ReplyGrew", "text"),
        ("ReplyActed", "act"), ("AskBrain", "text"), ("AskBrain", "digits"), ("Say", "text"), ("CommitTurn", "turn"),
        ("RecordDigit", "digit"), ("RecordTool", "used"), ("Transfer", "name"),
    }
)  # fmt: skip

_NAMES: dict[type, tuple[str, ...]] = {
    kind: tuple(each.name for each in fields(kind)) for kind in (*EVENTS.values(), *ORDERS.values(), UsedTool)
}


def names(kind: type) -> tuple[str, ...]:
    """The fields of a fact or an order, in order."""
    return _NAMES[kind]


def personal_places(row: Row) -> list[int]:
    """Where in a row stands what somebody said or keyed. Raises KeyError for a kind that is not known."""
    kind = EVENTS[row[1]] if row[0] is not None else ORDERS[row[1]]
    return [place for place, name in enumerate(names(kind), 2) if (row[1], name) in _PERSONAL]


def plain_time(seconds: float) -> float:
    """Whole microseconds (an int) where they are exact, else the float itself."""
    whole = round(seconds * 1e6)
    return whole if whole / 1e6 == seconds else seconds


def rich_time(value: float) -> float:
    """Undo `plain_time`."""
    return value / 1e6 if isinstance(value, int) else value


def plain_row(thing: Any, time: float | None) -> Row:
    """A fact with its time, or an order without, as a row."""
    kind = type(thing)
    row: Row = [None if time is None else plain_time(time), kind.__name__]
    row += [_plain(name, getattr(thing, name)) for name in names(kind)]
    while row[-1] is None:  # what nobody measured takes no room
        row.pop()
    return row


def rich_row(row: Row) -> Any:
    """The fact or order of a row. Fields that are newer than the tape have their defaults.

    Raises KeyError, TypeError, ValueError or IndexError for nonsense.
    """
    kind = EVENTS[row[1]] if row[0] is not None else ORDERS[row[1]]
    known = names(kind)[: max(len(row) - 2, 0)]
    return kind(*(_rich(name, value) for name, value in zip(known, row[2:], strict=True)))


def _plain(name: str, value: Any) -> Any:
    if name in {"at", "at_s"}:
        return plain_time(value)
    if isinstance(value, (Turn, Phrases)):
        return _listed(value)
    if name == "words":
        return [[word.chars, word.end] for word in value]
    if name in {"act", "used"}:
        return _plain_act(value)
    return str(value) if isinstance(value, EndedBy) else value


def _listed(value: Any) -> list[Any]:
    return [list(part) if isinstance(part, tuple) else part for part in astuple(value)]


def _plain_act(act: Act) -> list[Any]:
    if isinstance(act, UsedTool):
        return ["UsedTool", _listed(act.use), *(getattr(act, name) for name in names(UsedTool)[1:])]
    return [type(act).__name__, *_listed(act)]


def _rich(name: str, value: Any) -> Any:
    if name in {"at", "at_s"}:
        return rich_time(value)
    if name in {"text", "digit", "digits", "name"}:
        return "" if value is None else value
    if name == "words":
        return tuple(on.WordTime(*word) for word in value)
    if name == "phrases":
        return Phrases(*_tupled(value))
    if name == "turn" and not isinstance(value, int):
        return Turn(0, "", "", 0.0, 0.0) if value is None else Turn(*value)
    if name in {"act", "used"}:
        return _rich_act(name, value)
    return EndedBy(value) if name == "by" and value in set(EndedBy) else value


def _tupled(parts: list[Any]) -> list[Any]:
    return [tuple(part) if isinstance(part, list) else part for part in parts]


def _rich_act(name: str, value: list[Any] | None) -> Act:
    """An act from plain data; one that was erased is a fresh expectation, which changes nothing that is said."""
    if value is None:
        return ExpectAnswer() if name == "act" else UsedTool(ToolUse("", {}))
    kind, *rest = value
    if kind == "UsedTool":
        return UsedTool(ToolUse(*rest[0]), *rest[1:])
    act: Act = _ACTS[kind](*_tupled(rest))
    return act
