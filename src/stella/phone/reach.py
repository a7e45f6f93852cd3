"""Where to dial and which URL to sign: two things as soon as a tunnel, a proxy or a test stands between."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

VOICE_PATH = "/api/stella/call/voice"
STATUS_PATH = "/api/stella/call/status"
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def _move(url: str, scheme: str, netloc: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((scheme, netloc, parts.path, parts.query, ""))


@dataclass(frozen=True, slots=True)
class Reach:
    """`url` is what is dialled, `public_url` (the server's STELLA_PUBLIC_URL) what it believes to be called.

    A URL of either place is dialled at `url` and signed as `public_url`; strangers' URLs are left alone.
    """

    url: str
    public_url: str = ""

    @property
    def voice_url(self) -> str:
        """The number's "A call comes in"; `url` itself when it already has a path."""
        return self.url if urlsplit(self.url).path.strip("/") else self.url.rstrip("/") + VOICE_PATH

    @property
    def status_url(self) -> str:
        """The number's status callback on the same server."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc, STATUS_PATH, "", ""))

    def _ours(self, url: str) -> bool:
        return _place(url) in {_place(self.url), _place(self.public_url or self.url)}

    def dial(self, url: str) -> str:
        """The address to connect to, in plain `ws` where the dialled server speaks plain `http`."""
        parts, here = urlsplit(url), urlsplit(self.url)
        socket = parts.scheme in {"ws", "wss"}
        if not self._ours(url):
            return urlunsplit((*parts[:4], ""))
        scheme = here.scheme.replace("http", "ws") if socket else here.scheme
        return _move(url, scheme, here.netloc)

    def sign(self, url: str) -> str:
        """The URL as the server knows it: public origin, no fragment, no user; `wss` where the public URL is `https`."""
        parts = urlsplit(url)
        socket = parts.scheme in {"ws", "wss"}
        public = urlsplit(self.public_url or self.url) if self._ours(url) else parts
        netloc = public.netloc.rpartition("@")[2]
        if public.scheme in {"https", "wss"} and netloc.endswith(":443"):
            netloc = netloc[: -len(":443")]
        scheme = public.scheme.replace("http", "ws") if socket else public.scheme
        # A public URL may have a path before ours, which a proxy takes away and the signature keeps.
        prefix = public.path.rstrip("/") if self._ours(url) and self.public_url else ""
        path = parts.path if parts.path.startswith(f"{prefix}/") else prefix + parts.path
        return urlunsplit((scheme, netloc, path, parts.query, ""))
