"""What is written, as it is to be read aloud."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.adapters.embedded.spoken import spoken

GERMAN = {
    "Rufen Sie +43 1 234 56 78 an.": "Rufen Sie plus vier drei, eins, zwei drei vier, fünf sechs, sieben acht an.",
    "0664 1234567": "null sechs sechs vier, eins zwei drei vier fünf sechs sieben",
    "01/234 56 78": "null eins, zwei drei vier, fünf sechs, sieben acht",
    "(01) 234 56-78": "null eins, zwei drei vier, fünf sechs, sieben acht",
    "+43 (1) 2345678": "plus vier drei, eins, zwei drei vier fünf sechs sieben acht",
    "9–17 Uhr": "9 bis 17 Uhr",
    "um 10:30": "um 10 Uhr 30",
    "um 10:30 Uhr": "um 10 Uhr 30",
    "8:05": "8 Uhr 5",
    "Mo–Fr": "Montag bis Freitag",
    "Mo–Fr 9:00–17:30 Uhr": "Montag bis Freitag 9 Uhr bis 17 Uhr 30",
    "Mo-Fr, 9-12": "Montag bis Freitag, 9 bis 12",
    "Sa 10–12 Uhr": "Samstag 10 bis 12 Uhr",
    "So ist es. Mit uns": "So ist es. Mit uns",
    "12,50 €": "12 Euro 50",
    "€ 1.200": "1200 Euro",
    "99,- €": "99 Euro",
    "info@vintaro.at": "info ätt vintaro Punkt at",
    "anna-maria@a-b.co.at": "anna Bindestrich maria ätt a Bindestrich b Punkt co Punkt at",
    "www.vintaro.at": "www Punkt vintaro Punkt at",
    "am 3.12.2026": "am 3. Dezember 2026",
    "2026-01-07": "7. Jänner 2026",
    "50% & mehr": "50 Prozent und mehr",
    "Tel. 17": "Telefon 17",
    "z.B. Dr. Huber": "zum Beispiel Doktor Huber",
    "Version 3.14 kostet 3.5": "Version 3.14 kostet 3.5",
    "Postleitzahl 1010": "Postleitzahl 1010",
}
ENGLISH = {
    "Call +43 1 234 56 78.": "Call plus four three, one, two three four, five six, seven eight.",
    "0800 123456": "zero eight zero zero, one two three four five six",
    "9-17": "9 to 17",
    "at 10:30": "at 10 30",
    "at 10:30 am": "at 10 30 A M",
    "from 9:00": "from 9 o'clock",
    "10:00–17:05": "10 o'clock to 17 oh 5",
    "Mon-Fri, 9am to 5pm": "Monday to Friday, 9am to 5pm",
    "Sat 10-12": "Saturday 10 to 12",
    "€12.50": "12 euros 50",
    "€1,200": "1200 euros",
    "$1": "1 dollar",
    "info@vintaro.at": "info at vintaro dot at",
    "on 2026-11-23": "on November 23, 2026",
    "100%": "100 percent",
    "e.g. a check-up": "for example a check-up",
    "We wed on Friday": "We wed on Friday",
}


@pytest.mark.parametrize(("written", "said"), GERMAN.items())
def test_german(written: str, said: str) -> None:
    """A caller writes numbers down from what they hear."""
    assert spoken(written, "de") == said


@pytest.mark.parametrize(("written", "said"), ENGLISH.items())
def test_english(written: str, said: str) -> None:
    """A caller writes numbers down from what they hear."""
    assert spoken(written, "en") == said


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200), st.sampled_from(["de", "en", "fr"]))
def test_any_text_is_read_without_harm(text: str, language: str) -> None:
    """Models write anything."""
    assert len(spoken(text, language)) <= 20 * len(text) + 20


@given(st.text(alphabet="0123456789+-–:., /@€%", max_size=100))
def test_signs_and_digits_in_any_order_are_read_without_harm(text: str) -> None:
    """The patterns overlap; none may fail or take long on what another left."""
    spoken(text, "de")
    spoken(text, "en")
