"""A website visitor's consent, signed: bound to kind, answer and origin, good for 24 hours, forgeable by nobody."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Literal

import msgspec
import structlog

from stella.ports.failure import ProviderError
from stella.web.answers import BodyRefused, Receive, Scope, Send, answer, answer_json, problem, read_body
from stella.web.config import WebConfig
from stella.web.inside import ConsentGiven, Inside
from stella.web.origin import header
from stella.web.visitors import Origins, Throttle, address_hash

log = structlog.get_logger("stella.web")

_VALID_S = 24 * 3600
_SHORTEST_SECRET = 16
_MOST_BYTES = 4096
_EXAMPLE = 'send JSON like {"type": "chat", "consent": true}'


class _Answer(msgspec.Struct):
    type: Literal["call", "chat"]
    consent: bool


class ConsentIds:
    """Makes and checks consent ids: `kind.answer.expires.nonce.mac`, the mac over all of it and the origin."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, kind: str, origin: str, now: float, *, consent: bool) -> str:
        """A new id; `now` is seconds since 1970."""
        claim = f"{kind}.{int(consent)}.{int(now) + _VALID_S}.{secrets.token_hex(8)}"
        return f"{claim}.{self._mac(claim, origin)}"

    def valid(self, consent_id: str, kind: str, origin: str, now: float) -> bool:
        """Whether this id is ours, for this kind and origin, says yes and has not expired."""
        claim, _, mac = consent_id[:200].rpartition(".")
        if not consent_id.isascii() or not hmac.compare_digest(self._mac(claim, origin).encode(), mac.encode()):
            return False
        named, said, expires, _ = claim.split(".")
        return named == kind and said == "1" and int(expires) > now

    def _mac(self, claim: str, origin: str) -> str:
        return hmac.new(self._secret, f"consent:{claim}:{origin}".encode(), hashlib.sha256).hexdigest()[:32]


class ConsentDoor:
    """`POST /api/stella/consent` and `GET /api/stella/call/token`, the two the website asks."""

    def __init__(self, config: WebConfig, origins: Origins, inside: Inside) -> None:
        self._config, self._origins, self._inside = config, origins, inside
        self._ids = ConsentIds(config.secret)
        self._throttle = Throttle(per_minute=60)

    async def features(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is switched on."""
        config = self._config
        found = {
            "enabled": config.call_enabled or config.chat_enabled,
            "provider": "twilio",
            "features": {"call": config.call_enabled, "chat": config.chat_enabled},
        }
        await answer_json(send, found, 200, self._origins.shared(scope["headers"], _peer(scope)))

    async def consent(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take an answer, keep it, and hand out its id."""
        headers, peer = scope["headers"], _peer(scope)
        shared = self._origins.shared(headers, peer)
        if scope["method"] == "OPTIONS":
            allow = ((b"access-control-allow-methods", b"POST"), (b"access-control-allow-headers", b"content-type"))
            await answer(send, 200, b"", b"text/plain", (*shared, *allow))
            return
        if fault := self._fault(scope):
            await answer_json(send, problem(*fault), fault[0], (*shared, (b"connection", b"close")))
            return
        try:
            said = msgspec.json.decode(await read_body(receive, _MOST_BYTES), type=_Answer)
        except BodyRefused as refused:
            if refused.status:
                await answer_json(send, problem(413, "Too large", _EXAMPLE), 413, (*shared, (b"connection", b"close")))
            return
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            # msgspec's words name the field and what it should be, never what was sent.
            reason = str(error) if isinstance(error, msgspec.ValidationError) else "not JSON"
            await answer_json(send, problem(400, "Bad request", f"{reason}; {_EXAMPLE}"), 400, shared)
            return
        await self._keep(scope, said, send, shared)

    def _fault(self, scope: Scope) -> tuple[int, str, str] | None:
        headers, peer = scope["headers"], _peer(scope)
        if scope["method"] != "POST":
            return 405, "Method not allowed", f"POST; {_EXAMPLE}"
        if not self._origins.allows(headers, peer):
            return 403, "Forbidden", "this website is not one of STELLA_ALLOWED_ORIGINS"
        if len(self._config.secret) < _SHORTEST_SECRET:
            return 503, "Not set up", "set SECRET_SALT to at least 16 characters, so that consent can be signed"
        who = address_hash(self._config.secret, headers, peer, self._config)
        if not self._throttle.admits(who, asyncio.get_running_loop().time()):
            return 429, "Too many requests", "try again in a minute"
        kind = (header(headers, b"content-type") or b"").partition(b";")[0].strip().lower()
        return None if kind == b"application/json" else (415, "Unsupported media type", _EXAMPLE)

    async def _keep(self, scope: Scope, said: _Answer, send: Send, shared: tuple[tuple[bytes, bytes], ...]) -> None:
        now = datetime.now(UTC)
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        origin = (header(scope["headers"], b"origin") or b"").decode("latin-1")
        consent_id = self._ids.issue(said.type, origin, now.timestamp(), consent=said.consent)
        who = address_hash(self._config.secret, scope["headers"], _peer(scope), self._config)
        try:
            await self._inside.keep_consent(ConsentGiven(consent_id, said.type, said.consent, origin, who, stamp))
        except ProviderError:
            log.exception("consent-not-kept")
            await answer_json(
                send, problem(503, "Not kept", "the answer could not be stored; please try again"), 503, shared
            )
            return
        await answer_json(send, {"success": True, "timestamp": stamp, "consent_id": consent_id}, 200, shared)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
