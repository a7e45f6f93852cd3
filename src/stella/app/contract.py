"""Which engines `stella contract` can judge, and by which suite: one row a kind, filled from the settings.

A kind is a function from settings and session to trials, listed in `KINDS`. Another port joins with one function.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import aiohttp

from stella.adapters.chat import ChatModel
from stella.adapters.chat.dialect import Dialect
from stella.adapters.receptionist import Knowledge
from stella.app.company import AgentCompany
from stella.app.doors import Vendor, vendors
from stella.app.realtime import USUAL, realtime_access
from stella.app.realtime import VENDORS as SPEAKING
from stella.app.settings import Settings
from stella.app.speech_vendors import EARS, VOICES, Access, cloud_voice, speech_access
from stella.app.voices import caller_voice
from stella.calls.builtin_tools import built_in
from stella.calls.model_brain import ModelBrain
from stella.calls.tools import Toolboxes
from stella.domain.errors import ConfigError
from stella.ports.contract.brain import AGENT, BrainContract
from stella.ports.contract.judge import Given, Verdict, judge
from stella.ports.contract.realtime import RealtimeContract
from stella.ports.contract.speech_to_text import SpeechToTextContract
from stella.ports.contract.text_to_speech import TextToSpeechContract
from stella.ports.failure import Unavailable
from stella.ports.store import Notice

SENTENCE, WORD = "Good morning. I would like to make an appointment, please.", "appointment"


@dataclass(frozen=True, slots=True)
class Trial:
    """One engine before the suite of its port. `missing` says what keeps it from being asked, `costs` what asking does."""

    kind: str
    engine: str
    suite: type
    given: Given
    missing: str = ""
    costs: str = ""

    @property
    def name(self) -> str:
        """As one asks for it on the command line."""
        return f"{self.kind}:{self.engine}"


class LiveVoiceContract(TextToSpeechContract):
    """The promises of a voice, where no two renderings are of the same length."""

    within = 0.4


def _sentence() -> tuple[bytes, str]:
    """The test's sentence, or why nobody can say it."""
    try:
        return caller_voice()(SENTENCE, "en"), ""
    except (Unavailable, ConfigError) as missing:
        return b"", f"nobody here can say the test's sentence: {missing}"


def ears_trials(settings: Settings, session: aiohttp.ClientSession) -> list[Trial]:
    """Every vendor's ears; what they are told is said by this machine's own voice."""
    speech, silent = _sentence()

    @asynccontextmanager
    async def given(name: str, access: Access) -> AsyncIterator[Mapping[str, object]]:
        ears = EARS[name](access.key, session, access.base)
        try:
            yield {"ears": ears, "speech": speech, "said": WORD}
        finally:
            await ears.close()

    return [
        Trial("stt", name, SpeechToTextContract, partial(given, name, access), access.missing or silent,
              "two minutes of listening")
        for name, access in speech_access(settings).items() if name in EARS
    ]  # fmt: skip


def voice_trials(settings: Settings, session: aiohttp.ClientSession) -> list[Trial]:
    """Every vendor's voice."""

    @asynccontextmanager
    async def given(name: str, access: Access) -> AsyncIterator[Mapping[str, object]]:
        voice = cloud_voice(name, access, session)
        try:
            yield {"voice": voice}
        finally:
            await voice.close()

    return [
        Trial("tts", name, LiveVoiceContract, partial(given, name, access), access.missing,
              "some 1,500 characters of speech")
        for name, access in speech_access(settings).items() if name in VOICES
    ]  # fmt: skip


MODELS = {
    "openai": "gpt-6-luna", "openai-responses": "gpt-6-luna", "anthropic": "claude-haiku-5-5", "google": "gemini-3.8-flash",
    "groq": "openai/gpt-oss-120b", "cerebras": "gpt-oss-120b", "mistral": "mistral-small-latest",
    "openrouter": "openai/gpt-oss-120b",
}  # fmt: skip
"""A small, quick model of each vendor. Azure's are named by whoever deploys them, and a machine of one's own has its own."""


