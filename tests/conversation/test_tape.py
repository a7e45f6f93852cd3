"""The flight recorder."""

from __future__ import annotations

import json
from typing import Any

import pytest
from simulation import PHRASES, Call

from stella.conversation import actions as do
from stella.conversation import events as on
from stella.conversation.core import Conversation
from stella.conversation.opening import Opening, from_plain
from stella.conversation.policy import Policy
from stella.conversation.tape import VERSION, Step, differences, join, ordered, read, replay, split, write
from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import ToolUse
from stella.domain.consent import Preset
from stella.domain.errors import MalformedMessage

OPENING = Opening(Policy(), PHRASES, Preset.DISCLOSE)


class Recorded(Call):
    """A virtual call that keeps what the recorder would."""

    def __init__(self, conversation: Conversation, *rest: Any, **options: Any) -> None:
        """Nothing is kept yet."""
        super().__init__(conversation, *rest, **options)
        self.steps: list[Step] = []

    def tell(self, event: on.Event) -> None:
        """One step."""
        before, now = len(self.log), self.now
        super().tell(event)
        self.steps.append((now, event, [order for at, order in self.log[before:] if at == now]))


def record() -> Recorded:
    """A call with something of everything, a secret name in it, at times no whole microsecond knows."""
    use = UsedTool(ToolUse("find", {"who": "Kunigunde"}), 0.1)
    reply = ["Let me see.", use, ExpectAnswer("digits", max_digits=2, hints=("a",)), ChangeLanguage("en"), EndCall()]
    call = Recorded(OPENING.begin(), lambda _: reply, vad=0.06, stt=1 / 7)
    call.answered().speaks(2.0, "Kunigunde speaking", 1.0).keys(4.0, "7").speaks(9.0, "", 0.5)
    return call.run(30.0)  # type: ignore[return-value]


def through_json(rows: list[Any]) -> list[Any]:
    """As a store would give it back."""
    back: list[Any] = json.loads(json.dumps(rows))
    return back


def test_a_recorded_call_plays_the_same_again_to_the_last_bit() -> None:
    """Through JSON and back, the core gives the very same orders at the very same times: the recording is the call."""
    call = record()
    steps = read(through_json(write(call.steps)))
    assert [(now, event, list(orders)) for now, event, orders in steps] == call.steps
    again = replay(steps, OPENING.begin)
    assert ordered(again) == ordered(call.steps)
    assert differences(ordered(call.steps), ordered(again)) == []


def test_another_policy_shows_where_the_orders_part() -> None:
    """Deadlines the recording does not know of are kept on the way."""
    call = record()
    quicker = OPENING.with_policy({"endpointing_min": 0.3, "endpointing_usual": 0.3})
    found = differences(ordered(call.steps), ordered(replay(call.steps, quicker.begin, punctual=True)))
    first = found[0]
    assert isinstance((first.before or first.after or (0, None))[1], do.AskBrain)
    assert first.at < call.when(do.AskBrain)


def test_differences_are_found() -> None:
    """In what is ordered, when, and whether at all."""
    drop, pause = do.DropPlayout(), do.CancelReply(on.TurnId(1))
    one: list[tuple[float, do.Action]] = [(1.0, drop), (2.0, pause)]
    assert differences(one, one) == []
    (moved,) = differences(one, [(1.5, drop), (2.0, pause)])
    assert (moved.before, moved.after, moved.at) == ((1.0, drop), (1.5, drop), 1.0)
    (missing,) = differences(one, one[:1])
    assert (missing.before, missing.after) == ((2.0, pause), None)
    (new,) = differences([], one[:1])
    assert (new.before, new.after) == (None, (1.0, drop))


def test_what_people_said_can_be_taken_out_and_put_back() -> None:
    """Nothing personal is left in the one part; without the other, times and kinds can still be read."""
    call = record()
    rows = write(call.steps)
    bare, personal = split(rows)
    assert "Kunigunde" not in json.dumps(bare)
    assert '"7"' not in json.dumps(bare)
    assert "Kunigunde" in json.dumps(personal)
    assert join(bare, personal) == rows
    assert [now for now, _, _ in read(bare)] == [now for now, _, _ in call.steps]
    with pytest.raises(MalformedMessage, match="does not belong"):
        join(bare, personal[:-1])
    with pytest.raises(MalformedMessage, match="longer"):
        join(bare, [*personal, "more"])


