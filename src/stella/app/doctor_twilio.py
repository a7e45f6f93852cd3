"""What Twilio has for the account and its number, held against what this installation believes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from stella.adapters.twilio import Alert, NumberSettings, TwilioAccount, TwilioRest
from stella.adapters.twilio.connection import host
from stella.app.doctor_alerts import ALERTS, OTHER
from stella.app.doctor_examination import Examination
from stella.app.numbers_desk import open_account
from stella.app.phone_number import read_number
from stella.domain.errors import ConfigError
from stella.phone.reach import STATUS_PATH, VOICE_PATH
from stella.phone.verify_findings import line_of
from stella.phone.verify_network import check_network, place_of
from stella.ports.failure import ProviderError, Rejected

SINCE = timedelta(days=3)
_CONNECT_S = 5.0


class TwilioView(Protocol):
    """What the doctor asks of Twilio. Methods raise ProviderError."""

    def name(self) -> str:
        """The account's name: one cheap call."""

    def find(self, phone_number: str) -> NumberSettings | None:
        """The number as Twilio has it."""

    def alerts(self, since: datetime) -> list[Alert]:
        """What Twilio noticed, the newest first."""


Open = Callable[[TwilioAccount], TwilioView]


def check_twilio(look: Examination, opened: Open = TwilioRest) -> None:
    """Keys, the number's settings, recent alerts; skipped without an account."""
    settings = look.settings
    if not settings.twilio_account_sid:
        look.note("twilio", "TWILIO_ACCOUNT_SID is not set: no account to ask", "skipped")
        return
    try:
        account = open_account(settings)
    except ConfigError as error:
        look.find("setting-bad", "twilio", str(error))
        return
    # Webhooks are signed with the auth token: it is tried for itself, also where an API key opens the REST API.
    for place, token in enumerate(settings.auth_tokens):
        name = "TWILIO_AUTH_TOKEN" if len(settings.auth_tokens) == 1 else f"TWILIO_AUTH_TOKEN, number {place + 1}"
        if not _try_key(look, opened(replace(account, token=token, key="", secret="")), name):
            return
    view = opened(account)
    try:
        _check_number(look, view)
        _check_alerts(look, view)
    except Rejected as error:
        look.find("twilio-credentials", "twilio key", f"{account.opened_by}: {error.detail}")
    except ProviderError as error:
        look.find("twilio-unreachable", "twilio", error.detail)


def _try_key(look: Examination, view: TwilioView, name: str) -> bool:
    try:
        look.note("twilio key", f"{name} opens “{view.name()}”")
    except Rejected as error:
        look.find("twilio-credentials", "twilio key", f"{name}: {error.detail}")
    except ProviderError as error:
        look.find("twilio-unreachable", "twilio", error.detail)
        return False
    return True


def _check_number(look: Examination, view: TwilioView) -> None:
    check, settings = "number", look.settings
    if not settings.twilio_number:
        look.note(check, "TWILIO_NUMBER is not set: no number to compare", "skipped")
        return
    try:
        wanted = read_number(settings.twilio_number)
    except ConfigError as error:
        look.find("setting-bad", check, f"TWILIO_NUMBER: {error}")
        return
    number = view.find(wanted)
    if number is None:
        look.find("number-not-found", check, f"{wanted} is not in the account")
        return
    faults = len(look.lines)
    _compare(look, check, number)
    if len(look.lines) == faults:
        look.note(check, f"{wanted} calls {settings.public_url or 'another address'}")


def _compare(look: Examination, check: str, number: NumberSettings) -> None:
    """The number's settings against the public address. A fragment (connection overrides) is Twilio's own business."""
    has, base = number.settings, look.settings.public_url
    voice, status = has["voice_url"].partition("#")[0], has["status_callback"].partition("#")[0]
    if has["trunk_sid"] or has["voice_application_sid"]:
        look.find("number-app", check, f"{number.phone_number} is answered by the {number.answered_by}")
    if has["voice_receive_mode"] == "fax":
        look.find("number-fax", check, f"{number.phone_number} receives fax")
    if base and voice != base + VOICE_PATH:
        look.find("number-other-url", check, f"Twilio has {voice or 'nothing'}, here it is {base + VOICE_PATH}")
    elif has["voice_method"] not in {"", "POST"}:
        look.find("number-method", check, f"method {has['voice_method'][:8]}")
    if base and status != base + STATUS_PATH:
        look.find("number-no-status", check, f"Twilio has {status or 'nothing'}, here it is {base + STATUS_PATH}")
    if not has["voice_fallback_url"]:
        look.find("number-no-fallback", check, "no fallback URL")
    elif host(has["voice_fallback_url"]) == host(has["voice_url"]):
        look.find("number-fallback-here", check, f"the fallback is on {host(has['voice_url'])} too")


def _check_alerts(look: Examination, view: TwilioView) -> None:
    alerts = [alert for alert in view.alerts(datetime.now(UTC) - SINCE) if alert.code]
    counts = Counter(alert.code for alert in alerts)
    for code, count in counts.most_common():
        latest = next(alert for alert in alerts if alert.code == code)
        when = latest.at.strftime("%Y-%m-%d %H:%M UTC") if latest.at else "unknown"
        about = f", {latest.url}" if latest.url else ""
        known = ALERTS.get(f"alert-{code}")
        seen = f"{code}, {count} times, last {when}{about}: {(known or OTHER).means}"
        if known is None:
            look.add(line_of(OTHER, "alerts", seen, f"Read https://www.twilio.com/docs/api/errors/{code}"))
        elif known.result == "ok":
            look.note("alerts", seen)
        else:
            look.add(line_of(known, "alerts", seen))
    if not counts:
        look.note("alerts", f"none in the last {SINCE.days} days")


async def check_public_url(look: Examination) -> None:
    """The public address leads somewhere, with a good certificate. From inside, a router may forbid the way out and in."""
    if not look.settings.public_url:
        return
    for line in await check_network(place_of(look.settings.public_url), "public ", _CONNECT_S, None):
        if line.code.startswith("tcp-"):
            mend = (
                f"{line.mend} From the server itself this may fail though it works from outside: verify from elsewhere."
            )
            look.add(replace(line, result="warn", mend=mend))
        else:
            look.add(line)