def brain_trials(settings: Settings, session: aiohttp.ClientSession) -> list[Trial]:
    """A model of every vendor as a brain, with the built-in tools; messages it takes go nowhere."""
    access, company = vendors(settings), AgentCompany(AGENT, Knowledge(()))

    @asynccontextmanager
    async def given(name: str) -> AsyncIterator[Mapping[str, object]]:
        model = ChatModel(name, _dialect(name, access), session)
        tools = built_in(AGENT, company, _Nowhere())
        yield {"brain": ModelBrain(model, company, Toolboxes(tools, time.monotonic), time.monotonic)}

    return [
        Trial(
            "brain", kind, BrainContract, partial(given, f"{kind}:{model}"), _lacks(access[kind]), "some 30,000 tokens"
        )
        for kind, model in MODELS.items()
    ]


def _dialect(name: str, access: Mapping[str, Vendor]) -> Dialect:
    kind, _, model = name.partition(":")
    return access[kind].dialect(model, access[kind].key, access[kind].base)


def _lacks(vendor: Vendor) -> str:
    """What has to be set first."""
    setting = vendor.wants_address or ("" if vendor.key else vendor.setting)
    return f"{setting} is not set" if setting else ""


class _Nowhere:
    """An outbox whose messages are not delivered."""

    async def put(self, notice: Notice, agent: str) -> None:
        """As the port."""

    async def pending(self) -> int:
        """As the port."""
        return 0


def realtime_trials(settings: Settings, session: aiohttp.ClientSession) -> list[Trial]:
    """Every vendor's model that hears and speaks; what they are told is said by this machine's own voice."""
    speech, silent = _sentence()

    @asynccontextmanager
    async def given(vendor: str, access: Access) -> AsyncIterator[Mapping[str, object]]:
        model = SPEAKING[vendor](USUAL[vendor], access.key, session, access.base)
        try:
            yield {"model": model, "speech": speech, "said": WORD}
        finally:
            await model.close()

    return [
        Trial("realtime", f"{vendor}:{USUAL[vendor]}", RealtimeContract, partial(given, vendor, access),
              access.missing or silent, "some twenty spoken answers")
        for vendor, access in realtime_access(settings).items() if vendor in SPEAKING
    ]  # fmt: skip


KINDS: tuple[Callable[[Settings, aiohttp.ClientSession], list[Trial]], ...] = (
    brain_trials, ears_trials, voice_trials, realtime_trials,
)  # fmt: skip


def chosen(trials: Sequence[Trial], names: Sequence[str]) -> list[Trial]:
    """Those that were named (`deepgram`, `tts:deepgram`, `stt`), else all. Raises ConfigError for an unknown name."""
    for name in names:
        if not any(name in (trial.name, trial.engine, trial.kind) for trial in trials):
            known = ", ".join(trial.name for trial in trials)
            raise ConfigError(f"there is no engine {name!r} to be judged; there are {known}")
    return [trial for trial in trials if not names or {trial.name, trial.engine, trial.kind} & set(names)]


async def run(
    settings: Settings,
    names: Sequence[str],
    begin: Callable[[Trial], None],
    told: Callable[[Trial, Verdict], None],
) -> list[tuple[Trial, list[Verdict]]]:
    """Judge what was named, one engine after the other. `begin` hears of each, `told` of each verdict."""
    done: list[tuple[Trial, list[Verdict]]] = []
    async with aiohttp.ClientSession() as session:
        trials = chosen([trial for kind in KINDS for trial in kind(settings, session)], names)
        for trial in trials:
            begin(trial)
            verdicts: list[Verdict] = []
            if not trial.missing:
                async for verdict in judge(trial.suite, trial.given):
                    verdicts.append(verdict)
                    told(trial, verdict)
            done.append((trial, verdicts))
    return done
