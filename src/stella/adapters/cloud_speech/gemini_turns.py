"""Whose answer is it? Gemini makes one at a time and does not say for whom; what interrupts one begins the next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from stella.adapters.cloud_speech.sounds import Linear24k
from stella.adapters.cloud_speech.spoken_answer import SpokenAnswer


@dataclass(slots=True)
class Making:
    """One generation: `answer` is None where nobody wants it (any more)."""

    answer: SpokenAnswer | None
    reader: Linear24k
    interrupted: bool = False
    complete: bool = False


class Turns:
    """Generations in the order they were asked for; the first is the one that messages are about."""

    def __init__(self) -> None:
        """None is being made."""
        self._makings: deque[Making] = deque()

    @property
    def busy(self) -> bool:
        """Whether something is still being generated."""
        return any(not making.complete and not making.interrupted for making in self._makings)

    def begin(self, answer: SpokenAnswer | None) -> None:
        """Another one was asked for."""
        self._makings.append(Making(answer, Linear24k()))

    def now(self, *, content: bool) -> Making | None:
        """The one a message is about. `content`: it brings something, which an interrupted one does not any more."""
        while content and len(self._makings) > 1 and (self._makings[0].interrupted or self._makings[0].complete):
            self._makings.popleft()
        return self._makings[0] if self._makings else None

    def over(self) -> Making | None:
        """The turn is complete."""
        return self._makings.popleft() if self._makings else None

    def unwanted(self, answer: SpokenAnswer) -> bool:
        """Nobody waits for this answer any more. Whether it was still being made."""
        running = False
        for making in self._makings:
            if making.answer is answer:
                making.answer = None
                running = running or not making.complete
        return running

    def go_on(self, answer: SpokenAnswer) -> None:
        """The one that waits for a tool's result goes on for another answer."""
        if self._makings:
            self._makings[0].answer = answer
            self._makings[0].reader = Linear24k()
        else:
            self.begin(answer)
