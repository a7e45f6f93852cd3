"""Is the webhook locked, and does Twilio's key open it? If it does not: which address the server signs for."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from stella.phone.reach import VOICE_PATH
from stella.phone.verify_http import Heard
from stella.phone.verify_order import Inspection

FORGED, GENUINE = "forged signature", "genuine signature"
_HEADER = {"no-signature", "several-signatures", "unreadable-signature"}
"""Causes that STELLA's refusals begin with."""


async def check_locks(look: Inspection, unsigned: Heard) -> bool:
    """Refuse the forged, take the genuine. True when `look.answer` holds an answer to go on with."""
    forged = await look.post(look.voice_url, signature=base64.b64encode(secrets.token_bytes(20)).decode())
    if look.order.place.local and unsigned.accepted and forged.accepted:
        look.open_door, look.answer = True, unsigned
        look.note(FORGED, "skipped", "a development server on this machine takes unsigned requests of this machine")
        look.note(GENUINE, "skipped", "not looked at without TWILIO_AUTH_TOKEN on the server")
        return True
    if unsigned.accepted:
        look.find("unsigned-accepted", FORGED, f"an unsigned request was answered with {unsigned.status}")
    elif forged.accepted:
        look.find("forged-accepted", FORGED, f"a made-up signature was answered with {forged.status}")
    elif forged.trouble:
        look.find(forged.trouble, FORGED, forged.why)
    else:
        look.note(FORGED, "ok", f"refused with {forged.status}")
    if not look.order.auth_token:
        if unsigned.accepted:
            look.open_door, look.answer = True, unsigned
            look.note(GENUINE, "skipped", "there is no token here, and the server takes anything")
            return True
        look.find("no-token", GENUINE, "no auth token to sign with")
        return False
    return await _genuine(look)


async def _genuine(look: Inspection) -> bool:
    heard = await look.post(look.voice_url, sign_as=look.voice_url)
    if heard.accepted:
        return _let_in(look, look.voice_url, heard)
    cause = heard.text.partition(":")[0]
    if heard.trouble:
        look.find(heard.trouble, GENUINE, heard.why)
    elif heard.status >= 500:
        look.find("server-error", GENUINE, f"a signed request was answered with {heard.status}")
    elif cause == "foreign-account":
        look.find("foreign-account", GENUINE, f"the server is not that of {look.order.account_sid[:6]}…")
    elif cause in _HEADER:
        look.find("signature-header-lost", GENUINE, f"the server says {cause} to a signed request")
    elif heard.is_page:
        look.find("blocked", GENUINE, f"a web page with {heard.status} to a signed request")
    else:
        return await _other_spelling(look, heard)
    return False


async def _other_spelling(look: Inspection, refused: Heard) -> bool:
    tried = 0
    for spelling in spellings(look.voice_url, look.order.public_url):
        tried += 1
        heard = await look.post(look.voice_url, sign_as=spelling)
        if not heard.accepted:
            continue
        seen = f"refused for {look.voice_url}, let in for {spelling}"
        if look.order.place.local:
            look.find("signed-for-public", GENUINE, f"the server signs for {spelling}")
        else:
            mend = f"Set STELLA_PUBLIC_URL to {_base(look.voice_url)}, or call {_base(spelling)}."
            look.find("signed-for-other", GENUINE, seen, mend)
        return _let_in(look, spelling, heard, told=True)
    look.find("signature-refused", GENUINE, f"{refused.status}, also for {tried} other spellings of the address")
    return False


def _let_in(look: Inspection, spelling: str, heard: Heard, *, told: bool = False) -> bool:
    look.signed_as, look.answer = spelling, heard
    if not told:
        look.note(GENUINE, "ok", f"let in for {spelling}")
    return True


def _base(url: str) -> str:
    return url.removesuffix("/").removesuffix(VOICE_PATH)


def spellings(url: str, public_url: str = "") -> Iterator[str]:
    """Other addresses a server may believe to have, the likeliest first; `public_url` is its own word, where known."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", parts.path
    name = f"[{host}]" if ":" in host else host
    given = f":{parts.port}" if parts.port else ""
    schemes = ("https", "http") if parts.scheme == "https" else ("http", "https")
    prefix = path.partition("/api/stella/")[0] if "/api/stella/" in path else ""
    ports = [given, "", f":{443 if parts.scheme == 'https' else 80}", ":443", ":80", ":3001", ":8080", ":8443"]
    netlocs = [f"{name}{port}" for port in dict.fromkeys(ports)]
    paths = [path, path[:-1] if path.endswith("/") else path + "/"]
    if prefix:
        paths.append(path.removeprefix(prefix))
    bare = [(scheme, netloc, path) for scheme in schemes for netloc in netlocs]
    other = [(schemes[0], parts.netloc.rpartition("@")[2], changed) for changed in paths]
    names = [name.removeprefix("www.") if name.startswith("www.") else f"www.{name}", name.lower()]
    named = [(scheme, changed + given, path) for changed in names for scheme in schemes]
    known = []
    if public_url:
        home = urlsplit(public_url)
        known = [(home.scheme, home.netloc, home.path.rstrip("/") + tail) for tail in (path, path.removeprefix(prefix))]
    seen = {url}
    for scheme, netloc, changed in (*known, *bare[:2], *other, *bare[2:], *named):
        spelling = urlunsplit((scheme, netloc, changed, parts.query, ""))
        if spelling not in seen:
            seen.add(spelling)
            yield spelling
