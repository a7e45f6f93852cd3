"""ConversationRelay as the telephone plays it: Twilio hears and speaks, the server gets words and sends words."""

import json

import pytest

from stella.phone import Account, HangUp, Interrupt, Press, Speak, Wait
from stella.wire.signature import Signatures

TOKEN = "0123456789abcdef0123456789abcdef"
AFTER = "/api/stella/call/after"
VOICE = "/api/stella/call/voice"
EVENTS = 'events="speaker-events tokens-played"'
LONG = "We build websites, and shops, and everything that a small company needs to be found by the people it serves."


@pytest.fixture
def relay(stella):
    """Sets the TwiML: a relay with these attributes."""

    def write(attributes: str = EVENTS) -> None:
        url = stella.base.replace("http", "ws") + "/api/stella/call/relay"
        stella.documents[VOICE] = (
            f'<Say>I am a machine.</Say><Connect action="{AFTER}"><ConversationRelay url="{url}" language="en-GB" '
            f'{attributes}><Parameter name="token" value="t0k3n"/></ConversationRelay></Connect>'
            f"<Redirect>{AFTER}</Redirect>"
        )

    write()
    return write


def codes(report):
    """Twilio's codes, in order."""
    return [fault.code for fault in report.faults]


def names(session, kind):
    """What was told of one kind."""
    return [message for message in session.received if message["type"] == kind]


async def test_a_session_begins_with_a_signed_upgrade_and_setup(stella, phone, relay):
    """The fields seen in real sessions, the token among the parameters, the signature over the bare address."""
    report = await phone(account=Account(TOKEN, "AC" + "2" * 32)).ring([HangUp(at_s=4.0)])
    setup = stella.sessions[0].setup
    assert setup["type"] == "setup"
    assert setup["sessionId"].startswith("VX")
    assert (setup["callSid"], setup["accountSid"]) == (report.call_sid, "AC" + "2" * 32)
    assert setup["customParameters"] == {"token": "t0k3n"}
    upgrade = stella.upgrades[0]
    assert Signatures([TOKEN], stella.base).check_upgrade(upgrade["path"], upgrade["x-twilio-signature"]).ok


async def test_words_are_spoken_in_their_time_and_told_as_they_sound(stella, phone, relay):
    """What the caller hears takes as long as it takes, and `info` follows it."""

    async def talk(session):
        await session.say("Hello, this is Vintaro. ", last=False)
        await session.say("How can I help?")
        await session.spoken()
        await session.send(type="end", handoffData='{"after":"goodbye"}')

    stella.relay_talk = talk
    report = await phone().ring([Wait(60)])
    heard = [spurt for spurt in report.heard if spurt.source == "relay"]
    assert [spurt.text for spurt in heard] == ["Hello, this is Vintaro.", "How can I help?"]
    assert heard[-1].end_s - heard[0].start_s > 1.5
    info = names(stella.sessions[0], "info")
    assert [m["value"] for m in info if m["name"] == "agentSpeaking"] == ["on", "off"]
    played = " ".join(m["value"] for m in info if m["name"] == "tokensPlayed")
    assert played == "Hello, this is Vintaro. How can I help?"
    (after,) = stella.posted(AFTER)
    assert (after["SessionStatus"], json.loads(after["HandoffData"])) == ("ended", {"after": "goodbye"})
    assert report.ok, report.faults


async def test_nothing_is_told_that_was_not_subscribed_to(stella, phone, relay):
    """A server must live without `info`: an account may not have it."""
    relay("")

    async def talk(session):
        await session.say("Hello.")
        await session.next("prompt")
        await session.send(type="end")

    stella.relay_talk = talk
    await phone().ring([Speak("Good day to you.")])
    (session,) = stella.sessions
    assert [message["type"] for message in session.received] == ["prompt"]
    assert "HandoffData" not in stella.posted(AFTER)[0]


async def test_a_prompt_comes_after_the_silence_and_partial_ones_before(stella, phone, relay):
    """Partial prompts hold all of the words so far; the last one is whole and in the language that is heard."""
    relay(EVENTS + ' partialPrompts="true" speechTimeout="900"')

    async def talk(session):
        await session.say("Hello.")
        await session.next("prompt", last=True)
        await session.send(type="end")

    stella.relay_talk = talk
    await phone().ring([Speak("I would like to know when you are open on Saturdays.")])
    *partial, last = names(stella.sessions[0], "prompt")
    assert last == {
        "type": "prompt",
        "voicePrompt": "I would like to know when you are open on Saturdays.",
        "lang": "en-GB",
        "last": True,
    }
    assert partial
    assert all(last["voicePrompt"].startswith(each["voicePrompt"]) and not each["last"] for each in partial)


