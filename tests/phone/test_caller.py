"""The scripted person decides as a person would. No clock, no sound: facts in, orders out."""

from stella.phone.caller import Caller, Ear, Noticed, PressKeys, PutDown, Say
from stella.phone.script import HangUp, Interrupt, Press, Speak, Wait
from stella.phone.sound import Sound


def sound(text: str = "hello") -> Sound:
    """One second, speech from 0.1 to 0.9."""
    return Sound(text, b"\x00" * 8000, 0.1, 0.9, 1000.0)


def caller(*script, **more) -> Caller:
    """A caller whose call was answered at 0."""
    made = Caller(script, {i: sound() for i, s in enumerate(script) if isinstance(s, Speak | Interrupt)}, **more)
    made.answered(0.0)
    made.leg_began(0.0)
    return made


def first(person: Caller, ear: Ear, start: float, end: float) -> tuple[float, list]:
    """The first orders between two times, in frames."""
    frames = round((end - start) / 0.02)
    for frame in range(frames):
        now = start + frame * 0.02
        orders = person.tick(now, ear, speaking=False)
        if orders:
            return now, orders
    return end, []


def test_speaks_after_the_agent_has_spoken_and_stopped():
    """0.7 s of quiet and a small human gap; never into a pause with sound still queued."""
    person = caller(Speak("hello"))
    assert first(person, Ear(True, 1.0, 0.5, 2.0), 2.0, 4.0) == (4.0, [])
    when, orders = first(person, Ear(False, 1.0, 0.5, 2.0), 2.0, 4.0)
    assert 2.89 < when < 2.93
    assert isinstance(orders[0], Say)


def test_an_agent_that_streams_silence_is_quiet_too():
    """Some servers never stop sending; a person hears nothing and speaks."""
    person = caller(Speak("hello"))
    when, orders = first(person, Ear(True, 9.0, 0.5, 2.0), 2.0, 9.0)
    assert 4.6 < when < 4.8
    assert isinstance(orders[0], Say)


def test_patience_ends_and_is_noted_once():
    """A silent agent must not hang a test, and must be seen in the report."""
    person = caller(Speak("hello"), patience_s=3.0)
    when, orders = first(person, Ear(), 0.0, 10.0)
    assert 2.9 < when < 3.3
    assert [type(order) for order in orders] in ([Noticed], [Noticed, Say])


def test_interrupts_so_many_seconds_into_the_reply():
    """The reply that counts is the one that began after the caller's last words."""
    person = caller(Interrupt("stop", at_s=1.0))
    when, orders = first(person, Ear(True, 3.0, 2.0, 2.9), 2.0, 5.0)
    assert 2.98 < when < 3.03
    assert orders[0].interrupts


def test_a_reply_that_ended_too_early_cannot_be_interrupted():
    """The caller speaks all the same, and the report says why it was no interruption."""
    person = caller(Interrupt("stop", at_s=5.0))
    _, orders = first(person, Ear(False, 2.2, 2.0, 2.4), 2.5, 6.0)
    assert isinstance(orders[0], Noticed)
    assert isinstance(orders[1], Say)


def test_keys_may_interrupt_where_words_would():
    """So many seconds into the reply, however long that was waited for."""
    person = caller(Interrupt(keys="5", at_s=1.0))
    assert first(person, Ear(True, 9.0, 8.0, 9.0), 8.0, 8.9) == (8.9, [])
    when, orders = first(person, Ear(True, 9.0, 8.0, 9.0), 8.9, 9.5)
    assert 8.99 < when < 9.03
    assert orders == [PressKeys("5")]


def test_keys_and_hangups_by_the_clock_wait_for_no_turn():
    """`--dtmf 5@3 --hangup-at 4`: whatever the agent does."""
    person = caller(Press("5", at_s=3.0), HangUp(at_s=4.0))
    talking = Ear(True, 9.0, 0.1, 9.0)
    assert first(person, talking, 0.0, 3.5)[1] == [PressKeys("5")]
    when, orders = first(person, talking, 3.2, 5.0)
    assert (round(when, 1), orders) == (4.0, [PutDown("script")])
    assert person.done


def test_hangs_up_after_so_many_replies():
    """`after_turns` counts replies that have ended."""
    person = caller(HangUp(after_turns=2))
    assert person.tick(5.0, Ear(replies=1, queued=True), speaking=False) == []
    assert person.tick(6.0, Ear(replies=2, queued=True), speaking=False) == [PutDown("script")]


def test_the_end_of_the_script_is_a_polite_hangup():
    """Only when the agent has finished its last reply, and a second later."""
    person = caller()
    when, orders = first(person, Ear(False, 2.0, 1.0, 2.0), 1.0, 9.0)
    assert isinstance(orders[0], PutDown)
    assert 2.98 < when < 3.1


def test_wait_holds_everything_back_but_forgets_no_reply():
    """After the wait the agent has still answered: no patience is lost."""
    person = caller(Wait(5.0), Speak("now"))
    when, orders = first(person, Ear(False, 1.0, 0.5, 1.0), 2.0, 9.0)
    assert 6.9 < when < 7.3
    assert isinstance(orders[0], Say)


def test_a_number_to_wait_for_ignores_the_agent():
    """Tests of talking at the same time need it."""
    person = caller(Speak("over you", wait_for=0.5))
    when, orders = first(person, Ear(True, 9.0, 0.1, 9.0), 0.0, 2.0)
    assert 0.48 < when < 0.53
    assert isinstance(orders[0], Say)


def test_an_agent_that_does_not_greet_is_spoken_to_sooner():
    """The `bench` agent has no greeting; waiting eight seconds for one would measure nothing."""
    person = caller(Speak("hello"))
    when, _ = first(person, Ear(), 0.0, 10.0)
    assert 3.9 < when < 4.3


def test_after_speaking_the_caller_waits_longer():
    """A slow answer is an answer; going on too early would talk over it."""
    person = caller(Speak("hello", wait_for=0.0), Speak("are you there"))
    first(person, Ear(), 0.0, 1.0)
    when, orders = first(person, Ear(), 1.0, 20.0)
    assert 8.8 < when < 9.3
    assert isinstance(orders[0], Noticed)
