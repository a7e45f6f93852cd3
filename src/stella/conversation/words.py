"""What a few words mean for turn-taking, German and English together (callers mix them)."""

from __future__ import annotations

import re
from enum import Enum

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def _list(words: str) -> frozenset[str]:
    """Write a word list as prose."""
    return frozenset(words.split())


BACKCHANNELS = _list(
    "mhm mhmm mmhm mm mmm hm hmm hmhm aha ah oh ach achso ja jaja jo jap jep okay ok oke gut genau klar alles richtig "
    "stimmt verstehe super prima fein so yes yeah yep yup uh huh uhuh right sure alright cool fine great good see i "
    "got it"
)
_NOT_ALONE = _list("i see got it so uh alles")
_PHRASES = frozenset({"i see", "got it", "i got it", "uh huh", "alles klar", "ach so", "so so", "uh"})
_YES = _list(
    "ja jaja jawohl jo jap jep klar gerne gern einverstanden okay ok natürlich sicher freilich passt genau yes yeah "
    "yep yup sure alright agree agreed absolutely definitely"
)
_NO = _list(
    "nein nö nee na nicht keinesfalls niemals ungern no nope nah not don't dont never disagree refuse cannot can't "
    "won't"
)
_DOUBT = _list("vielleicht warum wieso weshalb was wie wer welche maybe perhaps why what how who which")
_INTERRUPTING = _list(
    "stop stopp halt wait warte warten moment sekunde second hold hang hello hallo help hilfe sorry entschuldigung "
    "pardon excuse question frage but aber actually eigentlich"
)
_CHANGES = _list(
    "aber sondern lieber anders stattdessen stopp stop halt warte warten moment falsch später früher erst ausser außer "
    "but instead rather wait hold wrong later earlier except actually unless different"
)
_TRAILING = _list(
    "und oder aber weil dass denn also mit für von bei der die das ein eine einen mein meine ist lautet sowie plus "
    "and or but because that with for from at the a an my is are to of so um uh äh ähm öhm hm er erm eh "
    "ob wenn obwohl sondern zwischen wegen über zum zur im den dem des einem einer eines meinem meiner meinen unser "
    "unsere unserem ihre ihrem ihrer seine about if whether between your our his their "
    "herr herrn frau mister mr mrs ms dr doctor doktor"
)
_OPENINGS = frozenset(
    {
        ("ich", "heiße"), ("wohne", "in"), ("my", "name's"), ("tell", "me"), ("mir", "sagen"), ("bitte", "sagen"), ("to", "know"),
        ("was", "wondering"), ("the", "company"), ("die", "firma"), ("der", "firma"), ("wollte", "fragen"), ("möchte", "wissen"),
    }
)  # fmt: skip
"""Two last words behind which something must follow; "my number is" and its like end in a trailing word anyway."""
_SUBORDINATORS = _list("dass weil ob wenn obwohl damit")
"""What they open is over with its verb: "weil meine Maschine kaputt ist"."""
_SPOKEN_DIGITS = _list(
    "null eins ein zwei zwo drei vier fünf sechs sieben acht neun zero oh one two three four five six seven eight nine"
)
_PLAUSIBLE_NUMBER = 7
"""A spoken telephone number with fewer digits than this is probably not finished."""
_COURTESY = _list(
    "tschüss tschüs tschau ciao servus baba wiederhören wiederschauen wiedersehen auf danke dankeschön bitte vielen "
    "dank schön schönen tag noch ihnen auch gleichfalls ebenso einen bye goodbye thank thanks you too day have a nice "
    "good very much"
)


class Answer(Enum):
    """What was said to a yes-or-no question."""

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


def split(text: str) -> list[str]:
    """The words of a transcript, in lower case, without punctuation."""
    said: list[str] = []
    for chunk in text.lower().replace("’", "'").split():
        # A pattern costs four times as much, and most words need none.
        if chunk.isalnum():
            said.append(chunk)
        else:
            said += _WORD.findall(chunk)
    return said


