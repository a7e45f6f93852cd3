"""Words said as an agent file wants them, by any voice: text is respelled before it is spoken, and word times are mapped back.

What was meant to be said, what was heard and where it was cut are told in the words of the text, never in the respelling.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import lru_cache

from stella.ports.speech import Sound, TextToSpeech, Word


class Respelling:
    """A list of words and how they are written for the voice. Whole words only; capitals count; the longest first."""

    def __init__(self, words: Mapping[str, str]) -> None:
        """`words` by how they stand in the text."""
        self._words = dict(words)
        longest = sorted(self._words, key=len, reverse=True)
        pattern = "|".join(re.escape(word) for word in longest)
        self._pattern = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)") if longest else None

    def of(self, text: str) -> tuple[str, Places]:
        """The text for the voice, and the way back."""
        if self._pattern is None or (first := self._pattern.search(text)) is None:
            return text, Places(())
        parts, jumps, at = [text[: first.start()]], [], first.start()
        spoken = at
        for found in self._pattern.finditer(text, first.start()):
            says = self._words[found[0]]
            parts += [text[at : found.start()], says]
            begin = spoken + found.start() - at
            spoken, at = begin + len(says), found.end()
            jumps.append((begin, spoken, at))
        parts.append(text[at:])
        return "".join(parts), Places(tuple(jumps))


class Places:
    """Where places in a respelled text are in the text itself."""

    def __init__(self, jumps: tuple[tuple[int, int, int], ...]) -> None:
        """`jumps`: from and to in the respelled text, and to in the text."""
        self._jumps = jumps
        self._begins = [jump[0] for jump in jumps]

    def __bool__(self) -> bool:
        """Whether anything was respelled."""
        return bool(self._jumps)

    def back(self, chars: int) -> int | None:
        """The place in the text; None inside a respelled word, which has not been said yet."""
        found = bisect_right(self._begins, chars - 1) - 1
        if found < 0:
            return chars
        _, end, stop = self._jumps[found]
        return stop + chars - end if chars >= end else None


@lru_cache(maxsize=64)
def _respelling(words: tuple[tuple[str, str], ...]) -> Respelling:
    """One for all calls of an agent."""
    return Respelling(dict(words))


def respelling(words: Mapping[str, Mapping[str, str]], language: str) -> Respelling:
    """The list of a language, for a carrier that speaks by itself. `words` by language."""
    return _respelling(tuple(words.get(language, {}).items()))


class PronouncedVoice:
    """Keeps `TextToSpeech`: an agent's pronunciation around the voices of its row. The voice is closed by its owner."""

    def __init__(self, inner: TextToSpeech, words: Mapping[str, Mapping[str, str]]) -> None:
        """`words` by language."""
        self._inner = inner
        self.name, self.languages = inner.name, inner.languages
        self._respellings = {language: _respelling(tuple(of.items())) for language, of in words.items()}

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As the port."""
        found = self._respellings.get(language)
        spoken, places = found.of(text) if found is not None else (text, Places(()))
        said = 0
        async with aclosing(self._inner.speak(spoken, language, voice)) as sounds:  # type: ignore[type-var]
            async for sound in sounds:
                if not places or not sound.words:
                    yield sound
                    continue
                words: list[Word] = []
                for word in sound.words:
                    if (at := places.back(word.chars)) is not None and at > said:
                        said = at
                        words.append(Word(at, word.end))
                yield replace(sound, words=tuple(words))

    async def close(self) -> None:
        """As the port."""
