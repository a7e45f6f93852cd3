"""Sound that was made once is not made twice: a TextToSpeech around another one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from hashlib import blake2b

from stella.ports.failure import ProviderError, Unavailable
from stella.ports.speech import Sound, TextToSpeech

Phrase = tuple[str, str, str]
"""Text, language, voice."""
Key = bytes


class _Rendering:
    """One text being voiced, for everybody who asked for it while it is."""

    __slots__ = ("error", "grew", "listeners", "over", "pieces", "task")

    def __init__(self) -> None:
        self.pieces: list[Sound] = []
        self.grew = asyncio.Event()
        self.over = False
        self.error: BaseException | None = None
        self.listeners = 0
        self.task: asyncio.Task[None] | None = None


class PhraseCache:
    """Keeps whole segments up to `most_bytes`, the least recently used go first.

    Two calls that want the same text at the same time share one rendering; it is stopped when the last of them goes
    away, and only what came whole is kept. Texts are kept as hashes. `hits` and `misses` are counted.
    """

    def __init__(self, inner: TextToSpeech, most_bytes: int = 64_000_000) -> None:
        """`inner` does the work and is closed with the cache."""
        self._inner = inner
        self.name = inner.name
        self.languages = inner.languages
        self.word_times: bool = getattr(inner, "word_times", False)
        self._most = most_bytes
        self._kept: OrderedDict[Key, tuple[Sound, ...]] = OrderedDict()
        self._rendering: dict[Key, _Rendering] = {}
        self.bytes = self.hits = self.misses = 0

    def _key(self, text: str, language: str, voice: str) -> Key:
        return blake2b(f"{self.name}\0{voice}\0{language}\0{text}".encode(), digest_size=16).digest()

    def holds(self, text: str, language: str, voice: str = "") -> bool:
        """Whether this is kept whole: then nobody has to be asked for it."""
        return self._key(text, language, voice) in self._kept

    async def warm(
        self, phrases: Iterable[Phrase], progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> list[tuple[Phrase, ProviderError]]:
        """Voice these now, one after the other; `progress` hears how many of how many. Returns those that failed."""
        wanted = list(dict.fromkeys(phrases))
        failed: list[tuple[Phrase, ProviderError]] = []
        for done, phrase in enumerate(wanted, 1):
            try:
                async for _ in self.speak(*phrase):
                    pass
            except ProviderError as fault:
                failed.append((phrase, fault))
            progress(done, len(wanted))
        return failed

    async def speak(self, text: str, language: str, voice: str = "") -> AsyncIterator[Sound]:
        """As TextToSpeech."""
        key = self._key(text, language, voice)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            self.hits += 1
            for piece in kept:
                yield piece
            return
        rendering = self._rendering.get(key)
        if rendering is None:
            self.misses += 1
            rendering = self._rendering[key] = _Rendering()
            rendering.task = asyncio.create_task(self._render(key, rendering, text, language, voice))
        else:
            self.hits += 1
        rendering.listeners += 1
        try:
            at = 0
            while True:
                while at < len(rendering.pieces):
                    yield rendering.pieces[at]
                    at += 1
                if rendering.over:
                    break
                rendering.grew.clear()
                await rendering.grew.wait()
            if rendering.error is not None:
                raise rendering.error
        finally:
            rendering.listeners -= 1
            if not rendering.listeners and not rendering.over and rendering.task is not None:
                self._rendering.pop(key, None)
                rendering.task.cancel()

    async def _render(self, key: Key, rendering: _Rendering, text: str, language: str, voice: str) -> None:
        try:
            async for piece in self._inner.speak(text, language, voice):
                rendering.pieces.append(piece)
                rendering.grew.set()
            self._keep(key, tuple(rendering.pieces))
        except asyncio.CancelledError:
            rendering.error = Unavailable(self.name, "closed")
            raise
        except Exception as fault:  # noqa: BLE001 - handed to everybody who listens
            rendering.error = fault
        finally:
            rendering.over = True
            if self._rendering.get(key) is rendering:
                del self._rendering[key]
            rendering.grew.set()

    def _keep(self, key: Key, pieces: tuple[Sound, ...]) -> None:
        size = sum(len(piece.mulaw) for piece in pieces)
        if not size or size > self._most:
            return
        self._kept[key] = pieces
        self.bytes += size
        while self.bytes > self._most:
            _, oldest = self._kept.popitem(last=False)
            self.bytes -= sum(len(piece.mulaw) for piece in oldest)

    async def close(self) -> None:
        """Stop what is being voiced, forget everything, close the engine."""
        tasks = [rendering.task for rendering in self._rendering.values() if rendering.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()
        self.bytes = 0
        await self._inner.close()
