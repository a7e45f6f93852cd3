"""What the carrier is to do next with a call, as values; `wire.twiml` writes them down as TwiML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words for the carrier's own voice: `locale` BCP-47, `voice` a name the carrier knows."""

    text: str
    locale: str
    voice: str = ""


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Say, then connect a media stream. `token` is single-use and belongs to one leg of this call."""

    says: tuple[Spoken, ...]
    token: str


@dataclass(frozen=True, slots=True)
class RelayLanguage:
    """A language Twilio may hear and speak: `locale` BCP-47, `voice` a name of its `<Say>` voices or empty."""

    locale: str
    voice: str = ""


@dataclass(frozen=True, slots=True)
class OpenRelay:
    """Say, then connect ConversationRelay: the carrier hears and speaks, words travel.

    It begins in the first of `languages`; `speech_timeout_s` of silence end an utterance. `token` as in `OpenStream`.
    """

    says: tuple[Spoken, ...]
    token: str
    languages: tuple[RelayLanguage, ...]
    hints: tuple[str, ...] = ()
    speech_timeout_s: float = 0.7


@dataclass(frozen=True, slots=True)
class AskByGather:
    """Say inside a `<Gather>` (interruptible where `barge_in`) and take speech or keys; `turn` comes back in the query.

    `before` is said first and cannot be talked over (a disclosure). `speech_model` is the carrier's name for one of its
    recognitions; empty: it chooses.
    """

    says: tuple[Spoken, ...]
    locale: str
    turn: int
    hints: tuple[str, ...] = ()
    timeout_s: int = 5
    max_digits: int = 0
    finish_on_key: str = "#"
    barge_in: bool = True
    keys_only: bool = False
    speech_model: str = ""
    before: tuple[Spoken, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldOn:
    """Say (perhaps nothing) and come back for more of the same answer; `turn` comes back in the query."""

    says: tuple[Spoken, ...]
    turn: int


@dataclass(frozen=True, slots=True)
class ConnectPerson:
    """Say, then dial a person. `extension` is sent as keys once they answered. The outcome comes to `/after`."""

    says: tuple[Spoken, ...]
    number: str
    extension: str = ""
    timeout_s: int = 25


@dataclass(frozen=True, slots=True)
class SayGoodbye:
    """Say (perhaps nothing) and hang up."""

    says: tuple[Spoken, ...] = ()


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Nothing to do here: `<Redirect>` to `/after`."""


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """The house is on fire: apologise, then dial `number` if there is one, else record nothing and end in words."""

    says: tuple[Spoken, ...]
    number: str = ""
    farewell: tuple[Spoken, ...] = field(default_factory=tuple)


Plan: TypeAlias = OpenStream | OpenRelay | AskByGather | HoldOn | ConnectPerson | SayGoodbye | AskAgain | TakeMessage
