"""The flight recorder: the facts of a call and their times are the call, and can be played to the core again.

A tape is rows of plain data that any JSON writer takes: each fact with its time, followed by the orders it led to. What
a person said or keyed is personal; `split` takes it out, leaving blanks, so that the one can be erased and the other kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, TypeAlias

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation
from stella.conversation.tape_fields import Row, personal_places, plain_row, rich_row, rich_time
from stella.domain.errors import MalformedMessage

VERSION = 2
"""Of the rows. Version 1 had no orders in it, and was never stored."""
_SAME_TIME = 1e-3

Step: TypeAlias = tuple[float, on.Event, Sequence[do.Action]]
"""A fact, when it was told, and what it led to."""
Ordered: TypeAlias = tuple[float, do.Action]


@dataclass(frozen=True, slots=True)
class Difference:
    """An order that is given no more (`after` None), was not given before (`before` None), or comes at another time."""

    before: Ordered | None
    after: Ordered | None

    @property
    def at(self) -> float:
        """When, seconds of the recording."""
        return min(ordered[0] for ordered in (self.before, self.after) if ordered is not None)


def write(steps: Iterable[Step]) -> list[Row]:
    """The tape of a call."""
    rows: list[Row] = []
    for now, event, orders in steps:
        rows.append(plain_row(event, now))
        rows += [plain_row(order, None) for order in orders]
    return rows


def read(rows: Sequence[Row]) -> list[Step]:
    """The call on a tape, exactly as it was. Raises MalformedMessage."""
    steps: list[tuple[float, on.Event, list[do.Action]]] = []
    try:
        for row in rows:
            thing = rich_row(row)
            if row[0] is None:
                steps[-1][2].append(thing)
            else:
                steps.append((rich_time(row[0]), thing, []))
    except (KeyError, TypeError, ValueError, IndexError) as failure:
        raise MalformedMessage(f"a row of the tape cannot be read: {failure!r}") from failure
    return list(steps)


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Any]]:
    """The tape without what anybody said or keyed, and that apart. `join` puts the two together."""
    personal: list[Any] = []
    bare: list[Row] = []
    for row in rows:
        kept = list(row)
        for place in personal_places(row):
            personal.append(kept[place])
            kept[place] = None
        bare.append(kept)
    return bare, personal


def join(bare: Sequence[Row], personal: Sequence[Any]) -> list[Row]:
    """Undo `split`. Raises MalformedMessage if the two do not belong together."""
    left = iter(personal)
    rows: list[Row] = []
    try:
        for row in bare:
            whole = list(row)
            for place in personal_places(row):
                whole[place] = next(left)
            rows.append(whole)
    except (StopIteration, KeyError, IndexError) as failure:
        raise MalformedMessage("the personal part does not belong to this tape") from failure
    if next(left, None) is not None:
        raise MalformedMessage("the personal part is longer than this tape")
    return rows


def replay(steps: Iterable[Step], begin: Callable[[], Conversation], *, punctual: bool = False) -> list[Step]:
    """Tell a fresh conversation the facts of a tape. What the tape says was ordered is not looked at.

    A tape has its own TimePassed, as late as they really came; the very build that was recorded orders the same again.
    `punctual` adds one at every deadline on the way: needed where another build or policy has other deadlines.
    """
    conversation = begin()
    played: list[Step] = []
    for now, event, _ in steps:
        while punctual and (due := conversation.deadline()) is not None and due < now:
            played.append((due, on.TimePassed(), conversation.handle(on.TimePassed(), due)))
        played.append((now, event, conversation.handle(event, now)))
    return played


def ordered(steps: Iterable[Step]) -> list[Ordered]:
    """Every order of a call with its time."""
    return [(now, order) for now, _, orders in steps for order in orders]


def differences(before: Sequence[Ordered], after: Sequence[Ordered]) -> list[Difference]:
    """Where two lists of orders part. Times within 1 ms are the same."""
    found: list[Difference] = []
    old_keys, new_keys = ([repr(order) for _, order in each] for each in (before, after))
    for what, i1, i2, j1, j2 in SequenceMatcher(None, old_keys, new_keys, autojunk=False).get_opcodes():
        if what == "equal":
            pairs = zip(before[i1:i2], after[j1:j2], strict=True)
            found += [Difference(old, new) for old, new in pairs if abs(old[0] - new[0]) > _SAME_TIME]
        else:
            found += [Difference(old, None) for old in before[i1:i2]]
            found += [Difference(None, new) for new in after[j1:j2]]
    return found
