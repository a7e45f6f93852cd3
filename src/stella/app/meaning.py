"""The meanings of an agent's pages: vectors made once for every piece of text, kept on disk, asked with a short patience."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import structlog

from stella.ports.failure import ProviderError
from stella.ports.meaning import Embedder, Vectors

_log = structlog.get_logger("stella.knowledge")

QUESTION_S = 0.6
"""A caller waits no longer for the meaning of a question; then words alone decide."""
PAGES_S = 60.0
QUESTIONS_MOST = 500


class PageMeaning:
    """Keeps `Meaning` for the texts of one index."""

    def __init__(self, embedder: Embedder, vectors: Vectors) -> None:
        """A row of `vectors` for each text."""
        self._embedder, self._vectors = embedder, vectors
        self._asked: OrderedDict[str, np.ndarray] = OrderedDict()

    async def understand(self, question: str) -> None:
        """As the port."""
        if not question.strip() or question in self._asked:
            return
        try:
            (vector,) = await self._embedder.embed([question], QUESTION_S)
        except ProviderError as failure:
            _log.warning("meaning-unknown", engine=self._embedder.name, code=failure.code)
            return
        if len(vector) == self._vectors.shape[1]:
            self._asked[question] = vector
            while len(self._asked) > QUESTIONS_MOST:
                self._asked.popitem(last=False)

    def nearest(self, question: str, most: int) -> list[tuple[int, float]]:
        """As the port."""
        vector = self._asked.get(question)
        if vector is None:
            return []
        likeness = self._vectors @ vector
        return [(int(number), float(likeness[number])) for number in np.argsort(-likeness)[:most]]


async def meaning_of(texts: Sequence[str], embedder: Embedder, folder: Path, whose: str = "") -> PageMeaning:
    """The meanings of these texts; those that were made before are not paid for again. Raises ProviderError.

    `whose` they are keeps them apart: what one agent's pages no longer say is thrown away, and another's is not.
    """
    path = folder / f"meanings-{hashlib.sha256(f'{embedder.name} {whose}'.encode()).hexdigest()[:16]}.npz"
    known = await asyncio.to_thread(_load, path)
    keys = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        made = await embedder.embed(list(missing.values()), PAGES_S)
        if known and len(next(iter(known.values()))) != made.shape[1]:
            # The name means another model now: what it said before is worth nothing.
            path.unlink(missing_ok=True)
            return await meaning_of(texts, embedder, folder, whose)
        known |= dict(zip(missing, made, strict=True))
        kept = {key: known[key] for key in keys}
        try:
            await asyncio.to_thread(_save, path, kept)
        except OSError as fault:
            _log.warning(
                "meanings-not-kept", engine=embedder.name, fault=type(fault).__name__,
                mend="make room, and let STELLA write into its data folder: they are paid for anew at the next start",
            )  # fmt: skip
    return PageMeaning(embedder, np.stack([known[key] for key in keys]))


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            names, rows = kept["names"], kept["rows"]
            return {str(name): row for name, row in zip(names, rows, strict=True)}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
        return {}


def _save(path: Path, known: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new.npz")
    np.savez(beside, names=np.array(list(known)), rows=np.stack(list(known.values())))
    beside.replace(path)
