"""The media stream, from the upgrade's headers to every way in which a socket can end."""

import base64
import json
from itertools import pairwise

import pytest

from stella.phone import Account, Habits, HangUp, LineFaults, Press, Speak, Wait, Wire
from stella.wire.signature import Signatures

TOKEN = "0123456789abcdef0123456789abcdef"
AFTER = "/api/stella/call/after"


def codes(report):
    """Twilio's codes, in order."""
    return [fault.code for fault in report.faults]


async def listen(stream):
    """Hear the caller out."""
    while await stream.next("stop") is not None:
        pass


async def test_upgrade_looks_like_the_capture(stella, phone):
    """No Origin, no subprotocol, no extensions, no query; signed."""
    stella.talk = listen
    await phone().ring([HangUp(at_s=2.5)])
    upgrade = stella.upgrades[0]
    assert upgrade["path"] == "/api/stella/call/stream"
    assert upgrade["user-agent"] == "Twilio.TmeWs/1.0"
    assert upgrade["accept-encoding"] == "gzip"
    assert not {"origin", "sec-websocket-protocol", "sec-websocket-extensions", "cookie", "accept"} & upgrade.keys()
    assert Signatures([TOKEN], stella.base).check_upgrade(upgrade["path"], upgrade["x-twilio-signature"]).ok


async def test_frames_are_twilios_to_the_last_field(stella, phone):
    """Counters are strings, silence is sent too, timestamps advance by 20 ms."""
    stella.talk = listen
    report = await phone(account=Account(TOKEN, "AC" + "2" * 32)).ring([HangUp(at_s=3.0)])
    connected, start, *rest = stella.streams[0].received
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start["start"]["customParameters"] == {"token": "t0k3n"}
    assert start["start"]["accountSid"] == "AC" + "2" * 32
    assert start["start"]["callSid"] == report.call_sid
    assert [m["sequenceNumber"] for m in [start, *rest]] == [str(n + 1) for n in range(len(rest) + 1)]
    media = [m["media"] for m in rest if m["event"] == "media"]
    assert [m["chunk"] for m in media] == [str(n + 1) for n in range(len(media))]
    stamps = [int(m["timestamp"]) for m in media]
    assert stamps[0] > 0
    assert {b - a for a, b in pairwise(stamps)} == {20}
    assert {len(base64.b64decode(m["payload"])) for m in media} == {160}
    assert rest[-1]["stop"] == {"accountSid": "AC" + "2" * 32, "callSid": report.call_sid}


async def test_server_closing_goes_on_with_the_action(stella, phone):
    """31921 is logged for every intended close; the call is none the worse, and no `stop` is sent."""

    async def talk(stream):
        await stream.play(b"\x20" * 800)
        await stream.next("media")

    stella.talk = talk
    stella.documents[AFTER] = "<Say>Goodbye.</Say><Hangup/>"
    report = await phone().ring([Wait(60)])
    assert codes(report) == [31921]
    assert report.ok
    assert report.streams[0].close_code == 1000
    assert stella.posted(AFTER)[0]["CallStatus"] == "in-progress"
    assert report.heard[-1].text == "Goodbye."


@pytest.mark.parametrize(("habit", "asked"), [("action", 1), ("next", 1), ("both", 2)])
async def test_a_refused_handshake_goes_on_as_configured(stella, phone, habit, asked):
    """Not proven which way Twilio goes, so a server must survive all of them."""
    stella.refuse = 403
    report = await phone(habits=Habits(after_failed_handshake=habit)).ring([])
    assert codes(report) == [31920]
    assert len(stella.posted(AFTER)) == asked
    events = stella.posted("/api/stella/call/stream-status")
    assert [event["StreamEvent"] for event in events] == ["stream-error"]
    assert "31920" in events[0]["StreamError"]
    assert not report.ok


