"""What a language model may know of a company: its pages and hours, by the receptionist's own index and calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, tzinfo

from stella.adapters.receptionist import Knowledge, Opening, day_meant, fold
from stella.domain.agent import Agent, Hours
from stella.domain.agent_keys import DAYS
from stella.ports.company import Page


class AgentDiary:
    """Keeps `Diary` for one version of an agent."""

    def __init__(self, hours: Hours) -> None:
        """As the agent file has them."""
        self._opening = Opening(hours)

    @property
    def zone(self) -> tzinfo:
        """As the port."""
        return self._opening.zone

    def spans(self, day: date) -> Sequence[tuple[time, time]]:
        """As the port."""
        return self._opening.spans(day)

    def day_meant(self, text: str, language: str, today: date) -> date | None:
        """As the port; the receptionist's own ear for days."""
        names = self._opening.holidays_after(today, language)
        return day_meant(fold(text), language, today, names)


class AgentCompany:
    """Keeps `Company` for one version of an agent."""

    def __init__(self, agent: Agent, knowledge: Knowledge) -> None:
        """The index is shared with whoever else answers for this agent."""
        self._knowledge, self._opening = knowledge, Opening(agent.hours)

    async def understand(self, question: str) -> None:
        """As the port."""
        await self._knowledge.understand(question)

    def search(self, question: str, language: str) -> Sequence[Page]:
        """As the port; pages in another language are better than none."""
        other = "en" if language == "de" else "de"
        search = self._knowledge.search
        found = search(question, language, honest=False) or search(question, other, honest=False)
        return [Page(hit.chunk.source, hit.chunk.text or hit.chunk.say) for hit in found]

    def week(self) -> str:
        """As the port."""
        hours = self._opening.hours
        if self._opening.always:
            return ""
        days = []
        for day, name in enumerate(DAYS):
            spans = " and ".join(f"{begin:%H:%M} to {end:%H:%M}" for begin, end in hours.weekly.get(day, ()))
            days.append(f"{name.capitalize()} {spans or 'closed'}")
        return f"Opening hours ({hours.zone}): {', '.join(days)}. Closed on public holidays."

    def clock(self, now: datetime) -> str:
        """As the port."""
        opening, here = self._opening, self._opening.local(now)
        told = f"It is {here:%A, %d %B %Y, %H:%M}"
        if opening.always:
            return told
        if (closes := opening.closes(now)) is not None:
            return f"{told}; the company is open until {closes:%H:%M}"
        holiday = opening.holiday(here.date(), "en")
        then = opening.next_opening(now)
        return (
            f"{told}; the company is closed"
            + (f" ({holiday})" if holiday else "")
            + (f" and opens {then:%A, %d %B, %H:%M}" if then else "")
        )

    def is_open(self, now: datetime) -> bool:
        """As the port."""
        return self._opening.is_open(now)
