"""TwiML is obeyed as Twilio obeys it."""

import pytest

from stella.phone import Habits, HangUp, Interrupt, Press, Speak, Wait

VOICE = "/api/stella/call/voice"
GATHER = '<Gather input="speech dtmf" action="/g" language="de-DE" {}><Say>Was kann ich für Sie tun?</Say></Gather>'


def names(report):
    """The verbs in the order in which they ran."""
    return [verb.name for verb in report.verbs]


async def test_say_takes_its_true_time(stella, phone):
    """A disclosure is as long as its words."""
    stella.documents[VOICE] = "<Say>1234567890</Say><Pause length='3'/><Say loop='2'>12345</Say>"
    report = await phone().ring([])
    say, pause, twice = report.verbs
    assert say.ended_s - say.at_s == pytest.approx(0.7, abs=0.11)
    assert pause.ended_s - pause.at_s == pytest.approx(3.0, abs=0.11)
    assert twice.ended_s - twice.at_s == pytest.approx(0.9, abs=0.21)
    assert (report.status, report.ended_by) == ("completed", "agent")


async def test_speech_in_a_gather_is_posted_to_its_action(stella, phone):
    """Recognition is Twilio's own, so the script's words arrive."""
    stella.documents[VOICE] = GATHER.format("") + "<Say>unreachable</Say>"
    stella.documents["/g"] = "<Say>Danke.</Say><Hangup/>"
    report = await phone(lang="de").ring([Speak("Wann haben Sie offen")])
    posted = stella.posted("/g")[0]
    assert posted["SpeechResult"] == "Wann haben Sie offen"
    assert 0.8 < float(posted["Confidence"]) < 1
    assert posted["CallStatus"] == "in-progress"
    assert names(report) == ["Gather", "Say", "Say", "Hangup"]
    assert len(report.response_gaps_s) == 1


@pytest.mark.parametrize(
    ("attributes", "script", "digits", "finished"),
    [
        ('numDigits="2"', [Press("123")], "12", ""),
        ("", [Press("12#")], "12", "#"),
        ('finishOnKey="*"', [Press("1#*")], "1#", "*"),
        ('timeout="2"', [Press("7")], "7", ""),
        ("", [Press("5#", at_s=0.3)], "5", "#"),
    ],
)
async def test_keys_end_a_gather_as_twilio_ends_it(stella, phone, attributes, script, digits, finished):
    """By number, by key or by silence."""
    stella.documents[VOICE] = GATHER.format(attributes)
    await phone().ring(script)
    posted = stella.posted("/g")[0]
    assert (posted["Digits"], posted["FinishedOnKey"]) == (digits, finished)


async def test_a_silent_caller_falls_through_to_the_next_verb(stella, phone):
    """Without `actionOnEmptyResult` the action is never asked."""
    stella.documents[VOICE] = GATHER.format('timeout="2"') + "<Say>Are you there?</Say>"
    report = await phone().ring([Wait(30)])
    assert stella.posted("/g") == []
    assert report.verbs[-1].text == "Are you there?"


async def test_an_empty_result_can_be_asked_for(stella, phone):
    """`actionOnEmptyResult` posts without words."""
    stella.documents[VOICE] = GATHER.format('timeout="2" actionOnEmptyResult="true"')
    await phone().ring([HangUp(at_s=60), Wait(30)])
    assert stella.posted("/g")[0]["Digits"] == ""


async def test_barge_in_stops_the_prompt(stella, phone):
    """A voice over the prompt ends it; what was left is never heard."""
    stella.documents[VOICE] = '<Gather input="speech" action="/g"><Say>' + "x" * 200 + "</Say></Gather>"
    report = await phone().ring([Interrupt("stop", at_s=1.0)])
    assert report.heard[0].cleared
    assert report.heard[0].end_s < 2
    assert stella.posted("/g")[0]["SpeechResult"] == "stop"


