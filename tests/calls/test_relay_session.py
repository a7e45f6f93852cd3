"""Words travel instead of sound: the same conversation, a carrier that hears and speaks, and what it tells as the witness."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stella.calls.switchboard import Switchboard
from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, TransferTo
from stella.domain.call import EndedBy
from stella.domain.consent import Preset
from stella.domain.errors import Refused
from stella.domain.plan import AskByGather, ConnectPerson, OpenRelay, OpenStream, SayGoodbye
from stella.ports.failure import Unavailable

from .conftest import ACCOUNT, AGENT, CALL, Shelf, VirtualLoop, build_house, request, virtual_clock

RELAY = replace(AGENT, voice_path="relay")
SESSION = "VX" + "4" * 32
LONG = "We build websites. We also build shops. And we look after everything that was built before us, for years."


@dataclass
class Words:
    """A carrier that speaks what it is sent, 15 characters a second, and tells of it what `witness` says.

    A turn takes the place of what is left of the one before. `heard` is what the caller's ear got, `messages` all that was sent.
    """

    witness: str = "words"
    session: object = None
    queue: list[tuple[str, bool]] = field(default_factory=list)
    messages: list[tuple] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    cycle_heard: list[str] = field(default_factory=list)
    closed: bool = False
    ended: str | None = None
    lasted: bool = True
    speaker: asyncio.Task | None = None
    speaking: bool = False

    def send_text(self, text, *, last, interruptible):
        self.messages.append(("text", text, last, interruptible))
        if self.lasted:
            if self.queue:
                self.stop()
            self.cycle_heard = []
        self.lasted = last
        self.queue += [(word, interruptible) for word in text.split()]
        if self.queue and self.speaker is None:
            self.speaker = asyncio.get_running_loop().create_task(self.speak())

    async def speak(self):
        await asyncio.sleep(0.3)
        while self.queue:
            if not self.speaking:
                self.speaking = True
                self.tells(agent=True, on=True)
            word, _ = self.queue[0]
            await asyncio.sleep((len(word) + 1) / 15)
            self.queue.pop(0)
            self.heard.append(word)
            self.cycle_heard.append(word)
            if self.witness == "words":
                self.session.played(word)
        self.speaking, self.speaker = False, None
        self.tells(agent=True, on=False)

    def tells(self, *, agent, on):
        if self.witness != "none" and not self.closed:
            self.session.speaking(agent=agent, on=on)

    def stop(self):
        self.queue.clear()
        if self.speaker is not None:
            self.speaker.cancel()
        self.speaking, self.speaker = False, None

    def send_language(self, locale):
        self.messages.append(("language", locale))

    def end(self, after):
        if self.ended is None:
            self.ended = after
            asyncio.get_running_loop().call_later(0.02, self.hang_up)

    def hang_up(self):
        if not self.closed:
            self.closed = True
            self.stop()
            self.session.gone()

    async def says(self, text, seconds=1.0):
        """The caller speaks: interrupts a voice that yields, and the words come 0.7 s after the end."""
        self.tells(agent=False, on=True)
        if self.speaking and self.queue and self.queue[0][1]:
            await asyncio.sleep(0.3)
            self.stop()
            self.session.interrupted(" ".join(self.cycle_heard))
            self.tells(agent=True, on=False)
        await asyncio.sleep(seconds)
        self.tells(agent=False, on=False)
        await asyncio.sleep(0.7)
        if text:
            self.session.prompt(text, last=True)

    @property
    def text(self):
        """All that was heard, as one text."""
        return " ".join(self.heard)


async def begin(h, witness="words", **fields):
    """Ring, open the session, hear the greeting out."""
    plan = await h.voice_webhook(**fields)
    return join(h, plan, witness)


def join(h, plan, witness="words"):
    """The carrier opens the socket of a plan."""
    assert isinstance(plan, OpenRelay)
    line = Words(witness)
    line.session = h.switchboard.connect_relay(CALL, ACCOUNT, SESSION, plan.token, line)
    return line


@pytest.mark.parametrize("witness", ["words", "speaker", "none"])
def test_a_question_is_answered_and_recorded_as_heard(run, house, witness):
    """Whatever the carrier tells of its voice, nothing stands in the record that the ear did not get."""

    async def call():
        h = house(agent=RELAY)
        line = await begin(h, witness)
        await asyncio.sleep(8)
        await line.says("When are you open?")
        await asyncio.sleep(6)
        line.hang_up()
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        return h, line

    h, line = run(call())
    record = h.record
    assert record.voice_path == "relay"
    assert record.stream_sids == [SESSION]
    assert [turn.speaker for turn in record.turns] == ["agent", "caller", "agent"]
    assert record.turns[1].text == "When are you open?"
    assert record.turns[2].heard_text == record.turns[2].text == "We are open from nine to five."
    assert line.text.endswith("We are open from nine to five.")
    assert record.disclosure.heard_at
    assert record.latency.response_gap_ms.p50 is not None
    assert record.ended_by is EndedBy.CALLER
    assert record.media.marks_heard == 0


def test_sentences_leave_as_they_come_and_the_turn_is_closed_behind_them(run, house):
    """Twilio waits for `last` before it takes a turn for complete; it must not come between two sentences."""

    async def call():
        h = house(lambda _asked: ["We are open. ", 1.0, "From nine to five."], agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        before = len(line.messages)
        await line.says("When are you open?")
        await asyncio.sleep(6)
        line.hang_up()
        return [(text.strip(), last) for _, text, last, _ in line.messages[before:]]

    assert run(call()) == [("We are open.", False), ("From nine to five.", False), ("", True)]


@pytest.mark.parametrize("witness", ["words", "speaker", "none"])
def test_an_interrupted_turn_is_cut_at_what_was_heard(run, house, witness):
    """`utteranceUntilInterrupt` is proof; the brain goes on from there."""

    async def call():
        h = house(lambda asked: [LONG] if "offer" in asked.text else ["From nine to five."], agent=RELAY)
        line = await begin(h, witness)
        await asyncio.sleep(8)
        await line.says("What do you offer?")
        await asyncio.sleep(2.5)
        await line.says("Stop. When are you open?")
        await asyncio.sleep(6)
        line.hang_up()
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        return h, line

    h, line = run(call())
    cut = next(turn for turn in h.record.turns if turn.interrupted)
    assert cut.text == LONG
    assert 0 < len(cut.heard_text) < len(LONG)
    assert cut.heard_text in line.text
    assert h.record.turns[-1].heard_text == "From nine to five."
    assert h.record.media.clears == 1
    assert h.brain.contexts[-1][-1].heard_text == cut.heard_text
    barged = h.record.latency.barge_in_ms.p50
    assert (barged is None) is (witness == "none")


def test_what_was_cut_off_by_a_cough_is_said_from_the_next_word(run, house):
    """The carrier has dropped the rest: it is sent again, and no word is lost or doubled."""

    async def call():
        h = house(lambda _asked: [LONG], agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        await line.says("What do you offer?")
        await asyncio.sleep(2.5)
        await line.says("", seconds=0.1)
        await asyncio.sleep(9)
        line.hang_up()
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        return h, line

    h, line = run(call())
    assert line.text.endswith(LONG)
    turn = next(turn for turn in h.record.turns if turn.text == LONG)
    assert turn.heard_text == LONG
    assert not turn.interrupted


def test_words_are_respelled_for_the_voice_and_recorded_as_meant(run, house):
    """The agent's pronunciation reaches Twilio's voice; what it tells of respelled words is found in the text again."""
    agent = replace(RELAY, pronunciation={"en": {"Vintaro": "Winntaaro", "BOKU": "Bo koo"}})
    text = "Welcome to Vintaro at the BOKU, where you can learn everything about soil and water."

    async def call(seconds):
        h = house(lambda _asked: [text], agent=agent)
        line = await begin(h)
        await asyncio.sleep(8)
        await line.says("Where am I?")
        await asyncio.sleep(seconds)
        await line.says("Stop, please.")
        await asyncio.sleep(1)
        line.hang_up()
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        return h, line

    for seconds in (1.0, 2.0, 2.6, 3.4):
        h, line = run(call(seconds))
        assert any("Winntaaro at the Bo koo" in str(message[1]) for message in line.messages)
        turn = next(turn for turn in h.record.turns if turn.text == text)
        assert text.startswith(turn.heard_text)
        assert turn.heard_text.replace("Vintaro", "Winntaaro").replace("BOKU", "Bo koo") in line.text


def test_the_consent_question_does_not_yield_and_is_answered_by_word_or_key(run, house):
    """Nothing said under it counts; what comes after it does, and decides what is kept."""
    agent = replace(RELAY, preset=Preset.ASK_RECORDING)

    async def call(answer):
        h = house(agent=agent)
        line = await begin(h)
        await asyncio.sleep(1)
        line.session.prompt("yes", last=True)
        line.session.dtmf("1")
        await asyncio.sleep(15)
        asked = [message for message in line.messages if message[0] == "text"]
        await answer(line)
        await asyncio.sleep(3)
        line.hang_up()
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        return h.record.consent, asked

    async def by_voice(line):
        await line.says("Yes, please.")

    async def by_key(line):
        line.session.dtmf("2")

    for answer, kept in ((by_voice, ("yes", "speech")), (by_key, ("no", "key"))):
        consent, asked = run(call(answer))
        assert (consent.answer, consent.by) == kept
        assert asked[0][3] is False
        assert consent.question == AGENT.language("en").phrases.consent_question


def test_a_number_is_keyed_to_its_terminator(run, house):
    """The same collecting of keys as on a stream; the brain gets them at once."""

    def script(asked):
        return ["Your number, please.", ExpectAnswer("digits", 6)] if not asked.digits else ["Thank you."]

    async def call():
        h = house(script, agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        await line.says("I have a number.")
        await asyncio.sleep(4)
        for key in "123#":
            line.session.dtmf(key)
            await asyncio.sleep(0.3)
        await asyncio.sleep(4)
        line.hang_up()
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        return h

    h = run(call())
    assert h.brain.asked[-1].digits == "123"
    assert [key.digit for key in h.record.dtmf] == ["1", "2", "3", "#"]


def test_a_key_that_stops_the_voice_is_no_utterance(run, house):
    """Twilio tells of the interruption first: no word comes behind it, and none is waited for."""

    async def call():
        h = house(lambda asked: [LONG] if not asked.digits else ["You pressed a key."], agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        await line.says("What do you offer?")
        await asyncio.sleep(2.5)
        line.stop()
        line.session.interrupted(" ".join(line.cycle_heard))
        line.session.dtmf("7")
        await asyncio.sleep(5)
        line.hang_up()
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        return h, line

    h, line = run(call())
    assert h.brain.asked[-1].digits == "7"
    assert line.text.endswith("You pressed a key.")
    assert h.record.turns[-1].heard_text == "You pressed a key."


@pytest.mark.parametrize("witness", ["words", "speaker", "none"])
def test_the_farewell_is_heard_before_the_session_ends(run, house, witness):
    """`end` comes when the last word has been spoken, and `/after` hangs up."""

    async def call():
        h = house(lambda _asked: ["Goodbye, and thank you for calling us today.", EndCall()], agent=RELAY)
        line = await begin(h, witness)
        await asyncio.sleep(8)
        await line.says("That was all.")
        await asyncio.sleep(12)
        assert line.ended == "goodbye"
        return h, line, await h.after()

    h, line, plan = run(call())
    assert isinstance(plan, SayGoodbye)
    assert line.text.endswith("Goodbye, and thank you for calling us today.")
    assert h.record.ended_by is EndedBy.AGENT


def test_words_told_ahead_of_the_voice_do_not_end_the_session_before_it(run, house):
    """Nobody says whether words are told when they begin or when they end: the end of the voice decides."""

    async def call(off_s):
        h = house(lambda _asked: ["Goodbye, and thank you.", EndCall()], agent=RELAY)
        line = await begin(h, "none")
        await asyncio.sleep(8)
        line.session.speaking(agent=True, on=True)
        line.session.speaking(agent=True, on=False)
        line.session.prompt("That was all.", last=True)
        await asyncio.sleep(0.5)
        line.session.speaking(agent=True, on=True)
        line.session.played("Goodbye, and thank you.")
        await asyncio.sleep(1.5)
        early = line.ended
        if off_s is not None:
            line.session.speaking(agent=True, on=False)
        await asyncio.sleep(off_s or 2.5)
        return early, line.ended

    assert run(call(0.1)) == (None, "goodbye")
    assert run(call(None)) == (None, "goodbye")


def test_a_person_is_dialled_by_name_and_who_does_not_answer_brings_the_caller_back(run, house):
    """The number never travels on the socket; the call resumes on a new session with a token of its own."""

    async def call():
        h = house(lambda _asked: ["I connect you.", TransferTo("Anna Berger")], agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        await line.says("Anna, please.")
        await asyncio.sleep(6)
        assert line.ended == "transfer"
        dial = await h.after()
        back = await h.after(query={"dial": "1"}, dial_status="no-answer")
        second = join(h, back)
        await asyncio.sleep(5)
        second.hang_up()
        return dial, line, second

    dial, line, second = run(call())
    assert isinstance(dial, ConnectPerson)
    assert dial.number == "+431111111"
    assert not any("431111111" in str(message) for message in line.messages)
    assert second.text.startswith(AGENT.language("en").phrases.transfer_failed[:20])


def test_another_language_is_heard_and_spoken_from_then_on(run, house):
    """By word through the brain, or by the key that the greeting names."""

    async def by_word():
        h = house(lambda _asked: [ChangeLanguage("de")], agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        await line.says("Deutsch, bitte.")
        await asyncio.sleep(5)
        line.hang_up()
        return line

    async def by_key():
        h = house(agent=RELAY)
        line = await begin(h, from_="+33123456789")
        await asyncio.sleep(12)
        line.session.dtmf("2")
        await asyncio.sleep(5)
        line.hang_up()
        return line

    german, english = run(by_word()), run(by_key())
    assert ("language", "de-AT") in german.messages
    assert AGENT.language("de").phrases.language_switch[:15] in german.text
    assert ("language", "en-GB") in english.messages


def test_nobody_is_left_in_silence(run, house):
    """The ladder of prompts climbs by the carrier's own telling that it has finished, and ends politely."""

    async def call():
        h = house(agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(90)
        return h, line

    h, line = run(call())
    phrases = AGENT.language("en").phrases
    for words in (*phrases.no_input, phrases.farewell):
        assert words in line.text
    assert line.ended == "goodbye"
    assert h.switchboard.live(CALL).record.turns[-1].heard_text == phrases.farewell


def test_a_voice_without_words_and_without_end_does_not_stop_the_call(run, house):
    """Noise, or a lost message: after a while the caller is asked again."""

    async def call():
        h = house(agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        line.session.speaking(agent=False, on=True)
        await asyncio.sleep(40)
        line.hang_up()
        return line

    assert AGENT.language("en").phrases.no_input[0] in run(call()).text


def test_a_brain_that_fails_twice_ends_in_words_and_on_another_path(run, house):
    """An apology, `end`, and the carrier's own questions with the conversation carried over."""

    async def call():
        h = house(lambda _asked: [Unavailable("scripted", "down")], agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        await line.says("When are you open?")
        await asyncio.sleep(8)
        assert line.ended == "gather"
        return line, await h.after()

    line, plan = run(call())
    assert AGENT.language("en").phrases.apology in line.text
    assert isinstance(plan, AskByGather)


@pytest.mark.parametrize("how", ["lost", "complained"])
def test_a_session_that_dies_is_opened_once_more_and_then_asked_by_gather(run, house, how):
    """The words of both sessions stand in one record, and the brain that goes on knows them."""

    def die(line):
        return line.hang_up() if how == "lost" else line.session.complained()

    async def call():
        h = house(agent=RELAY)
        first = await begin(h)
        await asyncio.sleep(8)
        await first.says("When are you open?")
        await asyncio.sleep(5)
        die(first)
        await asyncio.sleep(1)
        second = join(h, await h.after())
        await asyncio.sleep(5)
        die(second)
        await asyncio.sleep(1)
        third = await h.after()
        assert isinstance(third, AskByGather)
        await asyncio.sleep(8)
        await h.switchboard.gather(request(query={"turn": str(third.turn)}, speech="And on Sundays?"))
        return h, second

    h, second = run(call())
    assert second.text.startswith(AGENT.language("en").phrases.resumed[:20])
    assert [turn.text for turn in h.brain.contexts[-1] if turn.speaker == "caller"] == [
        "When are you open?",
        "And on Sundays?",
    ]
    assert h.record.voice_path == "gather"
    assert len(h.record.stream_sids) == 2
    assert [turn.turn for turn in h.record.turns] == sorted({turn.turn for turn in h.record.turns})


def test_draining_says_goodbye_before_the_session_ends(run, house):
    """Patience is over: words, then `end`, then the end of the call."""

    async def call():
        h = house(agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        h.switchboard.farewell()
        await asyncio.sleep(8)
        return h, line, await h.after()

    h, line, plan = run(call())
    assert isinstance(plan, SayGoodbye)
    assert AGENT.language("en").phrases.handed_over in line.text
    assert h.record.ended_by is EndedBy.SHUTDOWN


def test_a_token_opens_only_the_kind_of_socket_it_was_given_out_for(run, house):
    """A media stream on a relay's token would be heard by nobody."""

    async def call():
        h = house(agent=RELAY)
        plan = await h.voice_webhook()
        with pytest.raises(Refused) as refused:
            h.switchboard.connect(CALL, ACCOUNT, "MZ1", plan.token, Words())
        line = join(h, plan)
        await asyncio.sleep(2)
        line.hang_up()
        return refused.value.cause

    assert run(call()) == "other-door"


def test_a_language_nobody_of_ours_understands_goes_where_the_agent_says(run, house):
    """German without a German recogniser: the carrier's ears, over words or over turns."""

    async def plan(**changes):
        h = house(agent=replace(AGENT, **changes), languages=frozenset({"en"}))
        return type(await h.voice_webhook(from_="+4312345678"))

    assert run(plan()) is AskByGather
    assert run(plan(path_without_ears="relay")) is OpenRelay

    async def english():
        h = house(agent=replace(AGENT, path_without_ears="relay"), languages=frozenset({"en"}))
        return await h.voice_webhook()

    assert isinstance(run(english()), OpenStream)


def test_what_the_action_tells_of_a_session_ends_or_explains_the_call(run, house):
    """Who hung up needs no other session; a failure's code stands in the record; what HandoffData says is not believed."""

    async def call(**told):
        h = house(agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(5)
        line.hang_up()
        await asyncio.sleep(1)
        plan = await h.after(fields=told)
        await asyncio.sleep(1)
        return h, plan

    h, plan = run(call(SessionStatus="completed"))
    assert isinstance(plan, SayGoodbye)
    assert h.record.ended_by is EndedBy.CALLER
    h, plan = run(call(SessionStatus="failed", ErrorCode="64105", HandoffData='{"after":"goodbye"}'))
    assert isinstance(plan, OpenRelay)
    assert h.switchboard.live(CALL).record.error == "relay session failed 64105"


TELLINGS = st.lists(
    st.tuples(
        st.sampled_from(["prompt", "partial", "interrupt", "dtmf", "agent on", "agent off", "client on", "client off",
                         "played", "shutdown"]),
        st.sampled_from(["", "yes", "We build", "When are you open?", LONG, "How can I help", "1"]),
        st.floats(0.0, 4.0),
    ),
    max_size=25,
)  # fmt: skip


@given(TELLINGS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_carrier_tells_in_whatever_order_the_call_keeps_its_promises(tellings):
    """No fault of ours, no heard word that was not sent, every turn closed behind its words, numbers that grow."""
    loop = VirtualLoop()

    async def call():
        h = build_house(lambda _asked: [LONG, " And more."], agent=RELAY)
        line = await begin(h, "none")
        await asyncio.sleep(0.1)
        session = line.session
        for kind, words, wait in tellings:
            match kind:
                case "prompt" | "partial":
                    session.prompt(words, last=kind == "prompt")
                case "interrupt":
                    session.interrupted(words)
                case "dtmf":
                    session.dtmf(words[:1] or "#")
                case "played":
                    session.played(words)
                case "shutdown" if wait > 3.5:
                    session.shut_down()
                case _:
                    session.speaking(agent=kind.startswith("agent"), on=kind.endswith("on"))
            await asyncio.sleep(wait)
        await asyncio.sleep(60)
        line.hang_up()
        await asyncio.sleep(1)
        await h.switchboard.status(request(status="completed"))
        await asyncio.sleep(20)
        return h, line

    try:
        h, line = loop.run_until_complete(call())
        left = asyncio.all_tasks(loop)
    finally:
        loop.close()
    assert not left
    record = h.record
    assert record.error != "internal error"
    sent = " ".join(message[1].strip() for message in line.messages if message[0] == "text")
    for turn in record.turns:
        if turn.speaker == "agent":
            assert turn.text.startswith(turn.heard_text)
            assert turn.heard_text in sent
    numbers = [turn.turn for turn in record.turns]
    assert numbers == sorted(set(numbers))
    texts = [message for message in line.messages if message[0] == "text"]
    assert all(text.strip() for _, text, last, _ in texts if not last)
    assert not texts or line.ended is None or texts[-1][2]


def test_another_process_goes_on_with_the_session_of_one_that_died(run, house):
    """What the store kept is enough: a new session, the brain with its state, the turns of before."""

    async def call():
        h = house(agent=RELAY)
        line = await begin(h)
        await asyncio.sleep(8)
        await line.says("When are you open?")
        await asyncio.sleep(6)
        other = build_house(agent=RELAY)
        other.store.kept, other.store.states = dict(h.store.kept), dict(h.store.states)
        other = replace(other, switchboard=Switchboard(Shelf(RELAY), other.engines, other.store, virtual_clock()))
        line.hang_up()
        second = join(other, await other.after(status="in-progress", fields={"SessionStatus": "failed"}))
        await asyncio.sleep(6)
        second.hang_up()
        await asyncio.sleep(1)
        for each in (h, other):
            await each.switchboard.status(request(status="completed"))
        await asyncio.sleep(1)
        return other, second

    other, second = run(call())
    assert second.text.startswith(AGENT.language("en").phrases.resumed[:20])
    assert other.brain.states[-1] == b"state"
    assert [turn.text for turn in other.record.turns if turn.speaker == "caller"] == ["When are you open?"]
    assert other.record.voice_path == "relay"


def test_the_call_ends_in_words_at_its_limit(run, house):
    """Warned, then a farewell that is heard; then `end`."""
    agent = replace(RELAY, limits=replace(RELAY.limits, call_s=40.0, warn_before_s=20.0))

    async def call():
        h = house(agent=agent)
        line = await begin(h)
        for _ in range(4):
            await asyncio.sleep(8)
            await line.says("When are you open?")
        await asyncio.sleep(20)
        return h, line

    h, line = run(call())
    phrases = AGENT.language("en").phrases
    assert phrases.limit_warning in line.text
    assert line.text.endswith(phrases.farewell)
    assert line.ended == "goodbye"
    assert h.switchboard.live(CALL).record.ended_by is EndedBy.LIMIT


@pytest.mark.parametrize("witness", ["words", "speaker", "none"])
def test_a_goodbye_takes_the_place_of_words_that_do_not_yield(run, house, witness):
    """What the old turn still tells of itself is not taken for the goodbye, which is heard to its end."""
    agent = replace(RELAY, preset=Preset.ASK_RECORDING)

    async def call():
        h = house(agent=agent)
        line = await begin(h, witness)
        await asyncio.sleep(1.5)
        h.switchboard.farewell()
        if witness == "words":
            line.session.played("record this")
        await asyncio.sleep(14)
        return h, line

    h, line = run(call())
    goodbye = AGENT.language("en").phrases.handed_over
    assert line.text.endswith(goodbye)
    assert line.ended == "goodbye"
    assert h.switchboard.live(CALL).record.turns[-1].heard_text == goodbye
