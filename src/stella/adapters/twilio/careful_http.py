"""The SDK's HTTP client with manners: deadlines, patience with 429, and a list of the only writes there are."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from requests import PreparedRequest
from requests import Response as Answer
from requests.adapters import HTTPAdapter
from requests.exceptions import (
    ConnectionError as NoConnection,
)
from requests.exceptions import (
    ConnectTimeout,
    ProxyError,
    ReadTimeout,
    RequestException,
    SSLError,
    Timeout,
)
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

from stella.adapters.twilio.faults import OutcomeUnknown
from stella.ports.failure import ProviderError, Rejected, Unavailable

WRITES = re.compile(r"/2010-04-01/Accounts/AC[0-9a-fA-F]{32}/IncomingPhoneNumbers/PN[0-9a-fA-F]{32}\.json")
"""The one thing that may be posted to: the settings of a number the account already has. Nothing can be bought here."""

PATIENCE_S = 60.0
"""How long 429 is waited out, all tries together."""

ANSWER_MOST, ANSWER_S = 8_000_000, 30.0
"""Bytes and seconds of one answer; a page of 200 numbers has about 300 kB."""

_TRIES = 6
_TIMEOUT_S = 15.0


class BoundedAdapter(HTTPAdapter):
    """Reads at most ANSWER_MOST bytes within ANSWER_S: a byte now and then buys no time."""

    def send(self, request: PreparedRequest, stream: bool = False, *args: Any, **options: Any) -> Answer:  # noqa: FBT001, FBT002 the library's own
        """As the library sends, with the whole answer already read."""
        answer = super().send(request, True, *args, **options)
        until, parts, size = time.monotonic() + ANSWER_S, [], 0
        for part in answer.iter_content(65536):
            parts.append(part)
            size += len(part)
            if size > ANSWER_MOST or time.monotonic() > until:
                answer.close()
                raise ReadTimeout("the answer has no end")
        answer._content = b"".join(parts)  # noqa: SLF001 where the library keeps it
        return answer


class CarefulHttp(TwilioHttpClient):  # type: ignore[misc] # the SDK has no types
    """One request at a time, each at most `_TIMEOUT_S` of silence; raises ProviderError in place of library errors."""

    def __init__(
        self,
        base: str = "",
        *,
        sleep: Callable[[float], None] = time.sleep,
        tell: Callable[[str], None] = lambda _words: None,
        writes: re.Pattern[str] = WRITES,
        tries: int = _TRIES,
    ) -> None:
        """`base` replaces scheme and host of every request; `tell` hears why it takes longer; `writes` are the only paths
        that may be posted to."""
        super().__init__(timeout=_TIMEOUT_S)
        self._base, self._sleep, self._tell = base, sleep, tell
        self._writes, self._tries = writes, tries
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, BoundedAdapter())
        if urlsplit(base).scheme == "http":
            # Only ever this machine: a proxy of the environment has no business there.
            self.session.trust_env = False

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        """Send it, again after 429, and again after a failure where nothing was asked to change."""
        method = method.upper()
        if method != "GET" and not (method == "POST" and self._writes.fullmatch(urlsplit(url).path)):
            raise Rejected("twilio", "not-ours", f"STELLA does not send {method} {urlsplit(url).path} to Twilio")
        if self._base:
            url = _moved(url, self._base)
        waited = 0.0
        for attempt in range(self._tries):
            answer = self._once(method, url, *args, **options)
            again = answer.status_code == 429 or (method == "GET" and answer.status_code >= 500 and attempt < 2)
            if not again or attempt == self._tries - 1:
                return answer
            pause = _pause(answer, attempt)
            if waited + pause > PATIENCE_S:
                return answer
            waited += pause
            self._tell(f"Twilio answers {answer.status_code}; trying again in {pause:.1f} s")
            self._sleep(pause)
        raise AssertionError("the loop returns")

    def _once(self, method: str, url: str, *args: Any, **options: Any) -> Response:
        try:
            return super().request(method, url, *args, **options)
        except RequestException as fault:
            raise _unreachable(fault, urlsplit(url).netloc, changing=method == "POST") from None


def _moved(url: str, base: str) -> str:
    there, asked = urlsplit(base), urlsplit(url)
    return urlunsplit((there.scheme, there.netloc, there.path.rstrip("/") + asked.path, asked.query, ""))


def _pause(answer: Response, attempt: int) -> float:
    """What Twilio asks for, and a little more so that many clients do not come back at once; else growing, at random."""
    asked = {name.lower(): value for name, value in dict(answer.headers or {}).items()}.get("retry-after", "")
    jitter = random.uniform(0.0, 0.5)  # noqa: S311 spreading, nothing secret
    if asked.strip().isdecimal():
        return min(float(asked), 2 * PATIENCE_S) + jitter
    try:
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()) + jitter
    except (ValueError, TypeError):
        return jitter + random.uniform(0.0, min(8.0, 0.5 * 2.0**attempt))  # noqa: S311 spreading, nothing secret


def _unreachable(fault: RequestException, host: str, *, changing: bool) -> ProviderError:
    match fault:
        case SSLError():
            cause = f"the certificate of {host} is not trusted; a proxy that reads along, or this machine's clock"
            return Rejected("twilio", "tls", f"Twilio cannot be asked safely: {cause}.")
        case ProxyError():
            return Unavailable("twilio", "proxy", f"The proxy of HTTPS_PROXY does not lead to {host}.")
        case ConnectTimeout():
            return Unavailable("twilio", "no-way", f"{host} does not answer: no network, or a firewall between.")
        case NoConnection() | Timeout() if changing:
            return OutcomeUnknown("twilio", "no-answer", f"{host} gave no answer to the change; it may have been made.")
        case Timeout():
            return Unavailable("twilio", "timeout", f"{host} took longer than {_TIMEOUT_S:.0f} s to answer.")
        case NoConnection():
            return Unavailable("twilio", "no-way", f"{host} cannot be reached: no network, DNS, or a wrong region.")
        case _:
            return Unavailable("twilio", "unreachable", f"{host}: {type(fault).__name__}")
