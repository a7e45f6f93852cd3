"""When the company answers in person: weekly spans, public holidays, days off, in the company's own time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from stella.domain.agent import Hours

HORIZON_DAYS = 60
"""How far `next_opening` looks; a company closed for longer has no next opening worth saying."""

Span = tuple[time, time]

_LANGUAGES = {"de": ("de", "de_AT"), "en": ("en_US", "en_GB", "en")}


class Opening:
    """The hours of one agent. An agent without weekly hours is always open."""

    def __init__(self, hours: Hours) -> None:
        """`hours` as the agent file has them, already validated."""
        self.hours = hours
        self.zone = ZoneInfo(hours.zone)

    @property
    def always(self) -> bool:
        """Whether no hours are kept at all."""
        return not self.hours.weekly

    def local(self, now: datetime) -> datetime:
        """`now` on the company's wall; a time without zone is taken as UTC."""
        return (now if now.tzinfo else now.replace(tzinfo=UTC)).astimezone(self.zone)

    def holiday(self, day: date, language: str = "de") -> str:
        """The name of the public holiday a day is, or empty."""
        return _holidays(self.hours.holidays, day.year, language).get(day, "") if self.hours.holidays else ""

    def holidays_after(self, day: date, language: str) -> dict[date, str]:
        """The public holidays of the twelve months from a day on."""
        if not self.hours.holidays:
            return {}
        both = {
            **_holidays(self.hours.holidays, day.year, language),
            **_holidays(self.hours.holidays, day.year + 1, language),
        }
        return {when: name for when, name in sorted(both.items()) if day <= when < day + timedelta(days=365)}

    def spans(self, day: date) -> tuple[Span, ...]:
        """When the company is open on a day; empty when it is not."""
        if self.always:
            return ((time.min, time.max),)
        if self.holiday(day) or any(begin <= day <= end for begin, end in self.hours.closed):
            return ()
        return self.hours.weekly.get(day.weekday(), ())

    def closes(self, now: datetime) -> time | None:
        """When the span that is running ends; None while closed."""
        here = self.local(now)
        clock = here.time().replace(tzinfo=None)
        return next((end for begin, end in self.spans(here.date()) if begin <= clock < end), None)

    def is_open(self, now: datetime) -> bool:
        """Whether somebody should be there now."""
        return self.always or self.closes(now) is not None

    def next_opening(self, now: datetime) -> datetime | None:
        """The next time the company opens, local, after now."""
        here = self.local(now)
        for ahead in range(HORIZON_DAYS):
            day = here.date() + timedelta(days=ahead)
            for begin, _ in self.spans(day):
                if ahead or begin > here.time().replace(tzinfo=None):
                    return datetime.combine(day, begin, self.zone)
        return None


@lru_cache(maxsize=64)
def _holidays(country: str, year: int, language: str) -> dict[date, str]:
    name, _, region = country.partition("-")
    supported = holidays.country_holidays(name, subdiv=region or None).supported_languages
    spoken = next((code for code in _LANGUAGES[language] if code in supported), None)
    return dict(holidays.country_holidays(name, subdiv=region or None, years=year, language=spoken).items())
