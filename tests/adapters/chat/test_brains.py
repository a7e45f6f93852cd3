"""Every model as a brain, over real sockets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.adapters.chat.server import Manner, Vendor
from tests.conformance.brain import BrainConformance

from stella.adapters.chat import ChatModel
from stella.calls.model_brain import ModelBrain


class TestModels(BrainConformance):
    """OpenAI-compatible, Anthropic and Gemini."""

    @pytest.fixture
    def brain(self, model: ChatModel, think: Callable[..., ModelBrain]) -> ModelBrain:
        """A brain of each vendor."""
        return think(model)


class TestInOneByteChunks(BrainConformance):
    """The same where every byte comes alone, with CRLF, and the model writes Markdown."""

    @pytest.fixture
    def brain(self, fake: Vendor, model: ChatModel, think: Callable[..., ModelBrain]) -> ModelBrain:
        """A brain whose vendor sends single bytes."""
        fake.manner = Manner(
            ["**Grüß Gott!** Siehe [unsere", " Seite](https://x.at/a?b=c). ", "`Offen` <b>neun"],
            one_byte=True,
            crlf=True,
        )
        return think(model)
