"""How a suite says that a promise was broken. No framework: pytest and `stella contract` run the same methods."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import SkipTest

from stella.ports.failure import ProviderError


class Broken(AssertionError):
    """A promise was not kept; the words say in what."""


class NotOffered(SkipTest):
    """The engine does not claim to do this. A SkipTest, so that every test runner takes it for one."""


def promised(kept: object, otherwise: str) -> None:
    """Raises Broken unless `kept`. Not an `assert`: these hold under `python -O` too."""
    if not kept:
        raise Broken(otherwise)


async def until(true: Callable[[], Any], patience: float = 50.0, what: str = "an answer") -> None:
    """Wait for something that comes from elsewhere. Raises Broken when it does not come."""
    try:
        async with asyncio.timeout(patience):
            while not true():  # noqa: ASYNC110 what is waited for has no event of its own
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise Broken(f"{what} did not come within {patience:g} s") from None


async def refused(work: Awaitable[Any], what: str) -> ProviderError:
    """The ProviderError that `work` ends in. Raises Broken where it ends otherwise."""
    try:
        await work
    except ProviderError as failure:
        return failure
    raise Broken(f"{what} was not refused")
