"""The fields and headers of Twilio's requests about a call (developer docs: TwiML, "Twilio's request to your application")."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

USER_AGENT = "TwilioProxy/1.1"
SOCKET_USER_AGENT = "Twilio.TmeWs/1.0"
API_VERSION = "2010-04-01"


def new_sid(prefix: str) -> str:
    """`prefix` (`CA`, `MZ`, …) and 32 hex digits."""
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Account:
    """Whose number rings. Without `auth_token` nothing is signed, which only a development server accepts."""

    auth_token: str = ""
    account_sid: str = "AC" + "0" * 32
    from_: str = "+436601234567"
    to: str = "+4312345678"

    def __repr__(self) -> str:
        """Everything but the secret."""
        return f"Account({self.account_sid}, from_={self.from_}, to={self.to}, signed={bool(self.auth_token)})"


@dataclass(frozen=True, slots=True)
class Geo:
    """What Twilio's number lookup found; often nothing, and then the fields are there and empty."""

    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""


_COUNTRIES = {"+43": "AT", "+49": "DE", "+41": "CH", "+44": "GB", "+39": "IT", "+33": "FR", "+1": "US"}


def geo_of(number: str) -> Geo:
    """The country by its dialling code, all else blank as it is for European numbers."""
    return Geo(country=next((land for code, land in _COUNTRIES.items() if number.startswith(code)), ""))


@dataclass(slots=True)
class CallForm:
    """The standard fields of one call; `extra` fields (StirVerstat, CallToken, unknown ones) travel in every request."""

    account: Account
    call_sid: str = field(default_factory=lambda: new_sid("CA"))
    status: str = "ringing"
    direction: str = "inbound"
    extra: Mapping[str, str] = field(default_factory=dict)

    def fields(self, **more: str) -> dict[str, str]:
        """All fields of a request now, blanks included, `more` on top."""
        account = self.account
        here, there = geo_of(account.from_), geo_of(account.to)
        form = {
            "AccountSid": account.account_sid,
            "ApiVersion": API_VERSION,
            "CallSid": self.call_sid,
            "CallStatus": self.status,
            "Called": account.to,
            "Caller": account.from_,
            "Direction": self.direction,
            "From": account.from_,
            "To": account.to,
        }
        for prefix, geo in (("From", here), ("Caller", here), ("To", there), ("Called", there)):
            form[f"{prefix}City"], form[f"{prefix}State"] = geo.city, geo.state
            form[f"{prefix}Zip"], form[f"{prefix}Country"] = geo.zip, geo.country
        return {**form, **self.extra, **more}


def form_headers(signature: str) -> dict[str, str]:
    """The headers of a form post as captured in 2025; without a signature the header is absent, not empty."""
    headers = {
        "user-agent": USER_AGENT,
        "accept": "*/*",
        "accept-encoding": "gzip",
        "x-home-region": "us1",
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
    }
    return {**headers, "x-twilio-signature": signature} if signature else headers


def socket_headers(signature: str) -> dict[str, str]:
    """The headers of the stream's upgrade as captured in 2026: no Origin, no subprotocol, no extensions."""
    headers = {"user-agent": SOCKET_USER_AGENT, "accept-encoding": "gzip"}
    return {**headers, "x-twilio-signature": signature} if signature else headers


def confidence() -> str:
    """What Twilio's recognition says of itself: plausible, never quite sure."""
    return f"{random.uniform(0.82, 0.98):.8f}"
