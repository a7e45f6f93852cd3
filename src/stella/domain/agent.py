"""A persona: languages, words, voice, hours, people, limits. What an agent file says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time

from stella.domain.consent import Preset


@dataclass(frozen=True, slots=True)
class Phrases:
    """The fixed things STELLA says in one language. Rendered to sound at start; none depends on a caller.

    `disclosure` is played by `<Say>` before the stream (at most 400 characters together with a consent notice).
    `no_input` are asked one after the other when nobody speaks; the last is followed by `farewell`. `still_working` follow
    `one_moment`, one after the other, while a tool takes its time. `person_check` asks a line that repeats itself, plays
    music or never stops whether a person is there.
    """

    disclosure: str
    greeting: str
    consent_question: str
    consent_unclear: str
    consent_yes: str
    consent_no: str
    no_input: tuple[str, ...]
    no_match: str
    one_moment: str
    apology: str
    limit_warning: str
    farewell: str
    transferring: str
    transfer_failed: str
    handed_over: str
    language_switch: str
    resumed: str
    still_working: tuple[str, ...] = ()
    person_check: str = ""


@dataclass(frozen=True, slots=True)
class LanguageSetup:
    """One language an agent speaks. `code` is `de` or `en`; `locale` BCP-47 for the carrier's own voice and ears."""

    code: str
    locale: str
    voice: str
    say_voice: str
    phrases: Phrases


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a caller can be transferred to, by name. `number` is E.164 and never reaches a model."""

    name: str
    number: str
    also: tuple[str, ...] = ()
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Hours:
    """When the company answers in person. `weekly` maps 0 (Monday) … 6 to opening spans in local time."""

    zone: str = "Europe/Vienna"
    weekly: Mapping[int, tuple[tuple[time, time], ...]] = field(default_factory=dict)
    holidays: str = "AT"
    closed: tuple[tuple[date, date], ...] = ()


@dataclass(frozen=True, slots=True)
class NotifyTarget:
    """Where messages and call-back tasks go. `kind` is `email` or `webhook`; `to` an address or an https URL.

    `secret` is the value (read from the environment by name) that signs the webhook; never printed.
    """

    kind: str
    to: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a call, and of what calls may cost in engines (US dollars; 0 is no bound)."""

    call_s: float = 1200.0
    warn_before_s: float = 60.0
    calls_at_once: int = 200
    transfers_per_hour: int = 20
    messages_per_call: int = 3
    cost_call_usd: float = 0.0
    cost_day_usd: float = 0.0
    cost_number_usd: float = 0.0
    cost_caller_usd: float = 0.0

    @property
    def capped(self) -> bool:
        """Whether there is any bound in money."""
        return any((self.cost_call_usd, self.cost_day_usd, self.cost_number_usd, self.cost_caller_usd))


@dataclass(frozen=True, slots=True)
class Engines:
    """Names of adapters in the order they are tried."""

    stt: tuple[str, ...] = ("moonshine",)
    brain: tuple[str, ...] = ("receptionist",)
    tts: tuple[str, ...] = ("embedded",)
    realtime: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolParameter:
    """One parameter of a tool. `kind` is `text`, `number`, `whole` or `yes-no`; `choices` are the only texts allowed."""

    name: str
    kind: str = "text"
    says: str = ""
    required: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCare:
    """How carefully a tool is used. `confirm`: the caller must say yes first; `asks` are the words for that by language, with
    `{parameter}` in them (none: made from the tool's name); `most`: so many different uses in a call."""

    confirm: bool = False
    asks: Mapping[str, str] = field(default_factory=dict)
    most: int = 20


