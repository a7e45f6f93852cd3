"""Text messages by Twilio, for the outbox.

The resource: https://www.twilio.com/docs/messaging/api/message-resource

The API knows no idempotency key. So whoever tries again asks first what was sent to that number since, and a message with the
same words is the one whose answer was lost.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from twilio.rest import Client  # type: ignore[import-untyped]

from stella.adapters.twilio.account import TwilioAccount
from stella.adapters.twilio.asking import asking
from stella.adapters.twilio.careful_http import CarefulHttp
from stella.domain.agent import NotifyTarget
from stella.ports.failure import Rejected
from stella.ports.store import Notice

MESSAGES = re.compile(r"/2010-04-01/Accounts/AC[0-9a-fA-F]{32}/Messages\.json")
LOOK_BACK = 20
"""Newest messages to the number that are looked through; nobody gets so many of ours between two attempts."""
SKEW = timedelta(minutes=2)
"""How far Twilio's clock and ours may differ."""


class SmsDelivery:
    """Keeps `Delivery` for targets of kind `sms`, whose `to` is a number in E.164."""

    kind = "sms"

    def __init__(self, account: TwilioAccount, sender: str) -> None:
        """`sender` is a number of the account, for notices that name no messaging service (`sender` of their fields)."""
        user, password = account.login
        http = CarefulHttp(account.base, writes=MESSAGES, tries=1)
        self._client = Client(user, password, account.sid, account.region or None, http, {"": ""}, account.edge or None)
        self._account, self._sender = account, sender
        self._one_by_one = asyncio.Lock()

    async def deliver(self, notice: Notice, target: NotifyTarget, delivery_id: str) -> None:
        """Hand it to Twilio, once. Raises Unavailable (OutcomeUnknown where it may be on its way) or Rejected."""
        del delivery_id
        async with self._one_by_one:
            await asyncio.to_thread(self._send, notice, target.to)

    async def close(self) -> None:
        """Nothing is held open."""

    def _send(self, notice: Notice, to: str) -> None:
        named = str(notice.fields.get("sender") or self._sender)
        if not named:
            raise Rejected("twilio", "no-sender", "Set TWILIO_NUMBER, or `sender` in [sms].")
        with asking(self._account):
            before = self._client.messages.list(to=to, limit=LOOK_BACK, page_size=LOOK_BACK)
        if any(_same(found, notice) for found in before):
            return
        sender = {"messaging_service_sid" if named.startswith("MG") else "from_": named}
        with asking(self._account, changing=True):
            made = self._client.messages.create(to=to, body=notice.text, **sender)
        if made.status in ("failed", "undelivered", "canceled"):
            raise Rejected("twilio", f"sms-{made.error_code or made.status}")


def _same(found: Any, notice: Notice) -> bool:
    """Whether a message is this notice, sent by an earlier attempt."""
    try:
        since = datetime.fromisoformat(str(notice.fields.get("asked_at"))).astimezone(UTC) - SKEW
    except ValueError:
        return False
    made = found.date_created
    return found.body == notice.text and found.direction != "inbound" and isinstance(made, datetime) and made >= since
