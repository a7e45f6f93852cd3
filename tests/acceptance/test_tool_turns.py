"""A caller who goes on talking while the model's tool is at work: the answer to what was asked before is never spoken."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.chat.server import Manner, vendor

from stella.app.child_server import TOKEN, serve
from stella.app.voices import caller_voice
from stella.phone import Account, LineFaults, Speak, Telephony

from .conftest import ACCOUNT_SID, BRITISH, HOUSE, Exchange, Inbox, Rung

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.flite, pytest.mark.timeout(180)]

AGENT = """
name = "slow"
company = "Vintaro"

[[languages]]
code = "en"
[languages.phrases]
disclosure = "You are talking to a machine."

[engines]
stt = ["moonshine"]
tts = ["embedded"]
brain = ["openai:test"]

[[tools]]
name = "look_up"
python = "slow_tools:look_up"

[hours]
zone = "Europe/Vienna"
holidays = "none"
weekdays = ["09:00-17:00"]
"""
TOOL = '''
import pathlib
import time

from stella import tool


@tool(changes=False)
def look_up(what: str) -> str:
    """Looks something up, slowly."""
    pathlib.Path(__file__).with_suffix(".began").touch()
    time.sleep(5)
    return "pianos and organs"
'''


def thinks(told: dict[str, Any]) -> Manner:
    """A model that must look services up, and knows the hours."""
    last = told["messages"][-1]
    if last["role"] == "tool":
        return Manner(["We repair pianos and organs of every kind."])
    words = last["content"].splitlines()[-1].lower()
    if "opening" in words or "hours" in words:
        return Manner(["We are open from nine to five."])
    return Manner([("look_up", {"what": "services"})])


async def rung(models: Path, folder: Path) -> tuple[Rung, list[dict[str, Any]]]:
    """The call, and what the model was asked."""
    (folder / "slow_tools.py").write_text(TOOL)
    (folder / "agent.toml").write_text(AGENT)
    async with vendor() as fake:
        fake.script = thinks
        environ = {
            "OPENAI_API_KEY": "key-of-ours", "OPENAI_BASE_URL": f"{fake.url}/v1", "PYTHONPATH": str(folder),
        }  # fmt: skip
        server = serve(str(folder / "agent.toml"), models, mode="dev", environ=environ)
        started = await asyncio.to_thread(server.__enter__)
        try:
            exchange = Exchange(started, caller_voice(models=models), None, Inbox())
            phone = Telephony(
                started.url, Account(TOKEN, ACCOUNT_SID, BRITISH, HOUSE), voice=exchange.voice, lang="en", timeout_s=120,
                faults=LineFaults(snr_db=30),
            )  # fmt: skip
            script = [Speak("What services do you offer?"), Speak("What are your opening hours?", wait_for=2.5)]
            report = await phone.ring(script)
            return Rung(report, await exchange.record(report.call_sid)), [asked for asked in fake.asked if asked]
        finally:
            await asyncio.to_thread(server.__exit__, None, None, None)


async def test_an_interruption_during_a_tool_call_is_answered_and_the_old_answer_is_not(
    models: Path, tmp_path: Path
) -> None:
    """The question that came last is answered; of the tool's answer not a word is heard or written down as said."""
    call, asked = await rung(models, tmp_path)
    assert (tmp_path / "slow_tools.began").exists()
    agent = [turn for turn in call.record["turns"] if turn["speaker"] == "agent"]
    caller = " ".join(turn["text"] for turn in call.record["turns"] if turn["speaker"] == "caller").lower()
    assert "opening hours" in caller
    assert agent[-1]["heard_text"] == agent[-1]["text"] == "We are open from nine to five."
    assert not any("pianos" in turn["heard_text"] for turn in agent)
    assert any(message["role"] == "user" and "hours" in message["content"] for message in asked[-1]["messages"])
    assert call.record["status"] == "completed"
