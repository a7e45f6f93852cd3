"""What a few words mean for turn-taking, German and English together (callers mix them)."""

from __future__ import annotations

import re
from enum import Enum

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001 (both apostrophes occur in transcripts)

BACKCHANNELS = frozenset(
    "mhm mhmm mmhm mm mmm hm hmm hmhm aha ah oh ach achso ja jaja jo jap jep okay ok oke gut genau klar alles richtig "
    "stimmt verstehe super prima fein so yes yeah yep yup uh huh uhuh right sure alright cool fine great good see i "
    "got it".split()
)
_NOT_ALONE = frozenset("i see got it so uh alles".split())
_PHRASES = frozenset(("i see", "got it", "i got it", "uh huh", "alles klar", "ach so", "so so", "uh"))
_YES = frozenset(
    "ja jaja jawohl jo jap jep klar gerne gern einverstanden okay ok natürlich sicher freilich passt genau yes yeah "
    "yep yup sure alright agree agreed absolutely definitely".split()
)
_NO = frozenset(
    "nein nö nee na nicht keinesfalls niemals ungern no nope nah not don't dont never disagree refuse".split()
)
_DOUBT = frozenset("vielleicht warum wieso weshalb was wie wer welche maybe perhaps why what how who which".split())
_TRAILING = frozenset(
    "und oder aber weil dass denn also mit für von bei der die das ein eine einen mein meine ist lautet sowie plus "
    "and or but because that with for from at the a an my is are to of so um uh äh ähm öhm hm er erm eh".split()
)
_OPENINGS = (
    re.compile(r"\b(my|the) (phone |telephone |mobile )?(number|name|address|email) is\W*$", re.I),
    re.compile(r"\bmeine? \w*(nummer|name|adresse|mail) (ist|lautet)\W*$", re.I),
    re.compile(r"\b(ich heiße|ich wohne in|my name's|i'm calling about|es geht um)\W*$", re.I),
)
_SPOKEN_DIGITS = frozenset(
    "null eins ein zwei zwo drei vier fünf sechs sieben acht neun zehn elf zwölf doppel zero oh one two three four "
    "five six seven eight nine ten double triple".split()
)
_PLAUSIBLE_NUMBER = 7
"""A spoken telephone number with fewer digits than this is probably not finished."""


class Answer(Enum):
    """What was said to a yes-or-no question."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


def split(text: str) -> list[str]:
    """The words of a transcript, in lower case, without punctuation."""
    return _WORD.findall(text.lower().replace("’", "'"))  # noqa: RUF001


def is_backchannel(text: str) -> bool:
    """Whether this is only "mhm", "ja", "okay", "I see": listening, not taking the floor. Empty text is not."""
    said = split(text)
    if not said or len(said) > 4 or text.rstrip().endswith("?"):
        return False
    if " ".join(said) in _PHRASES:
        return True
    return all(word in BACKCHANNELS for word in said) and not all(word in _NOT_ALONE for word in said)


def yes_or_no(text: str) -> Answer:
    """What the caller answered. A question back, both words at once, or neither is unclear; a no outweighs an okay."""
    said = set(split(text))
    if not said or text.rstrip().endswith("?") or said & _DOUBT:
        return Answer.UNCLEAR
    if said & _NO:
        strong = said & {"ja", "yes", "yeah", "jawohl"}
        return Answer.UNCLEAR if strong else Answer.NO
    return Answer.YES if said & _YES else Answer.UNCLEAR


def count_digits(text: str) -> int:
    """How many digits a text names, in figures or in words."""
    return sum(len(word) if word.isdigit() else word in _SPOKEN_DIGITS for word in split(text))


def is_unfinished(text: str) -> bool:
    """Whether more is to be expected: a trailing "and", "my number is", a hesitation, a number not yet complete."""
    said = split(text)
    if not said or text.rstrip().endswith("?"):
        return False
    if text.rstrip().endswith((",", "…", "...", "-")) or said[-1] in _TRAILING:
        return True
    return any(opening.search(text) for opening in _OPENINGS) or _digits_run_on(said)


def _digits_run_on(said: list[str]) -> bool:
    """Whether the text ends in a run of two or more digits too short for a telephone number."""
    run = 0
    for word in reversed(said):
        if not (word.isdigit() or word in _SPOKEN_DIGITS):
            break
        run += len(word) if word.isdigit() else 1
    return 1 < run < _PLAUSIBLE_NUMBER and (run != len(said) or run > 1) and len(said) > 1


def is_complete_number(text: str, digits: int) -> bool:
    """Whether a text names all digits that were asked for (0: as many as a telephone number has)."""
    return count_digits(text) >= (digits or _PLAUSIBLE_NUMBER)
