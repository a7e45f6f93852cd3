"""Turns as vendors want them that allow no two of one side in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stella.ports.language import FromAgent, Message

Pieces = Callable[[Message], list[dict[str, Any]]]


def by_side(messages: Sequence[Message], agent: str, key: str, pieces: Pieces) -> list[dict[str, Any]]:
    """`[{"role": agent or "user", key: pieces}]`; what stands on the same side is one, what has no pieces is left out."""
    shown: list[dict[str, Any]] = []
    for message in messages:
        role = agent if isinstance(message, FromAgent) else "user"
        parts = pieces(message)
        if shown and shown[-1]["role"] == role:
            shown[-1][key] += parts
        elif parts:
            shown.append({"role": role, key: parts})
    return shown
