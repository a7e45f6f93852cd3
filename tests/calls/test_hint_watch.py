"""What is listened to at a pause, and when what it says is still told."""

from __future__ import annotations

from collections.abc import Callable

from stella.calls.hint_watch import MOST, PRE_ROLL, HintWatch
from stella.conversation import events as on


class Asked:
    """Hints whose answers the test gives."""

    languages = frozenset({"en"})

    def __init__(self) -> None:
        self.sounds: list[bytes] = []
        self.tell: list[Callable[[float], None]] = []

    def ask(self, mulaw: bytes, told: Callable[[float], None]) -> None:
        self.sounds.append(mulaw)
        self.tell.append(told)

    async def close(self) -> None:
        """Nothing."""


def test_a_pause_is_listened_to_from_just_before_the_turn_began() -> None:
    """Silence, or our own echo, before the caller's words would be part of the picture."""
    hints, told = Asked(), list[on.Event]()
    watch = HintWatch(hints, told.append)
    watch.feed(b"\x01" * 20_000)
    watch.started()
    watch.feed(b"\x02" * 8000)
    watch.stopped()
    hints.tell[0](0.87654)
    assert hints.sounds[0] == b"\x01" * PRE_ROLL + b"\x02" * 8000
    assert told == [on.TurnHinted(0.877)]


def test_the_second_pause_of_a_turn_is_listened_to_with_the_first_part() -> None:
    """The whole of a sentence tells more than its end."""
    hints = Asked()
    watch = HintWatch(hints, lambda _event: None)
    watch.started()
    watch.feed(b"\x02" * 4000)
    watch.stopped()
    watch.feed(b"\x03" * 4000)
    watch.started()
    watch.feed(b"\x04" * 4000)
    watch.stopped()
    assert hints.sounds[1] == b"\x02" * 4000 + b"\x03" * 4000 + b"\x04" * 4000


def test_an_answer_about_a_pause_that_is_over_is_not_told() -> None:
    """The caller went on, or was answered meanwhile."""
    hints, told = Asked(), list[on.Event]()
    watch = HintWatch(hints, told.append)
    watch.stopped()
    watch.started()
    watch.stopped()
    watch.started()
    hints.tell[0](0.9)
    watch.stopped()
    watch.turn_over()
    hints.tell[1](0.9)
    assert (told, len(hints.tell)) == ([], 2)


def test_a_long_turn_keeps_its_end() -> None:
    """Memory is bounded, whoever talks."""
    hints = Asked()
    watch = HintWatch(hints, lambda _event: None)
    watch.started()
    for value in range(40):
        watch.feed(bytes([value]) * 8000)
    watch.stopped()
    assert len(hints.sounds[0]) == MOST
    assert hints.sounds[0].endswith(b"\x27" * 8000)
    assert len(watch._sound) <= 2 * MOST


def test_without_hints_nothing_is_kept_or_told() -> None:
    """Nobody pays for what is not installed; a closed call hears nothing any more."""
    told: list[on.Event] = []
    none = HintWatch(None, told.append)
    none.feed(b"\x01" * 9000)
    none.started()
    none.stopped()
    assert not none._sound
    hints = Asked()
    closed = HintWatch(hints, told.append)
    closed.started()
    closed.stopped()
    closed.close()
    hints.tell[0](0.9)
    closed.stopped()
    assert (told, len(hints.sounds)) == ([], 1)
