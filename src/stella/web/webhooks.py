"""The carrier's webhooks: judged from the cheapest check to the dearest, answered in TwiML, never with a 5xx.

Order: method, content type, announced size, signature there at all, body within its bounds, signature and account,
and only then the house.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog

from stella.calls.front import Front
from stella.domain.errors import MalformedMessage, Refused
from stella.domain.plan import Plan
from stella.domain.request import CallRequest
from stella.ports.metrics import Metrics
from stella.web.answers import (
    BodyRefused,
    Receive,
    Scope,
    Send,
    answer_nothing,
    answer_text,
    answer_xml,
    read_body,
)
from stella.web.apology import apology
from stella.web.config import CALL_ROOT, WebConfig
from stella.web.locks import Locks, Pairs
from stella.web.origin import Headers
from stella.web.refusals import Refusals
from stella.wire.twilio_webhook import call_request, parse_form, stream_notice
from stella.wire.twiml import render

log = structlog.get_logger("stella.web")

_FORM = b"application/x-www-form-urlencoded"
_CLOSE = ((b"connection", b"close"),)

Handler: TypeAlias = Callable[[Pairs, Pairs, Send], Awaitable[None]]


class _Rejected(Exception):
    """A request refused for its form."""

    def __init__(self, status: int, text: str, extra: tuple[tuple[bytes, bytes], ...] = _CLOSE) -> None:
        super().__init__(text)
        self.status, self.text, self.extra = status, text, extra


class Webhooks:
    """One raw ASGI endpoint per telephony path; `routes` says which."""

    def __init__(
        self, config: WebConfig, public_url: str, front: Front, locks: Locks, metrics: Metrics, refusals: Refusals
    ) -> None:
        self._config, self._public_url, self._front, self._locks = config, public_url, front, locks
        self._metrics, self._refusals = metrics, refusals
        self._handlers: dict[str, Handler] = {
            CALL_ROOT + "voice": self._voice,
            CALL_ROOT + "after": self._after,
            CALL_ROOT + "gather": self._gather,
            CALL_ROOT + "fallback": self._fallback,
            CALL_ROOT + "status": self._status,
            CALL_ROOT + "stream-status": self._stream_status,
        }
        self.routes = frozenset(self._handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request to one of `routes`. Raises nothing."""
        clock = asyncio.get_running_loop().time
        path, began = scope["path"], clock()
        try:
            fields, query = await self._let_in(scope, receive)
        except _Rejected as rejected:
            self._refusals.note(Refused(f"http-{rejected.status}", rejected.text), path)
            await answer_text(send, rejected.status, rejected.text, rejected.extra)
        except Refused as refused:
            self._refusals.note(refused, path)
            await answer_text(send, 403, f"{refused.cause}: {refused.mend}")
        except BodyRefused as gone:
            self._refusals.count(f"body-{gone.status or 'cut-off'}")
        else:
            await self._handlers[path](fields, query, send)
            route, took = path.removeprefix(CALL_ROOT), clock() - began
            self._metrics.webhook(route, took)
            call = next((value for name, value in fields if name == "CallSid"), "")
            log.info("webhook", route=route, call=call[:64], ms=round(took * 1000, 1))

    async def _let_in(self, scope: Scope, receive: Receive) -> tuple[Pairs, Pairs]:
        """The fields of body and query of a request that may come in. Raises _Rejected, Refused, BodyRefused."""
        headers: Headers = scope["headers"]
        cap, peer = self._config.caps.body_bytes, _peer(scope)
        if scope["method"] != "POST":
            raise _Rejected(
                405, "only POST is answered here; set the webhook's method to HTTP POST", (*_CLOSE, (b"allow", b"POST"))
            )
        kinds = [value for name, value in headers if name == b"content-type"]
        if any(value.partition(b";")[0].strip().lower() != _FORM for value in kinds) or len(kinds) > 1:
            raise _Rejected(415, "only application/x-www-form-urlencoded is read here, as Twilio sends it")
        if (_announced(headers) or 0) > cap:
            raise _Rejected(413, f"the body may have {cap} bytes")
        self._locks.before_body(headers, peer)
        try:
            body = await read_body(receive, cap)
        except BodyRefused as refused:
            if refused.status == 413:
                raise _Rejected(413, f"the body may have {cap} bytes") from None
            raise
        if body and not kinds:
            raise _Rejected(415, "a body needs the content type application/x-www-form-urlencoded")
        try:
            fields = parse_form(body)
            query = parse_form(scope["query_string"])
        except MalformedMessage as malformed:
            raise _Rejected(400, str(malformed)) from None
        self._locks.webhook(scope["stella.target"], fields, headers, peer)
        return fields, query

    async def _voice(self, fields: Pairs, query: Pairs, send: Send) -> None:
        await self._speak(self._front.incoming, call_request(fields, query), send)

    async def _after(self, fields: Pairs, query: Pairs, send: Send) -> None:
        await self._speak(self._front.after, call_request(fields, query), send)

    async def _gather(self, fields: Pairs, query: Pairs, send: Send) -> None:
        await self._speak(self._front.gather, call_request(fields, query), send)

    async def _fallback(self, fields: Pairs, query: Pairs, send: Send) -> None:
        request = call_request(fields, query)
        log.error("carrier-fell-back", call=request.call_sid, error_code=request.error_code)
        await answer_xml(send, self._last_words(request))

    async def _status(self, fields: Pairs, query: Pairs, send: Send) -> None:
        await self._note(self._front.status(call_request(fields, query)), send)

    async def _stream_status(self, fields: Pairs, query: Pairs, send: Send) -> None:
        await self._note(self._front.stream_status(stream_notice(fields)), send)

    async def _speak(self, ask: Callable[[CallRequest], Awaitable[Plan]], request: CallRequest, send: Send) -> None:
        """Ask the house and write its plan down; whatever goes wrong, the caller hears words."""
        try:
            async with asyncio.timeout(self._config.deadlines.answer):
                plan = await ask(request)
            document = render(plan, self._public_url).encode()
        except Exception:
            log.exception("webhook-failed", call=request.call_sid)
            document = self._last_words(request)
        await answer_xml(send, document)

    async def _note(self, telling: Awaitable[None], send: Send) -> None:
        """Tell the house; the carrier gets its 204 either way, for it does not try again."""
        try:
            async with asyncio.timeout(self._config.deadlines.answer):
                await telling
        except Exception:
            log.exception("callback-failed")
        await answer_nothing(send)

    def _last_words(self, request: CallRequest) -> bytes:
        try:
            return render(self._front.fallback(request), self._public_url).encode()
        except Exception:
            log.exception("fallback-failed", call=request.call_sid)
            return apology(request.country, request.from_)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _announced(headers: Headers) -> int | None:
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 19 else 1 << 62
    return None
