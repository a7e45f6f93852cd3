"""How hosts that speak one protocol differ. What a host refuses is left out; what makes an answer quicker is asked for.

https://developers.openai.com/api/docs/guides/reasoning and .../guides/latest-model (efforts, model by model)
https://developers.openai.com/docs/guides/prompt-caching
https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle (`/openai/v1`, `api-key`)
https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key (its list of models is anybody's)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from urllib.parse import urlsplit

OPENAI: Final = "https://api.openai.com/v1"

_DATED = re.compile(r"-20\d\d-\d\d-\d\d$")
_MINIMAL = re.compile(r"gpt-5(-mini|-nano)?")
_LOW = re.compile(r"gpt-6\.[1-9]-sol|o[1-9](-mini)?|(openai/)?gpt-oss[-:]\d+b")
_NONE = re.compile(r"gpt-(5\.[1-9]|[6-9](\.[1-9])?)(-[a-z]+)?")
_THINKS_ANYWAY = re.compile(r"-(pro|codex|chat)\b|-latest$")


THOUGHTS_ROOM: Final = 600
"""Tokens added where a model cannot be kept from thinking: its thoughts count as written."""


@dataclass(frozen=True, slots=True)
class House:
    """One host. `original`: OpenAI itself or Azure, which know every field; the others know the older ones.

    `proof` is where a wrong key is told and a right one costs nothing.
    """

    original: bool
    azure: bool = False
    counts_unasked: bool = False
    proof: str = "models"

    def headers(self, key: str) -> dict[str, str]:
        """Those of every request. A server of one's own may want no key."""
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        if self.azure:
            headers["api-key"] = key
        elif key:
            headers["authorization"] = f"Bearer {key}"
        return headers


def house_of(base: str, *, azure: bool = False) -> House:
    """Known by its address; `azure` says so where a gateway stands before it."""
    host = urlsplit(base).hostname or ""
    azure = azure or host.endswith(".azure.com")
    proof = "key" if host == "openrouter.ai" else "models"
    return House(azure or host == "api.openai.com", azure, host.endswith("mistral.ai"), proof)


def azure_base(base: str) -> str:
    """A resource's address with the path of the version without versions."""
    base = base.rstrip("/")
    return base if base.endswith("/v1") else f"{base.removesuffix('/openai')}/openai/v1"


def effort(model: str) -> str:
    """The least thinking a model can be asked for: a caller cannot wait for thoughts. Empty where it has no such thing."""
    name = _DATED.sub("", model)
    if _THINKS_ANYWAY.search(name):
        return ""
    return next(
        (word for kind, word in ((_MINIMAL, "minimal"), (_LOW, "low"), (_NONE, "none")) if kind.fullmatch(name)), ""
    )


def cache_key(system: str) -> str:
    """Sends what begins alike to the same place, where the beginning is kept. It tells nothing of what is in it."""
    return f"stella-{blake2b(system.encode(), digest_size=12).hexdigest()}"
