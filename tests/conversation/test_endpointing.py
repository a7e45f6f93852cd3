"""How much silence ends a turn."""

from __future__ import annotations

import pytest

from stella.conversation.endpointing import Endpointing
from stella.conversation.policy import Policy
from stella.domain.acts import ExpectAnswer

POLICY = Policy()
OPEN = ExpectAnswer()


@pytest.mark.parametrize(
    ("text", "expected", "wait"),
    [
        ("", OPEN, POLICY.endpointing_usual),
        ("I would like a table", OPEN, POLICY.endpointing_usual),
        ("What are your hours?", OPEN, POLICY.endpointing_min),
        ("I would like a table and", OPEN, POLICY.endpointing_max),
        ("Meine Nummer ist", OPEN, POLICY.endpointing_max),
        ("my number is one two three", OPEN, POLICY.endpointing_max),
        ("yes", ExpectAnswer("yes-no"), POLICY.endpointing_min),
        ("that depends", ExpectAnswer("yes-no"), POLICY.endpointing_usual),
        ("one two", ExpectAnswer("digits", max_digits=4), POLICY.endpointing_max),
        ("1234", ExpectAnswer("digits", max_digits=4), POLICY.endpointing_min),
        ("0664 12", ExpectAnswer("number"), POLICY.endpointing_max),
        ("0664 123 4567", ExpectAnswer("number"), POLICY.endpointing_min),
        ("let me look", ExpectAnswer("digits"), POLICY.endpointing_usual),
        ("That is all, thank you", OPEN, POLICY.endpointing_min),
        ("Ich möchte einen Termin vereinbaren", OPEN, POLICY.endpointing_min),
        ("weil meine Maschine kaputt ist", OPEN, POLICY.endpointing_min),
    ],
)
def test_what_was_said_and_asked_sets_the_wait(text: str, expected: ExpectAnswer, wait: float) -> None:
    """An answer to the question is complete at once; an unfinished sentence or number deserves patience."""
    assert Endpointing(POLICY).wait(text, expected) == wait


def test_a_slow_caller_is_given_more_time() -> None:
    """Pauses a caller made inside turns are no endings; one such pause is enough to learn from."""
    endpointing = Endpointing(POLICY)
    endpointing.paused(0.8)
    assert endpointing.wait("I would like a table", OPEN) == pytest.approx(0.8 * POLICY.pace_margin)
    endpointing.paused(0.6)
    assert endpointing.wait("I would like a table", OPEN) == pytest.approx(0.74 * POLICY.pace_margin)


def test_pauses_that_are_none_teach_nothing() -> None:
    """Overlapping or endless gaps say nothing about a pace."""
    endpointing = Endpointing(POLICY)
    endpointing.paused(0.0)
    endpointing.paused(20.0)
    assert endpointing.wait("hello there", OPEN) == POLICY.endpointing_usual


def test_a_fixed_wait_can_be_set() -> None:
    """A benchmark wants exactly 200 ms, whatever was said."""
    endpointing = Endpointing(POLICY.with_overrides({"endpointing_min": 0.2, "endpointing_max": 0.2}))
    endpointing.paused(0.15)
    assert {endpointing.wait(text, OPEN) for text in ("", "and", "one two", "why?", "hello")} == {0.2}


def test_a_monologue_ends_in_the_next_gap() -> None:
    """Who has spoken for so long gets the next breath answered."""
    assert Endpointing(POLICY).wait("and", OPEN, POLICY.monologue) == POLICY.monologue_gap


def test_a_pause_after_unfinished_words_tells_nothing_of_this_callers_other_pauses() -> None:
    """It is waited for because of the words; learnt from, it would make us slow after every whole sentence."""
    endpointing = Endpointing(Policy())
    before = endpointing.wait("That is all.", ExpectAnswer())
    endpointing.paused(1.2, "My name is")
    assert endpointing.wait("That is all.", ExpectAnswer()) == before
    endpointing.paused(1.2, "That is all.")
    assert endpointing.wait("That is all.", ExpectAnswer()) > before


