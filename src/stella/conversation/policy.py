"""The numbers that make a character: when to wait, when to yield, when to give up.

Durations are seconds. Defaults suit a telephone: some 200 ms of path each way, no face to read, an STT that needs a few
hundred milliseconds after the last word. Every field says its unit, bounds and effect; `docs/reference/policy.md` is
made from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches

from stella.domain.errors import ConfigError


def _number(default: float, unit: str, low: float, high: float, effect: str) -> float:
    """Declare a policy number with what the reference page and the check of overrides need to know."""
    declared: float = field(default=default, metadata={"unit": unit, "low": low, "high": high, "effect": effect})
    return declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a conversation behaves. Immutable; derive another with `with_overrides`."""

    # Endpointing: is the caller done?
    endpointing_min: float = _number(
        0.5, "s", 0.0, 5.0, "Least silence that ends the caller's turn. Lower answers sooner and cuts more people off."
    )
    endpointing_usual: float = _number(
        0.7, "s", 0.0, 5.0, "Silence that ends a turn of whose words and sound nothing special is known."
    )
    endpointing_max: float = _number(
        1.6, "s", 0.0, 10.0, "Most silence waited for: after an unfinished sentence or number."
    )
    pace_margin: float = _number(
        1.25, "factor", 1.0, 3.0, "How much longer than this caller's own pauses a silence must be to end the turn."
    )
    hint_sure: float = _number(
        0.95,
        "0 to 1",
        0.0,
        1.01,
        "A turn that sounds this much like an end, and whose words say nothing, waits the least.",
    )
    hint_doubt: float = _number(
        0.1, "0 to 1", 0.0, 1.0, "A turn that sounds no more than this like an end waits for `hint_patience`."
    )
    hint_patience: float = _number(1.1, "s", 0.0, 10.0, "The wait after words that sound as if more were to come.")
    stt_deadline: float = _number(
        3.0, "s", 0.2, 20.0, "How long to wait for the words of an utterance that is over, before it counts as lost."
    )
    speculate: float = _number(
        0.0,
        "0 or 1",
        0.0,
        1.0,
        "1 asks the brain as soon as the words are there, and holds its reply back until the "
        "turn is over. Faster by the rest of the wait; costs the replies that are thrown away.",
    )
    monologue: float = _number(45.0, "s", 5.0, 600.0, "After so long a turn the next short gap is taken for its end.")
    monologue_gap: float = _number(0.15, "s", 0.02, 2.0, "The gap that ends a turn longer than `monologue`.")
    monologue_patience: float = _number(
        15.0, "s", 1.0, 600.0, "Without any gap for so long after `monologue`, the caller is interrupted."
    )

    # The line: is there a person?
    line_repeats: float = _number(
        3.0,
        "turns",
        1.0,
        100.0,
        "So many turns in a row that repeat earlier ones: the caller is asked whether a person speaks.",
    )
    line_music: float = _number(
        20.0, "s", 5.0, 600.0, "So long a sound that is loud and no voice (music, a tone) brings the same question."
    )
    line_cuts: float = _number(
        5.0, "turns", 2.0, 100.0, "So many replies in a row that were talked over bring the same question."
    )

    # Barge-in: does the caller want the floor?
    barge_in_decide: float = _number(
        0.8, "s", 0.0, 2.0, "Speech that lasts this long over our voice is a turn, whatever its words. 0 cuts at once."
    )
    barge_in_min: float = _number(
        0.2, "s", 0.0, 2.0, "Shorter speech of which no words are known is a cough: the reply is resumed."
    )
    barge_in_short: float = _number(
        0.6,
        "s",
        0.0,
        2.0,
        "Of ears that give no words while somebody speaks, shorter speech is a turn only by words that plainly "
        "interrupt ('stop', 'no', 'what') or by its loudness.",
    )
    barge_in_loud: float = _number(
        6.0, "dB", 0.0, 60.0, "Short speech so much louder than the caller's turns so far is a turn without words."
    )
    barge_in_patience: float = _number(
        1.0, "s", 0.0, 5.0, "How long a paused reply waits for words that are late; then length and loudness decide."
    )
    barge_in_words: float = _number(
        2.0, "words", 1.0, 10.0, "So many words of a hypothesis, not all backchannels, are a turn at once."
    )
    early_answer: float = _number(
        0.7, "s", 0.0, 5.0, "With no more than this left to play, a 'yes' is an answer and no backchannel."
    )
    echo_threshold: float = _number(
        0.6, "0 to 1", 0.0, 1.01, "An onset that resembles our own voice this much does not interrupt it."
    )

    echo_tail: float = _number(
        0.8, "s", 0.0, 2.0, "So long after our last sound an onset may still be its echo: the way there and back."
    )

    # Playout: what was heard?
    mark_tolerance: float = _number(
        0.06, "s", 0.0, 1.0, "How much earlier than the playout clock a mark may return and be believed."
    )
    mark_patience: float = _number(
        2.0, "s", 0.1, 30.0, "How long after it was due a mark is waited for; then the turn ends with what is proven."
    )

    # Keys
    digit_timeout: float = _number(
        3.0, "s", 0.1, 30.0, "Silence between keys that ends a number, where a number is expected."
    )
    key_timeout: float = _number(
        0.6, "s", 0.0, 10.0, "Silence after a key that ends the keys, where none were expected."
    )

    # Nobody is left in silence
    silence: float = _number(7.0, "s", 1.0, 120.0, "Silence after our turn that brings the first re-prompt.")
    silence_growth: float = _number(
        1.4, "factor", 1.0, 5.0, "How much longer each further re-prompt waits than the one before."
    )
    watchdog: float = _number(
        4.0, "s", 0.5, 60.0, "Without new sound for so long after the caller's turn: one moment, retry, apology."
    )
    tool_patience: float = _number(
        1.2, "s", 0.2, 20.0, "Silence while a tool works after which the caller is told that it takes a moment."
    )
    tool_patience_growth: float = _number(
        1.8, "factor", 1.0, 5.0, "How much longer each further word of patience waits than the one before."
    )
    consent_patience: float = _number(6.0, "s", 1.0, 60.0, "Silence after the consent question that counts as no.")
    switch_patience: float = _number(
        6.0, "s", 0.5, 60.0, "How long a change of language may take before the talk goes on without it."
    )

    # Limits
    call_s: float = _number(1200.0, "s", 10.0, 14400.0, "Length of a call that is ended with a farewell.")
    warn_before_s: float = _number(
        60.0, "s", 0.0, 3600.0, "How long before that end the caller is warned. 0 warns nobody."
    )
    cost_warn: float = _number(
        0.8, "0 to 1", 0.0, 1.0, "So much of what a call may cost is used up when the caller is warned. 1 warns nobody."
    )

    def __post_init__(self) -> None:
        """Refuse values that contradict each other. Raises ConfigError."""
        if self.endpointing_min > self.endpointing_max:
            raise ConfigError(
                f"policy: endpointing_min ({self.endpointing_min:g} s) is more than endpointing_max "
                f"({self.endpointing_max:g} s); lower the one or raise the other"
            )

    def with_overrides(self, overrides: Mapping[str, float]) -> Policy:
        """The same policy with some numbers changed.

        Raises ConfigError that names an unknown number's nearest right name, or a wrong value's bounds.
        """
        known = {each.name: each for each in fields(self)}
        for name, value in overrides.items():
            if name not in known:
                near = get_close_matches(name, known, 1, 0.5)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
                raise ConfigError(f"policy: there is no number {name!r}; {hint}")
            low, high, unit = (known[name].metadata[key] for key in ("low", "high", "unit"))
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number or not low <= value <= high:
                raise ConfigError(f"policy: {name} is {value!r}; give a number from {low:g} to {high:g} ({unit})")
        return replace(self, **{name: float(value) for name, value in overrides.items()})
