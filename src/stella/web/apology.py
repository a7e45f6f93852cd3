"""What a caller hears when the house itself fails: ready-made bytes that need nothing to work."""

from __future__ import annotations

from stella.domain.plan import SayGoodbye, Spoken
from stella.wire.twiml import render

_GERMAN = (
    "Entschuldigung, im Moment gibt es eine technische Störung. Bitte rufen Sie in einigen Minuten noch einmal an."
)
_ENGLISH = "Sorry, we have a technical problem at the moment. Please call again in a few minutes."
_GERMAN_SPEAKING = {"AT", "DE", "CH", "LI", "LU"}
_GERMAN_CODES = ("+43", "+49", "+41", "+423")


def _document(*says: Spoken) -> bytes:
    return render(SayGoodbye(says), "https://unused.invalid").encode()


_DE, _EN = Spoken(_GERMAN, "de-DE"), Spoken(_ENGLISH, "en-GB")
_ONLY_GERMAN, _ONLY_ENGLISH, _BOTH = _document(_DE), _document(_EN), _document(_DE, _EN)


def apology(country: str, number: str) -> bytes:
    """TwiML in the caller's likely language: by country, else by the number; in both where neither tells."""
    if country in _GERMAN_SPEAKING or (not country and number.startswith(_GERMAN_CODES)):
        return _ONLY_GERMAN
    return _ONLY_ENGLISH if country or number.startswith("+") else _BOTH
