"""The numbers of a character: overrides that say what is wrong with them."""

from __future__ import annotations

from dataclasses import Field, fields
from pathlib import Path

import pytest

from stella.conversation.policy import Policy
from stella.domain.errors import ConfigError

POLICY = Policy()


def test_overrides_change_numbers() -> None:
    """An agent file sets what it names and leaves the rest."""
    changed = POLICY.with_overrides({"endpointing_min": 0.2, "endpointing_max": 0.2, "barge_in_decide": 0})
    assert (changed.endpointing_min, changed.barge_in_decide, changed.watchdog) == (0.2, 0.0, POLICY.watchdog)
    assert POLICY.with_overrides({}) == POLICY


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"endpointing_mim": 0.2}, "did you mean endpointing_min"),
        ({"xyzzy": 0.2}, "known are"),
        ({"endpointing_min": 99.0}, "from 0 to 5 (s)"),
        ({"endpointing_min": True}, "give a number"),
        ({"endpointing_min": float("nan")}, "give a number"),
        ({"endpointing_min": "1"}, "give a number"),
        ({"endpointing_min": 2.0}, "more than endpointing_max"),
    ],
)
def test_a_wrong_override_says_what_is_right(overrides: dict[str, float], says: str) -> None:
    """The name, the bounds, the mend."""
    with pytest.raises(ConfigError, match="policy: ") as caught:
        POLICY.with_overrides(overrides)
    assert says in str(caught.value)


def test_every_number_is_what_the_page_says() -> None:
    """Default, unit, bounds and effect: people set what the page promises."""
    page = (Path(__file__).parents[2] / "docs/reference/policy.md").read_text("utf-8")
    for each in fields(Policy):
        told = each.metadata
        row = (
            f"`{each.name}`",
            f"{each.default:g}",
            told["unit"],
            f"{told['low']:g}",
            f"{told['high']:g}",
            told["effect"],
        )
        assert f"| {' | '.join(row)} |" in page, f"python docs/draw_policy.py > docs/reference/policy.md ({each.name})"


@pytest.mark.parametrize("each", fields(Policy), ids=lambda each: each.name)
def test_a_number_may_be_set_to_its_bounds_and_no_further(each: Field[float]) -> None:
    """The bounds themselves are allowed."""
    low, high = each.metadata["low"], each.metadata["high"]
    apart = {"endpointing_min": {"endpointing_max": 10.0}, "endpointing_max": {"endpointing_min": 0.0}}.get(
        each.name, {}
    )
    for bound in (low, high):
        assert getattr(POLICY.with_overrides({**apart, each.name: bound}), each.name) == bound
    for beyond in (low - 0.01, high + 0.01):
        with pytest.raises(ConfigError, match=rf"^policy: {each.name} is .*; give a number from {low:g} to {high:g} "):
            POLICY.with_overrides({each.name: beyond})


def test_the_least_wait_may_be_the_most() -> None:
    """A fixed wait is allowed; a least above the most is not, and the error names both and the mend."""
    POLICY.with_overrides({"endpointing_min": 0.2, "endpointing_max": 0.2})
    with pytest.raises(ConfigError) as caught:
        POLICY.with_overrides({"endpointing_min": 0.3, "endpointing_max": 0.2})
    assert str(caught.value) == (
        "policy: endpointing_min (0.3 s) is more than endpointing_max (0.2 s); lower the one or raise the other"
    )


def test_a_name_far_from_every_number_gets_the_whole_list() -> None:
    """And one that is near, its neighbour alone."""
    with pytest.raises(
        ConfigError, match=r"^policy: there is no number 'xyzzy'; known are endpointing_min, endpointing_"
    ):
        POLICY.with_overrides({"xyzzy": 1.0})
    with pytest.raises(ConfigError, match=r"^policy: there is no number 'watchdogs'; did you mean watchdog\?$"):
        POLICY.with_overrides({"watchdogs": 1.0})


def test_a_whole_number_becomes_a_float() -> None:
    """A tape compares them."""
    assert isinstance(POLICY.with_overrides({"silence": 9}).silence, float)
