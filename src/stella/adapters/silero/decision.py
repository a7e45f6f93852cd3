"""From window probabilities to changes of activity: a run of speech begins it, a hangover of silence ends it.

Counts windows, never reads a clock, so a recorded call decides the same way again.
"""

from __future__ import annotations

from dataclasses import dataclass

from stella.ports.speech import Activity

WINDOW = 256
"""Samples (and bytes) of one window: 32 ms at 8 kHz."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The numbers of the decision.

    `speech` and `silence` are the two probabilities of the hysteresis. `run` windows in a row at `speech` begin activity,
    `sure_run` of them suffice at `sure`; `hangover` windows in a row below `silence` end it. `rise` and `fall` samples
    are how much later than the truth the model begins and ends to see speech (measured at 20 dB SNR).
    """

    speech: float = 0.5
    silence: float = 0.35
    run: int = 3
    sure: float = 0.6
    sure_run: int = 2
    hangover: int = 3
    rise: int = 128
    fall: int = 800


DEFAULT = Sensitivity()


class Decision:
    """The decision for one call."""

    __slots__ = ("_numbers", "_quiet", "_run", "_since", "_sure", "speaking")

    def __init__(self, numbers: Sensitivity = DEFAULT) -> None:
        """Begin in silence."""
        self._numbers = numbers
        self.speaking = False
        self._run = self._sure = self._quiet = 0
        self._since = 0

    def step(self, probability: float, end: int) -> Activity | None:
        """Take the probability of the window that ends at sample `end`; the change it decides, if any."""
        return self._while_speaking(probability, end) if self.speaking else self._while_silent(probability, end)

    def _while_silent(self, probability: float, end: int) -> Activity | None:
        numbers = self._numbers
        if probability < numbers.speech:
            self._run = self._sure = 0
            return None
        if self._run == 0:
            self._since = end - WINDOW
        self._run += 1
        self._sure = self._sure + 1 if probability >= numbers.sure else 0
        if self._run < numbers.run and self._sure < numbers.sure_run:
            return None
        self.speaking = True
        self._run = self._sure = self._quiet = 0
        return Activity(speaking=True, at_sample=max(0, self._since - numbers.rise), decided_sample=end)

    def _while_speaking(self, probability: float, end: int) -> Activity | None:
        numbers = self._numbers
        if probability >= numbers.silence:
            self._quiet = 0
            return None
        if self._quiet == 0:
            self._since = end - WINDOW
        self._quiet += 1
        if self._quiet < numbers.hangover:
            return None
        self.speaking = False
        self._quiet = 0
        return Activity(speaking=False, at_sample=max(0, self._since - numbers.fall), decided_sample=end)
