"""Calls in which Twilio hears and speaks: the same server and brain, rung over ConversationRelay, and over `gather` behind it."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from stella.app.child_server import TOKEN, serve
from stella.audio.mulaw import encode
from stella.phone import Account, Habits, Interrupt, Press, Speak, Wait, Wire
from stella.phone.form import CallForm, form_headers, new_sid
from stella.wire.relay_carrier import dtmf, setup
from stella.wire.signature import sign_form, sign_upgrade

from .conftest import ACCOUNT_SID, AUSTRIAN, BRITISH, HOUSE, Exchange, Inbox, Rung, agent_file

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.timeout(300)]

PATH = "/api/stella/call/relay"


def tone(text: str, _language: str) -> bytes:
    """Words travel, not sound: a hum as long as the words would be said in."""
    t = np.arange(int(8000 * max(0.4, len(text) / 16))) / 8000
    return encode((np.sin(2 * np.pi * 220 * t) * 6000).astype(np.int16))


def exchanges(models: Path, inbox: Inbox, folder: Path, **changes: str) -> Iterator[Exchange]:
    """A server whose agent takes the relay path."""
    path = agent_file(folder, inbox, voice_path='voice_path = "relay"', **changes)
    secret = {"NOTIFY_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="}
    with serve(str(path), models, mode="dev", environ=secret) as server:
        yield Exchange(server, tone, None, inbox)


@pytest.fixture(scope="module")
def relay(models: Path, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """The acceptance agent on the relay path."""
    yield from exchanges(models, inbox, tmp_path_factory.mktemp("relay"))


@pytest.fixture(scope="module")
def asking(models: Path, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """The same, asking before it keeps anything."""
    yield from exchanges(models, inbox, tmp_path_factory.mktemp("asking"), preset='preset = "ask-everything"')


class Killed(Wire):
    """Kills the first sockets of a call, each when the agent has fallen silent so many times on it."""

    def __init__(self, *silences: int) -> None:
        self._silences, self._left = list(silences), 0
        self._raw: Any = None

    def connected(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._raw = socket.get_extra_info("socket")
        self._left = self._silences.pop(0) if self._silences else 0

    def outgoing(self, kind: str, message: bytes) -> tuple[bytes, ...]:
        if self._left and b'"agentSpeaking","value":"off"' in message:
            self._left -= 1
            if not self._left:
                self._raw.shutdown(sockets.SHUT_RDWR)
        return (message,)


class NoWitness(Wire):
    """An account to which Twilio tells nothing of its voice."""

    def outgoing(self, kind: str, message: bytes) -> tuple[bytes, ...]:
        return () if kind == "info" else (message,)


def scripts(exchange: Exchange) -> dict[str, Coroutine[Any, Any, Rung]]:
    """Every call of this file, by name."""
    ring = exchange.ring
    return {
        "question": ring([Speak("What are your opening hours?"), Speak("Thank you, goodbye.")]),
        "unwitnessed": ring(
            [Speak("What are your opening hours?"), Speak("Thank you, goodbye."), Wait(6)], wire=NoWitness()
        ),
        "interrupted": ring(
            [Speak("What services do you offer?"), Interrupt("Stop please. What are your opening hours?", 1.5)]
        ),
        "person": ring([Press("0"), Wait(8)], habits=Habits(person="answers")),
        "nobody there": ring([Speak("Please connect me with Anna."), Wait(6)], habits=Habits(person="no-answer")),
        "german": ring(
            [Speak("Wann haben Sie geöffnet?"), Speak("Danke, auf Wiederhören.")], from_=AUSTRIAN, lang="de"
        ),
        "switched": ring([Speak("Can we speak German, please?"), Speak("Wann haben Sie geöffnet?")]),
        "killed": ring(
            [Speak("What are your opening hours?"), Speak("What services do you offer?"), Speak("Thank you, goodbye.")],
            wire=Killed(2, 2),
        ),
        "silent": ring([Wait(60)]),
    }


async def all_of(calls: dict[str, Coroutine[Any, Any, Rung]]) -> dict[str, Rung]:
    """Ring them at once: nothing is recognised, so they cost little."""
    return dict(zip(calls, await asyncio.gather(*calls.values()), strict=True))


@pytest.fixture(scope="module")
def rung(relay: Exchange) -> dict[str, Rung]:
    """All calls, rung once."""
    return asyncio.run(all_of(scripts(relay)))


def turns(rung: Rung, speaker: str) -> list[dict[str, Any]]:
    """What one side said, in order."""
    return [turn for turn in rung.record["turns"] if turn["speaker"] == speaker]


def spoken(rung: Rung) -> str:
    """What the caller's ear got over the relay, as text; pieces that were cut off are left out."""
    return " ".join(spurt.text for spurt in rung.report.heard if spurt.source == "relay" and not spurt.cleared)


