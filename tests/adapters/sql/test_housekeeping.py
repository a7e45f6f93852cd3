"""Housekeeping leaves no connection astray."""

from __future__ import annotations

import gc
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stella.adapters.sql import open_store


async def test_a_purge_gives_its_connections_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A connection closed outside the driver's own loop is logged by the pool as an error, and lost."""
    store = await open_store(f"sqlite:///{tmp_path / 'stella.db'}", tmp_path)
    with caplog.at_level(logging.ERROR):
        await store.purge(datetime.now(UTC))
        gc.collect()
        assert await store.ready()
    await store.close()
    assert not caplog.records
