"""What an agent file's tools need is asked for when it names them, and is missing in words."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from stella.adapters.http_tool import ToolSessions
from stella.app.settings import load_settings
from stella.app.texts import why_no_texts
from stella.app.toolkit import TextDesk, Toolkit
from stella.domain.agent import Agent, LanguageSetup, McpSetup, NotifyTarget, SmsSetup
from stella.domain.errors import ConfigError
from stella.domain.phrases import PHRASES_EN
from stella.ports.company import Page
from stella.ports.store import Notice

AGENT = Agent("office", "Vintaro", (LanguageSetup("en", "en-GB", "", "", PHRASES_EN),))
GONE = replace(AGENT, mcp=(McpSetup("gone", ("find",), "http://127.0.0.1:9/mcp", network="private"),))


class House:
    """A company and an outbox that keep nothing."""

    async def understand(self, question: str) -> None:
        """As the port."""

    def search(self, question: str, language: str) -> list[Page]:
        """As the port."""
        return []

    def week(self) -> str:
        """As the port."""
        return ""

    def clock(self, now: datetime) -> str:
        """As the port."""
        return ""

    def is_open(self, now: datetime) -> bool:
        """As the port."""
        return True

    async def put(self, notice: Notice, agent: str) -> None:
        """As the port."""

    async def pending(self) -> int:
        """As the port."""
        return 0


def names(toolkit: Toolkit, agent: Agent) -> list[str]:
    """The tools a call gets."""
    return [spec.name for spec in toolkit.toolboxes(agent, House()).of("CA1").specs]


async def test_a_server_that_is_away_costs_its_tools_and_not_the_start() -> None:
    """A warning, and the others are there."""
    sessions = ToolSessions()
    toolkit = Toolkit(House(), sessions)
    assert names(toolkit, GONE) == ["take_message", "end_call", "knowledge_search"]
    await toolkit.settled()
    assert names(toolkit, GONE) == ["take_message", "end_call", "knowledge_search"]
    await toolkit.close()
    await sessions.close()


async def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, with the command that mends it; nobody else needs it."""
    for name in [name for name in sys.modules if name.startswith("stella.adapters.mcp_tool")]:
        monkeypatch.delitem(sys.modules, name)
    hidden: Any = None
    monkeypatch.setitem(sys.modules, "mcp", hidden)
    sessions = ToolSessions()
    toolkit = Toolkit(House(), sessions)
    with pytest.raises(ConfigError, match=r"stella-voice\[mcp\]"):
        toolkit.toolboxes(GONE, House())
    assert names(toolkit, AGENT)
    await sessions.close()
    with pytest.raises(ConfigError, match="network"):
        Toolkit(House()).toolboxes(GONE, House())


async def test_texts_without_an_account_are_refused_at_the_start() -> None:
    """Not in the middle of a call, and with what is missing."""
    texting = replace(AGENT, sms=SmsSetup())
    for environ, why in (
        ({}, "TWILIO_ACCOUNT_SID"),
        ({"TWILIO_ACCOUNT_SID": "AC" + "a" * 32}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_ACCOUNT_SID": "AC" + "a" * 32, "TWILIO_AUTH_TOKEN": "b" * 32}, "TWILIO_NUMBER"),
    ):
        desk = TextDesk(Texts(), partial(why_no_texts, load_settings(environ)))
        with pytest.raises(ConfigError, match=why):
            Toolkit(House(), None, desk).toolboxes(texting, House())
    ready = load_settings(
        {"TWILIO_ACCOUNT_SID": "AC" + "a" * 32, "TWILIO_AUTH_TOKEN": "b" * 32, "TWILIO_NUMBER": "+4366412345678"}
    )
    desk = TextDesk(Texts(), partial(why_no_texts, ready))
    assert "send_sms" in names(Toolkit(House(), None, desk), texting)
    with pytest.raises(ConfigError, match="sms"):
        Toolkit(House()).toolboxes(texting, House())


class Texts:
    """Takes texts for callers."""

    async def put_to(self, notice: Notice, agent: str, target: NotifyTarget) -> None:
        """As the port."""
