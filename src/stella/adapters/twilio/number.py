"""What a Twilio number is set to, as far as calls are concerned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

LABELS: Final[Mapping[str, str]] = {
    "voice_url": "A call comes in: URL",
    "voice_method": "A call comes in: method",
    "voice_fallback_url": "Primary handler fails: URL",
    "voice_fallback_method": "Primary handler fails: method",
    "status_callback": "Status callback URL",
    "status_callback_method": "Status callback: method",
    "voice_application_sid": "TwiML app",
    "trunk_sid": "SIP trunk",
    "voice_receive_mode": "Receives",
}
"""The settings that decide who answers, by the console's names; in the order people read them."""


@dataclass(frozen=True, slots=True)
class NumberSettings:
    """A number as Twilio has it. `settings` has every name of LABELS; an unset one is empty."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str
    voice: bool
    settings: Mapping[str, str]

    @classmethod
    def read(cls, found: Any) -> NumberSettings:
        """From a resource of the SDK; whatever Twilio leaves out or sends as null is empty."""
        able = found.capabilities if isinstance(found.capabilities, Mapping) else {}
        return cls(
            sid=_word(found.sid),
            account_sid=_word(found.account_sid),
            phone_number=_word(found.phone_number),
            friendly_name=_word(found.friendly_name),
            voice=bool(able.get("voice", True)),
            settings={name: _word(getattr(found, name, "")) for name in LABELS},
        )

    @property
    def answered_by(self) -> str:
        """Who gets a call to it, in Twilio's own order: trunk, application, URL."""
        kept = self.settings
        if kept["trunk_sid"]:
            return f"SIP trunk {kept['trunk_sid']}"
        if kept["voice_application_sid"]:
            return f"TwiML app {kept['voice_application_sid']}"
        return kept["voice_url"] or "nobody"

    def public(self) -> dict[str, Any]:
        """As data for scripts."""
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "phone_number": self.phone_number,
            "friendly_name": self.friendly_name,
            "voice": self.voice,
            "answered_by": self.answered_by,
            **self.settings,
        }


def _word(value: Any) -> str:
    """A cell: text without control characters, of bounded length. The SDK hands enums over as text or as members."""
    text = str(getattr(value, "value", value) or "")
    return "".join(sign for sign in text if sign.isprintable())[:2048]
