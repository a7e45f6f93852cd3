"""What Twilio noticed going wrong, as its Debugger shows it (Monitor API, Alerts)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Alert:
    """One entry: Twilio's code (0 where it is none), `error`, `warning`, `notice` or `debug`, when, and about which URL."""

    code: int
    level: str
    at: datetime | None
    url: str

    @classmethod
    def read(cls, found: Any) -> Alert:
        """From a resource of the SDK. The URL loses its query, where fields of a call may stand."""
        code = str(found.error_code or "")
        when = found.date_generated or found.date_created
        url = "".join(sign for sign in str(found.request_url or "") if sign.isprintable())
        return cls(
            int(code) if code.isascii() and code.isdigit() and len(code) < 9 else 0,
            str(found.log_level or "")[:16],
            when if isinstance(when, datetime) else None,
            url.partition("?")[0].rpartition("@")[2][:200],
        )