@dataclass(frozen=True, slots=True)
class HttpToolSetup:
    """A tool that is an HTTP interface. `url` may hold `{parameter}` behind the host; `headers` may be secret.

    `network` is `public` or `private` (addresses of one's own network are allowed).
    """

    name: str
    description: str
    url: str
    method: str = "GET"
    parameters: tuple[ToolParameter, ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    network: str = "public"
    deadline_s: float = 5.0
    care: ToolCare = field(default_factory=ToolCare)


@dataclass(frozen=True, slots=True)
class PythonToolSetup:
    """A tool that is a Python function, as `module:function`. `care` None: as the function itself says."""

    name: str
    function: str
    care: ToolCare | None = None


@dataclass(frozen=True, slots=True)
class SmsSetup:
    """Text messages to the caller's own number. `sender` is the SID of a messaging service, empty for TWILIO_NUMBER;
    `countries` none: the agent's; `links` are the hosts whose addresses may stand in a text."""

    sender: str = ""
    countries: tuple[str, ...] = ()
    per_call: int = 2
    per_hour: int = 30
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can be booked, and how long it takes."""

    name: str
    minutes: int


@dataclass(frozen=True, slots=True)
class BookingSetup:
    """Where appointments stand: a CalDAV calendar (`url`), or `feeds` of iCalendar that can only be read."""

    services: tuple[Service, ...]
    url: str = field(default="", repr=False)
    feeds: tuple[str, ...] = field(default=(), repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    network: str = "public"
    step_minutes: int = 30
    buffer_minutes: int = 0
    lead_hours: float = 2.0
    ahead_days: int = 60
    per_call: int = 2


@dataclass(frozen=True, slots=True)
class McpSetup:
    """A server of the Model Context Protocol: at an address (`url`) or a program of one's own (`command`).

    Only `tools` are used. `reads` of them change nothing; `confirm` of them need the caller's yes.
    """

    name: str
    tools: tuple[str, ...]
    url: str = ""
    command: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    network: str = "public"
    deadline_s: float = 8.0
    reads: tuple[str, ...] = ()
    confirm: tuple[str, ...] = ()
    most: int = 20


@dataclass(frozen=True, slots=True)
class Agent:
    """Everything a call needs to know about whom it talks as. A call keeps the version it began with."""

    name: str
    company: str
    languages: tuple[LanguageSetup, ...]
    preset: Preset = Preset.DISCLOSE
    voice_path: str = "stream"
    path_without_ears: str = "gather"
    speech_model: str = ""
    instructions: str = ""
    engines: Engines = field(default_factory=Engines)
    knowledge: str = ""
    knowledge_pages: tuple[str, ...] = ()
    knowledge_refresh_h: float = 6.0
    knowledge_embeddings: str = ""
    people: tuple[Person, ...] = ()
    countries: tuple[str, ...] = ("AT", "DE", "CH")
    hours: Hours = field(default_factory=Hours)
    notify: tuple[NotifyTarget, ...] = ()
    limits: Limits = field(default_factory=Limits)
    policy: Mapping[str, float] = field(default_factory=dict)
    version: str = ""
    numbers: tuple[str, ...] = ()
    http_tools: tuple[HttpToolSetup, ...] = ()
    python_tools: tuple[PythonToolSetup, ...] = ()
    mcp: tuple[McpSetup, ...] = ()
    sms: SmsSetup | None = None
    booking: BookingSetup | None = None
    vocabulary: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Words that are likely to be said, by language; under `words` those of every language."""
    pronunciation: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """How a word is written for the voice, by language."""
    listens_to_all: bool = False
    """Whether every language is listened for at once, and the call goes on in the one that was heard."""

    def hints(self, code: str) -> tuple[str, ...]:
        """What is likely to be said in a language, the likeliest first: the company, the vocabulary, the people."""
        people = (name for person in self.people for name in (person.name, *person.also))
        words = (*self.vocabulary.get("words", ()), *self.vocabulary.get(code, ()))
        return tuple(dict.fromkeys(name for name in (self.company, *words, *people) if name))

    def others(self, code: str) -> tuple[str, ...]:
        """The languages that are listened for beside this one."""
        return tuple(one.code for one in self.languages if one.code != code) if self.listens_to_all else ()

    def language(self, code: str) -> LanguageSetup:
        """The set-up of a language, or the agent's first one where it does not speak it."""
        return next((setup for setup in self.languages if setup.code == code), self.languages[0])
