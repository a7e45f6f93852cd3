"""What is to be verified, and what is known so far while it is."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from stella.phone.form import Account, CallForm
from stella.phone.reach import STATUS_PATH, VOICE_PATH
from stella.phone.socket import StreamOrder
from stella.phone.verify_findings import Known, Line, Result, Tell, line_of
from stella.phone.verify_http import Heard, ask
from stella.phone.verify_network import Place, place_of
from stella.phone.verify_table import CERTIFICATE, LOCKS, NETWORK, ROUTE
from stella.phone.verify_table_call import ANSWER, STREAM
from stella.wire.signature import sign_form

FINDINGS: dict[str, Known] = {**NETWORK, **CERTIFICATE, **ROUTE, **LOCKS, **ANSWER, **STREAM}
"""Everything `stella verify` may find, in the order in which it looks."""

BRITON = "+447700900123"
"""A caller whose language is English, which the embedded engine hears on a stream; a number reserved for drama."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. Twilio's own are 5 to connect and 15 in all; 10 is the promise of the webhook."""

    connect_s: float = 5.0
    total_s: float = 15.0
    answer_s: float = 10.0
    sluggish_s: float = 3.0
    first_audio_s: float = 2.0
    silence_s: float = 6.0
    whole_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to verify. `url` is the server's address or its voice webhook; without `auth_token` nothing can be signed.

    `public_url` is what the server is known to be called (else it is found out); `tls` replaces the machine's trust;
    `login` is `user:password` of a password in front, as Twilio sends it for `https://user:password@host`.
    """

    url: str
    auth_token: str = field(default="", repr=False)
    public_url: str = ""
    account_sid: str = "AC" + "0" * 32
    from_: str = BRITON
    to: str = "+4312345678"
    tries: int = 5
    deadlines: Deadlines = field(default_factory=Deadlines)
    tls: ssl.SSLContext | None = None
    login: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Take a user name and password out of `url`: they are sent, but neither signed nor shown."""
        parts = urlsplit(self.url)
        login, at, netloc = parts.netloc.rpartition("@")
        if at:
            object.__setattr__(self, "url", urlunsplit((parts.scheme, netloc, *parts[2:])))
            object.__setattr__(self, "login", self.login or login)

    @property
    def voice_url(self) -> str:
        """The voice webhook: `url` itself when it is one, else its path behind whatever prefix `url` has."""
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/")
        whole = path.endswith(("/voice", ".php", ".xml"))
        return urlunsplit((parts.scheme, parts.netloc, parts.path if whole else path + VOICE_PATH, parts.query, ""))

    @property
    def place(self) -> Place:
        """Where it is dialled."""
        return place_of(self.url)


def status_url_of(voice_url: str) -> str:
    """The status callback beside a voice webhook, with its prefix."""
    parts = urlsplit(voice_url)
    path = parts.path.rstrip("/")
    prefix = path.removesuffix(VOICE_PATH) if path.endswith(VOICE_PATH) else ""
    return urlunsplit((parts.scheme, parts.netloc, prefix + STATUS_PATH, "", ""))


@dataclass(slots=True)
class Inspection:
    """A check under way. `signed_as` is the spelling of the voice URL that the server let in, empty until it has.

    `open_door` is a development server that lets unsigned requests of this machine in.
    """

    order: Order
    session: aiohttp.ClientSession
    tell: Tell
    form: CallForm
    lines: list[Line] = field(default_factory=list)
    voice_url: str = ""
    open_door: bool = False
    signed_as: str = ""
    answer: Heard | None = None
    stream: StreamOrder | None = None
    rung: bool = False

    def note(self, check: str, result: Result, seen: str) -> None:
        """A line without a finding."""
        self.add(Line(check, result, seen))

    def find(self, code: str, check: str, seen: str, mend: str = "") -> None:
        """A finding."""
        self.add(line_of(FINDINGS[code], check, seen, mend))

    def add(self, line: Line) -> None:
        """Keep a line and show it."""
        self.lines.append(line)
        self.tell(line)

    async def post(self, url: str, *, sign_as: str = "", signature: str = "", method: str = "POST") -> Heard:
        """One request with the call's fields, signed as `sign_as` where that is given."""
        fields, limits = self.form.fields(), self.order.deadlines
        if sign_as:
            signature = sign_form(self.order.auth_token, sign_as, fields.items())
        return await ask(
            self.session, url, fields, signature=signature, method=method, login=self.login_for(url),
            total_s=limits.total_s, connect_s=limits.connect_s,
        )  # fmt: skip

    def login_for(self, url: str) -> str:
        """The password in front of the deployment; nobody else is shown it, wherever a redirect leads."""
        return self.order.login if place_of(url).host == self.order.place.host else ""

    @property
    def account(self) -> Account:
        """The account that rings; without a token where the server takes unsigned requests."""
        order = self.order
        return Account("" if self.open_door else order.auth_token, order.account_sid, order.from_, order.to)

    @property
    def public_origin(self) -> str:
        """What the server calls itself, by the signature that it accepted."""
        if not self.signed_as:
            return self.order.public_url
        if self.signed_as.endswith(VOICE_PATH):
            return self.signed_as.removesuffix(VOICE_PATH)
        parts = urlsplit(self.signed_as)
        return f"{parts.scheme}://{parts.netloc}"
