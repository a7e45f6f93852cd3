"""Every plan becomes the TwiML of PRODUCT §2, and no text ever changes its tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.domain.plan import (
    AskAgain,
    AskByGather,
    ConnectPerson,
    HoldOn,
    OpenRelay,
    OpenStream,
    RelayLanguage,
    SayGoodbye,
    Spoken,
    TakeMessage,
)
from stella.wire.twiml import MAX_SAY, render
from stella.wire.twiml_reader import Verb, parse_document

BASE = "https://calls.example.com"
ROOT = BASE + "/api/stella/call"
HELLO = (Spoken("Guten Tag.", "de-AT", "Polly.Vicki-Neural"),)


def test_a_stream_is_opened_exactly_as_promised():
    """PRODUCT §2, letter by letter: action and Redirect both, token and feature as parameters."""
    verbs = parse_document(render(OpenStream(HELLO, "tok-1"), BASE + "/"))
    assert verbs == [
        Verb("Say", {"language": "de-AT", "voice": "Polly.Vicki-Neural"}, "Guten Tag."),
        Verb(
            "Connect",
            {"action": ROOT + "/after", "method": "POST"},
            children=(
                Verb(
                    "Stream",
                    {
                        "url": "wss://calls.example.com/api/stella/call/stream",
                        "statusCallback": ROOT + "/stream-status",
                        "statusCallbackMethod": "POST",
                    },
                    children=(
                        Verb("Parameter", {"name": "token", "value": "tok-1"}),
                        Verb("Parameter", {"name": "provider", "value": "twilio"}),
                        Verb("Parameter", {"name": "feature", "value": "stella-call"}),
                    ),
                ),
            ),
        ),
        Verb("Redirect", {"method": "POST"}, ROOT + "/after"),
    ]


def test_a_relay_is_opened_with_everything_written_out():
    """The library drops an attribute it does not know in silence: each is looked for in the document itself."""
    languages = (RelayLanguage("de-AT", "Polly.Vicki-Neural"), RelayLanguage("en-GB", "man"))
    plan = OpenRelay(HELLO, "tok-1", languages, ("Vintaro", "Anna Berger"), 0.7)
    said, connect, behind = parse_document(render(plan, BASE))
    assert said.text == "Guten Tag."
    assert connect.attributes == {"action": ROOT + "/after", "method": "POST"}
    (relay,) = connect.children
    assert relay.name == "ConversationRelay"
    assert relay.attributes == {
        "url": "wss://calls.example.com/api/stella/call/relay",
        "language": "de-DE",
        "interruptible": "any",
        "reportInputDuringAgentSpeech": "any",
        "dtmfDetection": "true",
        "partialPrompts": "true",
        "speechTimeout": "700",
        "hints": "Vintaro,Anna Berger",
        "events": "speaker-events tokens-played",
    }
    assert relay.children == (
        Verb("Language", {"code": "de-DE", "ttsProvider": "Amazon", "voice": "Vicki-Neural"}),
        Verb("Language", {"code": "en-GB"}),
        Verb("Parameter", {"name": "token", "value": "tok-1"}),
        Verb("Parameter", {"name": "provider", "value": "twilio"}),
        Verb("Parameter", {"name": "feature", "value": "stella-call"}),
    )
    assert relay.parameters()["token"] == "tok-1"
    assert behind == Verb("Redirect", {"method": "POST"}, ROOT + "/after")


@pytest.mark.parametrize(("seconds", "written"), [(0.0, "600"), (0.65, "650"), (60.0, "5000")])
def test_the_silence_that_ends_an_utterance_stays_within_twilios_bounds(seconds, written):
    """Outside of 600 to 5000 ms the session would not begin."""
    connect = parse_document(render(OpenRelay((), "t", (RelayLanguage("en-US"),), (), seconds), BASE))[0]
    assert connect.children[0].get("speechTimeout") == written


@pytest.mark.parametrize(
    ("model", "timeout", "enhanced"),
    [("phone_call", "auto", "true"), ("numbers_and_commands", "auto", ""), ("deepgram_nova-3", "1", "")],
)
def test_a_speech_model_brings_what_it_needs(model, timeout, enhanced):
    """Only some find the end of speech themselves, and only one has an enhanced version."""
    (gather,) = parse_document(render(AskByGather(HELLO, "en-US", 1, speech_model=model), BASE))
    assert (gather.get("speechModel"), gather.get("speechTimeout"), gather.get("enhanced")) == (
        model,
        timeout,
        enhanced,
    )


def test_hints_never_hold_a_comma_and_stay_in_bounds():
    """A comma would be two hints; a hundred characters are the bound of one."""
    plan = AskByGather(HELLO, "en-US", 1, hints=("Berger, Anna", "x" * 300, "", *(f"h{n}" for n in range(900))))
    (gather,) = parse_document(render(plan, BASE))
    hints = gather.get("hints").split(",")
    assert hints[:2] == ["Berger Anna", "x" * 100]
    assert len(hints) <= 500


def test_a_hold_says_and_comes_back():
    """With words or without: the carrier asks again for the next part of the same answer."""
    say, redirect = parse_document(render(HoldOn(HELLO, 7), BASE))
    assert say.text == "Guten Tag."
    assert redirect == Verb("Redirect", {"method": "POST"}, ROOT + "/gather?turn=7")
    assert [verb.name for verb in parse_document(render(HoldOn((), 8), BASE))] == ["Redirect"]


def test_development_streams_without_tls():
    """`stella dev` on localhost: ws, same host and port."""
    connect = parse_document(render(OpenStream((), "t"), "http://localhost:3001"))[0]
    stream = connect.child("Stream")
    assert stream is not None
    assert stream.get("url") == "ws://localhost:3001/api/stella/call/stream"


def test_speech_is_asked_for_inside_the_gather():
    """Words inside can be talked over; the turn comes back in the query."""
    plan = AskByGather(HELLO, "de-DE", 3, hints=("ja", "nein"), max_digits=4)
    (gather,) = parse_document(render(plan, BASE))
    assert gather.attributes == {
        "input": "speech dtmf",
        "action": ROOT + "/gather?turn=3",
        "method": "POST",
        "actionOnEmptyResult": "true",
        "timeout": "5",
        "finishOnKey": "#",
        "numDigits": "4",
        "speechTimeout": "auto",
        "language": "de-DE",
        "hints": "ja,nein",
        "profanityFilter": "false",
    }
    assert [verb.name for verb in gather.children] == ["Say"]


def test_keys_only_wants_no_speech_and_no_barge_in_puts_the_words_before():
    """What stands before a Gather cannot be interrupted."""
    say, gather = parse_document(render(AskByGather(HELLO, "de-DE", 1, keys_only=True, barge_in=False), BASE))
    assert say.name == "Say"
    assert gather.get("input") == "dtmf"
    assert not {"speechTimeout", "language", "hints", "numDigits"} & gather.attributes.keys()
    assert gather.children == ()


def test_the_disclosure_of_a_gather_cannot_be_talked_over():
    """What must be heard stands before the Gather, the question inside."""
    plan = AskByGather((Spoken("Bitte?", "de-AT"),), "de-DE", 1, before=HELLO)
    say, gather = parse_document(render(plan, BASE))
    assert say.text == "Guten Tag."
    assert [verb.text for verb in gather.children] == ["Bitte?"]


def test_a_plan_nobody_writes_down_fails_loudly():
    """A new plan without TwiML is a fault of ours, not silence for a caller."""
    with pytest.raises(AssertionError):
        render("a new plan", BASE)


def test_a_person_is_dialled():
    """The outcome comes to /after; the extension is keyed once they answered."""
    _, dial = parse_document(render(ConnectPerson(HELLO, "+43 1 234", "12"), BASE))
    assert dial.attributes == {
        "action": ROOT + "/after?dial=1",
        "method": "POST",
        "answerOnBridge": "true",
        "timeout": "25",
    }
    assert dial.children == (Verb("Number", {"sendDigits": "ww12"}, "+431234"),)
    assert parse_document(render(ConnectPerson((), "+431234"), BASE))[0].children == (Verb("Number", {}, "+431234"),)


def test_the_other_plans_end_or_go_on():
    """Goodbye hangs up, AskAgain redirects, a house on fire dials or says so."""
    assert [verb.name for verb in parse_document(render(SayGoodbye(HELLO), BASE))] == ["Say", "Hangup"]
    assert parse_document(render(SayGoodbye(), BASE)) == [Verb("Hangup")]
    assert parse_document(render(AskAgain(), BASE)) == [Verb("Redirect", {"method": "POST"}, ROOT + "/after")]
    burning = parse_document(render(TakeMessage(HELLO, "+431", HELLO), BASE))
    assert [verb.name for verb in burning] == ["Say", "Dial", "Say", "Hangup"]
    assert [verb.name for verb in parse_document(render(TakeMessage(HELLO), BASE))] == ["Say", "Hangup"]


def test_long_words_are_split_where_a_blank_is():
    """Twilio takes 4096 characters in one Say."""
    text = "Wort " * 2000
    says = parse_document(render(SayGoodbye((Spoken(text, "de-DE"),)), BASE))[:-1]
    assert len(says) == 3
    assert all(len(say.text) <= MAX_SAY for say in says)
    assert " ".join(say.text for say in says) == text.strip()
    unbroken = parse_document(render(SayGoodbye((Spoken("x" * 5000, ""),)), BASE))[:-1]
    assert [len(say.text) for say in unbroken] == [4096, 904]
    assert unbroken[0].attributes == {}


ANY = st.text(max_size=60) | st.sampled_from(
    [
        "</Say><Hangup/>",
        "]]>",
        "<![CDATA[",
        "&amp;",
        "&#0;",
        '"/><Dial>+1900</Dial>',
        "\x00\x0b",
        "\ud800",
        "\ufffe",
        "<?xml?>",
    ]
)
SAYS = st.lists(st.builds(Spoken, ANY, ANY, ANY), max_size=3).map(tuple)
PLANS = (
    st.builds(OpenStream, SAYS, ANY)
    | st.builds(OpenRelay, SAYS, ANY, st.tuples(st.builds(RelayLanguage, ANY, ANY)), st.tuples(ANY))
    | st.builds(AskByGather, SAYS, ANY, st.integers(0, 99), st.lists(ANY, max_size=3).map(tuple), finish_on_key=ANY)
    | st.builds(HoldOn, SAYS, st.integers(0, 99))
    | st.builds(ConnectPerson, SAYS, ANY, ANY)
    | st.builds(SayGoodbye, SAYS)
    | st.builds(TakeMessage, SAYS, ANY, SAYS)
)


def shape(verb):
    """The tree without its words."""
    return (verb.name, [shape(child) for child in verb.children if child.name != "Say"])


@given(PLANS)
def test_no_text_changes_the_tree(plan):
    """D08: whatever a caller, a tool or an agent file says, the verbs stay the plan's."""
    verbs = [shape(verb) for verb in parse_document(render(plan, BASE)) if verb.name != "Say"]
    parameters = [("Parameter", [])] * 3
    match plan:
        case OpenStream():
            assert verbs == [("Connect", [("Stream", parameters)]), ("Redirect", [])]
        case OpenRelay():
            children = [("Language", []), *parameters]
            assert verbs == [("Connect", [("ConversationRelay", children)]), ("Redirect", [])]
        case AskByGather():
            assert verbs == [("Gather", [])]
        case HoldOn():
            assert verbs == [("Redirect", [])]
        case ConnectPerson():
            assert verbs == [("Dial", [("Number", [])])]
        case TakeMessage() if plan.number:
            assert verbs == [("Dial", [("Number", [])]), ("Hangup", [])]
        case _:
            assert verbs == [("Hangup", [])]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=40).filter(str.strip))
def test_words_are_said_as_they_are_meant(text):
    """Escaping is undone by the reader."""
    say = parse_document(render(SayGoodbye((Spoken(text, "de-DE"),)), BASE))[0]
    assert say.text == text.strip()


@pytest.mark.parametrize("number", ["+1900<", "+43&1", '"+431"', "sip:x@y"])
def test_a_number_keeps_only_what_can_be_dialled(number):
    """A transfer target is digits, whatever came into it."""
    dial = parse_document(render(ConnectPerson((), number, "1<2"), BASE))[0]
    assert set(dial.children[0].text) <= set("+0123456789")
    assert dial.children[0].get("sendDigits") == "ww12"


def test_a_disclosure_before_a_gather_cannot_be_talked_over():
    """Words before the question stand outside the <Gather>; the question stands inside."""
    plan = AskByGather((Spoken("Was kann ich tun?", "de-AT"),), "de-AT", 1, before=HELLO)
    said, gather = parse_document(render(plan, BASE))
    assert (said.name, said.text) == ("Say", "Guten Tag.")
    assert [child.text for child in gather.children] == ["Was kann ich tun?"]
