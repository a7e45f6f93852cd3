"""The numbers of a character: overrides that say what is wrong with them."""

from __future__ import annotations

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
