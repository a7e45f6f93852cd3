"""What a brain may want besides words. The conversation decides when an act is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from stella.domain.call import ToolUse


@dataclass(frozen=True, slots=True)
class EndCall:
    """Say what is left to say, wait until it was heard, then close the line."""


@dataclass(frozen=True, slots=True)
class TransferTo:
    """Connect the caller with a person, by the name the agent file has. Never a number."""

    name: str


@dataclass(frozen=True, slots=True)
class ChangeLanguage:
    """Go on in another language of the agent (a code such as `de` or `en`)."""

    language: str


@dataclass(frozen=True, slots=True)
class ExpectAnswer:
    """What kind of answer the last question wants; shapes endpointing, DTMF collection and Gather hints.

    `kind` is `open`, `yes-no`, `digits`, `name` or `number` (a telephone number, spoken or keyed). `max_digits` 0 means
    no limit; `terminator` ends keying; `masked` digits are never stored. `heard_out`: an answer counts only to the whole
    question, so where nobody can tell how much of it was heard it cannot be talked over.
    """

    kind: str = "open"
    max_digits: int = 0
    terminator: str = "#"
    masked: bool = False
    hints: tuple[str, ...] = ()
    heard_out: bool = False


@dataclass(frozen=True, slots=True)
class BeganTool:
    """A tool is being used from now on; `UsedTool` follows. The caller may have to be told that it takes a moment."""

    name: str


@dataclass(frozen=True, slots=True)
class UsedTool:
    """A tool was used just now and took `took_s`; goes into the record."""

    use: ToolUse
    took_s: float = 0.0


Act: TypeAlias = EndCall | TransferTo | ChangeLanguage | ExpectAnswer | BeganTool | UsedTool