async def test_speech_is_not_heard_where_only_keys_are_asked_for(stella, phone):
    """`input` decides."""
    stella.documents[VOICE] = '<Gather action="/g" timeout="3"><Say>Press one.</Say></Gather><Say>next</Say>'
    await phone().ring([Speak("one"), HangUp(at_s=30), Wait(20)])
    assert stella.posted("/g") == []


@pytest.mark.parametrize(
    ("person", "status", "duration"),
    [("answers", "completed", True), ("busy", "busy", False), ("no-answer", "no-answer", False)],
)
async def test_a_dialled_person_answers_or_does_not(stella, phone, person, status, duration):
    """The action hears how it went; sent keys are noted."""
    stella.documents[VOICE] = (
        '<Dial action="/d" timeout="25"><Number sendDigits="ww12">+43123</Number></Dial><Say>unreachable</Say>'
    )
    report = await phone(habits=Habits(person=person)).ring([HangUp(at_s=120)])
    posted = stella.posted("/d")[0]
    assert posted["DialCallStatus"] == status
    assert posted["DialCallSid"].startswith("CA")
    assert ("DialCallDuration" in posted) is duration
    assert any(note.detail == "ww12" for note in report.notes)
    assert any(spurt.source == "person" for spurt in report.heard) is duration


async def test_reject_first_is_never_answered(stella, phone):
    """Not billed, not in progress."""
    stella.documents[VOICE] = '<Reject reason="busy"/>'
    report = await phone().ring([])
    assert (report.status, report.answered_s) == ("busy", None)
    assert stella.posted("/api/stella/call/status")[0]["CallDuration"] == "0"


async def test_a_redirect_leaves_the_rest_behind(stella, phone):
    """Relative to the document's own address."""
    stella.documents[VOICE] = "<Redirect>next?x=1</Redirect><Say>unreachable</Say>"
    stella.documents["/api/stella/call/next"] = "<Hangup/>"
    report = await phone().ring([])
    assert names(report) == ["Redirect", "Hangup"]


async def test_what_is_no_verb_is_a_warning_and_passed_over(stella, phone):
    """12200: names are case-sensitive."""
    stella.documents[VOICE] = "<say>hello</say><Hangup/>"
    report = await phone().ring([])
    assert [(fault.code, fault.level) for fault in report.faults] == [(12200, "warning")]
    assert report.ok


async def test_hanging_up_during_a_say_ends_the_call_there(stella, phone):
    """The caller's patience does not wait for verbs."""
    stella.documents[VOICE] = "<Say>" + "x" * 1000 + "</Say>"
    report = await phone().ring([HangUp(at_s=2.0)])
    assert report.ended_by == "caller"
    assert report.ended_s == pytest.approx(2.0, abs=0.2)


async def test_play_is_heard_as_it_was_recorded(stella, phone):
    """WAV of any rate becomes the telephone's."""
    import io

    import numpy as np
    from aiohttp import web

    from stella.audio import wav

    file = io.BytesIO()
    wav.write(file, 16000, np.full(320_000, 5000, np.int16))
    stella.documents[VOICE] = "<Play>/a.wav</Play>"
    stella.documents["/a.wav"] = lambda _: web.Response(body=file.getvalue(), content_type="audio/wav")
    report = await phone().ring([])
    assert [spurt.source for spurt in report.heard] == ["play"]
    assert len(report.heard[0].mulaw) == 160_000


async def test_a_dialled_persons_progress_goes_to_the_noun(stella, phone):
    """A child call has its own sid, its parent's beside it, and its events in order."""
    stella.documents[VOICE] = (
        '<Dial><Number statusCallback="/n" statusCallbackEvent="ringing answered completed">+43123</Number></Dial>'
    )
    report = await phone().ring([HangUp(at_s=60)])
    rows = sorted(stella.posted("/n"), key=lambda row: int(row["SequenceNumber"]))
    assert [row["CallStatus"] for row in rows] == ["ringing", "in-progress", "completed"]
    assert {row["ParentCallSid"] for row in rows} == {report.call_sid}
    assert report.call_sid not in {row["CallSid"] for row in rows}
    assert rows[0]["Direction"] == "outbound-dial"
