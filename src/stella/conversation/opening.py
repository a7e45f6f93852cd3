"""How a conversation begins: all that decides, besides the facts, what it orders. Kept with every recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from typing import Any

from stella.conversation.core import Conversation
from stella.conversation.policy import Policy
from stella.domain.agent import Phrases
from stella.domain.consent import Preset
from stella.domain.errors import ConfigError, MalformedMessage


@dataclass(frozen=True, slots=True)
class Opening:
    """The arguments of a `Conversation`, as a value."""

    policy: Policy
    phrases: Phrases
    preset: Preset
    asks_consent: bool | None = None

    def begin(self) -> Conversation:
        """A conversation that has not heard anything yet."""
        return Conversation(self.policy, self.phrases, self.preset, asks_consent=self.asks_consent)

    @property
    def phrases_version(self) -> str:
        """A short name of exactly these phrases."""
        return sha256(repr(self.phrases).encode()).hexdigest()[:12]

    def with_policy(self, overrides: Mapping[str, float]) -> Opening:
        """The same beginning with some numbers changed. Raises ConfigError as `Policy.with_overrides` does."""
        return replace(self, policy=self.policy.with_overrides(overrides))

    def plain(self) -> dict[str, Any]:
        """As plain data, every number named: a default may change in a later version."""
        return {
            "policy": {each.name: getattr(self.policy, each.name) for each in fields(self.policy)},
            "phrases": {each.name: getattr(self.phrases, each.name) for each in fields(self.phrases)},
            "preset": self.preset.value,
            "asks_consent": self.asks_consent,
        }


def from_plain(data: Mapping[str, Any]) -> Opening:
    """Undo `Opening.plain`. Numbers that this version does not know are left out. Raises MalformedMessage."""
    try:
        known = {each.name for each in fields(Policy)}
        policy = Policy().with_overrides({name: value for name, value in data["policy"].items() if name in known})
        words: dict[str, Any] = {
            name: tuple(text) if isinstance(text, list) else text for name, text in data["phrases"].items()
        }
        phrases = Phrases(**words)
        return Opening(policy, phrases, Preset(data["preset"]), data["asks_consent"])
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as failure:
        raise MalformedMessage(f"the beginning of a tape cannot be read: {failure!r}") from failure
