"""A call told on has the shape of the call, and nobody in it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.stand_ins import anonymous, anonymous_phrases, stand_in, vocabulary
from stella.conversation.tape import Step, read, write
from stella.conversation.words import count_digits, is_backchannel, is_unfinished, yes_or_no
from stella.domain.acts import EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.agent import Phrases
from stella.domain.call import ToolUse
from stella.domain.phrases import PHRASES_DE
from stella.domain.transcript import Turn


def test_names_and_numbers_are_gone_and_the_shape_stays() -> None:
    """Word times point into the text: every length must stay."""
    assert stand_in("My name is Kunigunde Müller-Lüdenscheidt.") == "My name is Xxxxxxxxx Xxxxxx-Xxxxxxxxxxxx."
    assert stand_in("Call 0664 12 34, zero six SIX seven sieben") == "Call 0000 00 00, four one One three sieben"
    assert stand_in("Kunigunde") != stand_in("Kunigunde", frozenset({"kunigunde"})) == "Kunigunde"
    assert stand_in("Müller’s") == "Xxxxxx’x"


@given(st.text(max_size=60))
def test_a_text_means_the_same_to_the_core(text: str) -> None:
    """Of any text the length stays, and a second telling takes out nothing more."""
    told = stand_in(text)
    assert len(told) == len(text)
    assert stand_in(told) == told


@given(
    st.lists(
        st.sampled_from(
            [
                "ja",
                "nein",
                "mhm",
                "okay",
                "my",
                "number",
                "is",
                "Kunigunde",
                "zero",
                "six",
                "0664",
                "und",
                "oh",
                "ein",
                "?",
            ]
        ),
        max_size=8,
    )
)
def test_turn_taking_hears_no_difference(words: list[str]) -> None:
    """Backchannel, yes or no, unfinished, how many digits: what the wait and the floor depend on."""
    text = " ".join(words)
    told = stand_in(text)
    assert (is_backchannel(told), yes_or_no(told)) == (is_backchannel(text), yes_or_no(text))
    assert (is_unfinished(told), count_digits(told)) == (is_unfinished(text), count_digits(text))


def test_nobody_is_left_on_a_tape() -> None:
    """Wherever a person or a matter can stand: words, turns, tools, people, hints, keys, phrases."""
    use = UsedTool(ToolUse("find", {"who": "Kunigunde"}, "Kunigunde", 1.0, 2.0, "no Kunigunde"), 1.0)
    phrases = Phrases(*("Kunigunde" if name != "no_input" else ("Kunigunde",) for name in Phrases.__dataclass_fields__))  # type: ignore[arg-type]
    turn = Turn(1, "caller", "Kunigunde 7398", 0.0, 1.0, heard_text="Kunigunde 7398")
    steps: list[Step] = [
        (0.5, on.DigitPressed("7"), [do.RecordDigit("7", 0.25)]),
        (1.0, on.UtteranceFinal(on.UtteranceId(1), "Kunigunde"), [do.AskBrain(on.TurnId(1), "Kunigunde", "7398")]),
        (2.0, on.ReplyActed(on.TurnId(1), use), [do.RecordTool(use)]),
        (3.0, on.ReplyActed(on.TurnId(1), TransferTo("Kunigunde")), [do.Transfer("Kunigunde")]),
        (4.0, on.ReplyActed(on.TurnId(1), ExpectAnswer("name", hints=("Kunigunde",))), [do.CommitTurn(turn)]),
        (5.0, on.ReplyActed(on.TurnId(1), EndCall()), []),
        (6.0, on.LanguageChanged(phrases), []),
        (7.0, on.ReplyGrew(on.TurnId(1), "Kunigunde"), [do.Say(on.TurnId(1), on.SegmentId(1), "Kunigunde")]),
    ]
    rows = anonymous(write(steps))
    text = json.dumps(rows)
    assert "Kunigunde" not in text
    assert "7398" not in text
    assert [now for now, _, _ in read(rows)] == [now for now, _, _ in steps]
    tool = read(rows)[2][1]
    assert isinstance(tool, on.ReplyActed)
    assert tool.act == UsedTool(ToolUse("find", {}, "", 1.0, 2.0, "failed"), 1.0)
    clean = anonymous(write([(1.0, on.ReplyActed(on.TurnId(1), UsedTool(ToolUse("find", {}))), [])]))
    assert clean[0][3][1][5] is None


def test_public_words_may_stay() -> None:
    """STELLA's own phrases are no secret; the company's name in them is."""
    also = vocabulary(PHRASES_DE.no_input)
    told = anonymous_phrases({"greeting": "Sind Sie noch da, Kunigunde?", "no_input": PHRASES_DE.no_input}, also)
    assert told["greeting"].endswith("Xxxxxxxxx?")
    assert told["no_input"] == list(PHRASES_DE.no_input)