@pytest.mark.parametrize(
    ("url", "code"), [("http://x.example/s", 31922), ("wss:///s", 31923), ("ws://127.0.0.1:9/s", 31902)]
)
async def test_addresses_that_cannot_work(stella, phone, url, code):
    """Each has a code of its own in Twilio's debugger."""
    stella.documents["/api/stella/call/voice"] = f'<Connect><Stream url="{url}"/></Connect><Say>next</Say>'
    report = await phone().ring([])
    assert codes(report) == [code]
    assert report.heard[-1].text == "next"


async def test_a_query_on_the_stream_url_is_dropped(stella, phone):
    """Twilio opens the socket without it; parameters are the only way."""
    socket = stella.base.replace("http", "ws") + "/api/stella/call/stream?token=x"
    stella.documents["/api/stella/call/voice"] = f'<Connect><Stream url="{socket}"/></Connect>'
    await phone().ring([])
    assert stella.upgrades[0]["path"] == "/api/stella/call/stream"


async def test_a_broken_socket_is_a_loss(stella, phone):
    """No closing handshake: 31903, and the action still runs."""

    async def talk(stream):
        await stream.next("media")
        stream.ws._req.transport.abort()

    stella.talk = talk
    report = await phone().ring([Wait(60)])
    assert 31903 in codes(report)
    assert report.streams[0].closed_by == "loss"
    assert len(stella.posted(AFTER)) == 1


async def test_an_abrupt_hangup_sends_no_stop(stella, phone):
    """A carrier node that dies says nothing."""
    stella.talk = listen
    report = await phone().ring([HangUp(at_s=3.0, abrupt=True)])
    assert report.ended_by == "caller"
    assert "stop" not in {message["event"] for message in stella.streams[0].received}


async def test_messages_twilio_would_not_take_are_warned_of_once(stella, phone):
    """31951 for unknown, extra and foreign, 31950 for binary, 31924 for Twilio's own events."""

    async def talk(stream):
        sid = stream.sid
        for wrong in (
            {"event": "media", "streamSid": "MZ0", "media": {"payload": ""}},
            {"event": "media", "streamSid": sid, "media": {"payload": "", "track": "outbound"}},
            {"event": "hello", "streamSid": sid},
            {"event": "connected"},
        ):
            await stream.ws.send_str(json.dumps(wrong))
        await stream.ws.send_bytes(b"\x00")
        await stream.play(b"\x20" * 1600)
        await listen(stream)

    stella.talk = talk
    report = await phone().ring([])
    assert codes(report) == [31951, 31924, 31950]
    assert sum(len(spurt.mulaw) for spurt in report.heard if spurt.source == "stream") == 1600


async def test_more_than_ten_minutes_of_sound_is_31931(stella, phone):
    """Reported once per stream."""

    async def talk(stream):
        for _ in range(12):
            await stream.play(b"\x20" * 480_000)
        await listen(stream)

    stella.talk = talk
    report = await phone().ring([HangUp(at_s=6)])
    assert codes(report) == [31931]


async def test_marks_tell_played_from_cleared_only_in_the_report(stella, phone):
    """On the wire both echoes look the same; a mark with nothing queued returns at once."""

    async def talk(stream):
        await stream.mark("empty")
        await stream.play(b"\x20" * 1600)
        await stream.mark("played")
        await stream.play(b"\x20" * 80_000)
        await stream.mark("cleared")
        await stream.next("mark")
        await stream.next("mark")
        await stream.clear()
        await listen(stream)

    stella.talk = talk
    report = await phone().ring([])
    assert [(mark.name, mark.how) for mark in report.marks] == [
        ("empty", "empty"),
        ("played", "played"),
        ("cleared", "cleared"),
    ]
    assert report.marks[1].echoed_s - report.streams[0].opened_s >= 0.2
    assert report.clears[0].dropped_s > 9
    assert [m["mark"]["name"] for m in stella.streams[0].received if m["event"] == "mark"] == [
        "empty",
        "played",
        "cleared",
    ]


