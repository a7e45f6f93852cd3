"""A whole call: webhook, document, socket, sound both ways, stop, status callback."""

import asyncio
import json

import pytest

from stella.phone import HangUp, Interrupt, Meters, Press, Speak, Wait


async def greet_and_answer(stream):
    """Greets, waits for the caller to speak, answers once, and listens to the end."""
    sound = b"\x20" * 8000
    await stream.play(sound)
    await stream.mark("greeting")
    await stream.speech()
    await stream.play(sound)
    await stream.mark("answer")
    while await stream.next("stop") is not None:
        pass


async def test_a_call_rings_talks_stops_and_reports_its_end(stella, phone):
    """The chain the acceptance tests stand on: every link once."""
    stella.talk = greet_and_answer
    report = await phone().ring([Speak("what are your opening hours")])
    assert report.ok, report.faults
    assert (report.status, report.ended_by) == ("completed", "caller")
    assert [spurt.source for spurt in report.heard] == ["say", "stream", "stream"]
    assert [mark.name for mark in report.marks] == ["greeting", "answer"]
    assert {mark.how for mark in report.marks} == {"played"}
    assert len(report.response_gaps_s) == 1
    assert stella.streams[0].received[-1]["event"] == "stop"
    assert stella.posted("/api/stella/call/status")[0]["CallStatus"] == "completed"
    assert [form["StreamEvent"] for form in stella.posted("/api/stella/call/stream-status")] == [
        "stream-started",
        "stream-stopped",
    ]


async def test_interruption_is_measured_from_the_true_onset_to_the_clear(stella, phone):
    """Padding in a synthesised voice must not flatter the server."""

    async def talk(stream):
        await stream.play(b"\x20" * 40000)
        await stream.mark("never")
        await stream.onset()
        await stream.clear()
        while await stream.next("stop") is not None:
            pass

    stella.talk = talk
    report = await phone().ring([Interrupt("stop it please", at_s=1.0), HangUp()])
    assert len(report.clears) == 1
    assert report.clears[0].dropped_s > 1
    assert len(report.barge_ins_ms) == 1
    assert [mark.how for mark in report.marks] == ["cleared"]
    assert report.heard[1].cleared
    assert sum(len(spurt.mulaw) for spurt in report.heard if spurt.source == "stream") < 40000


async def test_keys_reach_the_stream_as_inbound_track(stella, phone):
    """`track` is spelled differently in dtmf than in media."""

    async def talk(stream):
        await stream.play(b"\x20" * 1600)
        while await stream.next("stop") is not None:
            pass

    stella.talk = talk
    await phone().ring([Press("12#")])
    pressed = [m for m in stella.streams[0].received if m["event"] == "dtmf"]
    assert [m["dtmf"] for m in pressed] == [{"track": "inbound_track", "digit": d} for d in "12#"]


async def test_an_agent_that_cuts_in_has_no_response_gap(stella, phone):
    """A negative gap would make the quickest server the rudest one."""

    async def talk(stream):
        await stream.onset()
        await stream.play(b"\x20" * 800)
        await greet_and_answer(stream)

    stella.talk = talk
    report = await phone(patience_s=1).ring([Speak("a rather long sentence to be interrupted in")])
    assert report.cut_ins == 1
    assert report.response_gaps_s == []


async def test_many_calls_ring_at_once_from_one_telephone(stella, phone):
    """`--calls N`: each with its own sids, records and recording."""
    stella.talk = greet_and_answer
    telephone = phone()
    async with asyncio.TaskGroup() as tasks:
        rings = [tasks.create_task(telephone.ring([Speak("hello there")])) for _ in range(8)]
    reports = [ring.result() for ring in rings]
    assert all(report.ok for report in reports)
    assert len({report.call_sid for report in reports}) == 8
    assert len({stream.sid for stream in stella.streams}) == 8


async def test_ringing_leaves_no_task_behind(stella, phone):
    """A test that rings a hundred times must not end with a hundred ghosts."""
    stella.talk = greet_and_answer
    before = asyncio.all_tasks()
    await phone().ring([Speak("hello")])
    await asyncio.sleep(0.02)
    ours = {task.get_name() for task in asyncio.all_tasks() - before if "phone" in repr(task.get_coro())}
    assert ours == set()


async def test_a_call_nobody_ends_is_ended(stella, phone):
    """`timeout_s` counts call seconds and is noted."""

    async def talk(stream):
        while await stream.next("stop") is not None:
            await stream.play(b"\x20" * 160)

    stella.talk = talk
    report = await phone(timeout_s=5).ring([Wait(1000)])
    assert report.ended_by == "timeout"
    assert stella.posted("/api/stella/call/status")[0]["CallStatus"] == "completed"


async def test_hanging_up_by_hand_is_a_polite_hangup(stella, phone):
    """Ctrl-C in `stella call`: `stop` and a status callback, not a broken socket."""
    meters = Meters()

    async def talk(stream):
        await stream.next("media")
        meters.hang_up = True
        await stream.next("stop")

    stella.talk = talk
    report = await phone().ring([Wait(1000)], meters=meters)
    assert report.ended_by == "caller"
    assert stella.streams[0].received[-1]["event"] == "stop"
    assert stella.posted("/api/stella/call/status")


async def test_a_report_is_plain_data(stella, phone):
    """`--json` and the bench's results are made of it."""
    stella.talk = greet_and_answer
    report = await phone().ring([Speak("hello"), Press("1")])
    data = json.loads(json.dumps(report.as_json()))
    assert data["ok"] is True
    assert data["streams"][0]["frames_sent"] > 100
    assert data["said"][0]["text"] == "hello"
    assert data["response_gap_ms"]["p50"] == pytest.approx(report.response_gaps_s[0] * 1000, abs=0.1)
