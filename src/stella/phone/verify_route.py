"""Does the voice webhook exist, and what stands before it? Asked without a signature, as a stranger would."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit, urlunsplit

from stella.phone.reach import VOICE_PATH
from stella.phone.verify_http import Heard
from stella.phone.verify_order import Inspection

CHECK = "route"
_MOST_HOPS = 10
_MOST_PROBES = 12
_LOGIN = ("login", "signin", "sign-in", "/auth", "sso", "/oauth")


async def check_route(look: Inspection) -> Heard | None:
    """The answer to an unsigned request at the final address; None where there is no use in going on."""
    look.voice_url = look.order.voice_url
    heard = await look.post(look.voice_url)
    if heard.status in {301, 302, 303, 307, 308}:
        landed = await _follow(look, heard)
        if landed is None:
            return None
        heard = landed
    code, seen, mend = await _fault(look, heard)
    if code:
        look.find(code, CHECK, seen, mend)
        return None
    look.note(CHECK, "ok", f"POST {urlsplit(look.voice_url).path} is there ({heard.status} unsigned)")
    return heard


async def _follow(look: Inspection, heard: Heard) -> Heard | None:
    """Go where Twilio would be sent. None where that ends the check."""
    first, status, url, seen = look.voice_url, heard.status, look.voice_url, set[str]()
    keeps = True
    while heard.status in {301, 302, 303, 307, 308}:
        keeps = keeps and heard.status in {307, 308}
        url = urljoin(url, heard.headers.get("location", ""))
        if url in seen or len(seen) >= _MOST_HOPS:
            look.find("redirect-loop", CHECK, f"{first} is redirected in a circle, at last to {_short(url)}")
            return None
        seen.add(url)
        if any(word in url.lower() for word in _LOGIN):
            look.find("login-wall", CHECK, f"{status} to {_short(url)}")
            return None
        if urlsplit(url).scheme not in {"http", "https"}:
            look.find("redirected", CHECK, f"{status} to {_short(url)}")
            return None
        heard = await look.post(url, method="POST" if keeps else "GET")
    if not keeps:
        look.find("redirected", CHECK, f"{status} to {_short(url)}", f"Put {_short(url)} into the number's settings.")
        return None
    look.find("redirected-307", CHECK, f"{status} to {_short(url)}", f"Put {_short(url)} into the number's settings.")
    look.voice_url = url
    return heard


async def _fault(look: Inspection, heard: Heard) -> tuple[str, str, str]:
    """The finding's code, what was seen, and a better mend than the table's; an empty code where all is well."""
    status, path = heard.status, urlsplit(look.voice_url).path
    if heard.trouble:
        return heard.trouble, heard.why, ""
    if tunnel := _tunnel(heard):
        return tunnel
    if status == 404:
        found = await _closest(look)
        mend = f"Put {found} into the number's settings, or let the proxy pass the path on unchanged." if found else ""
        there = f"; but there is {found}" if found else f"; nor any of {_MOST_PROBES} similar paths"
        return "route-missing", f"404 for {path}{there}", mend
    code = {405: "method-refused", 501: "method-refused", 401: "login-wall", 407: "login-wall", 429: "rate-limited"}
    if status in code:
        return code[status], f"{status} for POST {path}", ""
    if status in {502, 503, 504} or 520 <= status <= 530:
        return "gateway", f"{status} for POST {path}", ""
    if status >= 500:
        return "server-error", f"{status} for POST {path}: {_quote(heard)}", ""
    if 400 <= status < 500 and status != 403:
        return "request-refused", f"{status} for POST {path}: {_quote(heard)}", ""
    return "", "", ""


def _tunnel(heard: Heard) -> tuple[str, str, str] | None:
    if error := heard.headers.get("ngrok-error-code", ""):
        code = "tunnel-page" if error == "ERR_NGROK_6024" else "tunnel-gone"
        return code, f"ngrok says {error[:20]}", ""
    if heard.status == 511:
        return "tunnel-page", "511: the tunnel asks visitors for a password first", ""
    if heard.status == 530 or "trycloudflare" in heard.text[:2000].lower():
        return "tunnel-gone", f"{heard.status}: the tunnel has no other end", ""
    return None


async def _closest(look: Inspection) -> str:
    """The first similar address that exists, or nothing."""
    for number, url in enumerate(_similar(look.voice_url)):
        if number >= _MOST_PROBES:
            break
        heard = await look.post(url)
        if heard.status and heard.status not in {404, 405, 501} and heard.status < 500:
            return url
    return ""


def _similar(url: str) -> Iterator[str]:
    """What people and proxies make of the path, the likeliest first."""
    parts = urlsplit(url)
    path = parts.path
    heads = ["", *("/" + "/".join(path.strip("/").split("/")[:count]) for count in (1, 2))]
    tried = {path}
    candidates = [path.rstrip("/") if path.endswith("/") else path + "/", VOICE_PATH]
    candidates += [head + VOICE_PATH for head in (*heads, "/stella", "/app")]
    candidates += [head + tail for tail in ("/stella/call/voice", "/call/voice", "/voice") for head in ("", "/api")]
    for candidate in candidates:
        if candidate not in tried:
            tried.add(candidate)
            yield urlunsplit((parts.scheme, parts.netloc, candidate, "", ""))


def _short(url: str) -> str:
    """An address without its query, which may hold anything."""
    return urlunsplit((*urlsplit(url)[:3], "", ""))[:200]


def _quote(heard: Heard) -> str:
    """The first words of an answer, on one line."""
    words = " ".join(heard.text[:200].split())
    return f"“{words[:80]}”" if words else "no words"
