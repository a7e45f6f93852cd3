"""Webhooks, signed as Standard Webhooks has it (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp
from standardwebhooks.webhooks import Webhook

from stella.domain.agent import NotifyTarget
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.store import Notice

_MOST = 256_000


class WebhookDelivery:
    """Keeps `Delivery` for targets of kind `webhook`.

    A receiver sees `{"type", "timestamp", "data": {key, call_sid, kind, subject, text, fields}}` and the headers
    `webhook-id` (the same at every attempt), `webhook-timestamp` and, where the target has a secret, `webhook-signature`.
    """

    kind = "webhook"

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        allow_loopback: bool = False,
        deadline: float = 10.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """The session is shared and closed by its owner. `allow_loopback` (development): plain http to this machine."""
        self._session, self._allow_loopback, self._clock = session, allow_loopback, clock
        self._timeout = aiohttp.ClientTimeout(total=deadline)

    async def deliver(self, notice: Notice, target: NotifyTarget, delivery_id: str) -> None:
        """Post it once. 2xx is delivered; no redirect is followed. Raises Unavailable or Rejected."""
        check_url(target.to, allow_loopback=self._allow_loopback)
        now = self._clock()
        body = payload(notice, now)
        try:
            async with self._session.post(
                target.to,
                data=body,
                headers=headers(body, delivery_id, target.secret, now),
                timeout=self._timeout,
                allow_redirects=False,
            ) as answer:
                failed = explain(answer.status, answer.headers.get("Retry-After", ""), self._clock())
        except TimeoutError:
            raise Unavailable("webhook", "timeout") from None
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
            raise Rejected("webhook", "bad-certificate") from None
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise Unavailable("webhook", "unreachable", type(fault).__name__) from None
        if failed:
            raise failed

    async def close(self) -> None:
        """The session belongs to somebody else."""


def payload(notice: Notice, now: datetime) -> bytes:
    """The body. Raises Rejected when it is too large to send."""
    data = {
        "key": notice.key,
        "call_sid": notice.call_sid,
        "kind": notice.kind,
        "subject": notice.subject,
        "text": notice.text,
        "fields": notice.fields,
    }
    whole = {"type": f"stella.{notice.kind}", "timestamp": now.isoformat(timespec="milliseconds"), "data": data}
    body = json.dumps(whole, default=str).encode()
    if len(body) > _MOST:
        raise Rejected("webhook", "too-large")
    return body


def headers(body: bytes, delivery_id: str, secret: str, now: datetime) -> dict[str, str]:
    """What stands over the body. The secret is base64, with or without `whsec_`; any other text is taken as it is."""
    shown = {
        "content-type": "application/json",
        "user-agent": "STELLA",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if secret:
        shown["webhook-signature"] = Webhook(_key(secret)).sign(delivery_id, now.astimezone(UTC), body.decode())
    return shown


def _key(secret: str) -> bytes:
    bare = secret.removeprefix("whsec_")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return secret.encode()


def check_url(url: str, *, allow_loopback: bool) -> None:
    """Only https leaves the house; plain http may reach this machine in development. Raises Rejected without the URL."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise Rejected("webhook", "bad-url") from None
    if not host or parts.username or parts.password or parts.scheme not in ("https", "http"):
        raise Rejected("webhook", "bad-url", "use https://host/path without a user name")
    if _link_local(host):
        raise Rejected("webhook", "forbidden-address")
    if parts.scheme == "http" and not (allow_loopback and _loopback(host)):
        raise Rejected("webhook", "not-https")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _link_local(host: str) -> bool:
    """Where clouds keep the credentials of their machines."""
    try:
        return ip_address(host).is_link_local
    except ValueError:
        return False


def explain(status: int, retry_after: str, now: datetime) -> ProviderError | None:
    """What a status means: None for delivered. Too early, too many, and faults of the server are worth another try."""
    if 200 <= status < 300:
        return None
    if status in (408, 425, 429) or status >= 500:
        return Unavailable("webhook", f"http-{status}", retry_after=_seconds(retry_after, now))
    return Rejected("webhook", f"http-{status}")


def _seconds(retry_after: str, now: datetime) -> float | None:
    """`Retry-After` as seconds or as a date (RFC 9110 §10.2.3)."""
    if retry_after.isdecimal() and len(retry_after) < 10:
        return float(retry_after)
    try:
        then = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())
