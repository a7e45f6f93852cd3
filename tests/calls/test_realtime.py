"""A model that hears and speaks carries the call, and the floor is kept by us: whole calls on virtual time."""

from __future__ import annotations

import asyncio

import pytest
from tests.calls.conftest import request
from tests.calls.realtime_model import CHAR, Model, Rooms, called, say, speaking

from stella.calls.meter import Cap
from stella.domain.consent import Preset
from stella.domain.plan import OpenStream
from stella.ports.company import Page
from stella.ports.failure import Rejected, Unavailable
from stella.ports.language import FromAgent, FromTool

TEXT = "We have fourteen rooms here. You can see the lake from all. Shall I book one for you?"
FRAME = b"\x10\x90" * 80


def texts(record, speaker):
    """What one side said."""
    return [turn.text for turn in record.turns if turn.speaker == speaker]


def test_the_model_is_heard_and_the_greeting_is_not_its(run, house):
    """Its voice says what it says itself; fixed phrases are in the other voice. All of it is in the record."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        it.model.answers = [say(TEXT)]
        await it.says("how many rooms do you have")
        await asyncio.sleep(10)
        await it.hangs_up()
        return it

    it = run(call())
    greeting = it.record.turns[0]
    assert it.house.voice.said == [greeting.text]
    assert texts(it.record, "caller") == ["how many rooms do you have"]
    assert (it.record.turns[2].text, it.record.turns[2].heard_text) == (TEXT, TEXT)
    assert it.record.voice_path == "realtime"
    assert it.record.cost == {
        "realtime_text_tokens_sent": 100, "realtime_audio_tokens_sent": 50, "realtime_tokens_cached": 0,
        "realtime_text_tokens_written": 10, "realtime_audio_tokens_written": 40, "realtime_usd": 0.01, "usd": 0.01,
    }  # fmt: skip
    assert it.record.latency.stt_ms.p50 > 0
    assert it.record.latency.brain_first_token_ms.p50 >= 0
    assert it.switches() == []
    sound = sum(end - start for start, end in it.line.played)
    assert sound == pytest.approx((len(greeting.text) // 4 * 1600 + CHAR * len(TEXT)) / 8000, abs=0.3)


def test_the_pages_it_was_given_are_in_the_record(run, house):
    """As with any other model: behind its words, by where they stand; a turn without pages notes nothing."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        it.company.pages = [Page("rooms.md#Rooms", "There are fourteen rooms.")]
        await it.says("how many rooms do you have")
        await asyncio.sleep(6)
        it.company.pages = []
        await it.says("thank you")
        await asyncio.sleep(6)
        await it.hangs_up()
        return it

    it = run(call())
    assert "fourteen rooms" in str(it.model.lines[0].asked[0][1])
    assert it.company.understood[0] == "how many rooms do you have"
    assert [(use.name, use.arguments, use.result) for use in it.record.tools] == [
        ("knowledge_search", {"question": "how many rooms do you have"}, "rooms.md#Rooms")
    ]


def test_the_line_is_open_before_the_caller_speaks_and_holds_nothing_up(run, house):
    """It is opened when the webhook is answered; the greeting does not wait for it."""

    async def call():
        it = speaking(house)
        plan = await it.house.voice_webhook()
        assert isinstance(plan, OpenStream)
        opened = len(it.model.lines)
        it.session, it.line = it.house.connect(plan)
        await asyncio.sleep(0.2)
        first = it.line.played[0][0]
        await asyncio.sleep(4)
        await it.hangs_up()
        return it, opened, first

    it, opened, first = run(call())
    assert opened == 1
    assert first < 0.1
    assert it.model.lines[0].closed == 1
    assert "Vintaro" in it.model.lines[0].briefing.system


