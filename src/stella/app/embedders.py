"""Embeddings by name: the doors that speak OpenAI's protocol, with the keys and addresses they have anyway."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from stella.adapters.embeddings import OpenAIEmbeddings
from stella.app.doors import Vendor
from stella.domain.errors import ConfigError

SPEAK = ("openai", "azure", "mistral", "openrouter", "ollama", "llamacpp", "vllm")
"""Doors behind which `/embeddings` is."""


def embedder_of(name: str, access: Mapping[str, Vendor], session: aiohttp.ClientSession) -> OpenAIEmbeddings:
    """The embedder an agent file names. Raises ConfigError with what is missing."""
    kind, _, model = name.partition(":")
    vendor = access.get(kind) if kind in SPEAK else None
    if vendor is None or not model:
        known = ", ".join(f"{each}:MODEL" for each in SPEAK)
        raise ConfigError(f"knowledge_embeddings: there is no {name!r}; there are {known}")
    if vendor.wants_address:
        raise ConfigError(f"knowledge_embeddings: {name} needs {vendor.wants_address}; set it, or take {name} out")
    if not vendor.key and not vendor.keyless:
        raise ConfigError(f"knowledge_embeddings: {name} needs {vendor.setting}; set it, or take {name} out")
    return OpenAIEmbeddings(name, model, vendor.key, vendor.base, session, azure=kind == "azure")
