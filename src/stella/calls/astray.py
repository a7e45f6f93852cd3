"""Cancellations that nobody asked for.

Somebody else's code that awaits what was cancelled elsewhere, or a library whose scopes leak, raises what looks like our own
order to stop. Taken for one it ends a reply without a word; it is a failure like any other.
"""

from __future__ import annotations

import asyncio


def astray() -> bool:
    """Whether the CancelledError in hand was not meant for this task."""
    task = asyncio.current_task()
    return task is not None and not task.cancelling()
