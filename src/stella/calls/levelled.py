"""Every voice as loud as the others: when one goes on for another, the caller hears a voice change and no jump.

A voice is measured as it speaks and brought to one level of speech, within bounds, by a table of 256 bytes. What was
measured is kept for the next sentence; the first sentence of a voice is measured as its first pieces come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from stella.audio.level import ActiveLevel, louder
from stella.ports.speech import Sound, TextToSpeech

TARGET_DB = -20.0
"""Of speech without its pauses; the embedded voices are rendered at this level."""
MOST_DB = 12.0
STEP_DB = 1.5
"""How much the gain may change from one piece to the next within a sentence: no one hears it move."""
KEPT = 64
"""Voices whose level is remembered."""


class LevelledVoice:
    """Keeps `TextToSpeech`; `inner` is closed with it. Each of an engine's voices has a level of its own."""

    def __init__(self, inner: TextToSpeech, target_db: float = TARGET_DB) -> None:
        """`target_db`: below full scale."""
        self._inner, self._target = inner, target_db
        self.name, self.languages = inner.name, inner.languages
        self.word_times: bool = getattr(inner, "word_times", False)
        self._levels: dict[tuple[str, str], ActiveLevel] = {}

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port."""
        level = self._level(language, voice)
        gain = self._wanted(level)
        async with aclosing(self._inner.speak(text, language, voice)) as sounds:  # type: ignore[type-var]
            async for sound in sounds:
                level.hear(sound.mulaw)
                wanted = self._wanted(level)
                if gain is None or wanted is None:
                    gain = wanted
                else:
                    gain += min(max(wanted - gain, -STEP_DB), STEP_DB)
                yield replace(sound, mulaw=louder(sound.mulaw, gain)) if gain else sound

    def _level(self, language: str, voice: str) -> ActiveLevel:
        key = (language, voice)
        found = self._levels.pop(key, None) or ActiveLevel()
        self._levels[key] = found
        if len(self._levels) > KEPT:
            self._levels.pop(next(iter(self._levels)))
        return found

    def _wanted(self, level: ActiveLevel) -> float | None:
        """The gain that brings the voice to the target; None while nothing is known of it."""
        heard = level.db
        return None if heard is None else min(max(self._target - heard, -MOST_DB), MOST_DB)

    async def close(self) -> None:
        """As the port."""
        await self._inner.close()