def is_backchannel(text: str) -> bool:
    """Whether a text is only "mhm", "ja", "okay", "I see": listening, not taking the floor. Empty text is not."""
    said = split(text)
    if not said or len(said) > 4 or text.rstrip().endswith("?"):
        return False
    if " ".join(said) in _PHRASES:
        return True
    return all(word in BACKCHANNELS for word in said) and not all(word in _NOT_ALONE for word in said)


def interrupts(text: str) -> bool:
    """Whether a text has a word that takes the floor whatever else is said: "stop", "no", "what", "Moment"."""
    return any(word in _INTERRUPTING or word in _NO or word in _DOUBT for word in split(text))


def is_courtesy(text: str) -> bool:
    """Whether a text is only a goodbye or a thank-you, as people say it into a farewell. It takes no floor there."""
    said = split(text)
    return bool(said) and len(said) <= 8 and all(word in _COURTESY or word in BACKCHANNELS for word in said)


def yes_or_no(text: str) -> Answer:
    """What the caller answered. A question back, both words at once, or neither is unclear; a no outweighs an okay."""
    said = set(split(text))
    if not said or text.rstrip().endswith("?") or said & _DOUBT:
        return Answer.UNCLEAR
    if said & _NO:
        strong = said & {"ja", "yes", "yeah", "jawohl"}
        return Answer.UNCLEAR if strong else Answer.NO
    return Answer.YES if said & _YES else Answer.UNCLEAR


def is_plain_yes(text: str) -> bool:
    """Whether the caller agreed and wants nothing changed: "ja, aber um elf" is no yes, and neither is a long speech."""
    said = split(text)
    return len(said) <= 12 and not set(said) & _CHANGES and yes_or_no(text) is Answer.YES


def count_digits(text: str) -> int:
    """How many digits a text names, in figures or in words."""
    return sum(len(word) if word.isdigit() else word in _SPOKEN_DIGITS for word in split(text))


def is_unfinished(text: str) -> bool:
    """Whether more is to be expected: a trailing "and", "my number is", a hesitation, a number not yet complete."""
    ending = " ".join(text.rsplit(None, 2)[-2:])
    said = split(ending)
    if tuple(said) in _OPENINGS:
        return True
    if not said or ending.endswith("?"):
        return False
    last = said[-1]
    if last == "ist" and not _SUBORDINATORS.isdisjoint(split(text)):
        return False
    if last in _TRAILING or ending.endswith((",", "…", "...", "-")):
        return True
    return (last.isdigit() or last in _SPOKEN_DIGITS) and _stops_within_number(split(text))


def _stops_within_number(said: list[str]) -> bool:
    """Whether the text ends in several digits, spoken or in groups, that are too few for a telephone number."""
    groups = digits = 0
    for word in reversed(said):
        if not (word.isdigit() or word in _SPOKEN_DIGITS):
            break
        groups += 1
        digits += len(word) if word.isdigit() else 1
    return groups > 1 and digits < _PLAUSIBLE_NUMBER


def ends_in_digits(text: str) -> bool:
    """Whether the last thing said is a digit."""
    said = split(text)
    return bool(said) and (said[-1].isdigit() or said[-1] in _SPOKEN_DIGITS)


def is_complete_number(text: str, digits: int) -> bool:
    """Whether a text names all digits that were asked for (0: as many as a telephone number has)."""
    return count_digits(text) >= (digits or _PLAUSIBLE_NUMBER)


SPOKEN_DIGITS = _SPOKEN_DIGITS
SUBORDINATORS = _SUBORDINATORS
KNOWN = frozenset().union(
    BACKCHANNELS, _YES, _NO, _DOUBT, _CHANGES, _INTERRUPTING, _TRAILING, _COURTESY,
    _list("phone telephone mobile number name address email nummer adresse mail telefonnummer handynummer heiße wohne"),
    _list("name's i'm calling about es geht um lautet"),
)  # fmt: skip
"""Every word that turn-taking itself looks for, but the digits."""
