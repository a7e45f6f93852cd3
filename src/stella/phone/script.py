"""What a scripted caller does, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Voice: TypeAlias = Callable[[str, str], bytes]
"""`voice(text, language)` gives mu-law at 8 kHz. Runs in a thread, before the call."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Say `text` (or the ready `mulaw`, for which `text` is what Twilio's own recognition would hear).

    `wait_for` `"quiet"`: once the agent has spoken and stopped, after a human `gap_s`. A number: that many seconds
    after the step before, whatever the agent does.
    """

    text: str = ""
    mulaw: bytes = b""
    wait_for: Literal["quiet"] | float = "quiet"
    gap_s: float = 0.2


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Talk over the agent, `at_s` seconds into its next reply; or press `keys` there instead."""

    text: str = ""
    at_s: float = 1.0
    mulaw: bytes = b""
    keys: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys: when the agent is quiet, or `at_s` seconds after the call was answered."""

    digits: str
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class HangUp:
    """Put the receiver down: `at_s` seconds after the answer, or after `after_turns` replies of the agent, or in turn.

    `abrupt` drops the line without `stop` and without closing the socket properly, as a dying carrier node would.
    """

    at_s: float | None = None
    after_turns: int | None = None
    abrupt: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


Step: TypeAlias = Speak | Interrupt | Press | HangUp | Wait
Script: TypeAlias = Sequence[Step]
