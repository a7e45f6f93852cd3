"""What has to change so that a number rings STELLA. Pure: settings in, differences out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from stella.adapters.twilio.number import LABELS, NumberSettings

VOICE_OVERRIDES: Final = "rc=1&rt=7000&rp=ct,rt"
"""Twilio's default is one retry on connect only. All timers of a call stay under 15 s, so 7 s leave room for a second try."""

STATUS_OVERRIDES: Final = "rc=3&rp=5xx,ct,rt"
"""Nobody waits on the line for these, and a lost one leaves a call without its end."""

FALLBACK_OVERRIDES: Final = "rc=1&rt=5000&rp=ct,rt"
_BINS: Final = "handler.twilio.com"
_EMPTIED: Final = {"voice_url", "voice_fallback_url", "status_callback", "voice_application_sid", "trunk_sid"}
_ROOT: Final = "/api/stella/call"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a number is to point. `fallback_url` empty: keep a TwiML Bin that is there, else STELLA's own."""

    public_url: str
    fallback_url: str = ""

    def settings(self, now: NumberSettings) -> dict[str, str]:
        """Every setting of LABELS as it should be, given what is there now."""
        base = self.public_url.rstrip("/") + _ROOT
        fallback = self.fallback_url
        if not fallback:
            there = now.settings["voice_fallback_url"]
            fallback = there if host(there) == _BINS else f"{base}/fallback#{FALLBACK_OVERRIDES}"
        return {
            "voice_url": f"{base}/voice#{VOICE_OVERRIDES}",
            "voice_method": "POST",
            "voice_fallback_url": fallback,
            "voice_fallback_method": "POST",
            "status_callback": f"{base}/status#{STATUS_OVERRIDES}",
            "status_callback_method": "POST",
            "voice_application_sid": "",
            "trunk_sid": "",
            # A number in fax mode ignores its voice URL; an unset mode is voice.
            "voice_receive_mode": "voice" if now.settings["voice_receive_mode"] == "fax" else now.settings["voice_receive_mode"],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, before and after."""

    name: str
    before: str
    after: str

    @property
    def label(self) -> str:
        """As the console calls it."""
        return LABELS[self.name]


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """What differs, in the order of LABELS. Only addresses and SIDs can be emptied: a method or a mode stays as it is."""
    return [
        Change(name, before.get(name, ""), after[name])
        for name in LABELS
        if name in after and before.get(name, "") != after[name] and (after[name] or name in _EMPTIED)
    ]


def ignored_because(now: NumberSettings) -> str:
    """Why the number would not look at its voice URL, in a sentence, or empty."""
    kept = now.settings
    if kept["trunk_sid"]:
        return (
            f"Its calls go to the SIP trunk {kept['trunk_sid']} and its voice URL is ignored; the trunk is taken off."
        )
    if kept["voice_application_sid"]:
        return (
            f"Its calls go to the TwiML app {kept['voice_application_sid']} and its voice URL is ignored; "
            "the app is taken off."
        )
    if kept["voice_receive_mode"] == "fax":
        return "It receives fax and ignores its voice URL; it is set to voice."
    return ""


def fallback_warning(settings: Mapping[str, str]) -> str:
    """Why the fallback would not help, in a sentence, or empty."""
    if not settings["voice_fallback_url"]:
        return "There is no fallback: when STELLA cannot be reached, callers hear Twilio's own error message."
    if host(settings["voice_fallback_url"]) == host(settings["voice_url"]):
        return (
            f"The fallback is on {host(settings['voice_url'])}, the server it should replace: it helps when one answer "
            "fails, not when the server is gone. Put the TwiML that `stella urls` prints into a TwiML Bin (Twilio "
            "console, TwiML Bins) and give its address as --fallback-url."
        )
    return ""


def host(url: str) -> str:
    """Host and port of a URL, in lower case; empty for what is none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