async def test_sound_queued_at_the_close_is_never_heard(stella, phone):
    """A farewell must be over before the line is closed; the report says what was lost."""

    async def talk(stream):
        await stream.play(b"\x20" * 16_000)

    stella.talk = talk
    report = await phone().ring([Wait(60)])
    assert any(note.kind == "unheard" for note in report.notes)


async def test_lost_frames_leave_gaps_in_the_chunks(stella, phone):
    """`--loss`: the counter goes on, as it does for Twilio's lost packets."""
    stella.talk = listen
    report = await phone(faults=LineFaults(snr_db=None, loss=0.3, seed=3)).ring([HangUp(at_s=6.0)])
    chunks = [int(m["media"]["chunk"]) for m in stella.streams[0].received if m["event"] == "media"]
    assert report.streams[0].frames_lost > 10
    assert chunks == sorted(chunks)
    assert chunks[-1] > len(chunks)


async def test_late_frames_keep_their_order(stella, phone):
    """`--jitter` delays; a socket never reorders."""
    stella.talk = listen
    await phone(faults=LineFaults(snr_db=None, jitter_ms=200, seed=3)).ring([HangUp(at_s=6.0)])
    media = [m["media"] for m in stella.streams[0].received if m["event"] == "media"]
    assert [int(m["chunk"]) for m in media] == list(range(1, len(media) + 1))


async def test_a_half_open_caller_still_sends_but_hears_nothing(stella, phone):
    """A dead node's other direction: the server's sound is never taken."""

    async def talk(stream):
        for _ in range(80):
            await stream.next("media")
        await stream.play(b"\x20" * 1600)
        await listen(stream)

    stella.talk = talk
    report = await phone(faults=LineFaults(snr_db=None, half_open_at_s=0.5)).ring([HangUp(at_s=8)])
    assert report.streams[0].frames_sent > 200
    assert [spurt.source for spurt in report.heard] == ["say"]


async def test_a_wire_may_replay_and_forge_frames(stella, phone):
    """Attack tests need frames that no carrier sends."""

    class Attacker(Wire):
        def outgoing(self, kind, message):
            if kind == "media":
                return (message, message.replace(b'"streamSid":"MZ', b'"streamSid":"XX'))
            return (message, "binary:oops") if kind == "start" else (message,)

    stella.talk = listen
    await phone(wire=Attacker()).ring([HangUp(at_s=3)])
    sids = {m["streamSid"][:2] for m in stella.streams[0].received if m["event"] == "media"}
    assert sids == {"MZ", "XX"}


async def test_keys_and_speech_share_a_stream(stella, phone):
    """Keys by the clock come while the caller speaks."""
    stella.talk = listen
    await phone(patience_s=1).ring([Press("5", at_s=1.5), Speak("hello there everybody")])
    assert [m["dtmf"]["digit"] for m in stella.streams[0].received if m["event"] == "dtmf"] == ["5"]


async def test_recording_holds_both_sides_at_their_times(stella, phone):
    """What one listens to afterwards is what happened."""

    async def talk(stream):
        await stream.play(b"\x20" * 1600)
        await listen(stream)

    stella.talk = talk
    report = await phone().ring([Speak("hello")])
    caller, agent = report.recording.tracks()
    said, heard = report.said[0], report.heard[-1]
    assert len(caller) == len(agent)
    begin = round(heard.start_s * 8000)
    assert agent[begin : begin + 1600] == b"\x20" * 1600
    silence = caller[: round((said.start_s - 0.02) * 8000)]
    assert set(silence) == {0xFF}
    assert set(caller[round(said.start_s * 8000) : round(said.end_s * 8000)]) != {0xFF}


async def test_a_stream_closed_in_anger_is_an_error(stella, phone):
    """1008 is a refusal: the TwiML goes on, but no caller was served."""

    async def talk(stream):
        await stream.ws.close(code=1008)

    stella.talk = talk
    report = await phone().ring([Wait(60)])
    assert codes(report) == [31921]
    assert not report.ok
    assert report.streams[0].close_code == 1008
