"""Runs a suite against one engine, promise by promise, each with an engine and a deadline of its own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum

from stella.ports.contract.promise import NotOffered
from stella.ports.failure import ProviderError

DEADLINE_S = 60.0

Given = Callable[[], AbstractAsyncContextManager[Mapping[str, object]]]
"""Makes what the suite's methods ask for by name (`ears`, `voice`, `speech` …), anew for every promise."""


class Outcome(StrEnum):
    """How it stands with a promise."""

    KEPT = "kept"
    BROKEN = "broken"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise of one engine. `reason` says why it matters, `cause` why it was broken or skipped."""

    promise: str
    outcome: Outcome
    cause: str = ""
    took_s: float = 0.0
    reason: str = ""


def promises_of(suite: type) -> dict[str, str]:
    """Every promise of a suite in words, and its reason."""
    return {_words(name): _reason(getattr(suite, name)) for name in _names(suite)}


def _names(suite: type) -> list[str]:
    """In the order they are written, those of a base first."""
    every = [name for one in reversed(suite.__mro__) for name in vars(one) if name.startswith("test_")]
    return list(dict.fromkeys(every))


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def _reason(method: object) -> str:
    return (inspect.getdoc(method) or "").split("\n\n")[0].replace("\n", " ")


async def judge(suite: type, given: Given, deadline_s: float = DEADLINE_S) -> AsyncIterator[Verdict]:
    """Every promise in turn. Whatever an engine throws is a verdict; only cancelling ends it early."""
    clock = asyncio.get_running_loop().time
    for name in _names(suite):
        method = getattr(suite(), name)
        began = clock()
        try:
            async with asyncio.timeout(deadline_s), given() as things:
                await method(**{wanted: things[wanted] for wanted in inspect.signature(method).parameters})
        except NotOffered as why:
            outcome, cause = Outcome.SKIPPED, str(why)
        except TimeoutError:
            outcome, cause = Outcome.BROKEN, f"no end within {deadline_s:g} s"
        except AssertionError as broken:
            outcome, cause = Outcome.BROKEN, str(broken).split("\n")[0] or "not as promised"
        except ProviderError as failure:
            outcome, cause = Outcome.BROKEN, str(failure)
        except Exception as fault:  # noqa: BLE001 an engine that throws anything else breaks its promise by that
            outcome, cause = Outcome.BROKEN, f"threw {type(fault).__name__}, which no port allows"
        else:
            outcome, cause = Outcome.KEPT, ""
        yield Verdict(_words(name), outcome, cause, round(clock() - began, 3), _reason(method))
