"""A text message to the caller's own number, and to no other: the number is the network's word, never a model's."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import structlog

from stella.domain.agent import Agent, NotifyTarget, SmsSetup
from stella.domain.numbers import COUNTRY_CODES, DENIED, why_not
from stella.ports.store import DirectOutbox, Notice
from stella.ports.tool import Care, ToolAnswer, ToolFacts

_log = structlog.get_logger("stella.sms")

SMS_MOST = 300
"""Characters of a text: what fits into two messages, and what one can agree to by ear."""
HOUR_S = 3600.0
PER_NUMBER_AND_HOUR = 3
"""A number can be forged: nobody can have a stranger's telephone flooded through us."""

_DOT = "[.\N{IDEOGRAPHIC FULL STOP}\N{FULLWIDTH FULL STOP}\N{HALFWIDTH IDEOGRAPHIC FULL STOP}]"
"""Telephones make a link of each of them, and of letters of any script (RFC 3490 §3.1)."""
_LINK = re.compile(
    rf"(?:https?://|www{_DOT})\S+|\b[\w-]+(?:{_DOT}[\w-]+)*{_DOT}[^\W\d_]{{2,12}}\b(?:/\S*)?", re.IGNORECASE
)
_NUMBER = re.compile(r"(?<!\d)\+?\d(?:[ /()-]{0,2}\d){4,}")
_SAYS = {
    "de": "Ich schicke Ihnen eine SMS an die Nummer, von der Sie anrufen, mit diesem Text: {text}",
    "en": "I will send a text message to the number you are calling from, saying: {text}",
}


class Text(msgspec.Struct):
    """What `send_sms` needs."""

    text: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=SMS_MOST, description="The whole text, as short as possible, no salutation."
        ),
    ]


class Sent:
    """The text messages of all calls in the last hour, by agent and by number."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is monotonic seconds."""
        self._clock = clock
        self._recent: dict[str, deque[float]] = {}

    def allow(self, agent: Agent, setup: SmsSetup, number: str) -> bool:
        """Count one more, unless a cap of the hour is reached."""
        counted = ((f"agent {agent.name}", setup.per_hour), (f"number {number}", PER_NUMBER_AND_HOUR))
        now = self._clock()
        for name in [name for name, times in self._recent.items() if not times or now - times[-1] > HOUR_S]:
            del self._recent[name]
        rows = [self._recent.setdefault(name, deque()) for name, _ in counted]
        for row in rows:
            while row and now - row[0] > HOUR_S:
                row.popleft()
        if any(len(row) >= most for row, (_, most) in zip(rows, counted, strict=True)):
            _log.warning("sms-cap", agent=agent.name, cap=setup.per_hour)
            return False
        for row in rows:
            row.append(now)
        return True


@dataclass(frozen=True, slots=True)
class SendSms:
    """Keeps `Tool`. The outbox delivers, again and again if need be; the caller has said yes to the very text."""

    setup: SmsSetup
    outbox: DirectOutbox
    sent: Sent
    takes_texts: Callable[[str], bool]
    name: str = "send_sms"
    description: str = (
        "Send the caller a text message, to the number they call from; there is no other. For what is easier to read "
        "than to hear: an address, a time, a reference."
    )
    arguments: type[msgspec.Struct] = Text
    deadline_s: float = 3.0
    outside: bool = True
    care: Care = field(init=False)

    def __post_init__(self) -> None:
        """The yes is asked for whatever the file says: it costs, and it cannot be taken back."""
        object.__setattr__(self, "care", Care(True, self.setup.per_call, True, _asks, self._first))

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        assert isinstance(arguments, Text)  # noqa: S101 checked by the toolbox
        text = _plain(arguments.text)
        if fault := self._why_not(text, facts):
            return fault
        if not self.sent.allow(facts.agent, self.setup, facts.caller):
            return ToolAnswer("Too many texts in this hour. Say the text instead.", error="enough")
        notice = Notice(
            key=f"{facts.call_sid}-{facts.key}",
            call_sid=facts.call_sid,
            kind="sms",
            subject="",
            text=text,
            fields={"asked_at": facts.now.isoformat(), "sender": self.setup.sender},
        )
        await self.outbox.put_to(notice, facts.agent.name, NotifyTarget("sms", facts.caller))
        return ToolAnswer(
            "handed over: it is on its way, and may take a minute", record={"text": text, "key": notice.key}
        )

    async def _first(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer | None:
        return self._why_not(_plain(getattr(arguments, "text", "")), facts)

    def _why_not(self, text: str, facts: ToolFacts) -> ToolAnswer | None:
        countries = self.setup.countries or facts.agent.countries
        if not text:
            return ToolAnswer("There is nothing in it.", error="arguments")
        if why_not(facts.caller, countries):
            return ToolAnswer(
                "The number they call from is withheld, or gets no texts from here. Say it instead.", error="number"
            )
        if not self.takes_texts(facts.caller):
            return ToolAnswer("They call from a landline, which takes no texts. Say it instead.", error="landline")
        if any(not self._known(link[0]) for link in _LINK.finditer(text)):
            return ToolAnswer("It holds an address of the web that may not be sent. Leave it out.", error="link")
        if any(_costly(number[0], countries) for number in _NUMBER.finditer(text)):
            return ToolAnswer("It holds a telephone number that may not be sent. Leave it out.", error="number-in-text")
        return None

    def _known(self, link: str) -> bool:
        host = (
            link.lower().removeprefix("https://").removeprefix("http://").split("/")[0].split("?")[0].rstrip(".,;:!)")
        )
        return any(host in (known, f"www.{known}") for known in self.setup.links)


def _asks(given: msgspec.Struct, facts: ToolFacts) -> str:
    text = _plain(getattr(given, "text", ""))
    return _SAYS.get(facts.language, _SAYS["en"]).format(text=text)


def _plain(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _costly(written: str, countries: tuple[str, ...]) -> bool:
    """Whether a number in a text is one that nobody should be led to, with or without its country."""
    digits = re.sub(r"\D", "", written)
    if written.startswith("+"):
        spellings = [digits]
    elif digits.startswith("00"):
        spellings = [digits[2:]]
    else:
        spellings = [COUNTRY_CODES[code] + digits.lstrip("0") for code in countries if code in COUNTRY_CODES]
    return any(spelled[:length] in DENIED for spelled in spellings for length in range(1, 8))