def test_it_knows_what_was_said_without_it(run, house):
    """The greeting before the first answer, and a phrase of ours before the next."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        await it.says("hello there")
        await asyncio.sleep(4)
        await it.says("")
        await asyncio.sleep(12)
        await it.says("good morning")
        await asyncio.sleep(4)
        await it.hangs_up()
        return it

    it = run(call())
    asked = it.model.lines[0].asked
    assert isinstance(asked[0][0][-1], FromAgent)
    assert asked[0][0][-1].text == it.record.turns[0].text
    told = [message.text for message in asked[1][0]]
    assert told == [turn.text for turn in it.record.turns[3:-2]]
    assert told
    assert it.model.lines[0].dropped == [2], "sound without words is no part of the talk"
    assert "heard the caller's own voice" in asked[1][1][0].text


@pytest.mark.parametrize("pace", [0.0, 0.19])
def test_an_interruption_is_cut_at_what_was_heard(run, house, pace):
    """Transcript, record and the model's own memory end at the same word; it is told that it was interrupted."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        it.model.answers = [say(TEXT, pace)]
        await it.says("how many rooms do you have")
        await asyncio.sleep(3.5)
        await it.says("stop that please, I want something else", 1.5)
        await asyncio.sleep(5)
        await it.hangs_up()
        return it

    it = run(call())
    line, turn = it.model.lines[0], it.record.turns[2]
    assert turn.interrupted
    assert turn.text != turn.heard_text
    assert TEXT.startswith(turn.heard_text)
    assert len(turn.heard_text) > 10
    began = turn.started_s
    heard = next(end - start for start, end in it.line.played if start >= began - 0.1) if pace else None
    assert heard is None or heard > 0
    (cut,) = line.cut
    assert line.told_heard == [turn.heard_text]
    # By the sound: no word is called heard before it has sounded.
    assert len(turn.heard_text) * CHAR / 8000 <= cut <= len(turn.heard_text) * CHAR / 8000 + 1.6
    assert len(it.line.clears) == 1
    assert "[interrupts you]" in line.asked[1][1][0].text
    assert line.given_up == (1 if pace else 0), "what is not wanted any more is not paid for"


def test_a_model_that_begins_by_itself_is_not_told_what_it_knows(run, house):
    """The greeting stands in its briefing and the caller was heard: nothing takes its start from it, but news do."""

    async def call():
        model = Model("google:model")
        model.eager = True
        it = speaking(house, model)
        await it.ring()
        await asyncio.sleep(4)
        await it.says("hello there")
        await asyncio.sleep(4)
        it.session.dtmf("1")
        await asyncio.sleep(6)
        await it.hangs_up()
        return it

    it = run(call())
    line = it.model.lines[0]
    assert it.record.turns[0].text in line.briefing.system
    assert "It is noon." in line.briefing.system
    assert line.asked[0] == ([], [])
    assert "pressed the keys 1" in line.asked[1][1][0].text


def test_a_cough_stops_nothing_for_long(run, house):
    """Paused, then gone on with; the model never hears of it."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        it.model.answers = [say(TEXT)]
        await it.says("how many rooms do you have")
        await asyncio.sleep(3)
        await it.says("mhm", 0.3)
        await asyncio.sleep(8)
        await it.says("thank you")
        await asyncio.sleep(4)
        await it.hangs_up()
        return it

    it = run(call())
    assert (it.record.turns[2].text, it.record.turns[2].heard_text) == (TEXT, TEXT)
    assert len(it.line.clears) == 1
    line = it.model.lines[0]
    assert line.cut == []
    assert line.dropped == [2]
    assert texts(it.record, "caller") == ["how many rooms do you have", "thank you"]


@pytest.mark.parametrize("stop", [0, 1600, 4800, 11200, 14400, 20800, 28800, 35200])
def test_a_model_killed_in_mid_sentence_is_gone_on_for(run, house, stop):
    """By another voice and the brain behind, in the same turn: no word lost, at most one begun twice."""

    async def call():
        it = speaking(house, script=lambda asked: [TEXT[len(asked.begun) :]])
        await it.ring()
        await asyncio.sleep(4)
        it.model.answers = [say(TEXT, 0.1, stop)]
        await it.says("how many rooms do you have")
        await asyncio.sleep(12)
        await it.says("thank you")
        await asyncio.sleep(4)
        await it.hangs_up()
        return it

    it = run(call())
    answer = it.record.turns[2]
    assert " ".join(answer.text.split()) == TEXT
    assert answer.heard_text == answer.text
    begun = it.house.brain.asked[0].begun
    assert TEXT.startswith(begun)
    played = [edge for span in it.line.played if span[0] >= answer.started_s for edge in span]
    silences = [start - end for end, start in zip(played[1::2], played[2::2], strict=False) if start < answer.ended_s]
    assert max(silences, default=0.0) <= 1.5, "the caller wonders whether the line is dead"
    assert it.switches() == [
        ("openai:model", "scripted", "cut", bool(begun)), ("scripted", "openai:model", "cut", False),
    ]  # fmt: skip
    spoken = " ".join(text.strip() for text in it.house.voice.said if text.strip() in TEXT)
    assert TEXT.endswith(spoken), "the other voice says the rest, and all of it"
    sounded = stop / CHAR
    assert -1 <= sounded + len(spoken) - len(TEXT) <= 12, "no word without a voice, at most one begun twice"
    assert len(it.model.lines) == 2
    assert it.model.lines[1].asked[0][0], "the new line is told what was said so far"


def test_a_fault_on_the_way_to_the_model_costs_a_switch_and_not_the_turn(run, house):
    """The brain behind answers at once; the caller hears neither silence nor an apology."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        it.model.answers = [[ValueError("a fault of ours")]]
        await it.says("how many rooms do you have")
        await asyncio.sleep(6)
        await it.hangs_up()
        return it

    it = run(call())
    assert it.record.turns[-1].heard_text == "I am the brain behind."
    assert it.switches() == [("openai:model", "scripted", "broken", False)]


