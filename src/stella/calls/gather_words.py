"""What the carrier's ears are told to expect, by the question that was asked, and what is said when they are not sure."""

from __future__ import annotations

from collections.abc import Mapping

from stella.domain.acts import ExpectAnswer

UNDERSTOOD: Mapping[str, str] = {
    "de": "Ich habe verstanden: {text}. Stimmt das?",
    "en": "I understood: {text}. Is that right?",
}
"""Asked back when the carrier doubts its own ears."""

_YES_NO: Mapping[str, tuple[str, ...]] = {
    "de": ("ja", "nein", "ja bitte", "nein danke", "stimmt", "genau", "das stimmt nicht"),
    "en": ("yes", "no", "yes please", "no thank you", "that is right", "that is wrong"),
}
_DIGITS: Mapping[str, tuple[str, ...]] = {
    "de": ("null", "eins", "zwei", "zwo", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "plus", "doppel"),
    "en": ("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "plus", "double"),
}
_DAYS: Mapping[str, tuple[str, ...]] = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag", "heute", "morgen",
           "Öffnungszeiten"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "today", "tomorrow",
           "opening hours"),
}  # fmt: skip


def hints_for(expects: ExpectAnswer, vocabulary: tuple[str, ...], language: str) -> tuple[str, ...]:
    """The question's own hints first, then what its kind of answer is made of; names of the house only where they may be
    said, for everywhere else they would mislead."""
    kind: tuple[str, ...]
    match expects.kind:
        case "yes-no":
            kind = _YES_NO.get(language, ())
        case "digits" | "number":
            kind = _DIGITS.get(language, ())
        case "name":
            kind = vocabulary
        case _:
            kind = (*vocabulary, *_DAYS.get(language, ()))
    return tuple(dict.fromkeys((*expects.hints, *kind)))
