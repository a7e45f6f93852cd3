"""The time of day in words, German and English: what a caller means, and how it is said back."""

from __future__ import annotations

import re
from datetime import date, datetime, time

_HOURS = {
    "de": "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn zwanzig einundzwanzig zweiundzwanzig dreiundzwanzig vierundzwanzig",
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty",
}
_TENS = {"de": "zwanzig dreißig vierzig fünfzig", "en": "twenty thirty forty fifty"}
_UNITS_DE = ["ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
_DAYS = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "de": (
        "Jänner", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ),
}  # fmt: skip
_MORNING = re.compile(r"\b(in der früh|morgens|vormittags?|am vormittag|a\.? ?m\.?|in the morning)(?!\w)")
_LATER = re.compile(
    r"\b(nachmittags?|am nachmittag|abends?|am abend|p\.? ?m\.?|in the (afternoon|evening)|tonight)(?!\w)"
)


def _numbers() -> dict[str, int]:
    found: dict[str, int] = {"eins": 1, "oh": 0}
    for code, words in _HOURS.items():
        found |= {word: number for number, word in enumerate(words.split())}
        for ten, word in enumerate(_TENS[code].split(), 2):
            found[word] = ten * 10
    for ten, word in enumerate(_TENS["de"].split(), 2):
        found |= {f"{unit}und{word}": ten * 10 + number for number, unit in enumerate(_UNITS_DE, 1)}
    return found


_NUMBERS = _numbers()


def times_meant(text: str) -> list[time]:
    """The times somebody may mean, the likeliest first: "halb elf", "10:30", "half past ten", "viertel nach drei", "3 pm".

    A bare "drei Uhr" is three in the afternoon or at night; which of them the opening hours tell.
    """
    said = " ".join(text.lower().replace("dreissig", "dreißig").split())
    if exact := re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", said):
        return [time(int(exact[1]), int(exact[2]))]
    if re.search(r"\b(mittags?|noon|midday)\b", said) and not re.search(r"\d", said):
        return [time(12)]
    figures = _figured(said)
    found = _half(figures) or _quarter(figures) or _plain(figures)
    if found is None:
        return []
    hour, minute = found
    if not (0 <= hour <= 24 and 0 <= minute <= 59) or (hour == 24 and minute):
        return []
    hour %= 24
    if _LATER.search(said) and hour < 12:
        return [time(hour + 12, minute)]
    if _MORNING.search(said):
        return [time(0 if hour == 12 else hour, minute)]
    if 1 <= hour <= 12:
        other = (hour + 12) % 24
        return [time(hour, minute), time(other, minute)]
    return [time(hour, minute)]


def _figured(said: str) -> str:
    """Number words as figures; "ten thirty" becomes "10 30", "twenty five" 25."""
    words = [str(_NUMBERS[word]) if word in _NUMBERS else word for word in re.findall(r"[\wß]+|[:.,]", said)]
    joined: list[str] = []
    for word in words:
        before = joined[-1] if joined else ""
        if word.isdigit() and len(word) == 1 and before in ("20", "30", "40", "50"):
            joined[-1] = str(int(before) + int(word))
        else:
            joined.append(word)
    return " ".join(joined)


def _half(said: str) -> tuple[int, int] | None:
    if found := re.search(r"\bhalb (\d\d?)\b", said):
        return ((int(found[1]) - 1) % 24 or 12, 30) if int(found[1]) != 1 else (12, 30)
    if found := re.search(r"\bhalf (?:past )?(\d\d?)\b", said):
        return int(found[1]), 30
    return None


def _quarter(said: str) -> tuple[int, int] | None:
    if found := re.search(r"\bdrei ?viertel (\d\d?)\b|\b3 ?viertel (\d\d?)\b", said):
        hour = int(found[1] or found[2])
        return (hour - 1 or 12, 45)
    pattern = r"\b(viertel|quarter|\d\d?)(?: minuten| minutes)? (nach|past|after|vor|to|before) (\d\d?)\b"
    if found := re.search(pattern, said):
        minutes = 15 if found[1] in ("viertel", "quarter") else int(found[1])
        hour = int(found[3])
        if found[2] in ("nach", "past", "after"):
            return hour, minutes
        return (hour - 1 or 12, 60 - minutes) if 0 < minutes < 60 else None
    return None


def _plain(said: str) -> tuple[int, int] | None:
    if found := re.search(r"\b(\d\d?) ?(?:(?:[:.]|h) ?(?=\d\d\b)|uhr ?)(\d\d?)\b", said):
        return int(found[1]), int(found[2])
    if found := re.search(r"\b(\d\d?) (\d\d)\b", said):
        return int(found[1]), int(found[2])
    if found := re.search(r"\b(\d\d?)\b", said):
        return int(found[1]), 0
    return None


def day_aloud(day: date, language: str) -> str:
    """`Dienstag, 1. Dezember` or `Tuesday, 1 December`."""
    code = language if language in _DAYS else "en"
    dot = "." if code == "de" else ""
    return f"{_DAYS[code][day.weekday()]}, {day.day}{dot} {_MONTHS[code][day.month - 1]}"


def time_aloud(at: time | datetime, language: str) -> str:
    """`10 Uhr 30` or `10:30`."""
    if language == "de":
        return f"{at.hour} Uhr" + (f" {at.minute}" if at.minute else "")
    return f"{at.hour}:{at.minute:02d}"
