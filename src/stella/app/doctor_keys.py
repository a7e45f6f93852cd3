"""Each provider's key, by one call that costs nothing: the list of what there is."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from dataclasses import dataclass

from stella.adapters.chat import azure_base
from stella.app.doctor_examination import Examination
from stella.app.settings import Settings
from stella.app.speech_vendors import azure_address

CHECK = "provider key"
_WAIT_S = 8.0
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Question:
    """How a provider is asked whether it knows a key. `header` is filled with the key."""

    setting: str
    base: str
    path: str
    header: tuple[str, str]
    also: tuple[tuple[str, str], ...] = ()
    key: str = ""
    """The key's setting, where it is not the usual `…_api_key`."""

    @property
    def holds(self) -> str:
        """The field of the settings that holds the key."""
        return self.key or f"{self.setting}_api_key"


_BEARER = ("Authorization", "Bearer {}")
QUESTIONS = (
    Question("openai", "https://api.openai.com/v1", "/models", _BEARER),
    Question("anthropic", "https://api.anthropic.com", "/v1/models", ("x-api-key", "{}"), (("anthropic-version", "2023-06-01"),)),
    Question("google", "https://generativelanguage.googleapis.com", "/v1beta/models", ("x-goog-api-key", "{}")),
    Question("deepgram", "https://api.deepgram.com", "/v1/projects", ("Authorization", "Token {}")),
    Question("elevenlabs", "https://api.elevenlabs.io", "/v1/models", ("xi-api-key", "{}")),
    Question("azure_openai", "", "/models", ("api-key", "{}")),
    Question("groq", "https://api.groq.com/openai/v1", "/models", _BEARER),
    Question("cerebras", "https://api.cerebras.ai/v1", "/models", _BEARER),
    Question("mistral", "https://api.mistral.ai/v1", "/models", _BEARER),
    Question("openrouter", "https://openrouter.ai/api/v1", "/key", _BEARER),
    Question("cartesia", "https://api.cartesia.ai", "/voices", ("X-API-Key", "{}"), (("Cartesia-Version", "2025-04-16"),)),
    Question("assemblyai", "https://streaming.assemblyai.com", "/v3/token?expires_in_seconds=60", ("Authorization", "{}")),
    Question("azure_speech", "", "/cognitiveservices/voices/list", ("Ocp-Apim-Subscription-Key", "{}"), key="azure_speech_key"),
)  # fmt: skip


async def check_keys(look: Examination) -> None:
    """Ask every provider whose key is set, all at once; a provider without a key is nobody's business."""
    asked = [(question, key) for question in QUESTIONS if (key := _key(look.settings, question))]
    answers = await asyncio.gather(*(asyncio.to_thread(_ask, question, key, look.settings) for question, key in asked))
    for (question, _), (status, words) in zip(asked, answers, strict=True):
        name = question.holds.upper()
        if status in {401, 403}:
            look.find("key-refused", CHECK, f"{name}: {words}")
        elif status == 429:
            look.find("key-spent", CHECK, f"{name}: {words}")
        elif 200 <= status < 300:
            look.note(CHECK, f"{name} is known")
        elif status == 404:
            look.note(CHECK, f"{name}: {words}; this server has no list to ask", "skipped")
        else:
            look.find("provider-unreachable", CHECK, f"{name}: {words}")


def _key(settings: Settings, question: Question) -> str:
    key: str = getattr(settings, question.holds).get_secret_value()
    return key


def _ask(question: Question, key: str, settings: Settings) -> tuple[int, str]:
    """Status and words; 0 where there was no answer. The body is not shown: some providers repeat the key in it."""
    base = str(getattr(settings, f"{question.setting}_base_url")) or question.base
    base = azure_base(base) if question.setting == "azure_openai" else base
    base = azure_address(settings) if question.setting == "azure_speech" else base
    if not base:
        return 0, f"set {question.setting.upper()}_REGION, or {question.setting.upper()}_BASE_URL"
    name, form = question.header
    headers = {name: form.format(key), "User-Agent": "stella-doctor", **dict(question.also)}
    request = urllib.request.Request(base.rstrip("/") + question.path, headers=headers)  # noqa: S310 a setting, checked to be http(s)
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_S) as answer:  # noqa: S310 the same
            return answer.status, "ok"
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, f"{base} answers {error.code}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return 0, f"{base} cannot be asked ({type(reason).__name__})"[:_SHOWN]
