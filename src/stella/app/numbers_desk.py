"""What every command around numbers needs: the account, the journal, and finding the number that is meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from stella.adapters.twilio import NumberSettings, TwilioAccount, TwilioRest
from stella.app.number_change import NumberChange
from stella.app.number_journal import NumberJournal
from stella.app.phone_number import read_number
from stella.app.settings import Settings, load_settings
from stella.domain.errors import ConfigError

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class NumbersDesk:
    """One account and one data folder."""

    settings: Settings
    rest: TwilioRest
    journal: NumberJournal
    change: NumberChange

    def find(self, text: str) -> NumberSettings:
        """The number that is meant: written anyhow, by SID, or TWILIO_NUMBER. Raises ConfigError, ProviderError."""
        ours = self.settings.twilio_number
        if not (text or ours):
            raise ConfigError("which number? Name it, or set TWILIO_NUMBER")
        if re.fullmatch(r"PN[0-9a-fA-F]{32}", text):
            return self.rest.fetch(text)
        wanted = read_number(text or ours, like=ours if text else "")
        found = self.rest.find(wanted)
        if found is None:
            raise ConfigError(self._not_there(wanted))
        return found

    def _not_there(self, wanted: str) -> str:
        account = self.rest.account.sid
        owner = self.rest.owner(wanted)
        if owner:
            return (
                f"{wanted} belongs to the subaccount {owner}, not to {account}. Set TWILIO_ACCOUNT_SID and "
                "TWILIO_AUTH_TOKEN to that subaccount's: its own token signs the webhooks of its numbers."
            )
        there = [number.phone_number for number in self.rest.numbers()]
        if not there:
            has = "which has no numbers at all" + (
                f" in the region {self.rest.account.region}" if self.rest.account.region else ""
            )
        else:
            near = difflib.get_close_matches(wanted, there, _SHOWN, 0.6) or there[:_SHOWN]
            has = f"which has {len(there)}: {', '.join(near)}{' …' if len(there) > len(near) else ''}"
        return (
            f"{wanted} is not a number of the account {account}, {has}. Is it a digit off, another account's "
            "(TWILIO_ACCOUNT_SID), or only a verified caller ID?"
        )


def open_account(settings: Settings) -> TwilioAccount:
    """The account of these settings. Raises ConfigError with what is missing."""
    return TwilioAccount(
        settings.twilio_account_sid,
        settings.auth_tokens[0] if settings.auth_tokens else "",
        settings.twilio_api_key,
        settings.twilio_api_secret.get_secret_value(),
        settings.twilio_api_base,
        settings.twilio_region,
        settings.twilio_edge,
    )


def _say(words: str) -> None:
    typer.echo(words, err=True)


def desk_of(settings: Settings, tell: Callable[[str], None] = _say) -> NumbersDesk:
    """A desk for these settings. Raises ConfigError."""
    rest = TwilioRest(open_account(settings), tell=tell)
    journal = NumberJournal(settings.data_dir)
    return NumbersDesk(settings, rest, journal, NumberChange(rest, journal))


def open_desk(dotenv: Path) -> NumbersDesk:
    """A desk for the settings of the environment and `.env`. Raises ConfigError."""
    return desk_of(load_settings(dotenv=dotenv))
