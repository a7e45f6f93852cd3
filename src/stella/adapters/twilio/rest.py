"""The few questions STELLA asks Twilio, by the official SDK."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from twilio.rest import Client  # type: ignore[import-untyped]

from stella.adapters.twilio.account import TwilioAccount
from stella.adapters.twilio.alert import Alert
from stella.adapters.twilio.asking import asking
from stella.adapters.twilio.careful_http import CarefulHttp
from stella.adapters.twilio.number import LABELS, NumberSettings
from stella.ports.failure import ProviderError

PAGE = 200
MOST_NUMBERS = 20_000
MOST_ALERTS = 100
MOST_SUBACCOUNTS = 50


class TwilioRest:
    """One account's numbers. Every method raises ProviderError, whose `detail` is a sentence with the mend."""

    def __init__(
        self,
        account: TwilioAccount,
        *,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = lambda _words: None,
    ) -> None:
        """`tell` hears why something takes longer."""
        self.account = account
        user, password = account.login
        # An empty mapping falls through to the environment inside the SDK; one with a stray key does not.
        self.client = Client(
            user, password, account.sid, account.region or None,
            CarefulHttp(account.base, sleep=sleep, tell=tell),
            {"": ""}, account.edge or None,
        )  # fmt: skip

    def name(self) -> str:
        """The account's friendly name."""
        with asking(self.account):
            found = self.client.api.v2010.accounts(self.account.sid).fetch()
            return str(found.friendly_name or "")[:64]

    def numbers(self) -> Iterator[NumberSettings]:
        """Every number of the account, page by page."""
        with asking(self.account):
            for found in self.client.incoming_phone_numbers.stream(limit=MOST_NUMBERS, page_size=PAGE):
                yield NumberSettings.read(found)

    def find(self, phone_number: str) -> NumberSettings | None:
        """The number that is exactly this (E.164), or None. Twilio's own filter also matches parts of numbers."""
        return self._exactly(phone_number, self.account.sid)

    def owner(self, phone_number: str) -> str:
        """The subaccount that has this number, or empty. Only a main account can see its subaccounts."""
        try:
            with asking(self.account):
                for account in self.client.api.v2010.accounts.stream(status="active", limit=MOST_SUBACCOUNTS):
                    sid = str(account.sid)
                    if sid != self.account.sid and self._exactly(phone_number, sid):
                        return sid
        except ProviderError:
            return ""
        return ""

    def fetch(self, sid: str) -> NumberSettings:
        """A number by its SID, as it is now."""
        with asking(self.account):
            return NumberSettings.read(self.client.incoming_phone_numbers(sid).fetch())

    def change(self, sid: str, settings: Mapping[str, str]) -> None:
        """Set these of LABELS; an empty value clears, what is not named stays. Raises OutcomeUnknown too: read back."""
        unknown = set(settings) - set(LABELS)
        if unknown:
            raise ValueError(f"not a setting of calls: {sorted(unknown)}")
        with asking(self.account, changing=True):
            self.client.incoming_phone_numbers(sid).update(**settings)

    def alerts(self, since: datetime, limit: int = MOST_ALERTS) -> list[Alert]:
        """What Twilio noticed going wrong since then, the newest first."""
        with asking(self.account):
            return [
                Alert.read(found)
                for found in self.client.monitor.v1.alerts.list(start_date=since, limit=limit, page_size=limit)
            ]

    def _exactly(self, phone_number: str, account_sid: str) -> NumberSettings | None:
        with asking(self.account):
            list_ = self.client.api.v2010.accounts(account_sid).incoming_phone_numbers
            for found in list_.stream(phone_number=phone_number, limit=MOST_NUMBERS, page_size=PAGE):
                if found.phone_number == phone_number:
                    return NumberSettings.read(found)
        return None
