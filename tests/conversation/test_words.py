"""What a few words mean."""

from __future__ import annotations

import pytest

from stella.conversation.words import (
    KNOWN,
    SPOKEN_DIGITS,
    Answer,
    count_digits,
    ends_in_digits,
    interrupts,
    is_backchannel,
    is_complete_number,
    is_courtesy,
    is_plain_yes,
    is_unfinished,
    split,
    yes_or_no,
)


def test_words_are_words_whoever_wrote_them_down() -> None:
    """In lower case, without punctuation; both apostrophes are one, and stand only inside a word."""
    assert split("I'm  'here', Frau Müller-Graß: don’t_go!") == [
        "i'm", "here", "frau", "müller", "graß", "don't", "go",
    ]  # fmt: skip
    assert split(" … ") == []


@pytest.mark.parametrize(
    "text",
    [
        "mhm", "Ja.", "okay", "aha", "right", "ja, genau", "I see", "Got it", "I got it", "Alles klar!", "uh huh", "ach so",
        "so so", "uh", "ja ja ja ja", "okay I see", "fine", "yes I got it",
    ],
)  # fmt: skip
def test_listening_noises_take_no_floor(text: str) -> None:
    """Who says this wants us to go on."""
    assert is_backchannel(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stop",
        "nein",
        "what?",
        "ja?",
        "okay but",
        "i",
        "it",
        "alles",
        "so",
        "ja ja ja ja ja",
        "see it got",
        "huh see?",
    ],
)
def test_other_words_take_the_floor(text: str) -> None:
    """A short real word is a turn, and so is a question."""
    assert is_backchannel(text) is False


@pytest.mark.parametrize(
    "text",
    ["Stop.", "stopp", "excuse me", "eigentlich", "pardon", "no", "won't", "nein", "how much", "vielleicht", "who"],
)
def test_some_words_interrupt_whatever_else_is_said(text: str) -> None:
    """They are heard right, however short."""
    assert interrupts(text) is True
    assert interrupts(f"okay {text} okay") is True


@pytest.mark.parametrize("text", ["", "okay", "and that", "Anna"])
def test_other_words_interrupt_nobody_by_themselves(text: str) -> None:
    """They may be a hum."""
    assert interrupts(text) is False


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Ja, gerne", Answer.YES), ("yes please", Answer.YES), ("okay", Answer.YES), ("definitely", Answer.YES),
        ("Nein.", Answer.NO), ("no thank you", Answer.NO), ("lieber nicht", Answer.NO), ("okay no", Answer.NO),
        ("I won't", Answer.NO), ("yes no", Answer.UNCLEAR), ("ja, nicht", Answer.UNCLEAR), ("yeah no", Answer.UNCLEAR),
        ("jawohl nicht", Answer.UNCLEAR), ("warum?", Answer.UNCLEAR), ("why", Answer.UNCLEAR), ("", Answer.UNCLEAR),
        ("vielleicht ja", Answer.UNCLEAR), ("yes, but which", Answer.UNCLEAR), ("banana", Answer.UNCLEAR),
        ("ja?", Answer.UNCLEAR), ("ja? ", Answer.UNCLEAR), ("I don't agree", Answer.NO),
    ],
)  # fmt: skip
def test_yes_and_no(text: str, answer: Answer) -> None:
    """A consent is only what is clearly one."""
    assert yes_or_no(text) is answer


def test_the_names_of_answers_are_those_of_the_record() -> None:
    """They are stored."""
    assert [answer.value for answer in Answer] == ["yes", "no", "unclear"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("yes", True), ("ja gerne", True), ("yes " * 12, True), ("yes " * 13, False), ("ja, aber um elf", False),
        ("yes, something different", False), ("no", False), ("", False), ("aber ja", False), ("unless yes", False),
    ],
)  # fmt: skip
def test_a_plain_yes_changes_nothing(text: str, plain: bool) -> None:
    """What costs money is done on a plain yes only."""
    assert is_plain_yes(text) is plain


@pytest.mark.parametrize(
    "text",
    [
        "und", "I need a table for", "my number is", "meine Telefonnummer lautet", "ähm", "zero six six", "well, ", "so...",
        "wait…", "meet-", "ich heiße", "Ich wohne in", "my name's", "my name’s", "for their", "one two", "0664 12 ",
        "null sechs sechs vier eins zwei", "call 123 456",
        "Can you tell me?", "Können Sie mir bitte sagen", "I would like to know", "it is for the company",
        "Ich möchte mit Frau", "meine Nummer ist",
    ],
)  # fmt: skip
def test_unfinished(text: str) -> None:
    """More is to come."""
    assert is_unfinished(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "", "hello", "for what?", "and? ", "one", "I want 2", "0664 123 4567", "null sechs sechs vier eins zwei drei",
        "so heiße", "ich", "their own", "one two people", "one people two", "name's", "one 345678", "und ja", "12345",
        "weil meine Maschine kaputt ist",
    ],
)  # fmt: skip
def test_finished(text: str) -> None:
    """Nothing says that more is to come."""
    assert is_unfinished(text) is False


def test_digits_are_counted_in_figures_and_words() -> None:
    """Speech-to-text writes numbers either way."""
    assert count_digits("null 664 one two") == 6
    assert count_digits("nine times") == 1
    assert count_digits("") == 0


@pytest.mark.parametrize(
    ("text", "wanted", "complete"),
    [
        ("1234", 4, True), ("123", 4, False), ("12345", 4, True), ("1234567", 0, True), ("123456", 0, False),
        ("one two", 2, True),
    ],
)  # fmt: skip
def test_a_number_is_complete_with_all_its_digits(text: str, wanted: int, complete: bool) -> None:
    """As many as were asked for; else as many as a telephone number has."""
    assert is_complete_number(text, wanted) is complete


@pytest.mark.parametrize(
    "text",
    ["Danke, tschüss!", "okay, thank you, bye", "thank you very much", "bye " * 8, "auf Wiederhören", "danke schön"],
)
def test_goodbyes_and_thanks_are_courtesy(text: str) -> None:
    """People say goodbye into a farewell; that must not keep the line open."""
    assert is_courtesy(text) is True


@pytest.mark.parametrize("text", ["", "bye, one more question", "bye " * 9])
def test_anything_else_keeps_the_line_open(text: str) -> None:
    """And so does a goodbye without end."""
    assert is_courtesy(text) is False


def test_every_word_that_turn_taking_looks_for_is_known() -> None:
    """A recording without names keeps these, or it would go otherwise. Digits are kept in another way."""
    looked_for = (
        "mhm got jawohl definitely nein won't vielleicht who stop eigentlich aber different und their tschüss much"
    )
    openings = "phone wohne my name's i'm lautet ich"
    assert set(split(looked_for + " " + openings)) <= KNOWN | {"ich"}
    assert {"null", "nine"} <= SPOKEN_DIGITS
    assert "sieben" not in KNOWN


def test_a_text_may_end_in_digits() -> None:
    """Spoken or in figures."""
    assert ends_in_digits("my number is one two") is True
    assert ends_in_digits("0664 12") is True
    assert ends_in_digits("one table") is False
    assert ends_in_digits("") is False
