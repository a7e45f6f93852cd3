"""Whose REST API is asked, and with which key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from stella.domain.errors import ConfigError

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """An account and what opens it: an API key (`key`, `secret`) or the auth token.

    `base` is another address for every request (tests); `region` and `edge` are Twilio's own words, empty for us1.
    Raises ConfigError where nothing can be asked with it.
    """

    sid: str
    token: str = field(default="", repr=False)
    key: str = ""
    secret: str = field(default="", repr=False)
    base: str = ""
    region: str = ""
    edge: str = ""

    def __post_init__(self) -> None:
        """Say what is missing before Twilio says less."""
        if not re.fullmatch(r"AC[0-9a-fA-F]{32}", self.sid):
            raise ConfigError(
                "TWILIO_ACCOUNT_SID is not set: whose numbers? It stands on the first page of the Twilio console."
            )
        if bool(self.key) != bool(self.secret):
            missing = "TWILIO_API_SECRET" if self.key else "TWILIO_API_KEY"
            raise ConfigError(
                f"{missing} is not set: an API key is two values. Set it, or use TWILIO_AUTH_TOKEN alone."
            )
        if not self.key and not self.token:
            raise ConfigError(
                "neither TWILIO_AUTH_TOKEN nor TWILIO_API_KEY with TWILIO_API_SECRET is set, and Twilio's REST API "
                "opens to one of them (Twilio console, Account, API keys & tokens)."
            )
        for name, word in (("TWILIO_REGION", self.region), ("TWILIO_EDGE", self.edge)):
            if word and not re.fullmatch(r"[a-z0-9-]{1,32}", word):
                raise ConfigError(f"{name} is no name of Twilio's; use for example us1, ie1, au1 or dublin, sydney.")
        if self.base:
            parts = urlsplit(self.base)
            if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
                raise ConfigError(
                    "TWILIO_API_BASE must begin with https:// (http:// only to this machine): keys go there"
                )

    @property
    def login(self) -> tuple[str, str]:
        """User name and password for Basic authentication."""
        return (self.key, self.secret) if self.key else (self.sid, self.token)

    @property
    def opened_by(self) -> str:
        """What opens it, by name and never by value."""
        return "TWILIO_API_KEY" if self.key else "TWILIO_AUTH_TOKEN"
