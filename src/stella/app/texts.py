"""Text messages through the account of the settings. Twilio's SDK is large, so it is loaded with the first text."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stella.app.settings import Settings
from stella.domain.agent import NotifyTarget
from stella.domain.errors import ConfigError
from stella.ports.failure import Rejected
from stella.ports.store import Notice

if TYPE_CHECKING:
    from stella.ports.delivery import Delivery


class Texts:
    """Keeps `Delivery` for `sms`."""

    kind = "sms"

    def __init__(self, settings: Settings) -> None:
        """Nothing is asked before the first text."""
        self._settings = settings
        self._made: Delivery | None = None

    async def deliver(self, notice: Notice, target: NotifyTarget, delivery_id: str) -> None:
        """As the port."""
        if self._made is None:
            self._made = await asyncio.to_thread(self._make)
        await self._made.deliver(notice, target, delivery_id)

    async def close(self) -> None:
        """Nothing is held open."""

    def _make(self) -> Delivery:
        from stella.adapters.twilio import SmsDelivery
        from stella.app.numbers_desk import open_account

        try:
            return SmsDelivery(open_account(self._settings), self._settings.twilio_number)
        except ConfigError as missing:
            raise Rejected("twilio", "not-set-up", str(missing)) from None


def why_no_texts(settings: Settings, sender: str) -> str:
    """Why no text can be sent with these settings, or nothing."""
    has_key = bool(settings.twilio_api_key and settings.twilio_api_secret.get_secret_value())
    if not settings.twilio_account_sid or not (has_key or settings.auth_tokens):
        return (
            "Twilio cannot be asked to: set TWILIO_ACCOUNT_SID, and TWILIO_AUTH_TOKEN or TWILIO_API_KEY with its secret"
        )
    if not sender and not settings.twilio_number:
        return "nobody is named as the sender: set TWILIO_NUMBER, or `sender` in [sms]"
    return ""
