"""Written numbers, times, telephone numbers and addresses in words an engine reads well. Pure; German and English."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class _Tongue:
    digits: tuple[str, ...]
    days: Mapping[str, str]
    plus: str
    to: str
    at: str
    dot: str
    dash: str
    underscore: str
    slash: str
    also: str
    percent: str
    money: Mapping[str, tuple[str, str]]
    """Sign to the word for one and for many."""
    months: tuple[str, ...]
    short: Mapping[str, str]
    """Abbreviations, without their full stop."""


_DE = _Tongue(
    digits=("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
    days={
        "Mo": "Montag", "Di": "Dienstag", "Mi": "Mittwoch", "Do": "Donnerstag", "Fr": "Freitag", "Sa": "Samstag",
        "So": "Sonntag",
    },
    plus="plus", to="bis", at="ätt", dot="Punkt", dash="Bindestrich", underscore="Unterstrich", slash="Schrägstrich",
    also="und", percent="Prozent",
    money={"€": ("Euro", "Euro"), "$": ("Dollar", "Dollar"), "£": ("Pfund", "Pfund")},
    months=(
        "Jänner", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember",
    ),
    short={
        "Tel": "Telefon", "Nr": "Nummer", "Dr": "Doktor", "Mag": "Magister", "ca": "circa", "bzw": "beziehungsweise",
        "inkl": "inklusive", "Str": "Straße", "z.B": "zum Beispiel", "z. B": "zum Beispiel", "usw": "und so weiter",
    },
)  # fmt: skip
_EN = _Tongue(
    digits=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    days={
        "Mon": "Monday", "Tue": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Fri": "Friday", "Sat": "Saturday",
        "Sun": "Sunday", "Mo": "Monday", "Tu": "Tuesday", "We": "Wednesday", "Th": "Thursday", "Fr": "Friday",
        "Sa": "Saturday", "Su": "Sunday",
    },
    plus="plus", to="to", at="at", dot="dot", dash="dash", underscore="underscore", slash="slash", also="and",
    percent="percent",
    money={"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("pound", "pounds")},
    months=(
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ),
    short={"Tel": "telephone", "e.g": "for example", "approx": "approximately", "incl": "including"},
)  # fmt: skip

_DASH = r"\s*[–—-]\s*"
_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_URL = re.compile(
    r"\b(?:https?://)?((?:[\w-]+\.)+(?:at|de|ch|com|org|net|eu|io|info|example)(?:/[\w/-]*)?)(?![\w@])", re.ASCII
)
_PHONE = re.compile(
    r"(?<![\w.,:])(?:\+|00)[1-9]\d{0,2}[\d /()-]{4,20}\d\b|(?<![\w.,:])\(?0\d{1,4}\)?[ /-]{1,3}\d[\d /-]{3,14}\d\b"
)
_CLOCK = r"(?:[01]?\d|2[0-4])"
_TIME = re.compile(rf"(?<![\d:.,])({_CLOCK})[:.]([0-5]\d)(\s*Uhr\b|\s*[ap]\.?m\b\.?)?(?![\d:.,]\d|\d)", re.IGNORECASE)
_MONEY_AFTER = re.compile(r"(?<![\w.,])(\d{1,3}(?:[. ]\d{3})+|\d+)(?:,(\d{2}|-))?\s?([€$£])")
_MONEY_BEFORE = re.compile(r"([€$£])\s?(\d{1,3}(?:[.,]\d{3})+|\d+)(?:[.,](\d{2}))?(?!\d)")
_DATE = re.compile(r"(?<![\w.-])(?:(\d{4})-(\d{2})-(\d{2})|(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}))(?![\w-])")
_RANGE = re.compile(r"(?<![\w-])(\d[\d.:,]*)\s*[–—-]\s*(\d[\d.:,]*)(?![\d-])")
_RANGE_WORDS = re.compile(r"(?<=[^\W\d_])\s*–\s*(?=[^\W\d_])|(?<=\w)\s*–\s*(?=\w)")
_SPACES = re.compile(r"\s+")


def spoken(text: str, language: str) -> str:
    """The text as it is to be read aloud in `de` or `en` (any other language: as English)."""
    tongue = _DE if language == "de" else _EN
    steps: tuple[Callable[[str, _Tongue], str], ...] = (
        _emails, _urls, _short, _dates, _phones, _days, _times, _money, _ranges, _signs,
    )  # fmt: skip
    for step in steps:
        text = step(text, tongue)
    return _SPACES.sub(" ", text).strip()


def _emails(text: str, tongue: _Tongue) -> str:
    return _EMAIL.sub(lambda found: _address(found[0], tongue), text)


def _urls(text: str, tongue: _Tongue) -> str:
    return _URL.sub(lambda found: _address(found[1].rstrip("/"), tongue), text)


def _address(address: str, tongue: _Tongue) -> str:
    words = {
        "@": tongue.at,
        ".": tongue.dot,
        "-": tongue.dash,
        "_": tongue.underscore,
        "/": tongue.slash,
        "+": tongue.plus,
    }
    return "".join(f" {words[char]} " if char in words else char for char in address).strip()


def _short(text: str, tongue: _Tongue) -> str:
    names = "|".join(re.escape(name) for name in sorted(tongue.short, key=len, reverse=True))
    return re.sub(rf"(?<![\w.])({names})\.(?!\w)", lambda found: tongue.short[found[1]], text)


def _dates(text: str, tongue: _Tongue) -> str:
    def read(found: _Match) -> str:
        year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[5], found[4])
        if not (1 <= int(month) <= len(tongue.months) and 1 <= int(day) <= 31):
            return found[0]
        name = tongue.months[int(month) - 1]
        return f"{int(day)}. {name} {year}" if tongue is _DE else f"{name} {int(day)}, {year}"

    return _DATE.sub(read, text)


def _phones(text: str, tongue: _Tongue) -> str:
    """Digit by digit, a short pause (comma) where it was written in groups."""

    def read(found: _Match) -> str:
        number = found[0]
        groups = [group for group in re.split(r"\D+", number) if group]
        said = ", ".join(" ".join(tongue.digits[int(digit)] for digit in group) for group in groups)
        return f"{tongue.plus} {said}" if number.startswith("+") else said

    return _PHONE.sub(read, text)


def _days(text: str, tongue: _Tongue) -> str:
    """Short names of weekdays, but only beside another, a time or a full stop: `So` is also a word."""
    names = "|".join(sorted(tongue.days, key=len, reverse=True))
    text = re.sub(
        rf"\b({names})\.?{_DASH}({names})\b\.?(?!\w)",
        lambda found: f"{tongue.days[found[1]]} {tongue.to} {tongue.days[found[2]]}",
        text,
    )
    return re.sub(rf"\b({names})\.?:?(?=,?\s\d)", lambda found: tongue.days[found[1]], text)


def _times(text: str, tongue: _Tongue) -> str:
    def read(found: _Match) -> str:
        hour, minute, tail = int(found[1]), int(found[2]), (found[3] or "").strip()
        if tongue is _DE:
            return f"{hour} Uhr {minute}" if minute else f"{hour} Uhr"
        if tail.lower() == "uhr":
            tail = ""
        said = f"{hour} {minute:02}" if minute >= 10 else f"{hour} oh {minute}"
        if not minute:
            said = str(hour) if tail else f"{hour} o'clock"
        return f"{said} {' '.join(tail.replace('.', '').upper())}".strip() if tail else said

    def is_time(found: _Match) -> str:
        dotted = "." in found[0][: len(found[1]) + 1]
        return found[0] if dotted and not found[3] else read(found)

    text = _TIME.sub(is_time, text)
    return re.sub(rf"(?<=Uhr){_DASH}(?=\d)", f" {tongue.to} ", text) if tongue is _DE else text


def _money(text: str, tongue: _Tongue) -> str:
    def read(sign: str, whole: str, rest: str) -> str:
        whole = re.sub(r"[., ]", "", whole)
        word = tongue.money[sign][whole != "1"]
        return f"{whole} {word} {int(rest)}" if rest.isdigit() and int(rest) else f"{whole} {word}"

    text = _MONEY_AFTER.sub(lambda found: read(found[3], found[1], found[2] or ""), text)
    return _MONEY_BEFORE.sub(lambda found: read(found[1], found[2], found[3] or ""), text)


def _ranges(text: str, tongue: _Tongue) -> str:
    text = _RANGE.sub(lambda found: f"{found[1]} {tongue.to} {found[2]}", text)
    text = re.sub(rf"(?<=o'clock){_DASH}(?=\d)", f" {tongue.to} ", text)
    return _RANGE_WORDS.sub(", ", text)


def _signs(text: str, tongue: _Tongue) -> str:
    for sign, word in (("&", tongue.also), ("%", tongue.percent)):
        text = text.replace(sign, f" {word} ")
    return text.replace("…", "...").replace("’", "'").replace("„", '"').replace("“", '"').replace("”", '"')