def test_every_message_is_one_twilio_takes(rung):
    """No 64107, no unknown attribute, and the only sockets that broke are those that were killed."""
    for name, call in rung.items():
        codes = {fault.code for fault in call.report.faults} - ({64105} if name == "killed" else set())
        assert not codes, (name, call.report.faults)


@pytest.mark.parametrize("name", ["question", "unwitnessed"])
def test_a_question_is_answered_recorded_as_heard_and_ended_politely(rung, name):
    """The record is what the ear got, whether or not Twilio tells of its voice; the farewell is heard before the end."""
    call = rung[name]
    record = call.record
    assert record["voice_path"] == "relay"
    assert record["stream_sids"][0].startswith("VX")
    assert [turn["text"] for turn in turns(call, "caller")] == ["What are your opening hours?", "Thank you, goodbye."]
    ear = spoken(call)
    for turn in turns(call, "agent"):
        assert turn["heard_text"] in ear
    assert "open" in ear.lower()
    last = turns(call, "agent")[-1]
    assert last["heard_text"] == last["text"]
    assert (record["ended_by"], record["status"]) == ("agent", "completed")
    assert record["disclosure"]["heard_at"]
    assert record["latency"]["response_gap_ms"]["p50"]
    assert [verb.name for verb in call.report.verbs][-1] == "Hangup"


def test_an_interruption_stops_the_voice_and_cuts_the_record(rung):
    """What stands in the record as heard is a beginning of what was meant, and the next answer comes."""
    call = rung["interrupted"]
    assert call.report.clears
    cut = next(turn for turn in turns(call, "agent") if turn["interrupted"])
    assert 0 < len(cut["heard_text"]) < len(cut["text"])
    assert cut["text"].startswith(cut["heard_text"])
    assert call.record["latency"]["barge_in_ms"]["p50"]
    assert "open" in turns(call, "agent")[-1]["heard_text"].lower()


def test_key_zero_leads_to_a_person(rung):
    """A key of the relay, a Dial by `/after`; the number was never on the socket."""
    call = rung["person"]
    assert any(verb.name == "Dial" for verb in call.report.verbs)
    assert call.record["ended_by"] == "transfer"
    assert [key["digit"] for key in call.record["dtmf"]] == ["0"]


def test_a_person_who_does_not_answer_brings_the_caller_back(rung):
    """On a second session, with the same record."""
    call = rung["nobody there"]
    assert any(verb.name == "Dial" for verb in call.report.verbs)
    assert len(call.record["stream_sids"]) == 2
    assert call.record["voice_path"] == "relay"


def test_a_german_caller_is_understood_without_any_key(rung):
    """Twilio hears German, and the session begins in it."""
    call = rung["german"]
    assert call.record["language"] == "de"
    assert "geöffnet" in spoken(call) or "offen" in spoken(call)


def test_the_language_changes_in_the_middle_of_a_session(rung):
    """`language` on the socket, German words from then on."""
    call = rung["switched"]
    assert any(note.kind == "language" and note.detail.startswith("de-DE") for note in call.report.notes)
    assert call.record["language"] == "de"
    assert len(call.record["stream_sids"]) == 1
    assert "geöffnet" in spoken(call) or "offen" in spoken(call)


def test_a_session_killed_twice_goes_on_by_gather_with_the_conversation(rung):
    """Two sessions, then `<Gather>`; what was said before is in the same record, and nobody begins anew."""
    call = rung["killed"]
    record = call.record
    assert len(record["stream_sids"]) == 2
    assert record["voice_path"] == "gather"
    assert any(verb.name == "Gather" for verb in call.report.verbs)
    said = [turn["text"] for turn in turns(call, "caller")]
    assert said == ["What are your opening hours?", "What services do you offer?", "Thank you, goodbye."]
    numbers = [turn["turn"] for turn in record["turns"]]
    assert numbers == sorted(set(numbers))
    assert record["status"] == "completed"


