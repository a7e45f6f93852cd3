"""Values: compared by what they hold, made often, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True)
def value(cls: type[_T]) -> type[_T]:
    """A dataclass that is frozen for the type checker, which sees every assignment there is.

    Freezing it at run time as well would make each seven times as dear to build, and facts and orders are built all the
    time: ten a second for every call that speaks.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
