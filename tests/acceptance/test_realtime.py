"""A caller talks with a speech-to-speech model: interrupts it, has it use a tool, and goes on talking when it is killed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from tests.adapters.realtime.google import gemini
from tests.adapters.realtime.server import KEY, Answer, RealtimeServer

from stella.app.child_server import serve
from stella.app.engines import embedded_voice
from stella.app.voices import caller_voice, models_folder
from stella.calls.alignment import Alignment
from stella.domain.errors import ConfigError
from stella.phone import HangUp, Interrupt, Speak

from .conftest import Exchange, Inbox, Rung, agent_file

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.timeout(240)]

ENGINES = 'realtime = ["openai:gpt-realtime"]\nstt = ["moonshine"]\ntts = ["embedded"]\n'
SECRETS = {"NOTIFY_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="}
ASKED, STOP, ROOMS, AGAIN = "When are you open?", "No, stop, something else please.", "Is the lake far?", "And today?"
OPEN = (
    "We are open from nine to five on weekdays. On Saturdays and on Sundays we are closed. Would you like to come by?"
)
LONG = "The lake is close to our house, you walk there in a minute or two. There is a small beach with old trees."


def speaking(folder: Path, inbox: Inbox, preset: str = "disclose") -> Path:
    """The acceptance agent on the realtime path."""
    path = agent_file(folder, inbox)
    head = f'voice_path = "realtime"\npreset = "{preset}"\n'
    path.write_text(head + path.read_text().replace("[policy]\n", f"[engines]\n{ENGINES}\n[policy]\n"))
    return path


@dataclass
class Heard:
    """Calls, what the vendor saw of them, and the server's log."""

    rung: list[Rung] = field(default_factory=list)
    vendor: RealtimeServer = field(default_factory=lambda: RealtimeServer(doors={"google": gemini}))
    commits: list[int] = field(default_factory=list)
    log: str = ""


async def with_vendor(models: Path, path: Path, inbox: Inbox, heard: Heard, key: str, scripts: list[Any]) -> Heard:
    """Ring a server whose model is on this machine, one call a script."""
    vendor = heard.vendor
    say = caller_voice(models=models)
    vendor.voice = lambda text: say(text, "en")
    doors = TestServer(vendor.app())
    await doors.start_server()
    url = str(doors.make_url("")).rstrip("/")
    environ = SECRETS | {
        "OPENAI_API_KEY": key, "OPENAI_BASE_URL": f"{url}/v1", "GOOGLE_API_KEY": key, "GOOGLE_BASE_URL": url,
    }  # fmt: skip
    server = serve(str(path), models, mode="dev", environ=environ)
    watched = await asyncio.to_thread(server.__enter__)
    exchange = Exchange(watched, say, None, inbox)
    try:
        for script in scripts:
            heard.rung.append(await exchange.ring(script))
            heard.commits.append(vendor.kinds().count("input_audio_buffer.commit"))
        heard.log = watched.log.read_text()
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)
        await doors.close()
    return heard


