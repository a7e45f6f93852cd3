"""The pytest plugin that comes with STELLA: the fixture `phone`. Light: every test run of everybody loads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stella.app.testing.phone import Phone

try:
    from pytest_asyncio import fixture as async_fixture
except ImportError:  # pragma: no cover - then the fixture says so

    @pytest.fixture
    def phone() -> None:
        """Says what is missing."""
        pytest.fail("the fixture `phone` needs pytest-asyncio: install it", pytrace=False)

else:

    @async_fixture
    async def phone(tmp_path: Path) -> AsyncIterator[Phone]:  # type: ignore[misc]
        """A telephone that rings a `Stella`: `call = await phone.ring(stella)`, `await call.say("…")`, `await call.hears()`."""
        from stella.app.testing.phone import Phone

        telephone = Phone(tmp_path)
        try:
            yield telephone
        finally:
            await telephone.close()
