"""The doors to language models: which vendors there are, which setting opens each, and how each wants to be spoken to.

Base addresses: https://console.groq.com/docs/openai, https://inference-docs.cerebras.ai/openai,
https://docs.mistral.ai/api, https://openrouter.ai/docs/quickstart, https://docs.ollama.com/api/openai-compatibility,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html, https://github.com/ggml-org/llama.cpp/tree/master/tools/server
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from stella.adapters.chat import Anthropic, Google, OpenAI, OpenAIResponses, azure_base
from stella.app.settings import Settings

Dialect = Callable[[str, str, str], OpenAI | OpenAIResponses | Anthropic | Google]


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor's key, address, the setting that holds the key, and how to talk to it.

    `priced`: under which name the file of prices knows its models; `gratis`: it runs on a machine of one's own.
    """

    key: str
    base: str
    setting: str
    dialect: Dialect
    keyless: bool = False
    priced: str = ""
    gratis: bool = False
    wants_address: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A host that speaks chat completions. `base` empty: there is none but one's own."""

    base: str
    keyless: bool = False


HOSTS: Mapping[str, Host] = {
    "groq": Host("https://api.groq.com/openai/v1"),
    "cerebras": Host("https://api.cerebras.ai/v1"),
    "mistral": Host("https://api.mistral.ai/v1"),
    "openrouter": Host("https://openrouter.ai/api/v1"),
    "ollama": Host("http://127.0.0.1:11434/v1", keyless=True),
    "llamacpp": Host("http://127.0.0.1:8080/v1", keyless=True),
    "vllm": Host("http://127.0.0.1:8000/v1", keyless=True),
}
"""Each with `NAME_BASE_URL`, and `NAME_API_KEY` where one is wanted."""
KINDS = ("openai", "openai-responses", "azure", "azure-responses", "anthropic", "google", *HOSTS)


def vendors(settings: Settings) -> Mapping[str, Vendor]:
    """What the settings give access to. A server of one's own needs no key."""
    key, base = settings.openai_api_key.get_secret_value(), settings.openai_base_url
    openai = partial(Vendor, key, base, "OPENAI_API_KEY", keyless=bool(base), priced=_owned("openai", base))
    return {
        "openai": openai(OpenAI),
        "openai-responses": openai(OpenAIResponses),
        **_azure(settings),
        "anthropic": Vendor(
            settings.anthropic_api_key.get_secret_value(), settings.anthropic_base_url, "ANTHROPIC_API_KEY", Anthropic,
            priced=_owned("anthropic", settings.anthropic_base_url),
        ),
        "google": Vendor(
            settings.google_api_key.get_secret_value(), settings.google_base_url, "GOOGLE_API_KEY", Google,
            priced=_owned("google", settings.google_base_url),
        ),
        **{name: _host(settings, name, host) for name, host in HOSTS.items()},
    }  # fmt: skip


def _azure(settings: Settings) -> Mapping[str, Vendor]:
    """Azure: the model is the name of one's deployment, the address that of one's resource."""
    key, base = settings.azure_openai_api_key.get_secret_value(), settings.azure_openai_base_url
    door = partial(
        Vendor, key, azure_base(base) if base else "", "AZURE_OPENAI_API_KEY", priced="azure",
        wants_address="" if base else "AZURE_OPENAI_BASE_URL",
    )  # fmt: skip
    return {"azure": door(partial(OpenAI, azure=True)), "azure-responses": door(partial(OpenAIResponses, azure=True))}


def _host(settings: Settings, name: str, host: Host) -> Vendor:
    own: str = getattr(settings, f"{name}_base_url")
    key: str = getattr(settings, f"{name}_api_key").get_secret_value()
    keyless = host.keyless or bool(own)
    setting, priced = f"{name.upper()}_API_KEY", name if host.keyless else _owned(name, own)
    return Vendor(key, own or host.base, setting, OpenAI, keyless=keyless, priced=priced, gratis=host.keyless)


def _owned(name: str, own: str) -> str:
    """Another address has its own prices, which nobody here knows."""
    return f"{name}@own" if own else name