@pytest.fixture(scope="module")
def talked(models: Path, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """One call: a question, an interruption, a tool, and a model killed in mid-sentence."""
    heard = Heard()
    heard.vendor.hears = [ASKED, STOP, ROOMS, AGAIN]
    heard.vendor.answers = [
        Answer(OPEN),
        Answer("Let me look that up for you.", (("knowledge_search", '{"question":"lake"}'),)),
        Answer("What would you like to know?"),
        Answer(LONG, cut_at=24_000),
        Answer("Today until five."),
    ]
    path = speaking(tmp_path_factory.mktemp("realtime"), inbox)
    script = [Speak(ASKED), Interrupt(STOP, 3.0), Speak(ROOMS), Speak(AGAIN), HangUp(after_turns=5)]
    return asyncio.run(with_vendor(models, path, inbox, heard, KEY, [script]))


def turns(heard: Heard, speaker: str) -> list[dict[str, Any]]:
    """One side of the first call, as its record has it."""
    return [turn for turn in heard.rung[0].record["turns"] if turn["speaker"] == speaker]


def test_the_call_is_carried_by_the_model(talked: Heard) -> None:
    """Its words and the caller's are in the record, and what they cost."""
    record = talked.rung[0].record
    assert talked.rung[0].report.ok, talked.rung[0].report.faults
    assert record["voice_path"] == "realtime"
    assert [turn["text"] for turn in turns(talked, "caller")][:3] == [ASKED, STOP, ROOMS]
    assert record["cost"]["realtime_audio_tokens_written"] >= 80
    assert record["latency"]["brain_first_token_ms"]["p50"] > 0
    assert talked.vendor.complaints == []


def test_the_greeting_does_not_wait_for_the_model(talked: Heard) -> None:
    """It is said in the other voice while the line is being opened."""
    greeting = turns(talked, "agent")[0]
    assert greeting["started_s"] < 1.0
    assert greeting["heard_text"] == greeting["text"]
    assert not greeting["interrupted"]


def test_an_interruption_cuts_everybodys_memory_at_the_same_word(talked: Heard) -> None:
    """Heard by the marks; the vendor is told to forget the rest."""
    answer = turns(talked, "agent")[1]
    assert answer["interrupted"]
    assert OPEN.startswith(answer["heard_text"])
    assert 0 < len(answer["heard_text"]) < len(OPEN)
    cuts = [told for told in talked.vendor.asked if told["type"] == "conversation.item.truncate"]
    assert len(cuts) == 1
    whole_ms = len(talked.vendor.voice(OPEN)) / 8
    assert 500 < cuts[0]["audio_end_ms"] < whole_ms
    assert cuts[0]["audio_end_ms"] / whole_ms >= 0.8 * len(answer["heard_text"]) / len(OPEN)


def test_a_tool_is_used_and_kept(talked: Heard) -> None:
    """The same tools as any brain's, in the same record."""
    used = [tool for tool in talked.rung[0].record["tools"] if tool["name"] == "knowledge_search"]
    # The others are pages that were handed over with a question, and the receptionist's own from when the model was dead.
    (asked,) = [tool for tool in used if tool["arguments"] == {"question": "lake"}]
    assert asked["error"] is None


def test_a_model_killed_in_mid_sentence_is_gone_on_for(talked: Heard) -> None:
    """The sentence it had begun is ended by another voice, nothing twice; the next turn is the model's again."""
    answer = turns(talked, "agent")[3]
    assert answer["text"].startswith("The lake is close to our house")
    assert answer["text"].count("The lake is close") == 1
    switches = [tool for tool in talked.rung[0].record["tools"] if tool["name"] == "engine_switch"]
    first = switches[0]["arguments"]
    assert first == {"kind": "realtime", "from": "openai:gpt-realtime", "to": "receptionist", "mid_reply": True}
    assert turns(talked, "agent")[4]["text"] == "Today until five."
    assert talked.vendor.lines == 2


@pytest.fixture(scope="module")
def handed_over(models: Path, inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """One call: the first vendor dies in mid-sentence and stays away; the second takes the next turn."""
    heard = Heard()
    heard.vendor.hears = [ASKED, ROOMS]
    heard.vendor.answers = [Answer(LONG, cut_at=16_000, leaves=True)]
    # Said twice: it begins by itself, and once more when it was told the talk so far.
    heard.vendor.always = Answer("The second vendor says: not far at all.")
    path = speaking(tmp_path_factory.mktemp("handed-over"), inbox)
    both = 'realtime = ["openai:gpt-realtime", "google:gemini-3.8-live"]'
    path.write_text(path.read_text().replace('realtime = ["openai:gpt-realtime"]', both))
    return asyncio.run(
        with_vendor(models, path, inbox, heard, KEY, [[Speak(ASKED), Speak(ROOMS), HangUp(after_turns=3)]])
    )


def test_the_next_vendor_takes_the_next_turn(handed_over: Heard) -> None:
    """Told the talk so far; what the first had begun was ended by the voice behind."""
    said = turns(handed_over, "agent")
    assert said[1]["text"].startswith("The lake is close to our house")
    assert said[2]["text"] == "The second vendor says: not far at all."
    assert [turn["text"] for turn in turns(handed_over, "caller")] == [ASKED, ROOMS]
    switches = [tool["arguments"] for tool in handed_over.rung[0].record["tools"] if tool["name"] == "engine_switch"]
    told = [(one["from"], one["to"], one["mid_reply"]) for one in switches if one["kind"] == "realtime"]
    assert told == [
        ("openai:gpt-realtime", "receptionist", True), ("receptionist", "google:gemini-3.8-live", False),
    ]  # fmt: skip
    known = " ".join(item.text for item in handed_over.vendor.items)
    assert "The lake is close" in known
    assert handed_over.rung[0].report.ok, handed_over.rung[0].report.faults


def test_no_secret_and_no_word_is_in_the_log(talked: Heard) -> None:
    """A log is read by many."""
    assert KEY not in talked.log
    assert "lake" not in talked.log


def test_the_consent_question_is_not_for_the_model(models: Path, inbox: Inbox, tmp_path: Path) -> None:
    """Who answers it is heard by ears on this machine; only the talk behind it goes out."""
    heard = Heard()
    heard.vendor.hears = [ASKED]
    path = speaking(tmp_path, inbox, "ask-recording")
    script = [Speak("Yes, that is fine."), Speak(ASKED), HangUp(after_turns=4)]
    asyncio.run(with_vendor(models, path, inbox, heard, KEY, [script]))
    record = heard.rung[0].record
    assert record["consent"]["answer"] == "yes"
    assert heard.commits == [1]
    spoken = len(caller_voice(models=models)(ASKED, "en"))
    assert len(heard.vendor.sound) < spoken + 16_000
    assert [turn["text"] for turn in record["turns"] if turn["speaker"] == "caller"][-1] == ASKED


def test_a_wrong_key_is_named_at_the_start_and_callers_are_answered(models: Path, inbox: Inbox, tmp_path: Path) -> None:
    """Not in the middle of a call, and not by silence."""
    heard = Heard()
    script = [Speak(ASKED), HangUp(after_turns=2)]
    asyncio.run(with_vendor(models, speaking(tmp_path, inbox), inbox, heard, "wrong-key", [script]))
    assert "engine-refused" in heard.log
    assert "OPENAI_API_KEY" in heard.log
    assert "wrong-key" not in heard.log
    said = turns(heard, "agent")
    assert len(said) >= 2
    assert heard.commits == [0]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Guten Tag, wir haben heute von neun bis siebzehn Uhr geöffnet. Am Samstag ist geschlossen, und am Sonntag auch."),
        ("de", "Die Nummer lautet null eins, fünf fünf, sieben acht neun. Ich wiederhole das gerne noch einmal für Sie. Danke."),
        ("en", "Your order number is 4711, placed on the 3rd of March 2026. It will be there tomorrow, I promise. What else?"),
        ("en", "Yes. Of course, that is no problem at all, I'll put you through to Mrs Berger now. One moment please."),
    ],
)  # fmt: skip
async def test_words_over_a_real_voice_are_never_believed_too_early(models: Path, language: str, text: str) -> None:
    """Held against a voice that knows when its clauses end; the model's own does not say."""
    voice, it = embedded_voice(models_folder(models)), Alignment()
    await voice.start()
    words = []
    async for sound in voice.speak(text, language):
        it.sounded(sound.mulaw)
        words += sound.words
    await voice.close()
    it.grew(text)
    it.end()
    assert words
    for word in words:
        believed = it.end_of(word.chars)
        assert believed is not None
        assert word.end - 0.05 <= believed <= word.end + 1.5


def test_a_missing_key_stops_the_start(models: Path, inbox: Inbox, tmp_path: Path) -> None:
    """With the name of the setting."""
    with (
        pytest.raises(ConfigError, match="OPENAI_API_KEY"),
        serve(str(speaking(tmp_path, inbox)), models, mode="dev", environ=SECRETS | {"OPENAI_API_KEY": ""}),
    ):
        pass