def test_the_next_model_of_the_row_takes_over(run, house):
    """Behind a model that cannot be reached; and it is told the whole talk."""

    async def call():
        first, second = Model("openai:first"), Model("openai:second")
        first.refuses = True
        it = speaking(house, first, second)
        await it.ring()
        await asyncio.sleep(4)
        second.hears = ["how many rooms do you have"]
        second.answers = [say(TEXT)]
        await it.house.ears.says("how many rooms do you have")
        await asyncio.sleep(8)
        await it.hangs_up()
        return it

    it = run(call())
    assert it.record.turns[2].heard_text == TEXT
    assert it.switches() == [("openai:first", "openai:second", "unreachable", False)]
    assert len(it.models[0].lines) == 2, "twice, then it is left alone"


def test_with_every_model_gone_ears_brain_and_voice_go_on(run, house):
    """The caller notices another voice, nothing else."""

    async def call():
        it = speaking(house)
        it.model.refuses = True
        await it.ring()
        await asyncio.sleep(4)
        await it.tells_others("how many rooms do you have")
        await asyncio.sleep(4)
        await it.hangs_up()
        return it

    it = run(call())
    assert texts(it.record, "agent")[1:] == ["I am the brain behind."]
    assert texts(it.record, "caller") == ["how many rooms do you have"]
    assert it.switches() == [("openai:model", "scripted", "unreachable", False)]


def test_words_of_a_line_that_dies_are_heard_by_others(run, house):
    """The sound of an utterance is kept until it is answered."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        line = it.model.lines[0]

        async def dies():
            await asyncio.sleep(0.5)
            line.die(Unavailable("model", "cut"))

        for _ in range(5):
            it.session.media(FRAME)
        death = asyncio.create_task(dies())
        task = asyncio.create_task(it.house.ears.says("how many rooms do you have"))
        await asyncio.sleep(0.1)
        it.session.media(FRAME)
        await task
        await death
        await asyncio.sleep(5)
        await it.hangs_up()
        return it

    it = run(call())
    assert texts(it.record, "caller") == ["how many rooms do you have"]
    assert "Yes, of course." in texts(it.record, "agent")[-1]
    second = it.model.lines[1]
    assert second.asked[0][1][0].text.endswith("how many rooms do you have"), "in words: it did not hear the sound"


def test_nobody_left_to_listen_means_the_carrier_listens(run, house):
    """No ears but the model's: when it is gone, the call goes on as a gather."""

    async def call():
        it = speaking(house, languages=frozenset())
        await it.ring()
        await asyncio.sleep(4)
        await it.says("how many rooms do you have")
        await asyncio.sleep(3)
        it.model.refuses = True
        it.model.lines[0].die(Unavailable("model", "cut"))
        await asyncio.sleep(1)
        await it.house.ears.says("and what do they cost")
        await asyncio.sleep(1)
        plan = await it.house.after()
        return it, plan

    it, plan = run(call())
    assert type(plan).__name__ == "AskByGather"
    assert "Yes, of course." in texts(it.record, "agent")


