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


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (f"{start} {rest}", end)
        for start in (
            "I was wondering", "I wonder", "I would like to know", "I want to know", "please tell me", "ich wollte fragen",
            "ich möchte wissen", "ich würde gerne wissen", "wollen Sie mir sagen", "kannst du bitte sagen",
        )
        for rest, end in (("one blue two red", End.QUESTION), ("one blue red", End.OPEN))
    ],
)  # fmt: skip
def test_a_question_that_is_asked_round_about_takes_four_words(text: str, end: End) -> None:
    """With fewer it has hardly begun."""
    assert how_it_ends(text) is end


@pytest.mark.parametrize(
    "text", ["well my name is", "yes my name's", "also mein Name ist", "ja ich heiße", "I speak to", "let me talk to",
             "ich will sprechen mit", "hello this is"]
)  # fmt: skip
def test_a_name_is_whole_in_two_to_four_words(text: str) -> None:
    """One alone may be followed by the other; five are a story."""
    for names, whole in ((1, False), (2, True), (3, True), (4, True), (5, False)):
        said = f"{text} {' '.join('abcde'[:names])}".replace(" a", " Anna").replace(" e", " Emma")
        assert (how_it_ends(said) is End.WHOLE) is whole, said


@pytest.mark.parametrize(
    "closing",
    [
        "thanks", "please", "bye", "goodbye", "danke", "dankeschön", "bitte", "tschüss", "tschüs", "wiederhören",
        "wiederschauen", "thank you", "very much", "good bye", "is all", "that's all", "that's it", "nothing else",
        "vielen dank", "danke schön", "ist alles", "das war's", "sonst nichts", "auf wiedersehen",
    ],
)  # fmt: skip
def test_a_thank_you_or_goodbye_ends_what_it_stands_behind(closing: str) -> None:
    """Behind anything, and by itself; in front of more it ends nothing."""
    assert how_it_ends(f"so well {closing}") is End.WHOLE
    assert how_it_ends(closing) is End.WHOLE
    assert how_it_ends(f"well {closing} green now") is End.OPEN


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("damit er da ist", True), ("weil es so kommt", True), ("ich möchte bestellen", True), ("ich will ändern", True),
        ("wir wollen wechseln", False), ("ich will wechseln", True), ("ich will essen", True), ("ich will tun", False),
        ("ich habe ihnen", False), ("ich habe welchen", False), ("ich bin gekommen", True), ("es hat genügt", True),
        ("es ist verkauft", True), ("es ist bestellt", True), ("es ist erklärt", True), ("es ist entfernt", True),
        ("es hat zerstört", True), ("ich habe reserviert", True), ("ich habe echt", False), ("ich habe Urlaubt", False),
        ("er kommt", False), ("es ist gut", False), ("das geht", False), ("ich habe best", False),
    ],
)  # fmt: skip
def test_a_german_clause_is_over_with_its_last_verb(text: str, whole: bool) -> None:
    """An infinitive or a participle behind a verb that opened the bracket, or a bent verb behind "weil"."""
    assert (how_it_ends(text) is End.WHOLE) is whole


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("what is", End.UNFINISHED), ("what costs", End.OPEN), ("what it costs", End.QUESTION), ("green one?", End.QUESTION),
        ("arbeiten Sie heute", End.QUESTION), ("was kostet es", End.QUESTION), ("my number is", End.UNFINISHED),
        ("green", End.OPEN), ("", End.OPEN), ("…", End.OPEN),
    ],
)  # fmt: skip
def test_what_the_words_say_of_their_end(text: str, end: End) -> None:
    """Three words and one that asks in front are a question."""
    assert how_it_ends(text) is end
