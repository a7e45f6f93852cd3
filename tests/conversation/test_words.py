"""What a few words mean."""

from __future__ import annotations

import pytest

from stella.conversation.words import (
    Answer,
    count_digits,
    ends_in_digits,
    interrupts,
    is_backchannel,
    is_courtesy,
    is_unfinished,
    yes_or_no,
)


@pytest.mark.parametrize("text", ["mhm", "Ja.", "okay", "aha", "right", "ja, genau", "I see", "Alles klar!", "uh huh"])
def test_listening_noises_take_no_floor(text: str) -> None:
    """Who says this wants us to go on."""
    assert is_backchannel(text)


@pytest.mark.parametrize("text", ["", "stop", "nein", "what?", "ja?", "okay but", "i", "ja ja ja ja ja", "see it got"])
def test_other_words_take_the_floor(text: str) -> None:
    """A short real word is a turn, and so is a question."""
    assert not is_backchannel(text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Ja, gerne", Answer.YES), ("yes please", Answer.YES), ("okay", Answer.YES), ("Nein.", Answer.NO),
        ("no thank you", Answer.NO), ("lieber nicht", Answer.NO), ("okay no", Answer.NO), ("yes no", Answer.UNCLEAR),
        ("warum?", Answer.UNCLEAR), ("why", Answer.UNCLEAR), ("", Answer.UNCLEAR), ("banana", Answer.UNCLEAR),
        ("ja?", Answer.UNCLEAR), ("I don't agree", Answer.NO), ("ja, nicht", Answer.UNCLEAR),
    ],
)  # fmt: skip
def test_yes_and_no(text: str, answer: Answer) -> None:
    """A consent is only what is clearly one."""
    assert yes_or_no(text) is answer


@pytest.mark.parametrize(
    "text",
    [
        "und",
        "I need a table for",
        "my number is",
        "meine Telefonnummer lautet",
        "ähm",
        "zero six six",
        "well, ",
        "so...",
        "Can you tell me?",
        "Können Sie mir bitte sagen",
        "I would like to know",
        "it is for the company",
        "Ich möchte mit Frau",
        "meine Nummer ist",
    ],
)
def test_unfinished(text: str) -> None:
    """More is to come."""
    assert is_unfinished(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "weil meine Maschine kaputt ist",
        "for what?",
        "one",
        "I want 2",
        "0664 123 4567",
        "null sechs sechs vier eins zwei drei",
    ],
)
def test_finished(text: str) -> None:
    """Nothing says that more is to come."""
    assert not is_unfinished(text)


def test_digits_are_counted_in_figures_and_words() -> None:
    """Speech-to-text writes numbers either way."""
    assert count_digits("null 664 one two") == 6


def test_goodbyes_and_thanks_are_courtesy() -> None:
    """People say goodbye into a farewell; that must not keep the line open."""
    assert is_courtesy("Danke, tschüss!")
    assert is_courtesy("okay, thank you, bye")
    assert not is_courtesy("")
    assert not is_courtesy("bye, one more question")


def test_words_that_interrupt() -> None:
    """They are meant, however short; others may be a hum that was misheard."""
    assert all(interrupts(text) for text in ("Stop.", "nein", "Moment bitte", "what", "Hello?"))
    assert not any(interrupts(text) for text in ("", "Anna", "and that", "okay"))


def test_a_text_may_end_in_digits() -> None:
    """Spoken or in figures."""
    assert ends_in_digits("my number is one two")
    assert ends_in_digits("0664 12")
    assert not ends_in_digits("one table")
    assert not ends_in_digits("")
