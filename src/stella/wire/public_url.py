"""The one truth for signed URLs, and every spelling of it that Twilio may have signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from stella.domain.errors import ConfigError

DEFAULT_PORTS: Final = {"https": 443, "http": 80, "wss": 443, "ws": 80}
_MEND: Final = "write it as https://calls.example.com, exactly as Twilio calls it"


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """`STELLA_PUBLIC_URL` taken apart: `host` as written (IPv6 in brackets), `prefix` empty or `/path`."""

    scheme: str
    host: str
    port: int | None
    prefix: str = ""

    @classmethod
    def read(cls, text: str) -> PublicUrl:
        """Raises ConfigError with the fault and the mend. User name and password are dropped: Twilio does not sign them."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError:
            raise ConfigError(f"STELLA_PUBLIC_URL is not a URL: {_MEND}") from None
        if parts.scheme not in ("http", "https"):
            raise ConfigError(f"STELLA_PUBLIC_URL must begin with https:// (or http:// in development): {_MEND}")
        if not parts.hostname or not parts.netloc.isascii() or any(sign.isspace() for sign in text.strip()):
            raise ConfigError(f"STELLA_PUBLIC_URL has no host that can be called: {_MEND}")
        if parts.query or parts.fragment:
            raise ConfigError(f"STELLA_PUBLIC_URL must not have a query or a fragment: {_MEND}")
        host = parts.netloc.rpartition("@")[2]
        if port is not None:
            host = host.rpartition(":")[0]
        return cls(parts.scheme, host.rstrip(":"), port, parts.path.rstrip("/"))

    @property
    def socket_scheme(self) -> str:
        """`wss` for `https`, `ws` for `http`."""
        return "wss" if self.scheme == "https" else "ws"

    def spellings(self, target: str, scheme: str = "") -> Iterator[str]:
        """Every URL a request for `target` may have been signed as: without and with port, most likely first.

        Behind a proxy that takes the path prefix away, `target` lacks it; behind one that leaves it, it is there.
        """
        paths = [self.prefix + target]
        if self.prefix and target.startswith(self.prefix + "/"):
            paths.insert(0, target)
        for path in paths:
            for authority in self._authorities(scheme or self.scheme):
                yield f"{scheme or self.scheme}://{authority}{path}"

    def upgrade_spellings(self, target: str) -> Iterator[str]:
        """Every URL a WebSocket handshake for `target` may have been signed as.

        Documented are the URL of the TwiML and the same with `/` appended; public servers also see the https spelling.
        """
        yield from self.spellings(target, self.socket_scheme)
        if not target.endswith("/"):
            yield from self.spellings(target + "/", self.socket_scheme)
        yield from self.spellings(target, self.scheme)

    def _authorities(self, scheme: str) -> Iterator[str]:
        yield self.host
        if self.port is not None:
            yield f"{self.host}:{self.port}"
            return
        yield f"{self.host}:{DEFAULT_PORTS[scheme]}"
        if scheme == "wss":
            # The helper libraries know only https as a scheme with port 443.
            yield f"{self.host}:80"
