"""Whether a STELLA answers at a public address, asked as Twilio would ask."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from stella.ports.failure import Unavailable

AGENT = "TwilioProxy/1.1"
"""Twilio's own user agent: tunnels show their warning pages to what looks like a browser."""

_ANSWER_MOST = 4096
_TRY_S = 5.0


class NotReached(Unavailable):
    """The address did not lead to a STELLA in time; `detail` says what came instead."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def reach(url: str, deadline_s: float, *, give_up: Callable[[], bool] = lambda: False, every_s: float = 0.5) -> None:
    """Return once `url`/health answers as STELLA's does. Raises NotReached; at once where `give_up` says so."""
    until = time.monotonic() + deadline_s
    said = "nothing was tried"
    while time.monotonic() < until and not give_up():
        said = ask_health(url)
        if not said:
            return
        time.sleep(min(every_s, max(0.0, until - time.monotonic())))
    raise NotReached("tunnel", "not-reached", f"{url}/health does not lead to STELLA: {said}")


def ask_health(url: str, agent: str = AGENT) -> str:
    """Ask once: empty if STELLA answers there, else what came instead, with the mend."""
    request = urllib.request.Request(f"{url}/health", headers={"User-Agent": agent, "Accept": "*/*"})  # noqa: S310 - the tunnel's own address
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=_TRY_S) as answer:
            body, kind = answer.read(_ANSWER_MOST), answer.headers.get("Content-Type", "")
    except urllib.error.HTTPError as refused:
        with refused:
            return _refused(refused.code, refused.read(_ANSWER_MOST))
    except urllib.error.URLError as fault:
        return f"no connection ({type(fault.reason).__name__}); its name may not be known everywhere yet"
    except (OSError, ValueError) as fault:
        return f"no answer ({type(fault).__name__})"
    try:
        if json.loads(body)["status"] == "ok":
            return ""
    except (ValueError, KeyError, TypeError):
        pass
    return _interstitial(body) or f"another program answers ({kind or 'no content type'})"


def _refused(status: int, body: bytes) -> str:
    if page := _interstitial(body):
        return page
    if status in (502, 503, 504, 530):
        return f"the tunnel stands, but nothing answers behind it yet (HTTP {status})"
    if status == 404:
        return "another program answers there (HTTP 404), or the tunnel is not up yet"
    if 300 <= status < 400:
        return f"it redirects (HTTP {status}), and Twilio's signature does not survive that"
    return f"HTTP {status}"


def _interstitial(body: bytes) -> str:
    """A tunnel's own warning page in front of the server."""
    page = body.lower()
    if b"tunnel password" in page or b"localtunnel" in page or b"loca.lt" in page:
        return (
            "localtunnel shows its password page even to Twilio, so no call gets through; try again for another "
            "address, or use --tunnel cloudflared"
        )
    if b"err_ngrok_6024" in page or (b"ngrok" in page and b"visit site" in page):
        return "ngrok shows its warning page even to Twilio; use a paid plan or --tunnel cloudflared"
    return ""
