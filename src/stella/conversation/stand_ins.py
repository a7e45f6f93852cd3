"""A tape without anybody in it: stand-ins of the same shape for every name, number and matter.

Only words on a list stay: those that turn-taking looks for, those of STELLA's own phrases, and the commonest little words
of both languages. Every other word becomes as many `x`; every digit a `0`; every number word another of its length. So
lengths, places of words and what a text means to the core stay as they were, and nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stella.conversation.tape_fields import Row, personal_places
from stella.conversation.words import KNOWN, SPOKEN_DIGITS

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d")
_PROSE = (
    "i we they he she it me us them him her our your their be am was were been do does did can could will would "
    "may have has had if when where there here this these those as by on in into out up down over again more please "
    "ask tell give take call say said like want need know help go on going stop wait another something anything "
    "question today tomorrow open closed hours hello hi now one moment which only then than also just sorry "
    "ich du er sie wir ihr mich dich uns ihnen sein sind war waren haben hat hatte kann können möchte will wollen "
    "soll werden wird wenn wo hier da dies diese dieser auch nur noch schon jetzt dann bitte frage fragen sagen "
    "geben brauche hilfe warten halt nochmal heute morgen offen geöffnet zeiten hallo guten tag etwas zu zum zur im "
    "am an auf aus nach vor über unter nicht kein keine"
)
_LITTLE = frozenset(_PROSE.split())
_ALIKE = {3: "one", 4: "four", 5: "three", 6: "sieben", 2: "oh"}


def stand_in(text: str, also: frozenset[str] = frozenset()) -> str:
    """A text of the same shape that says nothing. `also` are words that may stay."""

    def word(found: re.Match[str]) -> str:
        said = found[0]
        low = said.lower().replace("’", "'")
        if said.isdigit():
            return "0"
        if low in KNOWN or ((low in _LITTLE or low in also) and low not in SPOKEN_DIGITS):
            return said
        if low in SPOKEN_DIGITS:
            return _cased(_ALIKE[len(low)], said)
        return "".join(("X" if sign.isupper() else "x") if sign.isalpha() else sign for sign in said)

    return _TOKEN.sub(word, text)


def _cased(word: str, like: str) -> str:
    return word.capitalize() if like[0].isupper() else word


def vocabulary(texts: Sequence[str]) -> frozenset[str]:
    """The words of texts that are public, such as STELLA's own phrases."""
    return frozenset(found.lower() for text in texts for found in _TOKEN.findall(text))


def anonymous(rows: Sequence[Row], also: frozenset[str] = frozenset()) -> list[Row]:
    """A tape with stand-ins for all that was said and keyed."""
    return [_row(row, lambda text: stand_in(text, also)) for row in rows]


def anonymous_phrases(phrases: Mapping[str, Any], also: frozenset[str] = frozenset()) -> dict[str, Any]:
    """An agent's phrases, as a tape's head has them, with stand-ins."""
    return {
        name: [stand_in(each, also) for each in said] if isinstance(said, (list, tuple)) else stand_in(said, also)
        for name, said in phrases.items()
    }


def _row(row: Row, say: Callable[[str], str]) -> Row:
    fresh = list(row)
    kind = row[1]
    for place in personal_places(row):
        value = row[place]
        if kind == "CommitTurn":
            fresh[place] = [say(part) if at in {2, 6} else part for at, part in enumerate(value)]
        elif kind in {"ReplyActed", "RecordTool"}:
            fresh[place] = _act(value, say)
        else:
            fresh[place] = say(value)
    if kind == "LanguageChanged":
        fresh[2] = [[say(each) for each in part] if isinstance(part, list) else say(part) for part in row[2]]
    return fresh


def _act(value: list[Any], say: Callable[[str], str]) -> list[Any]:
    """Of a tool only its name and times; of a person a stand-in; hints go."""
    kind, *rest = value
    if kind == "UsedTool":
        use, *times = rest
        return [kind, [use[0], {}, "", use[3], use[4], None if use[5] is None else "failed"], *times]
    if kind == "TransferTo":
        return [kind, say(rest[0])]
    return [kind, *([] if isinstance(part, list) else part for part in rest)]
