"""Sentences that say themselves that they are whole, and such as may go on."""

from __future__ import annotations

import pytest

from stella.conversation.whole import End, how_it_ends


@pytest.mark.parametrize(
    "text",
    [
        "What are your opening hours?", "what are your opening hours", "wann haben Sie geöffnet", "Thank you very much",
        "das ist alles, danke", "Sonst nichts, auf Wiederhören.", "My name is Peter Miller", "ich heiße Anna Maria Berger",
        "hello, this is Anna Berger from Linz", "I was wondering if you could send me a quote.",
        "Ich wollte fragen, ob Sie mir ein Angebot schicken", "Ich möchte gerne mit der Buchhaltung sprechen",
        "Bitte sagen Sie ihr, dass ich angerufen habe", "Ich habe am Montag etwas bestellt",
        "weil meine Maschine kaputt ist", "Können Sie mir sagen, ob Frau Berger da ist", "Morgen um neun würde passen",
        "Ich habe den Termin notiert", "well, that is all", "Ich würde gerne wissen, wann Sie heute offen haben",
    ],
)  # fmt: skip
def test_a_whole_sentence_that_says_so(text: str) -> None:
    """A question, a thank-you, a name, a German clause with its last verb: whoever says that has said it."""
    assert how_it_ends(text) in {End.WHOLE, End.QUESTION}


@pytest.mark.parametrize(
    "text",
    [
        "", "I would like a table", "my name is Peter", "Ich möchte mit", "what are", "Can you tell me", "and then",
        "Ich hätte gerne einen Termin", "is the", "thank you and", "my number is one two", "Ich habe eine Frage",
        "Ich habe einen Vertrag mit Ihnen", "Ich hätte gerne zwei Karten", "Ich möchte einen", "I can wait", "Es ist gut",
        "ich hätte gerne etwas mehr",
    ],
)  # fmt: skip
def test_a_sentence_that_may_go_on(text: str) -> None:
    """Nothing in it says that it is whole."""
    assert how_it_ends(text) in {End.OPEN, End.UNFINISHED}


def test_questions_are_known_with_and_without_their_mark() -> None:
    """Half of all recognisers write none."""
    assert how_it_ends("wo sind Sie?") is End.QUESTION
    assert how_it_ends("how much does it cost") is End.QUESTION
    assert how_it_ends("Ich möchte wissen wann Sie heute offen haben") is End.QUESTION
    assert how_it_ends("?") is not End.QUESTION
    assert how_it_ends("I would like a table") is not End.QUESTION
    assert how_it_ends("please tell me about it") is not End.QUESTION


def test_the_end_of_a_long_text_decides_but_a_question_by_its_first_word() -> None:
    """A caller who talks for a minute is looked at as quickly as one who says a word."""
    assert how_it_ends("so " * 3000 + "nothing else, thank you") in {End.WHOLE, End.QUESTION}
    assert how_it_ends("what " + "very " * 300 + "green one is it blue") in {End.WHOLE, End.QUESTION}
    assert how_it_ends("My name is Peter Miller. " + "so " * 300 + "the table is green") in {End.OPEN, End.UNFINISHED}
