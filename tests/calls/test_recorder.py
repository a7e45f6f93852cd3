"""The flight recorder in a call: complete, exact, and no more than the caller allowed."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from stella.calls import recorder
from stella.calls.recorder import pack, ticking, unpack
from stella.conversation.opening import from_plain
from stella.conversation.tape import join, ordered, read, replay
from stella.domain.acts import EndCall, ExpectAnswer
from stella.domain.consent import Preset
from stella.domain.errors import MalformedMessage
from stella.ports.failure import Unavailable


class Shelf:
    """Keeps tapes in memory, or not at all."""

    def __init__(self) -> None:
        self.kept = []
        self.broken = False

    async def keep_tape(self, tape) -> None:
        if self.broken:
            raise Unavailable("shelf", "timeout")
        self.kept.append(tape)

    async def tapes(self, call_sid: str):
        return self.kept


def steps_of(tape):
    """What a kept tape holds, words and all."""
    return read(join(unpack(tape.skeleton), unpack(tape.words)))


class AtOnce(ThreadPoolExecutor):
    """No thread, because virtual time waits for none."""

    def submit(self, fn, /, *args, **kwargs):
        """Done before it is asked for."""
        done = Future()
        done.set_result(fn(*args, **kwargs))
        return done


async def one_call(h, *keys: str):
    """Greeting, a question, an interruption, some keys, a farewell."""
    asyncio.get_running_loop().set_default_executor(AtOnce())
    session, line = h.connect(await h.voice_webhook())
    await asyncio.sleep(4)
    await h.ears.says("what are your opening hours Kunigunde")
    await asyncio.sleep(2.3)
    await h.ears.says("no stop I want something else", 1.3)
    await asyncio.sleep(5)
    for key in keys:
        session.dtmf(key)
        await asyncio.sleep(0.3)
    await asyncio.sleep(8)
    session.stopped()
    session.gone()
    await asyncio.sleep(1)
    return line


def test_a_recorded_call_orders_the_very_same_again(run, house):
    """The tape is the call: the same build, told the same, orders the same at the same times."""
    shelf = Shelf()

    async def call():
        h = house(lambda _asked: ["A first sentence is here.", "A second one.", EndCall()], tapes=shelf)
        await one_call(h)

    run(call())
    (tape,) = shelf.kept
    steps = steps_of(tape)
    assert ordered(replay(steps, from_plain(tape.head).begin)) == ordered(steps)
    assert tape.steps == len(steps) > 20
    assert tape.dropped == 0
    assert (tape.head["agent"], tape.head["agent_version"]) == ("receptionist", "1")


def test_without_consent_no_word_is_on_the_tape(run, house):
    """`ask-everything` without a yes keeps who did what and when, and nothing that was said."""
    shelf = Shelf()

    async def call():
        h = house(tapes=shelf)
        h.switchboard._agents.agent = replace(h.agent, preset=Preset.ASK_EVERYTHING)
        await one_call(h)

    run(call())
    (tape,) = shelf.kept
    assert tape.words is None
    assert "Kunigunde" not in str(unpack(tape.skeleton))
    assert read(unpack(tape.skeleton))


def test_masked_keys_are_on_no_tape(run, house):
    """A PIN that is not stored in the record is not stored in the recording either; the replay still agrees."""
    shelf = Shelf()

    async def call():
        h = house(
            lambda asked: ["Thank you."] if asked.digits else ["Key it.", ExpectAnswer("digits", 4, masked=True)],
            tapes=shelf,
        )
        await one_call(h, "7", "3", "9", "8")

    run(call())
    (tape,) = shelf.kept
    words = str(unpack(tape.words))
    assert "0000" in words
    assert not any(key in words for key in ("7398", "'7'", "'3'", "'9'"))
    steps = steps_of(tape)
    assert ordered(replay(steps, from_plain(tape.head).begin)) == ordered(steps)


def test_a_tape_has_an_end_and_what_is_beyond_is_counted(run, house, monkeypatch):
    """An endless call must not fill the memory; pages are put together in order."""
    shelf = Shelf()
    monkeypatch.setattr(recorder, "STEPS_MOST", 30)
    monkeypatch.setattr(recorder, "PAGE", 4)

    async def call():
        await one_call(house(tapes=shelf))

    run(call())
    (tape,) = shelf.kept
    steps = steps_of(tape)
    assert len(steps) == tape.steps == 30
    assert tape.dropped > 0
    assert ordered(replay(steps, from_plain(tape.head).begin)) == ordered(steps)


def test_a_shelf_that_fails_costs_the_tape_and_not_the_call(run, house):
    """The record is what matters."""
    shelf = Shelf()
    shelf.broken = True

    async def call():
        h = house(tapes=shelf)
        await one_call(h)
        return h

    assert run(call()).record.turns
    assert shelf.kept == []


def test_packs_may_be_joined_and_nonsense_is_refused():
    """A tape is read in one go, whatever the number of its pages; a bomb does not go off."""
    assert unpack(pack([[1, "ä"]]) + pack([[2]])) == [[1, "ä"], [2]]
    with pytest.raises(MalformedMessage):
        unpack(b"nonsense")
    with pytest.raises(MalformedMessage):
        unpack(pack([1])[:-4])


def test_a_tape_that_unpacks_without_end_is_refused(monkeypatch):
    """A few bytes can be made to fill any memory."""
    monkeypatch.setattr(recorder, "UNPACKED_MOST", 100)
    with pytest.raises(MalformedMessage, match="longer"):
        unpack(pack(["a" * 200]))


def test_the_clock_of_a_leg_counts_whole_microseconds():
    """What a tape can say exactly, the conversation was told exactly."""
    times = iter([1000.0, 1000.1234567, 1001.0])
    clock = ticking(lambda: next(times))
    assert clock() == 0.123457
    assert clock() == 1.0
