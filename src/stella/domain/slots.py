"""Which times are free: opening spans, what is taken, and the rules between them. All of it in UTC, so that an hour is an hour
on the days when clocks are changed, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Rules:
    """How appointments are laid: their length, the grid they are offered on, the pause around each, and from when to when."""

    length: timedelta
    step: timedelta
    buffer: timedelta
    earliest: datetime
    latest: datetime


def opening(day: date, spans: Iterable[tuple[time, time]], zone: tzinfo) -> list[Span]:
    """A day's opening spans as moments. The end of a day (`time.max`) is the next midnight."""
    return [(_moment(day, begin, zone), _moment(day, end, zone)) for begin, end in spans]


def _moment(day: date, at: time, zone: tzinfo) -> datetime:
    if at == time.max:
        day, at = day + timedelta(days=1), time.min
    return datetime.combine(day, at, zone).astimezone(UTC)


def fits(begin: datetime, spans: Sequence[Span], busy: Sequence[Span], rules: Rules) -> bool:
    """Whether an appointment may begin then."""
    end = begin + rules.length
    inside = any(opens <= begin and end <= closes for opens, closes in spans)
    early, late = begin - rules.buffer, end + rules.buffer
    clear = all(late <= taken or until <= early for taken, until in busy)
    return inside and clear and rules.earliest <= begin <= rules.latest


def free(spans: Sequence[Span], busy: Sequence[Span], rules: Rules) -> list[datetime]:
    """Every beginning on the grid that fits."""
    found: list[datetime] = []
    for opens, closes in spans:
        begin = opens
        while begin + rules.length <= closes:
            if fits(begin, spans, busy, rules):
                found.append(begin)
            begin += rules.step
    return found


def moments(day: date, at: time, zone: tzinfo) -> list[datetime]:
    """When a clock on the wall shows this on a day: once as a rule, twice or never where clocks are changed."""
    both = [datetime.combine(day, at.replace(fold=fold), zone) for fold in (0, 1)]
    real = [each.astimezone(UTC) for each in both if each.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0)
            == datetime.combine(day, at.replace(fold=0))]  # fmt: skip
    return list(dict.fromkeys(real))