def test_an_erased_tape_still_has_its_times() -> None:
    """How long everything took is no secret."""
    tool = do.RecordTool(UsedTool(ToolUse("find", {})))
    steps: list[Step] = [
        (1.0, on.ReplyActed(on.TurnId(1), EndCall()), [tool]),
        (1.5, on.TimePassed(), [do.Transfer("Anna")]),
        (1.75, on.ReplyActed(on.TurnId(1), TransferTo("Anna")), []),
    ]
    bare, _ = split(write(steps))
    assert "Anna" not in json.dumps(bare)
    assert [now for now, _, _ in read(bare)] == [1.0, 1.5, 1.75]


@pytest.mark.parametrize(
    "rows", [[[0, "Nonsense"]], [[0]], [[]], [[0, "ReplyEnded"]], [3], [[None, "DropPlayout"]], [[None, "TimePassed"]]]
)
def test_a_tape_that_cannot_be_read_says_so(rows: list[Any]) -> None:
    """One way to fail."""
    with pytest.raises(MalformedMessage):
        read(rows)


def test_a_beginning_is_kept_whole() -> None:
    """Also where a later version has other defaults, or one number less."""
    opening = Opening(Policy().with_overrides({"silence": 9.0}), PHRASES, Preset.ASK_EVERYTHING, asks_consent=False)
    plain = through_json([opening.plain()])[0]
    assert from_plain(plain) == opening
    assert opening.phrases_version == from_plain(plain).phrases_version
    plain["policy"]["gone_tomorrow"] = 1.0
    assert from_plain(plain) == opening
    with pytest.raises(MalformedMessage, match="beginning"):
        from_plain({})


def test_replaying_keeps_a_deadline_only_where_it_is_asked_to() -> None:
    """The very build that was recorded needs none: its own are on the tape, as late as they came."""
    facts: list[Step] = [(0.0, on.CallAnswered(), []), (4.0, on.ShutdownAsked(), [])]
    assert [now for now, _, _ in replay(facts, OPENING.begin)] == [0.0, 4.0]
    assert [now for now, _, _ in replay(facts, OPENING.begin, punctual=True)] == [0.0, 4.0]
    later: list[Step] = [(0.0, on.CallAnswered(), []), (4.5, on.ShutdownAsked(), [])]
    assert [now for now, _, _ in replay(later, OPENING.begin, punctual=True)] == [0.0, 4.0, 4.5]
    assert [now for now, _, _ in replay(later, OPENING.begin)] == [0.0, 4.5]


@pytest.mark.parametrize(("later", "same"), [(0.001, True), (0.0015, False), (-0.0015, False)])
def test_a_millisecond_is_no_difference(later: float, same: bool) -> None:
    """Clocks are read a little earlier or later."""
    drop = do.DropPlayout()
    assert (differences([(0.0, drop)], [(later, drop)]) == []) is same


def test_the_earlier_of_two_times_is_when_a_difference_is() -> None:
    """There the two calls part."""
    drop = do.DropPlayout()
    assert differences([(2.0, drop)], [(1.0, drop)])[0].at == 1.0
    assert differences([(2.0, drop)], [(3.0, drop)])[0].at == 2.0
    assert differences([], [(3.0, drop)])[0].at == 3.0


def test_a_tape_says_what_is_wrong_with_it() -> None:
    """Whoever reads it knows where to look."""
    with pytest.raises(MalformedMessage, match=r"^a row of the tape cannot be read: "):
        read([[0, "Nonsense"]])
    with pytest.raises(MalformedMessage, match=r"^the personal part does not belong to this tape$"):
        join([[0, "DigitPressed", None]], [])
    with pytest.raises(MalformedMessage, match=r"^the personal part is longer than this tape$"):
        join([[0, "TimePassed"]], ["more"])
    with pytest.raises(MalformedMessage, match="does not belong"):
        join([[0, "Nonsense"]], [])


def test_taking_words_out_leaves_the_tape_itself_alone() -> None:
    """Whoever splits it may still want it whole."""
    rows = write([(0.0, on.DigitPressed("7"), [])])
    bare, personal = split(rows)
    assert (rows[0][2], bare[0][2], personal) == ("7", None, ["7"])
    assert join(bare, personal) == rows
    assert bare[0][2] is None


def test_the_version_of_the_rows_is_the_second() -> None:
    """It is written into every head; a change of it makes every kept tape unreadable."""
    assert VERSION == 2
