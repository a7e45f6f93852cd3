"""A caller talks with a language model over Twilio's own ears and voice; then the model's server dies in mid-sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import ACCOUNT_SID, BRITISH, HOUSE
from tests.adapters.chat.server import Manner, Vendor, openai, sse, vendor

from stella.app.child_server import TOKEN, Watched, serve
from stella.app.doctor_examination import Examination
from stella.app.doctor_keys import check_keys
from stella.app.settings import load_settings
from stella.phone import Account, CallReport, Speak, Telephony

pytestmark = [pytest.mark.speech, pytest.mark.timeout(120)]

AGENT = """
name = "model"
company = "Vintaro"
voice_path = "gather"

[[languages]]
code = "en"
[languages.phrases]
disclosure = "You are talking to a machine."

[engines]
stt = ["bench"]
tts = ["bench"]
brain = ["openai:test"]

[hours]
zone = "Europe/Vienna"
holidays = "none"
weekdays = ["09:00-17:00"]
"""


def hums(text: str, language: str) -> bytes:
    """A voice nobody needs to understand: the carrier's ears know the words."""
    del language
    return b"\x10\x90" * (400 * max(1, len(text) // 8))


def thinks(told: dict[str, Any]) -> Manner:
    """A model that knows the rooms, and dies over the hours."""
    question = told["messages"][-1]["content"].splitlines()[-1]
    if "rooms" in question:
        return Manner(["We have **fourteen** ", "rooms. Shall I ", "tell you more?"])
    return Manner(raw=sse(*openai(["Gladly, here it is. ", "We are op"], no_end=True)[:3]))


@asynccontextmanager
async def running(
    models: Path, folder: Path, fake: Vendor, *, agent: str = AGENT, **environ: str
) -> AsyncIterator[Watched]:
    """A server whose model is the fake. It starts in a thread: it asks the fake, which lives in this loop."""
    path = folder / "agent.toml"
    path.write_text(agent)
    setup = {"OPENAI_API_KEY": "key-of-ours", "OPENAI_BASE_URL": f"{fake.url}/v1", **environ}
    server = serve(str(path), models, mode="dev", environ=setup)
    started = await asyncio.to_thread(server.__enter__)
    try:
        yield started
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


async def ring(server: Watched, *lines: str) -> tuple[CallReport, dict[str, Any]]:
    """One call, ten times as fast as life, and its record."""
    telephony = Telephony(server.url, Account(TOKEN, ACCOUNT_SID, BRITISH, HOUSE), voice=hums, pace=0.1, timeout_s=120)
    report = await telephony.ring([Speak(line) for line in lines])
    for _ in range(100):
        got = await asyncio.to_thread(server.get, f"/api/stella/v1/calls/{report.call_sid}")
        record: dict[str, Any] = json.loads(got)
        if record["ended_at"]:
            return report, record
        await asyncio.sleep(0.05)
    raise AssertionError(record)


async def test_the_model_speaks_and_the_receptionist_goes_on_when_it_dies(models: Path, tmp_path: Path) -> None:
    """The caller hears whole sentences only, none twice, and an answer in the end; the record says who spoke."""
    async with vendor() as fake, running(models, tmp_path, fake) as server:
        fake.script = thinks
        report, record = await ring(server, "How many rooms do you have?", "When are you open?")
        log = server.log.read_text()
    said = [turn["text"] for turn in record["turns"] if turn["speaker"] == "agent"]
    heard = " ".join(verb.text for verb in report.verbs)
    assert said[1] == "We have fourteen rooms. Shall I tell you more?"
    assert said[1] in heard.replace("  ", " ")
    assert said[2].startswith("Gladly, here it is. ") and "We are op " not in said[2]
    assert "nine" in said[2] or "9" in said[2]
    switches = [tool["arguments"] for tool in record["tools"] if tool["name"] == "engine_switch"]
    assert switches == [{"kind": "brain", "from": "openai:test", "to": "receptionist", "mid_reply": True}]
    assert record["status"] == "completed"
    cost = record["cost"]
    assert cost["brain_tokens_sent"] + cost["brain_tokens_written"] == 120 + cost["brain_tokens_reckoned"]
    assert cost["unpriced"] == 2 and "brain_usd" not in cost
    assert fake.headers[-1]["authorization"] == "Bearer key-of-ours"
    assert "key-of-ours" not in log and "rooms" not in log


async def test_a_wrong_key_is_named_at_the_start_and_callers_are_answered_all_the_same(
    models: Path, tmp_path: Path
) -> None:
    """Not in the middle of a call, and not by silence."""
    async with vendor() as fake:
        fake.manner = Manner(status=401)
        async with running(models, tmp_path, fake) as server:
            log = server.log.read_text()
            _, record = await ring(server, "When are you open?")
        assert "OPENAI_API_KEY" in log and "engine-refuses-us" in log and "key-of-ours" not in log
        assert [asked for asked in fake.asked if asked] == []
        said = [turn["text"] for turn in record["turns"] if turn["speaker"] == "agent"]
        assert len(said) >= 2 and said[1]
        environ = {"OPENAI_API_KEY": "key-of-ours", "OPENAI_BASE_URL": f"{fake.url}/v1"}
        look = Examination(environ, lambda _line: None, load_settings(environ))
        await check_keys(look)
        (found,) = look.lines
        assert found.code == "key-refused" and "OPENAI_API_KEY" in found.seen and "key-of-ours" not in str(found)


async def test_without_any_key_the_embedded_engine_answers(models: Path, tmp_path: Path) -> None:
    """Nobody is asked anything, and the caller hears the opening hours all the same."""
    async with vendor() as fake:
        keyless = AGENT.replace('brain = ["openai:test"]', 'brain = ["receptionist"]')
        async with running(models, tmp_path, fake, agent=keyless, OPENAI_API_KEY="", OPENAI_BASE_URL="") as server:
            report, record = await ring(server, "When are you open?")
    assert "nine" in " ".join(verb.text for verb in report.verbs)
    assert fake.connections == 0 and set(record["cost"]) <= {
        "carrier_s", "carrier_usd", "stt_uses", "stt_usd", "usd",
    }  # fmt: skip


CAPPED = """
name = "capped"
company = "Vintaro"
voice_path = "gather"

[[languages]]
code = "de"

[engines]
stt = ["deepgram"]
tts = ["bench"]
brain = ["openai:test"]

[limits]
cost_call_usd = 0.9
cost_day_usd = 1.9
"""
PRICES = """
[[price]]
model = "openai@own:test"
from = 2026-01-01
sent = 10000
cached = 10000
written = 10000
"""


async def test_a_cap_ends_the_call_in_words_and_a_restart_does_not_lift_it(models: Path, tmp_path: Path) -> None:
    """Two calls at 1.20 dollars each: each ends after its answer; then nothing is asked any more, and words say so."""
    (tmp_path / "prices.toml").write_text(PRICES)
    (tmp_path / "data").mkdir()
    async with vendor() as fake:
        fake.script = thinks
        environ = {
            "STELLA_PRICES": str(tmp_path / "prices.toml"), "STELLA_DATA_DIR": str(tmp_path / "data"),
            "DEEPGRAM_API_KEY": "key-of-ours", "DEEPGRAM_BASE_URL": fake.url,
        }  # fmt: skip
        async with running(models, tmp_path, fake, agent=CAPPED, **environ) as server:
            calls = [await ring(server, "How many rooms?", "How many rooms really?", "Hello?") for _ in range(2)]
            log = server.log.read_text()
        for report, record in calls:
            assert record["ended_by"] == "limit" and record["cost"]["brain_usd"] == pytest.approx(1.2)
            assert "Auf Wiederhören!" in " ".join(verb.text for verb in report.verbs)
        asked = [told for told in fake.asked if told]
        assert len(asked) == 2
        assert "budget-spent" in log and BRITISH not in log
        async with running(models, tmp_path, fake, agent=CAPPED, **environ) as server:
            report, record = await ring(server, "How many rooms?")
        assert "morgen" in " ".join(verb.text for verb in report.verbs)
        assert record["ended_by"] == "limit" and [told for told in fake.asked if told] == asked


async def test_a_missing_key_stops_the_start_with_its_name(models: Path, tmp_path: Path) -> None:
    """Nobody finds out from a caller."""
    async with vendor() as fake:
        with pytest.raises(Exception, match="OPENAI_API_KEY"):
            async with running(models, tmp_path, fake, OPENAI_API_KEY="", OPENAI_BASE_URL=""):
                pass