def test_nobody_is_left_in_silence(rung):
    """Reprompts, then a farewell, all of them heard."""
    call = rung["silent"]
    assert call.record["ended_by"] == "silence"
    assert len(turns(call, "agent")) >= 3
    assert all(turn["heard_text"] == turn["text"] for turn in turns(call, "agent"))


def test_consent_is_asked_in_the_session_and_decides_what_is_kept(asking):
    """By voice and by key; what is said under the question is no answer."""

    async def ring() -> dict[str, Rung]:
        return await all_of(
            {
                "yes": asking.ring([Speak("Yes, that is fine."), Speak("What are your opening hours?")]),
                "no": asking.ring([Press("2"), Speak("What are your opening hours?")]),
                "under": asking.ring([Interrupt("Yes.", 0.5), Wait(20)]),
            }
        )

    rung = asyncio.run(ring())
    answers = {name: (call.record["consent"]["answer"], call.record["consent"]["by"]) for name, call in rung.items()}
    assert answers["yes"] == ("yes", "speech")
    assert answers["no"] == ("no", "key")
    assert answers["under"][0] != "yes"
    assert turns(rung["yes"], "caller")
    assert not turns(rung["no"], "caller")


class RawCall:
    """A relay call by hand."""

    def __init__(self, exchange: Exchange, http: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        self.exchange, self.http, self.stack = exchange, http, stack
        self.form = CallForm(Account(TOKEN, ACCOUNT_SID, BRITISH, HOUSE))

    async def voice(self) -> str:
        """Ring; the token of the first leg."""
        url = f"{self.exchange.server.url}/api/stella/call/voice"
        pairs = self.form.fields()
        headers = form_headers(sign_form(TOKEN, url, pairs.items()))
        async with self.http.post(url, data=pairs, headers=headers) as answer:
            return (await answer.text()).partition('name="token" value="')[2].partition('"')[0]

    async def open(self, token: str, **changes: str) -> aiohttp.ClientWebSocketResponse:
        """A signed socket, and `setup` on it."""
        url = self.exchange.server.url.replace("http", "ws") + PATH
        socket = await self.http.ws_connect(url, headers={"X-Twilio-Signature": sign_upgrade(TOKEN, url)})
        self.stack.push_async_callback(socket.close)
        ids = {"sessionId": new_sid("VX"), "accountSid": ACCOUNT_SID, "callSid": self.form.call_sid, **changes}
        await socket.send_str(setup(ids, BRITISH, HOUSE, {"token": token}).decode())
        return socket


async def first(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """The first message, or the code of a close."""
    message = await socket.receive(5)
    return json.loads(message.data)["type"] if message.type is aiohttp.WSMsgType.TEXT else int(message.data)


def test_forged_replayed_and_foreign_tokens_open_nothing(relay):
    """Each is closed with 1008; the call whose token it is goes on."""

    async def attack() -> dict[str, Any]:
        async with aiohttp.ClientSession() as http, AsyncExitStack() as stack:
            call, other = RawCall(relay, http, stack), RawCall(relay, http, stack)
            token, foreign = await call.voice(), await other.voice()
            seen = {
                "forged": await first(await call.open("x" * 32)),
                "none": await first(await call.open("")),
                "foreign": await first(await call.open(foreign)),
                "other account": await first(await call.open(token, accountSid="AC" + "9" * 32)),
            }
            live = await call.open(token)
            seen["right"] = await first(live)
            seen["replayed"] = await first(await call.open(token))
            await live.send_str("garbage")
            await live.send_bytes(b"\0" * 40)
            await live.send_str('{"type":"prompt"}')
            await live.send_str(dtmf("9").decode())
            seen["after garbage"] = await first(live)
            with pytest.raises(aiohttp.WSServerHandshakeError) as unsigned:
                await http.ws_connect(relay.server.url.replace("http", "ws") + PATH)
            return {**seen, "unsigned": unsigned.value.status}

    seen = asyncio.run(attack())
    assert {name: seen[name] for name in ("forged", "none", "foreign", "replayed")} == dict.fromkeys(
        ("forged", "none", "foreign", "replayed"), 1008
    )
    assert seen["other account"] == 1008
    assert (seen["right"], seen["after garbage"], seen["unsigned"]) == ("text", "text", 403)
