"""Disclosure and consent: dated facts with their evidence, never a boolean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Preset(StrEnum):
    """What a number promises its callers (PRODUCT §1)."""

    DISCLOSE = "disclose"
    ASK_RECORDING = "ask-recording"
    ASK_EVERYTHING = "ask-everything"
    ANNOUNCE = "announce"

    @property
    def asks(self) -> bool:
        """Whether a question is put to the caller inside the stream."""
        return self in (Preset.ASK_RECORDING, Preset.ASK_EVERYTHING)

    def keeps_transcript(self, consent: Consent | None) -> bool:
        """Whether the words of the call may be stored: `ask-everything` without a yes keeps none."""
        return self is not Preset.ASK_EVERYTHING or (consent is not None and consent.answer == "yes")


@dataclass(slots=True)
class Disclosure:
    """What the caller was told first. `heard_at` is the verified `start` that followed it, UTC ISO 8601."""

    text: str
    heard_at: str | None = None


@dataclass(slots=True)
class Consent:
    """An answer to a named question. `answer` is `yes`, `no`, `none` or `withdrawn`; `by` is `speech`, `key`,
    `silence` or `staying` (the `announce` preset: going on means yes)."""

    question: str
    answer: str
    by: str
    at: str
