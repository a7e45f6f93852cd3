"""The counts of the process, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_MOST_LABELS = 200
_FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_EARS = (0.05, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 3, 5)


class PrometheusMetrics:
    """Keeps the promises of `ports.metrics.Metrics` in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._labels: set[str] = set()
        self._refused = Counter(
            "stella_refused", "Requests, sockets and streams not let in.", ["cause"], registry=registry
        )
        self._calls = Counter("stella_calls", "Calls that ended.", ["outcome"], registry=registry)
        self._frames = Counter("stella_media_frames", "Frames of the callers' sound.", ["fate"], registry=registry)
        self._dropped = Counter("stella_dropped", "What was given up on purpose.", ["what"], registry=registry)
        self._gap = Histogram(
            "stella_response_gap_seconds", "End of speech to first sound.", buckets=_EARS, registry=registry
        )
        self._barge_in = Histogram("stella_barge_in_seconds", "Onset to clear.", buckets=_EARS, registry=registry)
        self._webhook = Histogram(
            "stella_webhook_seconds", "Webhook answers.", ["route"], buckets=_FAST, registry=registry
        )
        self._cost = Counter("stella_cost_usd", "What was paid for, by the price file.", ["kind"], registry=registry)
        self._budget = Gauge(
            "stella_day_budget_used_ratio", "Of cost_day_usd, of the agent that paid last; 1: all.", registry=registry
        )
        self._lag = Histogram("stella_event_loop_lag_seconds", "Late timers.", buckets=_FAST, registry=registry)
        self._live = Gauge("stella_calls_live", "Calls under way.", registry=registry)
        self._sockets = Gauge("stella_media_sockets", "Open media sockets.", registry=registry)

    def watch(self, live_calls: Callable[[], int], sockets: Callable[[], int]) -> None:
        """Where the gauges look when they are asked."""
        self._live.set_function(live_calls)
        self._sockets.set_function(sockets)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)

    def _label(self, word: str) -> str:
        """Labels are our own words; should one ever be a stranger's, they stay few."""
        if word not in self._labels:
            if len(self._labels) >= _MOST_LABELS:
                return "other"
            self._labels.add(word)
        return word

    def refused(self, cause: str) -> None:
        """See `Metrics`."""
        self._refused.labels(self._label(cause)).inc()

    def call_ended(self, outcome: str) -> None:
        """See `Metrics`."""
        self._calls.labels(self._label(outcome)).inc()

    def frames(self, received: int, rejected: int, missing: int) -> None:
        """See `Metrics`."""
        for fate, count in (("received", received), ("rejected", rejected), ("missing", missing)):
            self._frames.labels(fate).inc(max(0, count))

    def dropped(self, what: str, count: int = 1) -> None:
        """See `Metrics`."""
        self._dropped.labels(self._label(what)).inc(count)

    def response_gap(self, seconds: float) -> None:
        """See `Metrics`."""
        self._gap.observe(seconds)

    def barge_in(self, seconds: float) -> None:
        """See `Metrics`."""
        self._barge_in.observe(seconds)

    def webhook(self, route: str, seconds: float) -> None:
        """See `Metrics`."""
        self._webhook.labels(self._label(route)).observe(seconds)

    def spent(self, kind: str, usd: float) -> None:
        """See `Metrics`."""
        self._cost.labels(self._label(kind)).inc(max(0.0, usd))

    def budget(self, share: float) -> None:
        """See `Metrics`."""
        self._budget.set(share)

    def loop_lag(self, seconds: float) -> None:
        """A timer of the event loop fired so late."""
        self._lag.observe(seconds)
