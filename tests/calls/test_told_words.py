"""What a carrier tells of its own voice is found again in what we sent, and never claims more than was told."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stella.calls.told_words import ToldWords

TEXT = "Straße 12, bitte. We're open – from nine to five. Thank you, goodbye."


def told(text=TEXT):
    """The words of a turn, as sent."""
    words = ToldWords()
    words.add(text)
    return words


@pytest.mark.parametrize(
    ("heard", "proven"),
    [
        ("", ""),
        ("Straße 12,", "Straße 12,"),
        ("STRASSE 12 bitte", "Straße 12, bitte."),
        ("Straße 12, bitte. Were open", "Straße 12, bitte. We're open"),
        ("Straße 12, bit", "Straße 12,"),
        ("from nine", "Straße 12, bitte. We're open – from nine"),
        ("Straße zwölf, bitte", "Straße"),
        ("something else entirely", ""),
        (TEXT, TEXT),
    ],
)
def test_an_interruption_proves_whole_words_up_to_where_it_was(heard, proven):
    """Spelling, punctuation and case are the voice's; half a word was not heard; another text proves nothing."""
    words = told()
    assert TEXT[: words.heard(heard)].rstrip(" –") == proven


def test_words_told_one_by_one_add_up_whether_they_repeat_or_accumulate():
    """Some carriers tell the newest words, some all so far; the same word twice is two words."""
    text = "No, no, no. That is all."
    for deltas in (text.split(), ["No,", "No, no,", "No, no, no.", text]):
        words = told(text)
        assert [words.played(delta) for delta in deltas][-1] == len(text)
    words = told(text)
    assert words.played("no") == len("No,")
    assert words.played("no") == len("No, no,")


def test_few_words_do_not_prove_the_end_of_a_long_turn():
    """`you` may come from an earlier turn; it is no proof of what stands far behind."""
    words = told()
    assert words.played("you") == 0


def test_figures_take_longer_to_say_than_to_write():
    """By the clock alone, eight digits are a sentence: a farewell behind them must not be cut off."""
    words = told("Call 06601234 please.")
    assert words.said_after(0, 12) == len("Call")
    assert words.said_after(0, 5 + 8 * 6) == len("Call 06601234")
    assert words.said_after(0, 500) == len(words.text)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=80), st.lists(st.text(max_size=20), max_size=6))
def test_no_telling_claims_more_than_was_sent_or_takes_anything_back(text, tellings):
    """Whatever is told: places only grow, and end with the text."""
    words = told(text)
    places = [words.played(each) for each in tellings] + [words.heard(each) for each in tellings]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["one", "two", "three", "four", "five", "six"]), min_size=1, max_size=20), st.data())
def test_a_true_telling_is_found_to_the_word(spoken, data):
    """Cut anywhere between two words, the proof is exactly what was said."""
    text = " ".join(spoken)
    cut = data.draw(st.integers(0, len(spoken)))
    words = told(text)
    place = words.heard(" ".join(spoken[:cut]))
    assert text[:place].split() == spoken[:cut]
