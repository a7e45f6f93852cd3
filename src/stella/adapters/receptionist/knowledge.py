"""What the company knows: Markdown pages, cut at their headings, found by BM25 with patience for misheard words.

A finding must be honest: it counts only when it covers enough of what was asked, so that "the price of bitcoin" is not
answered with our prices. The index is built once; a question costs well under a millisecond.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from stella.adapters.receptionist.words import HEARD_LIMIT, language_of, terms
from stella.ports.meaning import Meaning
from stella.ports.pages import Document

PAGES, PAGE_BYTES, CHUNKS = 500, 500_000, 5_000
"""Bounds of a knowledge folder. What is beyond is left out and named in `Knowledge.left_out`."""

PIECE = 700
"""Characters of a section of a document that are one chunk; a longer one is cut between sentences."""

COVERAGE = 0.5
"""How much of the question's weight a chunk must cover to be an answer."""

LIKE, ALONE, CERTAIN = 0.75, 0.8, 0.9
"""How alike a misheard word must be to a known one: beside words that are certain; on its own; to outdo a compound."""

K1, B, HEADING = 1.2, 0.6, 3

DEEP, FUSE, ALIKE = 12, 60, 0.3
"""How many of each ranking are joined, how little the first places count for more than the next (reciprocal rank fusion:
https://dl.acm.org/doi/10.1145/1571941.1572114), and how near a meaning must be at the least."""

_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)
_SAY = re.compile(r"<!--\s*say:\s*(.*?)-->", re.DOTALL | re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ0-9„“\"])")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a page under one heading. `say` is what a caller hears of it."""

    source: str
    language: str
    heading: str
    text: str
    say: str


@dataclass(frozen=True, slots=True)
class Found:
    """An answer: `score` is BM25, `coverage` 0…1 how much of the question it speaks about."""

    chunk: Chunk
    score: float
    coverage: float


class Knowledge:
    """The index over all chunks of a folder."""

    def __init__(self, chunks: Iterable[Chunk], left_out: Sequence[str] = ()) -> None:
        """Index the chunks, one index per language."""
        self.meaning: Meaning | None = None
        self.chunks = tuple(chunks)
        self.left_out = tuple(left_out)
        languages = {chunk.language for chunk in self.chunks}
        self._indexes = {code: _Index([c for c in self.chunks if c.language == code], code) for code in languages}

    @classmethod
    def load(cls, folder: str | Path) -> Knowledge:
        """Read the `*.md` files of a folder and those below it; an empty name is an empty knowledge."""
        if not str(folder):
            return cls(())
        chunks: list[Chunk] = []
        left_out: list[str] = []
        root = Path(folder)
        for count, path in enumerate(sorted(root.rglob("*.md"))):
            name = path.relative_to(root).as_posix()
            try:
                fits = count < PAGES and len(chunks) < CHUNKS and path.stat().st_size <= PAGE_BYTES
                text = path.read_text("utf-8") if fits else ""
            except (OSError, UnicodeDecodeError):
                fits = False
            if fits:
                chunks += cut(text, name)
            else:
                left_out.append(name)
        return cls(chunks, left_out)

    def with_documents(self, documents: Iterable[Document]) -> Knowledge:
        """These chunks and those of documents, in an index of their own."""
        chunks, left_out = list(self.chunks), list(self.left_out)
        for document in documents:
            pieces = pieces_of(document)
            if len(chunks) + len(pieces) > CHUNKS or not pieces:
                left_out.append(document.name)
            else:
                chunks += pieces
        return Knowledge(chunks, left_out)

    def become(self, other: Knowledge) -> None:
        """Answer from another's pages from now on; who holds this one need not know."""
        self.chunks, self.left_out, self._indexes = other.chunks, other.left_out, other._indexes
        self.meaning = other.meaning

    async def understand(self, question: str) -> None:
        """Look for the meaning of a question, where meanings are known, so that `search` may use it. Never raises."""
        if self.meaning is not None:
            await self.meaning.understand(question)

    def search(self, question: str, language: str, most: int = 3, *, honest: bool = True) -> list[Found]:
        """The chunks that speak about a question, best first; empty when none does honestly.

        Where the question was understood, likeness of meaning decides the order as much as words do; only without `honest`
        it adds chunks that words alone would not have found: that is for whoever judges what was found.
        """
        index = self._indexes.get(language)
        if index is None:
            return []
        near = self.meaning.nearest(question, 2 * DEEP) if self.meaning is not None else []
        if not near:
            return index.search(question, most)
        found = {finding.chunk: finding for finding in index.search(question, DEEP)}
        ranks = {chunk: 1 / (FUSE + rank) for rank, chunk in enumerate(found)}
        alike = [(self.chunks[number], likeness) for number, likeness in near if likeness >= ALIKE]
        alike = [each for each in alike if each[0].language == language and (each[0] in found or not honest)]
        for rank, (chunk, likeness) in enumerate(alike):
            ranks[chunk] = ranks.get(chunk, 0.0) + 1 / (FUSE + rank)
            found.setdefault(chunk, Found(chunk, 0.0, likeness))
        return [found[chunk] for chunk in sorted(ranks, key=lambda each: -ranks[each])[:most]]


