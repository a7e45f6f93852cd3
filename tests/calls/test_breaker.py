"""A provider that fails is left alone and tried again, one call at a time."""

from __future__ import annotations

from stella.calls.breaker import Breaker
from stella.ports.failure import Rejected, Unavailable


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _breaker() -> tuple[Breaker, _Clock]:
    clock = _Clock()
    return Breaker(clock, lambda: 0.0), clock


def test_one_failure_is_forgiven_and_two_are_not() -> None:
    """A single hiccup must not send all calls elsewhere."""
    breaker, _ = _breaker()
    breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()


def test_one_call_probes_and_success_heals() -> None:
    """The others go on with what works, until it is known."""
    breaker, clock = _breaker()
    breaker.failed()
    breaker.failed()
    clock.now = 5.0
    assert breaker.allows()
    assert not breaker.allows()
    breaker.worked()
    assert breaker.allows() and breaker.allows()


def test_every_failed_probe_waits_longer_up_to_a_bound() -> None:
    """A provider that is down for an hour costs few probes."""
    breaker, clock = _breaker()
    for _ in range(12):
        breaker.failed()
        clock.now += 120.0
        assert breaker.allows()
    breaker.failed()
    clock.now += 119.0
    assert not breaker.allows()


def test_a_probe_that_was_forgotten_does_not_close_the_door_for_ever() -> None:
    """The caller of the probe hung up."""
    breaker, clock = _breaker()
    breaker.failed()
    breaker.failed()
    clock.now = 5.0
    assert breaker.allows()
    clock.now = 20.0
    assert breaker.allows()


def test_a_wrong_key_and_a_wish_for_patience_are_believed_at_once() -> None:
    """Asking again would cost every caller a second."""
    for failure, seconds in ((Rejected("x", "http-401"), 60.0), (Unavailable("x", "http-429", retry_after=30.0), 30.0)):
        breaker, clock = _breaker()
        breaker.failed(failure)
        clock.now = seconds - 0.1
        assert not breaker.allows()
        clock.now = seconds
        assert breaker.allows()


def test_an_absurd_wish_is_bounded() -> None:
    """`Retry-After: 86400` must not switch a brain off for a day."""
    breaker, clock = _breaker()
    breaker.failed(Unavailable("x", "http-429", retry_after=86_400.0))
    clock.now = 300.0
    assert breaker.allows()
