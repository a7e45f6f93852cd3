"""The caller's turn: words and keys in order, and when one turn continues another."""

from __future__ import annotations

from stella.conversation.caller import CallerTurn, Utterance
from stella.conversation.steps import NEVER
from stella.domain.ids import TurnId, UtteranceId


def part(name: int, text: str | None = None, **more: object) -> Utterance:
    """An utterance that began at its number."""
    return Utterance(UtteranceId(name), float(name), text, **more)  # type: ignore[arg-type]


def test_a_turn_is_empty_until_something_was_understood() -> None:
    """Noise and silence are no turn; a key is."""
    assert CallerTurn().empty
    assert CallerTurn([part(1, "")]).empty
    assert not CallerTurn([part(1)]).empty
    assert not CallerTurn([part(1, "hi")]).empty
    assert not CallerTurn(digits="1").empty


def test_words_are_joined_in_order_and_guesses_stand_in() -> None:
    """What is final counts; what is not yet is shown as guessed."""
    turn = CallerTurn([part(1, "one"), part(2, ""), part(3, guess="three"), part(4, "four", guess="for")])
    assert turn.text == "one four"
    assert turn.guess == "one three four"
    turn.stored_digits = "xx"
    assert turn.shown == "one three four xx"
    assert CallerTurn(stored_digits="12").shown == "12"


def test_what_is_awaited_has_a_time() -> None:
    """The earliest of those whose words are still to come."""
    turn = CallerTurn([part(1, "done", due=1.0), part(2, due=5.0), part(3, due=4.0), part(4)])
    assert turn.awaited  # noqa: PGH005 a turn, and no mock
    assert turn.due() == 4.0
    assert CallerTurn([part(1, "done", due=1.0)]).due() == NEVER
    assert not CallerTurn([part(1, "done")]).awaited
    assert CallerTurn([part(1, "", lost=True)]).lost
    assert not turn.lost


def test_an_utterance_is_found_and_dropped_by_name() -> None:
    """And no other goes with it."""
    turn = CallerTurn([part(1), part(2)])
    assert turn.find(UtteranceId(2)) is turn.parts[1]
    assert turn.find(UtteranceId(3)) is None
    turn.began, turn.stopped, turn.turn = 1.0, 2.0, TurnId(7)
    turn.drop(UtteranceId(1))
    assert [each.utterance for each in turn.parts] == [2]
    assert (turn.began, turn.stopped, turn.turn) == (1.0, 2.0, 7)


def test_a_turn_of_which_nothing_is_left_has_not_begun() -> None:
    """A noise that was dropped is not where the next turn starts. A key is something."""
    turn = CallerTurn([part(1)], began=1.0, stopped=2.0, turn=TurnId(7))
    turn.drop(UtteranceId(1))
    assert turn == CallerTurn()
    turn = CallerTurn([part(1)], "7", "7", 1.0, 2.0, TurnId(7))
    turn.drop(UtteranceId(1))
    assert (turn.began, turn.stopped, turn.turn) == (1.0, 2.0, 7)


def test_a_turn_that_goes_on_is_one_turn() -> None:
    """Words, keys, the first beginning, the last end, and the number it was asked under."""
    first = CallerTurn([part(1, "a")], "1", "x", 1.0, 2.0, TurnId(7))
    second = CallerTurn([part(2, "b")], "2", "y", 3.0, 4.0)
    both = second.after(first)
    assert (both.text, both.digits, both.stored_digits) == ("a b", "12", "xy")
    assert (both.began, both.stopped, both.turn) == (1.0, 4.0, 7)
    open_end = CallerTurn(began=3.0).after(CallerTurn(stopped=2.0))
    assert (open_end.began, open_end.stopped, open_end.turn) == (3.0, 2.0, None)


def test_a_fresh_utterance_has_no_words_and_was_not_lost() -> None:
    """Nor is its turn judged to be over."""
    fresh = Utterance(UtteranceId(1), 1.0)
    assert (fresh.text, fresh.guess, fresh.due, fresh.lost, fresh.over) == (None, "", None, False, False)
    turn = CallerTurn()
    assert (turn.digits, turn.stored_digits, turn.began, turn.stopped, turn.turn) == ("", "", None, None, None)


def test_one_lost_utterance_is_enough() -> None:
    """The caller may have said what mattered in it."""
    assert CallerTurn([part(1, "hello"), part(2, "", lost=True)]).lost is True
    assert CallerTurn([part(1, "hello"), part(2, "there")]).lost is False


def test_empty_is_what_holds_neither_words_nor_keys() -> None:
    """One word among noises is a turn."""
    assert CallerTurn([part(1, ""), part(2, "")]).empty is True
    assert CallerTurn([part(1, ""), part(2, "x")]).empty is False
    assert CallerTurn([part(1, "")], "1").empty is False


def test_with_nothing_said_there_are_no_words() -> None:
    """Neither final nor guessed nor shown."""
    assert (CallerTurn().text, CallerTurn().guess, CallerTurn().shown) == ("", "", "")
