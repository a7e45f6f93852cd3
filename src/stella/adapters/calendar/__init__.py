"""Calendars of the company's own: CalDAV, and feeds of iCalendar with appointments sent out as invitations."""

from stella.adapters.calendar.caldav import CalDavCalendar
from stella.adapters.calendar.feeds import FeedCalendar

__all__ = ["CalDavCalendar", "FeedCalendar"]
