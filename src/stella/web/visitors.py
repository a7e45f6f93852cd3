"""Websites and their visitors: which origins may ask, how often one address may, and how an address is remembered."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from urllib.parse import urlsplit

from stella.web.config import WebConfig
from stella.web.origin import Headers, client_address, header, is_development_peer

_MOST_ADDRESSES = 10_000


class Origins:
    """Exact origins: those configured, the public URL's own, and in development the local page itself."""

    def __init__(self, config: WebConfig, public_url: str) -> None:
        parts = urlsplit(public_url)
        self._allowed = frozenset({*config.allowed_origins, f"{parts.scheme}://{parts.netloc}"})
        self._development = config.development

    def allows(self, headers: Headers, peer: str) -> bool:
        """Whether this request's Origin may ask. None at all is no browser's page, and harmless."""
        origins = [value for name, value in headers if name == b"origin"]
        if not origins:
            return True
        if self._development and is_development_peer(headers, peer):
            return True
        return len(origins) == 1 and origins[0].decode("latin-1") in self._allowed

    def shared(self, headers: Headers, peer: str) -> tuple[tuple[bytes, bytes], ...]:
        """The CORS headers of an answer: exactly the asking origin, never `*`, never credentials."""
        origin = header(headers, b"origin")
        if origin is None or not self.allows(headers, peer):
            return ((b"vary", b"Origin"),)
        return ((b"vary", b"Origin"), (b"access-control-allow-origin", origin))


class Throttle:
    """So many requests a minute from one address. The window is fixed; the table is bounded."""

    def __init__(self, per_minute: int) -> None:
        self._limit = per_minute
        self._window, self._seen = -1, Counter[str]()

    def admits(self, address: str, now: float) -> bool:
        """Count one more; `now` is monotonic seconds."""
        window = int(now // 60)
        if window != self._window:
            self._window = window
            self._seen.clear()
        if address not in self._seen and len(self._seen) >= _MOST_ADDRESSES:
            return False
        self._seen[address] += 1
        return self._seen[address] <= self._limit


def address_hash(secret: bytes, headers: Headers, peer: str, config: WebConfig) -> str:
    """What is kept of a visitor's address: a keyed hash, useless without the key."""
    address = client_address(headers, peer, config.trusted_proxies)
    return hmac.new(secret, b"address:" + address.encode(), hashlib.sha256).hexdigest()[:32]
