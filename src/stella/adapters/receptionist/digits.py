"""Telephone numbers as people say and key them, in German and English."""

from __future__ import annotations

import re

from stella.adapters.receptionist.words import fold

_DE = {"null": "0", "eins": "1", "ein": "1", "eine": "1", "zwei": "2", "zwo": "2", "drei": "3", "vier": "4", "fuenf": "5",
       "sechs": "6", "sieben": "7", "acht": "8", "neun": "9", "zehn": "10", "elf": "11", "zwoelf": "12", "dreizehn": "13",
       "vierzehn": "14", "fuenfzehn": "15", "sechzehn": "16", "siebzehn": "17", "achtzehn": "18", "neunzehn": "19",
       "zwanzig": "20", "dreissig": "30", "vierzig": "40", "fuenfzig": "50", "sechzig": "60", "siebzig": "70",
       "achtzig": "80", "neunzig": "90", "hundert": "100"}  # fmt: skip
_EN = {"zero": "0", "oh": "0", "o": "0", "nought": "0", "null": "0", "one": "1", "two": "2", "three": "3", "four": "4",
       "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
       "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18",
       "nineteen": "19", "twenty": "20", "thirty": "30", "forty": "40", "fourty": "40", "fifty": "50", "sixty": "60",
       "seventy": "70", "eighty": "80", "ninety": "90", "hundred": "00"}  # fmt: skip
_MISHEARD_EN = {"won": "1", "to": "2", "too": "2", "tree": "3", "free": "3", "for": "4", "fore": "4", "fife": "5", "sex": "6",
                "ate": "8", "nein": "9"}  # fmt: skip
_TENS_DE = {word: value for word, value in _DE.items() if len(value) == 2 and value[1] == "0" and value != "10"}
_TIMES = {"double": 2, "doppel": 2, "doppelt": 2, "zweimal": 2, "triple": 3, "treble": 3, "dreimal": 3}
_JOINED_DE = re.compile(rf"(ein|zwei|drei|vier|fuenf|sechs|sieben|acht|neun)und({'|'.join(_TENS_DE)})")

SHORTEST, LONGEST = 5, 15
"""Digits of a number worth calling back."""


def keyed(digits: str) -> str:
    """What was keyed, without the key that ends it."""
    return re.sub(r"[^0-9]", "", digits.rstrip("#"))


def spoken(text: str, language: str) -> str:
    """The digits in a sentence, in order; a leading plus is kept. `double five` is 55, `zweiundvierzig` 42.

    Words that are no digits are skipped; the homophones of English digits ("for", "to") count only between digits.
    """
    words = _words(text, language)
    known = _DE if language == "de" else _EN
    out: list[str] = []
    repeat = 1
    plus = False
    for at, word in enumerate(words):
        if word in _TIMES:
            repeat = _TIMES[word]
            continue
        if word in ("plus", "+"):
            plus = plus or not out
            continue
        value = known.get(word, word if word.isdecimal() and word.isascii() else "")
        if not value and language == "en" and word in _MISHEARD_EN and _between(words, at, known):
            value = _MISHEARD_EN[word]
        if value:
            _append(out, value, words, at, language)
            out[-1] += value * (repeat - 1)
        repeat = 1
    return ("+" if plus and out else "") + "".join(out)[:30]


def _words(text: str, language: str) -> list[str]:
    folded = fold(text, 1000).replace("+", " plus ")
    if language == "de":
        folded = _JOINED_DE.sub(lambda m: f" {_DE[m[2]][0]}{_DE[m[1]]} ", folded)
    return re.sub(r"(?<=\d)(?=[a-z])|(?<=[a-z])(?=\d)", " ", folded).split()


def _append(out: list[str], value: str, words: list[str], at: int, language: str) -> None:
    """`twenty three` is 23: a one after a ten fills its nought."""
    before = words[at - 1] if at else ""
    tens = language == "en" and len(value) == 1 and value != "0" and before in _EN and _EN[before][1:] == "0"
    if tens and before not in ("ten", "hundred") and out and out[-1].endswith("0"):
        out[-1] = out[-1][:-1] + value
    else:
        out.append(value)


def _between(words: list[str], at: int, known: dict[str, str]) -> bool:
    return any(
        0 <= near < len(words) and (words[near] in known or words[near].isdecimal()) for near in (at - 1, at + 1)
    )


def plausible(number: str) -> bool:
    """Whether somebody could be called back there."""
    return SHORTEST <= len(number.lstrip("+")) <= LONGEST


ANONYMOUS = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "+464"})
"""What carriers send instead of a number that is withheld ("ANONYMOUS", "RESTRICTED", "BLOCKED" … on a keypad)."""


def caller_number(caller: str) -> str:
    """The caller's own number if it is one that can be called, else empty. Only exact E.164 in ASCII digits counts."""
    return caller if re.fullmatch(r"\+[1-9][0-9]{6,14}", caller, re.ASCII) and caller not in ANONYMOUS else ""
