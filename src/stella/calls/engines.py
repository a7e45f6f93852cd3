"""Which ears, voice and brain a call gets. The roof wires a real one; tests bring scripted ones."""

from __future__ import annotations

from typing import Protocol

from stella.calls.budget import Budget
from stella.domain.agent import Agent
from stella.ports.brain import Brain
from stella.ports.speech import SpeechToText, TextToSpeech, VoiceActivity
from stella.ports.turn_hint import TurnHints


class Engines(Protocol):
    """The engines of the process, shared by all calls."""

    @property
    def voice_activity(self) -> VoiceActivity:
        """Speech or no speech, for all calls."""

    @property
    def turn_hints(self) -> TurnHints | None:
        """A second opinion at pauses, for all calls; None where it is not installed."""

    @property
    def budget(self) -> Budget:
        """What calls may cost together."""

    def frugal(self, agent: Agent) -> Agent:
        """The agent with those engines alone that cost nothing."""

    def ears(self, agent: Agent, language: str) -> SpeechToText | None:
        """The first configured speech-to-text that understands `language`, or None: then the carrier must listen."""

    def voice(self, agent: Agent, language: str) -> TextToSpeech:
        """The configured text-to-speech for `language`. Raises Unavailable where there is none."""

    def expect(self, agent: Agent, language: str) -> None:
        """A call rings: what a caller should not wait for later (connections) may be made ready now. Never blocks."""

    def brain(self, agent: Agent) -> Brain:
        """The agent's brain, one for all calls of that version of the agent."""
