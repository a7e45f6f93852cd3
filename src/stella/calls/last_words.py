"""Words for when the house itself cannot go on. They depend on nothing that could be broken."""

from __future__ import annotations

from collections.abc import Mapping

from stella.domain.plan import SayGoodbye, Spoken

LOCALES: Mapping[str, str] = {"de": "de-AT", "en": "en-GB"}

BUSY: Mapping[str, str] = {
    "de": "Im Moment sind alle Leitungen besetzt. Bitte rufen Sie in ein paar Minuten noch einmal an. Auf Wiederhören.",
    "en": "All our lines are busy at the moment. Please call again in a few minutes. Goodbye.",
}
SPENT: Mapping[str, str] = {
    "de": "Unsere Sprachassistentin kann heute leider keine Anrufe mehr annehmen. Bitte rufen Sie morgen wieder an."
    " Auf Wiederhören.",
    "en": "Our voice assistant cannot take any more calls today, we are sorry. Please call again tomorrow. Goodbye.",
}
"""Nothing more may be paid for, and nothing that is free understands the caller."""
BROKEN: Mapping[str, str] = {
    "de": "Es tut uns leid, bei uns gibt es gerade eine technische Störung. Bitte rufen Sie etwas später noch einmal an."
    " Auf Wiederhören.",
    "en": "We are sorry, we have a technical problem just now. Please call again a little later. Goodbye.",
}
NOT_OURS: Mapping[str, str] = {
    "de": "Diese Nummer ist noch nicht eingerichtet. Auf Wiederhören.",
    "en": "This number has not been set up yet. Goodbye.",
}
KEY_FOR_LANGUAGE: Mapping[str, str] = {
    "de": "Für Deutsch drücken Sie die {key}.",
    "en": "For English, press {key}.",
}


def spoken(words: Mapping[str, str], languages: tuple[str, ...]) -> tuple[Spoken, ...]:
    """The words in each of the languages that has them, or in English."""
    known = [code for code in languages if code in words] or ["en"]
    return tuple(Spoken(words[code], LOCALES[code]) for code in known)


def goodbye(words: Mapping[str, str], language: str) -> SayGoodbye:
    """The words in one language, and the end."""
    return SayGoodbye(spoken(words, (language,)))
