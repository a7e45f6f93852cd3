"""How a conversation begins: a value that can be kept, read back, and varied."""

from __future__ import annotations

import json
from typing import Any

import pytest
from simulation import PHRASES

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.opening import Opening, from_plain
from stella.conversation.policy import Policy
from stella.domain.consent import Preset
from stella.domain.errors import ConfigError, MalformedMessage

OPENING = Opening(Policy().with_overrides({"silence": 9.0}), PHRASES, Preset.ASK_EVERYTHING, asks_consent=False)


def kept(opening: Opening = OPENING) -> dict[str, Any]:
    """As a store would give it back."""
    plain: dict[str, Any] = json.loads(json.dumps(opening.plain()))
    return plain


def test_a_conversation_begins_as_the_opening_says() -> None:
    """Its policy, its phrases, and whether consent is asked."""
    core = OPENING.begin()
    assert core.handle(on.CallAnswered(), 0.0) == [do.Say(on.TurnId(1), on.SegmentId(1), PHRASES.greeting)]
    core.handle(on.SegmentVoiced(on.SegmentId(1), 0.0), 0.0)
    assert core.deadline() == 9.0
    asking = Opening(Policy(), PHRASES, Preset.ASK_EVERYTHING).begin()
    assert asking.handle(on.CallAnswered(), 0.0) == [do.Say(on.TurnId(1), on.SegmentId(1), PHRASES.consent_question)]


def test_an_opening_is_read_as_it_was_written() -> None:
    """Every number is named, so that it stays when a later version has another default."""
    assert from_plain(kept()) == OPENING
    assert kept()["policy"]["watchdog"] == Policy().watchdog
    assert kept()["preset"] == "ask-everything"
    assert isinstance(from_plain(kept()).phrases.no_input, tuple)


def test_a_number_this_version_does_not_know_is_left_out() -> None:
    """A tape of yesterday is not lost for it."""
    plain = kept()
    plain["policy"]["gone_tomorrow"] = 1.0
    assert from_plain(plain) == OPENING


@pytest.mark.parametrize(
    "spoil",
    [
        lambda plain: plain.pop("policy"), lambda plain: plain.pop("preset"), lambda plain: plain.pop("asks_consent"),
        lambda plain: plain["phrases"].pop("greeting"), lambda plain: plain["phrases"].update(more="?"),
        lambda plain: plain.update(preset="nonsense"), lambda plain: plain["policy"].update(silence=-1.0),
        lambda plain: plain.update(policy=None),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_one_way(spoil: Any) -> None:
    """Whatever is wrong with it."""
    plain = kept()
    spoil(plain)
    with pytest.raises(MalformedMessage, match="the beginning of a tape cannot be read: "):
        from_plain(plain)


def test_the_same_phrases_have_the_same_short_name() -> None:
    """And others another: a recording says with which it was made."""
    name = OPENING.phrases_version
    assert len(name) == 12
    assert from_plain(kept()).phrases_version == name
    plain = kept()
    plain["phrases"]["greeting"] += "!"
    assert from_plain(plain).phrases_version != name


def test_some_numbers_can_be_tried_differently() -> None:
    """Everything else stays; wrong ones are refused as ever."""
    other = OPENING.with_policy({"watchdog": 2.0})
    assert (other.policy.watchdog, other.policy.silence) == (2.0, 9.0)
    assert (other.phrases, other.preset, other.asks_consent) == (PHRASES, Preset.ASK_EVERYTHING, False)
    with pytest.raises(ConfigError):
        OPENING.with_policy({"watchdog": -1.0})
