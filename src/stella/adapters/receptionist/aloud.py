"""Times, days and digits the way people say them on the telephone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time

DAYS = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "de": (
        "Jänner",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}
_ONES = {
    "de": [
        "null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf",
        "zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
    ],
    "en": [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    ],
}  # fmt: skip
_TENS = {
    "de": ("", "", "zwanzig", "dreißig", "vierzig", "fünfzig"),
    "en": ("", "", "twenty", "thirty", "forty", "fifty"),
}

Spans = Sequence[tuple[time, time]]


def count(number: int, language: str) -> str:
    """0 to 59 in words, as they stand before "Uhr"."""
    if number < 20:
        return _ONES[language][number]
    tens, ones = divmod(number, 10)
    if not ones:
        return _TENS[language][tens]
    one = _ONES[language][ones]
    return f"{one}und{_TENS[language][tens]}" if language == "de" else f"{_TENS[language][tens]}-{one}"


def clock(at: time, language: str, *, part: bool = True) -> str:
    """`neun Uhr dreißig`, `half` never: numbers only. `part` adds the part of the day in English."""
    hour, minute = (24, 0) if at == time.max else (at.hour, at.minute)
    if language == "de":
        if hour == 24:
            return "Mitternacht"
        return f"{count(hour, 'de')} Uhr" + (f" {'eins' if minute == 1 else count(minute, 'de')}" if minute else "")
    if hour in (0, 24):
        return "midnight" if not minute else f"twelve {_minutes(minute)} at night"
    if hour == 12 and not minute:
        return "noon"
    said = count((hour - 1) % 12 + 1, "en") + (f" {_minutes(minute)}" if minute else "")
    when = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"
    return f"{said} {when}" if part else said


def _minutes(minute: int) -> str:
    return f"oh {count(minute, 'en')}" if minute < 10 else count(minute, "en")


def spans(times: Spans, language: str) -> str:
    """`von neun bis siebzehn Uhr` / `from nine to five`."""
    return (" und " if language == "de" else " and ").join(_span(begin, end, language) for begin, end in times)


def _span(begin: time, end: time, language: str) -> str:
    if (begin, end) == (time.min, time.max):
        return "rund um die Uhr" if language == "de" else "around the clock"
    if language == "de":
        first = count(begin.hour, "de") if not begin.minute and end != time.max else clock(begin, "de")
        return f"von {first} bis {clock(end, 'de')}"
    plain = begin.hour < 12 <= end.hour and end.hour > 12 and end != time.max
    return f"from {clock(begin, 'en', part=not plain)} to {clock(end, 'en', part=not plain)}"


def day(when: date, today: date, language: str) -> str:
    """`heute`, `morgen`, `am Montag`, `am 24. Dezember` (spoken in words by the voice)."""
    ahead = (when - today).days
    near = {"de": ("heute", "morgen"), "en": ("today", "tomorrow")}[language]
    if 0 <= ahead < 2:
        return near[ahead]
    name = DAYS[language][when.weekday()]
    month = _MONTHS[language][when.month - 1]
    if language == "de":
        return f"am {name}" if 2 <= ahead < 7 else f"am {name}, dem {when.day}. {month}"
    return f"on {name}" if 2 <= ahead < 7 else f"on {name}, {month} {when.day}"


def week(weekly: Mapping[int, Spans], language: str) -> str:
    """The weekly hours, neighbouring days with equal hours joined: `Montag bis Freitag von neun bis siebzehn Uhr`."""
    groups: list[tuple[int, int, Spans]] = []
    for number in range(7):
        times = tuple(weekly.get(number, ()))
        if not times:
            continue
        if groups and groups[-1][1] == number - 1 and groups[-1][2] == times:
            groups[-1] = (groups[-1][0], number, times)
        else:
            groups.append((number, number, times))
    names, to = DAYS[language], "bis" if language == "de" else "to"
    said = [
        f"{names[first] if first == last else f'{names[first]} {to} {names[last]}'} {spans(times, language)}"
        for first, last, times in groups
    ]
    return joined(said, language)


def joined(items: Sequence[str], language: str, word: str = "") -> str:
    """`a, b und c`; `word` is another joining word (`oder`)."""
    word = word or ("und" if language == "de" else "and")
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}" if items else ""


def digits(number: str) -> str:
    """A number in groups of three with pauses between: `0 6 6, 4 1 2, 3 4`. A plus is said as 0 0."""
    bare = "00" + number[1:] if number.startswith("+") else number
    groups = [bare[at : at + 3] for at in range(0, len(bare), 3)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2][:2], groups[-2][2] + groups[-1]]
    return ", ".join(" ".join(group) for group in groups)