async def test_an_interruption_silences_the_voice_and_tells_what_was_heard(stella, phone, relay):
    """The rest is dropped, the caller's words follow."""
    relay(EVENTS + ' reportInputDuringAgentSpeech="any"')

    async def talk(session):
        await session.say(LONG)
        interrupt = await session.next("interrupt")
        assert LONG.startswith(interrupt["utteranceUntilInterrupt"])
        assert 0 < len(interrupt["utteranceUntilInterrupt"]) < len(LONG)
        assert interrupt["durationUntilInterruptMs"] > 500
        await session.next("prompt")
        await session.send(type="end")

    stella.relay_talk = talk
    report = await phone().ring([Interrupt("Stop, please, that is enough.", 1.5)])
    assert [m["type"] for m in stella.sessions[0].received if m["type"] != "info"] == ["interrupt", "prompt"]
    assert report.said[0].barge_in_ms is not None
    assert next(spurt for spurt in report.heard if spurt.source == "relay").cleared


@pytest.mark.parametrize(("reported", "told"), [("any", ["prompt"]), ("none", [])])
async def test_a_voice_that_does_not_yield_is_heard_to_its_end(stella, phone, relay, reported, told):
    """What is said under it arrives only where the TwiML asks for it: the default has been `none` since May 2025."""
    relay(f'{EVENTS} reportInputDuringAgentSpeech="{reported}"')

    async def talk(session):
        await session.say(LONG, interruptible=False)
        await session.spoken()
        await session.send(type="end")

    stella.relay_talk = talk
    report = await phone().ring([Interrupt("No.", 1.0)])
    assert [m["type"] for m in stella.sessions[0].received if m["type"] != "info"] == told
    assert not report.clears


async def test_keys_arrive_one_by_one_and_only_where_they_are_wanted(stella, phone, relay):
    """`dtmfDetection` is off by default."""
    relay(EVENTS + ' dtmfDetection="true"')

    async def talk(session):
        await session.say("Your number, please.")
        for key in "12#":
            assert (await session.next("dtmf"))["digit"] == key
        await session.send(type="end")

    stella.relay_talk = talk
    await phone().ring([Press("12#")])
    relay(EVENTS)
    stella.relay_talk = None
    await phone().ring([Press("12#"), HangUp(at_s=6.0)])
    assert not names(stella.sessions[1], "dtmf")


async def test_a_later_turn_cuts_into_words_that_yield_to_it(stella, phone, relay):
    """`preemptible` words make way for the next cycle; there is no other way to take words back."""

    async def talk(session):
        await session.say(LONG, preemptible=True)
        await session.next("info", name="tokensPlayed")
        await session.say("Sorry: we are closed today.")
        await session.spoken()
        await session.send(type="end")

    stella.relay_talk = talk
    report = await phone().ring([Wait(60)])
    first, second = (spurt for spurt in report.heard if spurt.source == "relay")
    assert second.text == "Sorry: we are closed today."
    assert first.end_s - first.start_s < 0.05 * len(LONG)


async def test_a_message_that_does_not_match_is_answered_and_passed_over(stella, phone, relay):
    """64107 in the debugger, an `error` on the socket, and the session goes on."""

    async def talk(session):
        await session.send(type="text", token="Hello.", lastt=True)
        assert (await session.next("error"))["description"]
        await session.say("Hello.")
        await session.spoken()
        await session.send(type="end")

    stella.relay_talk = talk
    report = await phone().ring([Wait(60)])
    assert codes(report) == [64107]
    assert [spurt.text for spurt in report.heard if spurt.source == "relay"] == ["Hello."]


async def test_another_language_is_spoken_and_heard_from_then_on(stella, phone, relay):
    """`language` changes both."""

    async def talk(session):
        await session.send(type="language", ttsLanguage="de-DE", transcriptionLanguage="de-DE")
        await session.say("Guten Tag.")
        assert (await session.next("prompt"))["lang"] == "de-DE"
        await session.send(type="end")

    stella.relay_talk = talk
    spoken = []

    def voice(text, language):
        spoken.append((text, language))
        return b"\x20" * 4000

    await phone(voice=voice).ring([Speak("Guten Tag.")])
    assert ("Guten Tag.", "de") in spoken


@pytest.mark.parametrize(("refuse", "code"), [(0, 64105), (403, 64102)])
async def test_a_socket_that_ends_or_never_opens_goes_on_with_the_action(stella, phone, relay, refuse, code):
    """Without `end` it is a failure to Twilio, and the action is told so."""
    stella.refuse = refuse
    report = await phone().ring([Wait(60)])
    assert codes(report) == [code]
    after = stella.posted(AFTER)[0]
    assert (after["SessionStatus"], after["ErrorCode"]) == ("failed", str(code))


@pytest.mark.parametrize("wrong", ['speechTimeout="100"', 'interruptible="maybe"', 'ttsProvider="Polly"'])
async def test_a_parameter_twilio_does_not_take_ends_it_before_it_begins(stella, phone, relay, wrong):
    """64101, no socket, and the call goes on with the action."""
    relay(wrong)
    report = await phone().ring([Wait(60)])
    assert codes(report) == [64101]
    assert not stella.sessions
    assert stella.posted(AFTER)


async def test_an_attribute_that_is_misspelt_is_warned_of_and_without_effect(stella, phone, relay):
    """The session begins all the same: that is why it is hard to find."""
    relay('dtmfDetectoin="true"')
    report = await phone().ring([HangUp(at_s=4.0)])
    assert 12200 in codes(report)
    assert stella.sessions
