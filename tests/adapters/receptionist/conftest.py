"""A receptionist on paper: a fixed agent, a fixed day, an outbox of lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

import stella.app.agents
from stella.adapters.receptionist import Knowledge, Receptionist
from stella.domain.acts import Act, ChangeLanguage, ExpectAnswer, UsedTool
from stella.domain.agent import Agent, Hours, LanguageSetup, Person
from stella.domain.consent import Preset
from stella.domain.ids import TurnId
from stella.domain.phrases import phrases_for
from stella.domain.transcript import Turn
from stella.ports.brain import Acted, Asked, BrainEvent, BrainSession, CallFacts, Said
from stella.ports.failure import Unavailable
from stella.ports.store import Notice

MONDAY_NOON = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
"""12:00 in Vienna, an ordinary working day."""

SUNDAY = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)

PAGES = Path(stella.app.agents.__file__).parent / "knowledge"
KNOWLEDGE = Knowledge.load(PAGES)

ANNA = Person("Anna Berger", "+4315550101", ("Buchhaltung", "accounting"))
MAX = Person("Max Huber", "+4315550102", ("Technik", "support"))
EVA = Person("Eva Novak", "+4315550103")
UWE = Person("Uwe Fink", "+4315550104")


def agent_with(people: Sequence[Person] = (), preset: Preset = Preset.DISCLOSE) -> Agent:
    """Vintaro, Monday to Friday from nine to five in Vienna, closed between the years."""
    day = ((time(9), time(17)),)
    return Agent(
        name="receptionist",
        company="Vintaro GmbH",
        preset=preset,
        languages=(
            LanguageSetup("de", "de-AT", "de", "", phrases_for("de", "Vintaro GmbH", preset)),
            LanguageSetup("en", "en-GB", "en", "", phrases_for("en", "Vintaro GmbH", preset)),
        ),
        people=tuple(people),
        hours=Hours("Europe/Vienna", dict.fromkeys(range(5), day), "AT", ((date(2026, 12, 24), date(2026, 12, 31)),)),
    )


@dataclass
class ListOutbox:
    """Keeps notices in a list; the same key once. `broken` fails that many times."""

    notices: dict[str, Notice] = field(default_factory=dict)
    broken: int = 0

    async def put(self, notice: Notice, agent: str) -> None:
        """Keep, or fail as told."""
        assert agent == "receptionist"
        if self.broken:
            self.broken -= 1
            raise Unavailable("outbox", "disk-full")
        self.notices.setdefault(notice.key, notice)

    async def pending(self) -> int:
        """All of them."""
        return len(self.notices)


@dataclass
class Heard:
    """One reply, taken apart."""

    text: str
    acts: list[Act]

    @property
    def expects(self) -> str:
        """The kind of answer that is asked for."""
        return next((act.kind for act in self.acts if isinstance(act, ExpectAnswer)), "open")

    @property
    def tools(self) -> list[str]:
        """The tools used."""
        return [act.use.name for act in self.acts if isinstance(act, UsedTool)]

    @property
    def doings(self) -> list[Act]:
        """What is done besides asking and recording."""
        return [act for act in self.acts if not isinstance(act, (ExpectAnswer, UsedTool))]


class Telephone:
    """Talks to a session, one line after another. A line that begins with `#` is keyed."""

    def __init__(
        self,
        language: str = "de",
        people: Sequence[Person] = (),
        *,
        now: datetime = MONDAY_NOON,
        caller: str = "+436641234567",
        preset: Preset = Preset.DISCLOSE,
        allowed: int = 20,
    ) -> None:
        self.outbox = ListOutbox()
        self.now = now
        self.agent = agent_with(people, preset)
        self._allowed = allowed
        self.brain = Receptionist(self.agent, KNOWLEDGE, self.outbox, self._may_transfer)
        self.facts = CallFacts("CA" + "0" * 32, self.agent, caller, language, "stream", now)
        self.session: BrainSession = self.brain.open(self.facts)
        self.turns = 0

    def _may_transfer(self) -> bool:
        self._allowed -= 1
        return self._allowed >= 0

    async def say(self, line: str, context: Sequence[Turn] = (), *, silent: bool = False) -> Heard:
        """One turn."""
        self.turns += 2
        keyed = line.startswith("#")
        asked = Asked(TurnId(self.turns), "" if keyed else line, line[1:] if keyed else "", silent)
        events: list[BrainEvent] = await collect(self.session.reply(asked, context, self.now))
        heard = Heard(
            "".join(event.text for event in events if isinstance(event, Said)).strip(),
            [event.act for event in events if isinstance(event, Acted)],
        )
        for act in heard.acts:
            if isinstance(act, ChangeLanguage):
                self.session.switch(act.language)
        return heard

    async def talk(self, *lines: str) -> Heard:
        """Several turns; the last reply."""
        heard = Heard("", [])
        for line in lines:
            heard = await self.say(line)
        return heard

    def resume(self) -> None:
        """Hang up here and go on from the written state, as another process would."""
        self.session = self.brain.open(replace(self.facts), self.session.state())

    @property
    def notice(self) -> Notice:
        """The only notice."""
        (notice,) = self.outbox.notices.values()
        return notice


async def collect(events: AsyncIterator[BrainEvent]) -> list[BrainEvent]:
    """All events of a reply."""
    return [event async for event in events]


@pytest.fixture
def people() -> tuple[Person, ...]:
    """Two people to be connected with."""
    return (ANNA, MAX)


@pytest.fixture(scope="session")
def telephone():
    """Makes telephones: `staffed` has two people to be connected with."""

    def make(language: str = "de", *, staffed: bool = False, **more: object) -> Telephone:
        return Telephone(language, (ANNA, MAX) if staffed else (), **more)

    return make
