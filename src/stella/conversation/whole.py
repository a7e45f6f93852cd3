"""Does a text say itself that it is a whole sentence? German and English together. Most sentences are whole without saying so.

Looked at once for every pause, with sets and no patterns: it must cost nothing.
"""

from __future__ import annotations

from enum import Enum, auto

from stella.conversation.words import SUBORDINATORS, is_unfinished, split


def _list(words: str) -> frozenset[str]:
    """Write a word list as prose."""
    return frozenset(words.split())


_TAIL = 160
"""Only the last so many characters say how a sentence ends; a long turn costs no more to look at than a short one."""
_LEAST = 3
"""Fewer words than this are no whole question."""
_ASKED_ROUND = 4
"""So many words behind "I was wondering" are what was wondered."""
_ASKING = _list(
    "what when where who which why how can could will would do does did is are have has am was were shall should may "
    "was wann wo wer welche welcher welches warum wieso wie wieviel woher wohin kann können könnte könnten würden "
    "haben hat ist sind gibt darf dürfen soll sollen muss müssen arbeiten machen"
)
_ROUND_ABOUT = frozenset(
    {
        ("was", "wondering"), ("i", "wonder"), ("like", "to", "know"), ("want", "to", "know"), ("tell", "me"),
        ("wollte", "fragen"), ("möchte", "wissen"), ("gerne", "wissen"), ("mir", "sagen"), ("bitte", "sagen"),
    }
)  # fmt: skip
_ROUND_ABOUT_WORDS = frozenset(words[-1] for words in _ROUND_ABOUT)
_INTRODUCING = frozenset(
    {
        ("my", "name", "is"), ("my", "name's"), ("this", "is"), ("mein", "name", "ist"), ("ich", "heiße"),
        ("speak", "to"), ("talk", "to"), ("sprechen", "mit"),
    }
)  # fmt: skip
"""Who gives a name gives it whole, in two words or more."""
_INTRODUCING_WORDS = frozenset(words[-1] for words in _INTRODUCING)
_CLOSING = _list("thanks please bye goodbye danke dankeschön bitte tschüss tschüs wiederhören wiederschauen")
_CLOSINGS = frozenset(
    {
        ("thank", "you"), ("very", "much"), ("good", "bye"), ("is", "all"), ("that's", "all"), ("that's", "it"),
        ("nothing", "else"), ("vielen", "dank"), ("danke", "schön"), ("ist", "alles"), ("das", "war's"),
        ("sonst", "nichts"), ("auf", "wiedersehen"),
    }
)  # fmt: skip
_BRACKET = _list(
    "möchte möchten will wollte kann könnte könnten würde würden muss müssen soll sollen darf werde habe hat haben "
    "hatte bin ist sind wurde hätte hätten"
)
"""Verbs that open a bracket: the sentence is over with the infinitive or participle that closes it."""
_BENT = _list(
    "habe hat haben hätte ist sind bin war wird werden würde kann können könnte muss müssen soll sollen will wollen "
    "möchte darf geht kommt braucht schicken machen"
)
"""Verbs that close a clause which a subordinator opened."""
_INFINITIVES = ("en", "ern", "eln")
_SHORT = 4
_NO_VERBS = _list(
    "ihnen einen meinen ihren seinen keinen unseren diesen jeden allen gestern gegen neben sieben welchen"
)
_PARTICIPLES = ("ge", "be", "ver", "er", "ent", "zer")


class End(Enum):
    """What the words themselves say of how a text ends."""

    OPEN = auto()
    """Nothing: it may be over, or not."""
    UNFINISHED = auto()
    """More is to come."""
    WHOLE = auto()
    """A sentence is whole: a thank-you or goodbye, a name that was given, a German clause whose last verb has come."""
    QUESTION = auto()
    """A whole question, with a question mark or by the order of its words."""


def how_it_ends(text: str) -> End:
    """What the words say of the end of a text."""
    if is_unfinished(text):
        return End.UNFINISHED
    said = split(text[-_TAIL:])
    if not said:
        return End.OPEN
    if _asks(text, said):
        return End.QUESTION
    if said[-1] in _CLOSING or tuple(said[-2:]) in _CLOSINGS:
        return End.WHOLE
    whole = _introduces(said) or _closes_a_clause(said, noun=text.rsplit(maxsplit=1)[-1][:1].isupper())
    return End.WHOLE if whole else End.OPEN


def _asks(text: str, said: list[str]) -> bool:
    """Whether these, the last words of the text, are a question or the end of one."""
    if text.rstrip().endswith("?"):
        return True
    first = split(text[:_TAIL])[0] if len(text) > _TAIL else said[0]
    if len(said) >= _LEAST and first in _ASKING:
        return True
    if _ROUND_ABOUT_WORDS.isdisjoint(said):
        return False
    return any(
        tuple(said[place : place + length]) in _ROUND_ABOUT
        for length in (2, 3)
        for place in range(len(said) - length - _ASKED_ROUND + 1)
    )


def _introduces(said: list[str]) -> bool:
    """Whether a name was given in two to four words."""
    if _INTRODUCING_WORDS.isdisjoint(said[-5:-2]):
        return False
    for words in (2, 3, 4):
        before = said[-words - 3 : -words]
        if tuple(before) in _INTRODUCING or tuple(before[-2:]) in _INTRODUCING:
            return True
    return False


def _closes_a_clause(said: list[str], *, noun: bool) -> bool:
    """Whether a German clause has come to its last verb, which is no noun and written small."""
    *before, last = said
    if noun:
        return False
    if last in _BENT and not SUBORDINATORS.isdisjoint(before):
        return True
    if _BRACKET.isdisjoint(before):
        return False
    infinitive = last.endswith(_INFINITIVES) and len(last) > _SHORT and last not in _NO_VERBS
    return infinitive or _is_participle(last)


def _is_participle(word: str) -> bool:
    """Whether a word looks like "bestellt", "eingelegt" or "notiert"."""
    if not word.endswith("t"):
        return False
    return word.endswith("iert") or any(part in word[:5] and len(word) > len(part) + 2 for part in _PARTICIPLES)