def cut(page: str, name: str) -> list[Chunk]:
    """Cut a page at its headings. Front matter may say `language: de`; else each chunk's words tell."""
    front = _FRONT.match(page)
    said = re.search(r"^lang(?:uage)?:\s*([a-z]{2})\b", front[1], re.MULTILINE) if front else None
    body = page[front.end() :] if front else page
    chunks = []
    for piece in re.split(r"^(?=#{1,6}\s)", body, flags=re.MULTILINE):
        head, _, rest = piece.partition("\n") if piece.startswith("#") else ("", "", piece)
        heading = plain(head.lstrip("#"))
        text = plain(_COMMENT.sub("", rest))
        wish = _SAY.search(rest)
        if text or wish:
            language = said[1] if said else language_of(f"{heading} {text}")
            say = plain(wish[1]) if wish else for_the_ear(text)
            chunks.append(Chunk(f"{name}#{heading}" if heading else name, language, heading, text, say))
    return [chunk for chunk in chunks if chunk.language in ("de", "en")]


def pieces_of(document: Document) -> list[Chunk]:
    """A document's sections as chunks. Its text is data: nothing in it is markup or an order to us."""
    chunks = []
    for section in document.sections:
        where = section.heading or section.place
        source = f"{document.name}#{where}" if where else document.name
        for text in _pieces(section.text):
            language = document.language or language_of(f"{section.heading} {text}")
            if language in ("de", "en"):
                chunks.append(Chunk(source, language, section.heading, text, for_the_ear(text)))
    return chunks


def _pieces(text: str) -> list[str]:
    """A text in pieces that end between sentences where they can."""
    pieces, piece = [], ""
    for line in text.splitlines():
        for sentence in _SENTENCE.split(" ".join(line.split())):
            if piece and len(piece) + len(sentence) > PIECE:
                pieces.append(piece)
                piece = ""
            piece = f"{piece} {sentence}".strip()
            while len(piece) > 2 * PIECE:
                pieces.append(piece[:PIECE])
                piece = piece[PIECE:]
    return [*pieces, piece] if piece else pieces