def test_ears_that_heard_the_end_of_the_turn_are_believed() -> None:
    """They heard how it was said; only digits that are still missing weigh more."""
    endpointing = Endpointing(POLICY)
    assert endpointing.wait("I would like to", OPEN) == POLICY.endpointing_max
    assert endpointing.wait("I would like to", OPEN, over=True) == POLICY.endpointing_min
    digits = ExpectAnswer("digits", max_digits=4)
    assert endpointing.wait("one two", digits, over=True) == POLICY.endpointing_max


def test_a_slow_caller_is_waited_for_after_a_whole_sentence_but_not_after_a_question() -> None:
    """Who pauses between sentences may say another; who asks wants an answer."""
    endpointing = Endpointing(POLICY)
    endpointing.paused(0.8, "It does not work.")
    assert endpointing.wait("That is all, thank you", OPEN) == pytest.approx(0.8 * POLICY.pace_margin)
    assert endpointing.wait("what are your opening hours", OPEN) == POLICY.endpointing_min


def test_a_number_of_unknown_length_may_go_on_in_its_beat() -> None:
    """Who says it in groups says the next group after the same pause; who said it in one breath has said it."""
    number = ExpectAnswer("number")
    endpointing = Endpointing(POLICY)
    assert endpointing.wait("0664 123 4567", number) == POLICY.endpointing_min
    endpointing.paused(0.9, "null sechs sechs")
    endpointing.paused(0.7, "null sechs sechs null eins zwei")
    assert endpointing.wait("null sechs sechs null eins zwei drei", number) == pytest.approx(0.9 * POLICY.pace_margin)
    assert endpointing.wait("1234", ExpectAnswer("digits", max_digits=4)) == POLICY.endpointing_min
    assert endpointing.wait("I would like a table", OPEN) == POLICY.endpointing_usual


@pytest.mark.parametrize(
    ("text", "hint", "wait"),
    [
        ("I would like a table", 0.99, POLICY.endpointing_min),
        ("I would like a table", 0.5, POLICY.endpointing_usual),
        ("I would like a table", 0.02, POLICY.hint_patience),
        ("", 0.99, POLICY.endpointing_min),
        ("I would like a table and", 0.99, POLICY.endpointing_max),
        ("What are your hours?", 0.02, POLICY.endpointing_min),
    ],
)
def test_the_sound_counts_where_the_words_say_nothing(text: str, hint: float, wait: float) -> None:
    """A hint is one: it never outweighs an "and", nor a question."""
    endpointing = Endpointing(POLICY)
    endpointing.hint = hint
    assert endpointing.wait(text, OPEN) == wait


def test_a_pause_as_long_as_the_longest_wait_is_still_a_pause() -> None:
    """One second more and it was an ending."""
    for seconds, wait in ((1.6, 1.6), (1.61, 0.7)):
        endpointing = Endpointing(POLICY)
        endpointing.paused(seconds)
        assert endpointing.wait("hello there", OPEN) == wait
    endpointing = Endpointing(POLICY)
    endpointing.paused(-1.0)
    assert endpointing.wait("hello there", OPEN) == 0.7


def test_the_shortest_pause_is_one() -> None:
    """It teaches, although it changes nothing yet."""
    endpointing = Endpointing(POLICY)
    endpointing.paused(0.1)
    endpointing.paused(1.5)
    assert endpointing.wait("hello there", OPEN) == 0.7


def test_a_turn_of_no_length_is_no_monologue() -> None:
    """Nor is one just below it."""
    quick = Endpointing(POLICY.with_overrides({"monologue": 5.0, "endpointing_max": 0.5, "monologue_gap": 2.0}))
    assert quick.wait("hello there", OPEN, 4.9) == 0.5
    assert quick.wait("hello there", OPEN, 5.0) == 0.5
