"""What of a call may be kept under a preset. Called before every save; what is not allowed never reaches the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stella.domain.call import CallRecord, ToolUse
from stella.domain.consent import Preset

MESSAGE_TOOLS = frozenset({"take_message", "call_back"})
"""Tools that carry what a caller spelled, heard back and confirmed."""
MESSAGE_FIELDS = frozenset({"name", "number", "concern", "when", "for", "kind", "key"})
"""The fields of such a message that a caller confirms, and those that only say which message it was."""


def redact(record: CallRecord, preset: Preset) -> CallRecord:
    """The record as it may be stored.

    Under `ask-everything` without a yes that still stands: no words, no keys, of tools only their name and times, and
    of a message only the fields the caller confirmed (`confirmed` among a tool's arguments: False for none, or the
    names). Everything else is metadata, the caller's number included. The record given is never changed.
    """
    if preset.keeps_transcript(record.consent):
        return record
    return replace(record, turns=[], dtmf=[], tools=[_bare(use) for use in record.tools])


def _bare(use: ToolUse) -> ToolUse:
    return replace(use, arguments=_confirmed(use), result="", error=None if use.error is None else "failed")


def _confirmed(use: ToolUse) -> dict[str, Any]:
    if use.name not in MESSAGE_TOOLS or use.error is not None:
        return {}
    told = use.arguments.get("confirmed", True)
    if isinstance(told, (list, tuple, set, frozenset)):
        allowed = MESSAGE_FIELDS & {name for name in told if isinstance(name, str)}
    else:
        allowed = MESSAGE_FIELDS if told is True else frozenset()
    return {name: value for name, value in use.arguments.items() if name in allowed and isinstance(value, str)}
