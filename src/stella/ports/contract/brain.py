"""What every Brain keeps. `brain` answers for `AGENT`, in `en` and `de`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

from stella.domain.acts import Act
from stella.domain.agent import Agent, LanguageSetup, Person
from stella.domain.ids import TurnId
from stella.domain.phrases import PHRASES_DE, PHRASES_EN
from stella.domain.transcript import Turn
from stella.ports.brain import Asked, Brain, BrainSession, CallFacts, Said
from stella.ports.contract.promise import promised

STATE_MOST = 16_384
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AGENT = Agent(
    "office",
    "Vintaro",
    (
        LanguageSetup("en", "en-GB", "", "Polly.Amy", PHRASES_EN),
        LanguageSetup("de", "de-AT", "", "Polly.Vicki", PHRASES_DE),
    ),
    people=(Person("Anna Berger", "+431111111", ("Anna",)),),
    version="1",
)
FACTS = CallFacts("CA" + "1" * 32, AGENT, "+442012345678", "en", "stream", NOW)


def asked(text: str, turn: int = 1, **more: object) -> Asked:
    """A turn of the caller's."""
    return replace(Asked(TurnId(turn), text), **more)  # type: ignore[arg-type]


async def reply(session: BrainSession, what: Asked, context: Sequence[Turn] = ()) -> tuple[str, list[Act]]:
    """A whole reply: its words and its acts."""
    words, acts = "", []
    async with aclosing(session.reply(what, context, NOW)) as events:  # type: ignore[type-var]
        async for event in events:
            if isinstance(event, Said):
                words += event.text
            else:
                acts.append(event.act)
    return words, acts


class BrainContract:
    """The promises of the port."""

    async def test_a_question_is_answered_in_words(self, brain: Brain) -> None:
        """Silence is what a caller fears most."""
        words, _ = await reply(brain.open(FACTS), asked("When are you open?"))
        promised(words.strip(), "there was no word")

    async def test_words_are_fit_for_the_ear(self, brain: Brain) -> None:
        """A voice reads asterisks aloud."""
        words, _ = await reply(brain.open(FACTS), asked("When are you open?"))
        promised(not set("*#`<>|") & set(words), f"there are signs in it that are read aloud: {words[:80]!r}")

    async def test_stopping_in_the_middle_is_quiet_and_the_session_goes_on(self, brain: Brain) -> None:
        """Every barge-in does it."""
        session = brain.open(FACTS)
        async with aclosing(session.reply(asked("When are you open?"), (), NOW)) as events:  # type: ignore[type-var]
            async for _ in events:
                break
        words, _ = await reply(session, asked("When are you open?", 2))
        promised(words.strip(), "there was no word")

    async def test_a_cancelled_reply_leaves_the_session_in_order(self, brain: Brain) -> None:
        """The caller speaks before the first word."""
        session = brain.open(FACTS)
        task = asyncio.get_running_loop().create_task(reply(session, asked("When are you open?")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        words, _ = await reply(session, asked("When are you open?", 2))
        promised(words.strip(), "there was no word")

    async def test_silence_keys_and_strange_signs_are_answered(self, brain: Brain) -> None:
        """Whatever the telephone brings."""
        session = brain.open(FACTS)
        for number, what in enumerate(
            (
                asked("", silent=True),
                asked("", digits="12#"),
                asked("Grüß Gott, Ärger! 🙂\u202e\u0000"),
                asked("x" * 9000),
            )
        ):
            await reply(session, replace(what, turn=TurnId(number + 1)))

    async def test_two_calls_are_two_conversations(self, brain: Brain) -> None:
        """One caller never hears another's answer."""
        one, two = brain.open(FACTS), brain.open(replace(FACTS, call_sid="CA" + "2" * 32))
        answers = await asyncio.gather(reply(one, asked("When are you open?")), reply(two, asked("Hello there")))
        promised(all(words.strip() for words, _ in answers), "one of the two callers heard nothing")

    async def test_state_is_small_and_goes_on_elsewhere(self, brain: Brain) -> None:
        """Another path or process takes over in the middle of a call."""
        session = brain.open(FACTS)
        await reply(session, asked("When are you open?"))
        state = session.state()
        promised(len(state) <= STATE_MOST, f"the state has {len(state)} bytes")
        words, _ = await reply(brain.open(FACTS, state), asked("When are you open?", 2))
        promised(words.strip(), "there was no word")

    async def test_unreadable_state_begins_anew(self, brain: Brain) -> None:
        """It may come from another version."""
        for state in (b"\xff\x00", b"{}", b"[]", b'{"language": 1}'):
            words, _ = await reply(brain.open(FACTS, state), asked("When are you open?"))
            promised(words.strip(), "there was no word")

    async def test_the_language_can_change_and_closing_is_quiet(self, brain: Brain) -> None:
        """Callers change their mind; shutdown paths meet."""
        session = brain.open(FACTS)
        session.switch("de")
        words, _ = await reply(session, asked("Wann haben Sie offen?"))
        promised(words.strip(), "there was no word")
        await session.close()
        await brain.close()
        await brain.close()