@pytest.mark.parametrize(
    ("preset", "answer", "hears"),
    [
        (Preset.ASK_RECORDING, "yes", True), (Preset.ASK_RECORDING, "no", True),
        (Preset.ASK_EVERYTHING, "yes", True), (Preset.ASK_EVERYTHING, "no", False),
    ],
)  # fmt: skip
def test_no_sound_reaches_the_model_before_the_question_is_answered(run, house, preset, answer, hears):
    """Other ears hear the answer; where everything was asked for, a no keeps the voice from it for good."""

    async def call():
        it = speaking(house, preset=preset)
        await it.ring()
        for _ in range(200):
            it.session.media(FRAME)
        await asyncio.sleep(8)
        await it.tells_others(answer)
        await asyncio.sleep(8)
        before = it.model.lines[0].sound, list(it.model.lines[0].begun)
        it.model.hears = ["how many rooms do you have"]
        await it.tells_others("how many rooms do you have")
        await asyncio.sleep(5)
        await it.hangs_up()
        return it, before

    it, before = run(call())
    line = it.model.lines[0]
    assert before == (0, [])
    assert bool(line.begun) is hears
    assert (line.sound > 0) is hears
    assert bool(line.asked) is hears
    assert len(it.house.brain.asked) == (0 if hears else 1)
    used = it.session.call.record.tools
    assert [use.result for use in used if use.name == "engine_switch"] == ([] if hears else ["no-consent"])
    assert line.briefing.system
    assert it.record.consent.answer == answer


def test_without_money_left_the_model_hears_nothing_more(run, house):
    """A cap ends what costs, not the call: those behind go on."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        await it.says("hello there")
        await asyncio.sleep(4)
        it.session.call.meter.caps = (Cap("call", 1.0, lambda: 2.0),)
        await it.tells_others("how many rooms do you have")
        await asyncio.sleep(5)
        await it.hangs_up()
        return it

    it = run(call())
    assert it.model.lines[0].begun == [1]
    assert it.switches() == [("openai:model", "scripted", "budget", False)]
    assert texts(it.record, "agent")[1:3] == ["Yes, of course.", "I am the brain behind."]


@pytest.mark.parametrize("goes_on", [False, True])
def test_asked_ahead_it_answers_what_was_said_in_the_end(run, house, goes_on):
    """The answer is begun before the turn is certainly over; a caller who goes on takes it back, unheard and forgotten."""

    async def call():
        it = speaking(house, policy={"speculate": 1.0})
        await it.ring()
        await asyncio.sleep(4)
        it.model.answers = [say("Which rooms?"), say("Fourteen rooms.")] if goes_on else [say("Fourteen rooms.")]
        await it.says("how many rooms")
        await asyncio.sleep(0.3)
        if goes_on:
            await it.says("do you have")
        await asyncio.sleep(5)
        await it.hangs_up()
        return it

    it = run(call())
    line = it.model.lines[0]
    assert it.record.turns[2].heard_text == "Fourteen rooms."
    assert texts(it.record, "caller") == ["how many rooms do you have" if goes_on else "how many rooms"]
    assert len(line.asked) == 1 + goes_on
    assert line.cut == ([0.0] if goes_on else [])


def test_a_stream_that_is_lost_leaves_the_line_free_for_the_next(run, house):
    """What was being said on the old stream is nobody's any more; the new one counts its utterances from one again."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        await it.says("hello there")
        await asyncio.sleep(0.2)
        speaking_on = asyncio.create_task(it.house.ears.says("this is cut", 3.0))
        await asyncio.sleep(0.5)
        it.session.gone()
        await speaking_on
        it.session, it.line = it.house.connect(await it.house.after(), "MZ" + "4" * 32)
        await asyncio.sleep(6)
        await it.says("are you there")
        await asyncio.sleep(5)
        await it.hangs_up()
        return it

    it = run(call())
    line = it.model.lines[0]
    assert len(it.model.lines) == 1
    assert {1, 2} <= set(line.dropped)
    assert line.finished[-1] == 1
    assert texts(it.record, "caller")[-1] == "are you there"
    assert it.record.turns[-1].text == "Yes, of course."


