"""What a model that hears and speaks must do. Sound is mu-law, 8 kHz, mono, one byte a sample.

The model never has the floor by itself: it hears what it is given, and answers when it is asked to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from stella.ports.failure import ProviderError
from stella.ports.language import Called, Grew, Message, ToolSpec
from stella.ports.speech import Heard, SpeechToTextStream


@dataclass(frozen=True, slots=True)
class Briefing:
    """What the model is told before the first word. `voice` is the vendor's name of one; empty is the vendor's choice.
    `system` says that the caller was greeted with `greeting`."""

    system: str
    language: str
    tools: tuple[ToolSpec, ...] = ()
    voice: str = ""
    greeting: str = ""


@dataclass(frozen=True, slots=True)
class Sounded:
    """More of the answer's sound. Its words come beside it as `Grew`, not in step with it."""

    mulaw: bytes


@dataclass(frozen=True, slots=True)
class Metered:
    """What an answer cost, in tokens. `text_cached` and `audio_cached` of those that were sent were cheaper."""

    text_sent: int = 0
    audio_sent: int = 0
    text_cached: int = 0
    audio_cached: int = 0
    text_written: int = 0
    audio_written: int = 0


RealtimeEvent: TypeAlias = Sounded | Grew | Called | Metered


class RealtimeLine(SpeechToTextStream, Protocol):
    """One call's line to the model. As ears it keeps the promises of a speech-to-text stream: no sound leaves the house but
    that of an utterance and up to 400 ms before it, and every `finish` is answered once. An utterance that was finished
    and not dropped is part of the conversation. One that was dropped is taken out of it, or the model is told so."""

    @property
    def alive(self) -> bool:
        """Whether it can be asked. A line that is still being opened is alive."""

    def answer(self, before: Sequence[Message] = (), behind: Sequence[Message] = ()) -> AsyncIterator[RealtimeEvent]:
        """Have the model answer what it heard. `before` is what was said without it since its last answer; `behind` is
        what goes with the caller's words (keys, notes, results of tools). Closing the iterator early is quiet and stops
        the cost.

        Raises ProviderError: an answer that was cut off, however much of it came, a slow one, a refused one.
        """

    def truncate(self, heard_s: float, heard: str = "") -> None:
        """So much of the sound since the caller's last turn was heard, in words `heard`; the model forgets what it said
        beyond, or is told that nobody heard it."""

    async def close(self) -> None:
        """Hang up; quiet even in the middle of an answer."""


class Realtime(Protocol):
    """A model of one vendor, shared by all calls."""

    @property
    def name(self) -> str:
        """As the agent file has it, such as `openai:gpt-realtime`."""

    @property
    def languages(self) -> frozenset[str]:
        """What it understands and speaks."""

    @property
    def eager(self) -> bool:
        """Whether it begins to answer when an utterance is over, before it is asked to: whatever it has to be told
        besides takes that start from it."""

    def open(
        self, briefing: Briefing, heard: Callable[[Heard], None], died: Callable[[ProviderError], None]
    ) -> RealtimeLine:
        """Open a line in the background; to be called on the event loop. `died` is told once, unless it was closed here."""

    async def check(self) -> None:
        """Ask something that costs nothing: is the key right? Raises ProviderError (Rejected for a wrong key)."""

    async def close(self) -> None:
        """Stop for all calls."""