def plain(markdown: str) -> str:
    """Markdown without its marks, on one line."""
    text = re.sub(r"```.*?```", " ", markdown, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^\s*(?:[-*+]|\d+\.|>|#{1,6}|\|)\s*", "", text, flags=re.MULTILINE)
    text = re.sub(r"<[^>\n]*>|[*_`|]", " ", text)
    return re.sub(r" ([.,;:!?])", r"\1", " ".join(text.split()))


def for_the_ear(text: str, limit: int = 260) -> str:
    """The first two sentences, or as much of them as a caller can keep in mind."""
    sentences = _SENTENCE.split(text)
    said = sentences[0]
    if len(sentences) > 1 and len(said) + len(sentences[1]) < limit:
        said = f"{said} {sentences[1]}"
    return said if len(said) <= limit + 140 else said[: limit + 140].rsplit(" ", 1)[0] + "."


class _Index:
    def __init__(self, chunks: Sequence[Chunk], language: str) -> None:
        self._chunks, self._language = chunks, language
        bags = [Counter(terms(c.text, language) + terms(c.say, language)) for c in chunks]
        heads = [Counter(terms(c.heading, language)) for c in chunks]
        self._heads = heads
        words = {word for bag in (*bags, *heads) for word in bag}
        self._postings: dict[str, dict[int, float]] = {}
        self._parts: dict[str, list[str]] = {word: _split(word, words) for word in words}
        for number, (bag, head) in enumerate(zip(bags, heads, strict=True)):
            for word, count in (bag + Counter({w: c * HEADING for w, c in head.items()})).items():
                for part in (word, *self._parts[word]):
                    posting = self._postings.setdefault(part, {})
                    posting[number] = posting.get(number, 0.0) + (count if part == word else count * 0.5)
        lengths = [sum(bag.values()) + 1 for bag in bags]
        mean = sum(lengths) / len(lengths)
        self._norm = [K1 * (1 - B + B * length / mean) for length in lengths]
        self._trigrams: dict[str, set[str]] = {}
        for word in self._postings:
            for gram in _grams(word):
                self._trigrams.setdefault(gram, set()).add(word)

    def search(self, question: str, most: int) -> list[Found]:
        asked = self._asked(question)
        weights = {word: self._idf(word) * (1.0 if self._known(word) else trust) for word, trust in asked.items()}
        total = sum(weights.values())
        scores: dict[int, float] = {}
        covered: dict[int, float] = {}
        for word in asked:
            best: dict[int, float] = {}
            share: dict[int, float] = {}
            for known, trust in self._known(word):
                idf = min(self._idf(known), weights[word])
                for number, count in self._postings[known].items():
                    gain = trust * idf * count * (K1 + 1) / (count + self._norm[number])
                    best[number] = max(best.get(number, 0.0), gain)
                    share[number] = max(share.get(number, 0.0), trust)
            for number, gain in best.items():
                scores[number] = scores.get(number, 0.0) + gain
                covered[number] = covered.get(number, 0.0) + weights[word] * share[number]
        found = [Found(self._chunks[n], score * self._aim(n, asked), covered[n] / total) for n, score in scores.items()]
        return sorted((f for f in found if f.coverage >= COVERAGE), key=lambda f: -f.score)[:most]

    def _asked(self, question: str) -> dict[str, float]:
        """The words of a question, each with how much it weighs if no page knows it.

        In German a noun that is written as one says what a question is about, a small word does not.
        """
        written = question[:HEARD_LIMIT].split()
        nouns = {term for word in written[1:] if word[:1].isupper() for term in terms(word, self._language)}
        telling = self._language == "de" and bool(nouns)
        asked = terms(" ".join(written), self._language)[:40]
        return {word: (1.0 if word in nouns else 0.3) if telling else 0.6 for word in asked}

    def _aim(self, number: int, asked: Mapping[str, float]) -> float:
        """A heading that is wholly about the question counts for more than one that is about more than it."""
        head = self._heads[number]
        return 1 + 0.5 * sum(word in asked for word in head) / len(head) if head else 1.0

    def _idf(self, word: str) -> float:
        known = self._postings.get(word)
        count = len(known) if known else 0
        return math.log(1 + (len(self._chunks) - count + 0.5) / (count + 0.5))

    def _known(self, word: str) -> list[tuple[str, float]]:
        """Words of the index that this word may stand for, each with how far it is trusted."""
        if word in self._postings:
            return [(word, 1.0)]
        near = self._alike(word)
        parts = [part for part in _split(word, self._postings) if part in self._postings]
        if parts and not (near and near[0][1] >= CERTAIN):
            # The end of a German compound says what it is, its beginning only what about.
            return [(part, 0.8 if word.endswith(part) else 0.45) for part in parts]
        return [(known, alike * 0.9 if alike >= ALONE else 0.4) for known, alike in near[:2]]

    def _alike(self, word: str) -> list[tuple[str, float]]:
        """Known words that a misheard one may have been, the most alike first."""
        if len(word) < 4:
            return []
        near: Counter[str] = Counter(known for gram in _grams(word) for known in self._trigrams.get(gram, ()))
        ratios = [(known, SequenceMatcher(None, word, known).ratio()) for known, _ in near.most_common(8)]
        return sorted((pair for pair in ratios if pair[1] >= LIKE), key=lambda pair: -pair[1])


def _grams(word: str) -> set[str]:
    padded = f"^{word}$"
    return {padded[at : at + 3] for at in range(len(padded) - 2)} or {padded}


def _split(word: str, known: Iterable[str]) -> list[str]:
    """The parts of a German compound that are words of their own: `wartungsvertrag` has `wartung` and `vertrag`."""
    return [part for part in known if 4 <= len(part) < len(word) - 2 and (word.startswith(part) or word.endswith(part))]
