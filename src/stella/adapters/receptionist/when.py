"""Which day a caller means: "morgen", "nächsten Montag", "on Christmas Eve", "am 24. Dezember"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

from stella.adapters.receptionist.words import fold

_DAYS = {
    "de": ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"),
    "en": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
}
_MONTHS = {
    "de": (
        "jaenner",
        "februar",
        "maerz",
        "april",
        "mai",
        "juni",
        "juli",
        "august",
        "september",
        "oktober",
        "november",
        "dezember",
    ),
    "en": (
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ),
}
_ALSO = {"sonnabend": "samstag", "januar": "jaenner", "feber": "februar"}

_FIXED = (
    (re.compile(r"heilig\w* ?abend|weihnachtsabend|christmas ?(eve|s?ive)"), (12, 24)),
    (re.compile(r"silvester|sylvester|new years? eve"), (12, 31)),
    (re.compile(r"neujahr\w*|new years?( day)?\b"), (1, 1)),
    (re.compile(r"stefani\w*|stephan\w*|zweite[nr]? weihnachts\w*|boxing day|st stephens"), (12, 26)),
    (re.compile(r"christtag|weihnachtstag|weihnachten|christmas"), (12, 25)),
    (re.compile(r"nationalfeiertag|national day"), (10, 26)),
)

_ORDINALS_DE = [
    "ersten", "zweiten", "dritten", "vierten", "fuenften", "sechsten", "siebten", "achten", "neunten",
    "zehnten", "elften", "zwoelften", "dreizehnten", "vierzehnten", "fuenfzehnten", "sechzehnten",
    "siebzehnten", "achtzehnten", "neunzehnten", "zwanzigsten",
]  # fmt: skip
_ORDINALS_EN = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
]  # fmt: skip
_UNITS_DE = ("", "ein", "zwei", "drei", "vier", "fuenf", "sechs", "sieben", "acht", "neun")

_ORDINALS = {
    **{word: at for words in (_ORDINALS_DE, _ORDINALS_EN) for at, word in enumerate(words, 1)},
    **{f"{_UNITS_DE[unit]}undzwanzigsten": 20 + unit for unit in range(1, 10)},
    **{f"twenty {_ORDINALS_EN[unit - 1]}": 20 + unit for unit in range(1, 10)},
    "dreissigsten": 30, "einunddreissigsten": 31, "thirtieth": 30, "thirty first": 31,
}  # fmt: skip
_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True))

_NOW = {
    "de": re.compile(r"\b(jetzt|gerade|momentan|im moment|derzeit|aktuell|noch offen|schon offen|schon zu)\b"),
    "en": re.compile(r"\b(now|at the moment|currently|right now|still open|open yet|already closed)\b"),
}
_NEXT = re.compile(r"\b(naechste[nrm]?|kommende[nrm]?|next|following)\b")
_WEEKEND = re.compile(r"\b(wochenenden?|weekends?)\b")


def means_now(folded: str, language: str) -> bool:
    """Whether the question is about this very moment."""
    return bool(_NOW[language].search(folded))


def means_weekend(folded: str) -> bool:
    """Whether the question is about a weekend."""
    return bool(_WEEKEND.search(folded))


_FILLING = re.compile(
    r"\b(and|what|how|about|on|the|for|und|wie|ist|es|was|am|an|zu|bei|im|der|dem|den|mit|dann|naechste\w*|kommende\w*|next|following|"
    r"heute|morgen|uebermorgen|today|tomorrow|tonight|day|after|dann|of|feiertag\w*|holidays?)\b"
)


def only_a_day(folded: str, language: str, names: Mapping[date, str]) -> bool:
    """Whether a sentence speaks of a day and of nothing else: "and on Christmas Eve?"."""
    left = " ".join(_ALSO.get(word, word) for word in folded.split())
    for name in names.values():
        left = left.replace(fold(name), " ")
    for pattern, _ in _FIXED:
        left = pattern.sub(" ", left)
    dates = "|".join((*(f"{day}s?" for day in _DAYS[language]), *_MONTHS[language], _ORDINAL))
    left = re.sub(rf"\b({dates}|\d\d?(st|nd|rd|th)?)\b", " ", left)
    return not _FILLING.sub(" ", left).split()


def day_meant(folded: str, language: str, today: date, names: Mapping[date, str]) -> date | None:
    """The day a (folded) sentence speaks of, from today on; `names` are the coming public holidays.

    A weekday is the next one, today included; "next Monday" on a Monday is a week later.
    """
    text = " ".join(_ALSO.get(word, word) for word in folded.split())
    if re.search(r"\b(uebermorgen|day after tomorrow)\b", text):
        return today + timedelta(days=2)
    for when, name in names.items():
        if len(name) > 4 and re.search(rf"\b{re.escape(fold(name))}", text):
            return when
    for pattern, (month, day) in _FIXED:
        if pattern.search(text):
            return _coming(today, month, day)
    if (dated := _dated(text, language, today)) is not None:
        return dated
    for number, word in enumerate(_DAYS[language]):
        if re.search(rf"\b{word}s?\b", text):
            ahead = (number - today.weekday()) % 7
            return today + timedelta(days=ahead or (7 if _NEXT.search(text) else 0))
    if re.search(r"\b(heute|to ?day|tonight|this (afternoon|evening|morning))\b", text):
        return today
    if re.search(r"\b(tomorrow|(?<!guten )morgen)\b", text):
        return today + timedelta(days=1)
    return None


def _coming(today: date, month: int, day: int) -> date | None:
    for year in (today.year, today.year + 1):
        try:
            when = date(year, month, day)
        except ValueError:
            continue
        if when >= today:
            return when
    return None


def _dated(text: str, language: str, today: date) -> date | None:
    """`24 dezember`, `24 12`, `vierundzwanzigsten dezember`, `december 24th`, `the twenty fourth of december`."""
    for month, name in enumerate(_MONTHS[language], 1):
        before = re.search(rf"\b(?:(\d\d?)(?:st|nd|rd|th)?|({_ORDINAL}))(?: of)? {name}\b", text)
        after = re.search(rf"\b{name} (?:the )?(?:(\d\d?)(?:st|nd|rd|th)?|({_ORDINAL}))\b", text)
        if found := before or after:
            return _coming(today, month, int(found[1]) if found[1] else _ORDINALS[found[2]])
    if language == "de" and (found := re.search(r"\bam (\d\d?) (\d\d?)\b", text)) and 1 <= int(found[2]) <= 12:
        return _coming(today, int(found[2]), int(found[1]))
    return None
