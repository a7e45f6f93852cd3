"""What the doors need to know, decided by the app. Every bound and every deadline of the surface stands here."""

from __future__ import annotations

from dataclasses import dataclass, field

STREAM_PATH = "/api/stella/call/stream"
"""Where the carrier opens its media socket."""

RELAY_PATH = "/api/stella/call/relay"
"""And where it opens a socket for words alone (ConversationRelay); there are no other WebSockets."""

CALL_ROOT = "/api/stella/call/"
"""Under this the telephony webhooks live: `voice`, `status`, `after`, `fallback`, `gather`, `stream-status`."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Sizes and numbers that nobody outside can exceed. `control_frames` and `messages` count between two patrols."""

    body_bytes: int = 64 * 1024
    header_bytes: int = 32 * 1024
    header_count: int = 100
    target_bytes: int = 8 * 1024
    connections: int = 4096
    connections_per_address: int = 1024
    pending_sockets: int = 256
    pending_per_address: int = 32
    frame_bytes: int = 64 * 1024
    bad_messages: int = 100
    fragments: int = 64
    control_frames: int = 50
    messages: int = 5000
    backlog_bytes: int = 256 * 1024
    log_lines_per_second: int = 10
    event_readers: int = 64


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds, absolute from the beginning of what they bound: a byte now and then buys no time.

    A live stream that is silent for `ask` is pinged; without an answer for `pong` it is half-open and closed, so that
    with `close` it is gone within 10 s. One that answers may be without sound for `idle`.
    """

    headers: float = 10.0
    body: float = 5.0
    answer: float = 8.0
    write: float = 30.0
    start: float = 5.0
    ask: float = 4.0
    pong: float = 3.0
    idle: float = 30.0
    close: float = 2.0
    keep_alive: int = 15
    drain: float = 1200.0
    goodbye: float = 8.0
    patrol: float = 0.25


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The doors' settings. Raises ValueError where they would stand open (`__post_init__`).

    `public_url` is the one truth for signed URLs and links (`https://host`, no trailing slash); empty means the
    address the server is bound to, in development only. `auth_tokens` are all tokens that may sign now (two while
    rotating); none is allowed only with `development`. `operator_token` empty keeps the operator's surface to direct
    loopback peers. `trusted_proxies` are peer addresses whose `X-Forwarded-For` names the client. `secret` keys consent
    ids and address hashes.
    """

    public_url: str = ""
    auth_tokens: tuple[str, ...] = field(default=(), repr=False)
    account_sid: str = ""
    development: bool = False
    operator_token: str = field(default="", repr=False)
    secret: bytes = field(default=b"", repr=False)
    trusted_proxies: frozenset[str] = frozenset()
    allowed_origins: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 3001
    call_enabled: bool = True
    chat_enabled: bool = False
    caps: Caps = field(default_factory=Caps)
    deadlines: Deadlines = field(default_factory=Deadlines)

    def __post_init__(self) -> None:
        """Fail closed: blank tokens never count, and no token at all is for development only."""
        if any(not token.strip() for token in self.auth_tokens):
            raise ValueError("TWILIO_AUTH_TOKEN holds an empty token; remove the stray comma or set the token")
        if not self.auth_tokens and not self.development:
            raise ValueError("TWILIO_AUTH_TOKEN is not set; set it, or use `stella dev` on this machine only")
        if not self.public_url and not self.development:
            raise ValueError("STELLA_PUBLIC_URL is not set; signatures are made over it")
        if self.public_url and not self.auth_tokens and not self._local_url():
            raise ValueError("STELLA_PUBLIC_URL needs TWILIO_AUTH_TOKEN: a public address takes signed requests only")

    def _local_url(self) -> bool:
        host = self.public_url.partition("://")[2].partition("/")[0]
        return host.rpartition(":")[0] in {"localhost", "127.0.0.1", "[::1]"} or host in {"localhost", "127.0.0.1"}

    @property
    def prefix(self) -> str:
        """The path of the public URL: a proxy may leave it in front of what it passes on, or take it away."""
        return "/" + rest.strip("/") if (rest := self.public_url.partition("://")[2].partition("/")[2]) else ""
