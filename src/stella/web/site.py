"""The map of the house: which path leads where. Authority hangs on the route, never on a Host or a rebuilt URL."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog

from stella.domain.errors import Refused
from stella.web.answers import Receive, Scope, Send, answer_json, answer_text, problem
from stella.web.config import RELAY_PATH, STREAM_PATH
from stella.web.gates import Gate
from stella.web.refusals import Refusals

log = structlog.get_logger("stella.web")

Endpoint: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Site:
    """An ASGI application of exact paths (`public` and, behind the gate, `gated`) and one behind the gate for the rest.

    `operator` gets gated paths that begin with one of `operator_roots`. A `prefix` of the public URL that a proxy left
    in front of a path is taken off before anything is decided.
    """

    def __init__(
        self,
        public: dict[str, Endpoint],
        gated: dict[str, Endpoint],
        operator: Endpoint | None,
        operator_roots: tuple[str, ...],
        gate: Gate,
        refusals: Refusals,
        prefix: str = "",
    ) -> None:
        self._public, self._gated, self._operator, self._roots = public, gated, operator, operator_roots
        self._gate, self._refusals, self._prefix = gate, refusals, prefix
        self._known = sorted({*public, STREAM_PATH, RELAY_PATH})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Whatever breaks in an endpoint is this request's loss alone."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if self._prefix and path.startswith(self._prefix + "/"):
            path = path.removeprefix(self._prefix)
            scope = {**scope, "path": path, "raw_path": path.encode()}
        endpoint = self._public.get(path)
        if endpoint is None and (path in self._gated or path.startswith(self._roots)):
            endpoint = await self._through_gate(scope, send)
            if endpoint is None:
                return
        try:
            await (endpoint or self._lost)(scope, receive, send)
        except Exception:
            log.exception("endpoint-failed", path=path)

    async def _through_gate(self, scope: Scope, send: Send) -> Endpoint | None:
        status = self._gate.judge(scope)
        if status == 200:
            return self._gated.get(scope["path"]) or self._operator or self._lost
        if status == 404:
            self._refusals.note(Refused("operator-surface-closed", "set STELLA_OPERATOR_TOKEN to open it"), "gate")
            await answer_text(send, 404, "not found")
        else:
            self._refusals.note(Refused("no-operator-token", "send it as `Authorization: Bearer …`"), "gate")
            extra = ((b"www-authenticate", b"Bearer"),)
            await answer_json(
                send, problem(401, "Unauthorized", "send Authorization: Bearer $STELLA_OPERATOR_TOKEN"), 401, extra
            )
        return None

    async def _lost(self, scope: Scope, receive: Receive, send: Send) -> None:
        """404 with the path that was perhaps meant. Only public paths are named."""
        near = difflib.get_close_matches(scope["path"][:200], self._known, n=1, cutoff=0.6)
        if scope["path"] in (STREAM_PATH, RELAY_PATH):
            await answer_text(
                send, 426, "this is Twilio's media stream: open it as a WebSocket", ((b"upgrade", b"websocket"),)
            )
            return
        hint = f"; did you mean {near[0]}?" if near else ""
        await answer_text(send, 404, f"not found{hint}")