def test_another_process_goes_on_with_what_it_knows(run, house):
    """The language, what tools have done, and the brain behind."""

    async def call():
        it = speaking(house, tools=[Rooms()])
        await it.ring()
        await asyncio.sleep(4)
        it.model.answers = [[called("free_rooms", '{"what":"Monday"}')], say("Two.")]
        await it.says("is there a room on monday")
        await asyncio.sleep(4)
        state = it.session.call.brain.state()
        brain = it.house.switchboard._engines._brain
        again = brain.open(it.session.call.brain._facts, state)
        broken = brain.open(it.session.call.brain._facts, b"{")
        await again.close()
        await broken.close()
        await it.hangs_up()
        return it, state, again

    it, state, again = run(call())
    assert len(state) < 16_384
    assert any("two rooms on Monday" in done for done in again._kept.done)
    assert it.house.brain.states[-2:] == [b"state", b""]


def test_a_tool_is_used_through_the_same_registry(run, house):
    """Checked, counted, in the record; what the model said before it is heard meanwhile."""

    async def call():
        it = speaking(house, tools=[Rooms()])
        await it.ring()
        await asyncio.sleep(4)
        it.model.answers = [
            [*say("Let me look.")[:-1], called("free_rooms", '{"what":"Monday"}'), called("unknown")],
            say("Two rooms are free."),
        ]
        await it.says("is there a room on monday")
        await asyncio.sleep(6)
        await it.hangs_up()
        return it

    it = run(call())
    line = it.model.lines[0]
    assert [spec.name for spec in line.briefing.tools] == ["free_rooms"]
    results = [message for message in line.asked[1][1] if isinstance(message, FromTool)]
    assert [(one.call.name, one.text, one.failed) for one in results] == [
        ("free_rooms", "two rooms on Monday", False), ("unknown", "There is no such tool.", True),
    ]  # fmt: skip
    used = {use.name: use for use in it.record.tools}
    assert used["free_rooms"].arguments == {"what": "Monday"}
    assert used["unknown"].error == "unknown-tool"
    assert it.record.turns[2].heard_text == "Let me look. Two rooms are free."


def test_an_answer_of_nothing_is_asked_elsewhere_and_the_line_goes_on(run, house):
    """A caller's words may be too much for a vendor's filter: that is no reason to give the vendor up."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        it.model.answers = [[], [Rejected("model", "blocked")], say("Yes?")]
        for _ in range(3):
            await it.says("hello there")
            await asyncio.sleep(4)
        await it.hangs_up()
        return it

    it = run(call())
    assert texts(it.record, "agent")[1:] == ["I am the brain behind.", "I am the brain behind.", "Yes?"]
    assert len(it.model.lines) == 1


def test_a_language_is_changed_over_a_new_line(run, house):
    """A model's instructions, and the words it writes down, are those of one language."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        await it.says("hello there")
        await asyncio.sleep(4)
        it.session._spawn(it.session._switch("de"), "language")
        await asyncio.sleep(4)
        await it.says("Guten Tag")
        await asyncio.sleep(4)
        await it.hangs_up()
        return it

    it = run(call())
    assert [line.briefing.language for line in it.model.lines] == ["en", "de"]
    assert [line.closed for line in it.model.lines] == [1, 1]
    assert len(it.model.lines[1].asked) == 1
    assert texts(it.record, "caller") == ["hello there", "Guten Tag"]


def test_on_another_path_the_brain_behind_answers(run, house):
    """A gather has no stream a model could speak on; and what it knows goes on with the call."""

    async def call():
        it = speaking(house)
        await it.ring()
        await asyncio.sleep(4)
        await it.says("hello there")
        await asyncio.sleep(4)
        it.session._close(it.record.ended_by, "gather", "engine")
        await asyncio.sleep(1)
        await it.house.after()
        await it.house.switchboard.gather(request(speech="what do rooms cost", query={"turn": "1"}))
        await asyncio.sleep(1)
        return it

    it = run(call())
    assert len(it.model.lines[0].asked) == 1
    assert len(it.house.brain.asked) == 1
    assert it.switches() == []
