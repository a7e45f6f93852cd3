"""Names as people say and spell them, and the people of the company they ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from stella.adapters.receptionist.words import STOP, fold
from stella.domain.agent import Person

_LEAD = {
    "de": re.compile(
        r"^.*?\b(?:mein name ist|mein name|der name ist|name ist|ich heiße|ich heisse|ich bin (?:die|der)?|hier ist|hier spricht|"
        r"da spricht|da ist|das ist|es ist|ist|am apparat ist|sondern)\s+(?=\S)",
        re.IGNORECASE,
    ),
    "en": re.compile(
        r"^.*?\b(?:my name is|my name's|my name|the name is|the name's|name is|i am called|"
        r"i'm called|call me(?! back)|this is|i am|"
        r"i'm|it is|it's|its|here is|speaking is)\s+(?=\S)",
        re.IGNORECASE,
    ),
}
_EXPLICIT = {
    "de": re.compile(r"\b(mein name|ich hei(ß|ss)e|ich bin (die |der )?(herr|frau)|hier spricht)\b", re.IGNORECASE),
    "en": re.compile(r"\b(my name|i'?m called|call me(?! back))\b", re.IGNORECASE),
}
_FILLER = frozenset(
    [
        "äh",
        "ähm",
        "eh",
        "öh",
        "hm",
        "mhm",
        "also",
        "ja",
        "jo",
        "nein",
        "na",
        "naja",
        "gut",
        "okay",
        "ok",
        "bitte",
        "danke",
        "servus",
        "hallo",
        "guten",
        "tag",
        "morgen",
        "abend",
        "grüß",
        "gott",
        "uh",
        "um",
        "er",
        "erm",
        "well",
        "yes",
        "yeah",
        "yep",
        "no",
        "nope",
        "please",
        "thanks",
        "thank",
        "you",
        "hello",
        "hi",
        "hey",
        "so",
        "the",
        "der",
        "die",
        "das",
        "herr",
        "frau",
        "familie",
        "mr",
        "mrs",
        "ms",
        "miss",
        "doktor",
        "dr",
        "magister",
        "mag",
        "and",
        "und",
        "sure",
    ]
)
_TITLES = frozenset({"herr", "frau", "herrn", "mr", "mrs", "ms", "miss", "dr", "doktor", "mister"})
_AS_IN = re.compile(r"\b([a-zäöü])\s+(?:wie|as in|for|like)\s+\w+", re.IGNORECASE)
_LETTER_NAMES = {
    "de": {"zett": "z", "ypsilon": "y", "jott": "j", "vau": "v", "scharfes": "ß"},
    "en": {"zed": "z", "zee": "z"},
}


def name_in(text: str, language: str) -> str:
    """The name in an answer to "what is your name?", capitalised; empty when there is none.

    Spelled letters (`B E R G E R`, `B wie Berta`) are joined and win over the same word said before.
    """
    raw = _AS_IN.sub(r"\1", " ".join(text[:300].replace("’", "'").split()))
    raw = _LEAD[language].sub("", raw, count=1)
    raw = re.split(r"[.!?;]|,? (?:und ich|and i|ich möchte|i would|i'd|from|von der firma)\b", raw, maxsplit=1)[0]
    words = [re.sub(r"[^\w'-]", "", word) for word in re.split(r"[\s,]+", raw)]
    words = [_LETTER_NAMES[language].get(word.casefold(), word) for word in words if word]
    letters = [word for word in words if len(word) == 1 and word.isalpha()]
    if len(letters) >= 3:
        spelled = "".join(letters).capitalize()
        before = [word for word in words if len(word) > 1 and word.casefold() not in _FILLER]
        kept = [word for word in before[:3] if SequenceMatcher(None, fold(word), fold(spelled)).ratio() < 0.6]
        return " ".join([*(_capital(word) for word in kept if _is_name(word, language)), spelled])[:60]
    while words and words[0].casefold() in _FILLER:
        words.pop(0)
    while words and words[-1].casefold() in _FILLER:
        words.pop()
    good = [word for word in words if _is_name(word, language) or word.casefold() in PARTICLES]
    if not words or words[0] not in good:
        return ""
    return " ".join(map(_capital, words))[:60] if good and len(words) <= 5 and len(good) >= len(words) - 1 else ""


def says_name(text: str, language: str) -> bool:
    """Whether a sentence introduces its speaker."""
    return bool(_EXPLICIT[language].search(text[:300].replace("’", "'")))


def _is_name(word: str, language: str) -> bool:
    return bool(re.fullmatch(r"[^\W\d_][^\W\d_'-]*(?:['-][^\W\d_]+)*", word)) and fold(word) not in STOP[language]


def _capital(word: str) -> str:
    if word.casefold() in PARTICLES:
        return word.casefold()
    return "-".join(part[:1].upper() + part[1:] for part in word.split("-"))


PARTICLES = frozenset({"von", "van", "der", "de", "zu", "la", "den"})
"""Small words inside names."""

SURE, GUESS = 0.85, 0.7
"""How alike a word must be to a name to count as it, and to be worth asking about."""


def people_meant(folded: str, people: Sequence[Person], least: float = SURE) -> list[Person]:
    """Who is asked for in a (folded) sentence: an exact word of a name first, then words that sound alike."""
    words = [word for word in folded.split() if word not in _TITLES]
    best: list[tuple[float, Person]] = []
    for person in people:
        likeness = max((_likeness(fold(name), words, folded) for name in (person.name, *person.also)), default=0.0)
        if likeness >= least:
            best.append((likeness, person))
    top = max((likeness for likeness, _ in best), default=0.0)
    return [person for likeness, person in best if likeness >= top - 0.05]


def _comparable(word: str, part: str) -> bool:
    """The first sound of a name is heard best; words that differ in it are other words."""
    return word[0] == part[0] and abs(len(word) - len(part)) <= 2


def _likeness(name: str, words: list[str], folded: str) -> float:
    if re.search(rf"\b{re.escape(name)}\b", folded):
        return 1.2
    parts = [part for part in name.split() if part not in _TITLES and len(part) > 2]
    ratios = [
        max(
            (SequenceMatcher(None, part, word).ratio() for word in words if _comparable(word, part)),
            default=0.0,
        )
        for part in parts
    ]
    return max(ratios, default=0.0) if parts else 0.0
