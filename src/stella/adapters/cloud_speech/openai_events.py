"""OpenAI Realtime's events, as far as they are read: https://developers.openai.com/api/reference/resources/realtime/server-events."""

from __future__ import annotations

import msgspec

from stella.adapters.cloud_speech.failures import failure
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.realtime import Metered


class Error(msgspec.Struct):
    """`event_id` is the one of ours that it is about."""

    code: str | None = None
    type: str | None = None
    event_id: str | None = None


class Tokens(msgspec.Struct):
    """Tokens by modality."""

    text_tokens: int = 0
    audio_tokens: int = 0


class Sent(Tokens):
    """What went in, and what of it was cached."""

    cached_tokens_details: Tokens | None = None


class Usage(msgspec.Struct):
    """What a response cost."""

    input_token_details: Sent | None = None
    output_token_details: Tokens | None = None


class Details(msgspec.Struct):
    """Why a response is not whole."""

    reason: str | None = None
    error: Error | None = None


class Response(msgspec.Struct):
    """An answer, as it begins and as it ends."""

    id: str = ""
    status: str = ""
    status_details: Details | None = None
    usage: Usage | None = None


class Item(msgspec.Struct):
    """One entry of the conversation."""

    id: str = ""
    type: str = ""
    call_id: str = ""
    name: str = ""
    arguments: str = ""


class Event(msgspec.Struct):
    """Any event; what one does not have is empty."""

    type: str = ""
    item_id: str = ""
    response_id: str = ""
    delta: str = ""
    transcript: str = ""
    item: Item | None = None
    response: Response | None = None
    error: Error | None = None


def metered(response: Response) -> Metered | None:
    """What a response cost, where it says so."""
    usage = response.usage
    if usage is None:
        return None
    sent, written = usage.input_token_details or Sent(), usage.output_token_details or Tokens()
    cached = sent.cached_tokens_details or Tokens()
    return Metered(
        sent.text_tokens, sent.audio_tokens, cached.text_tokens, cached.audio_tokens,
        written.text_tokens, written.audio_tokens,
    )  # fmt: skip


def refusal(response: Response) -> ProviderError | None:
    """What is wrong with a response that ended; None where it is whole."""
    if response.status in ("completed", ""):
        return None
    details = response.status_details or Details()
    if response.status == "failed":
        code = (details.error.code or details.error.type or "") if details.error else ""
        return failure("openai", 429 if "rate" in code else 500, code)
    if details.reason == "content_filter":
        return Rejected("openai", "blocked")
    return Unavailable("openai", "cut-off", details.reason or response.status)
