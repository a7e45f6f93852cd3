"""Whether the process is alive, whether it would take a call, and what it has counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from stella.web.answers import Receive, Scope, Send, answer, answer_json, answer_text
from stella.web.inside import Inside
from stella.web.metrics import PrometheusMetrics


class Health:
    """`/health`, `/healthz`, `/readyz`, `/metrics`. `draining` is the server's word, beside the house's own."""

    def __init__(self, inside: Inside, draining: Callable[[], bool]) -> None:
        self._inside, self._draining = inside, draining

    async def health(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The original's health page."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        await answer_json(send, {"status": "ok", "timestamp": stamp})

    async def live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The event loop turns; nothing else is asked."""
        await answer_text(send, 200, "ok")

    async def ready(self, scope: Scope, receive: Receive, send: Send) -> None:
        """503 while draining or unable to take a call; calls under way go on."""
        if self._draining():
            await answer_text(send, 503, "draining")
        elif not self._inside.front.accepting:
            await answer_text(send, 503, "not accepting calls")
        else:
            await answer_text(send, 200, "ready")

    async def metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Prometheus text."""
        metrics = self._inside.metrics
        if not isinstance(metrics, PrometheusMetrics):
            await answer_text(send, 404, "metrics are off")
            return
        await answer(send, 200, metrics.exposition(), b"text/plain; version=0.0.4; charset=utf-8")
