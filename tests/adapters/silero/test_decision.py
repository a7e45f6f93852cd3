"""The decision of begin and end, without a model."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stella.adapters.silero.decision import WINDOW, Decision, Sensitivity
from stella.ports.speech import Activity


def decide(probabilities: list[float], numbers: Sensitivity | None = None) -> list[Activity]:
    """All changes of a row of windows."""
    decision = Decision(numbers or Sensitivity())
    steps = (decision.step(p, (number + 1) * WINDOW) for number, p in enumerate(probabilities))
    return [change for change in steps if change is not None]


def test_two_sure_windows_are_enough() -> None:
    """96 ms of doubt cost a third of the barge-in budget."""
    (change,) = decide([0.1, 0.8, 0.9])
    assert change == Activity(speaking=True, at_sample=WINDOW - 128, decided_sample=3 * WINDOW)


def test_three_windows_in_doubt_are_needed() -> None:
    """A murmur is believed later than a voice."""
    assert decide([0.55, 0.55]) == []
    assert len(decide([0.55, 0.55, 0.55])) == 1


def test_one_window_is_a_click() -> None:
    """However sure the model is."""
    assert decide([0.99, 0.1, 0.99, 0.1]) == []


def test_a_dip_does_not_end_speech() -> None:
    """Stops in the middle of a word are shorter than the hangover."""
    assert len(decide([0.9, 0.9, 0.1, 0.1, 0.9, 0.4, 0.1, 0.1, 0.4])) == 1


def test_the_end_is_dated_back_to_the_first_quiet_window() -> None:
    """The hangover is the detector's delay, not the caller's speech."""
    _, end = decide([0.9] * 10 + [0.1] * 3)
    assert end == Activity(speaking=False, at_sample=10 * WINDOW - 800, decided_sample=13 * WINDOW)


@given(st.lists(st.floats(0, 1), max_size=200))
def test_changes_alternate_and_never_lie_in_the_future(probabilities: list[float]) -> None:
    """Whatever the model says, the conversation gets begin, end, begin, end."""
    changes = decide(probabilities)
    assert [change.speaking for change in changes] == [number % 2 == 0 for number in range(len(changes))]
    assert all(0 <= change.at_sample <= change.decided_sample for change in changes)
