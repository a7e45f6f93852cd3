"""Gemini Live's messages, as far as they are read: https://ai.google.dev/api/live (all of them may come in one)."""

from __future__ import annotations

from typing import Any

import msgspec

from stella.ports.realtime import Metered


class Blob(msgspec.Struct, rename="camel"):
    """Sound, in base64."""

    data: str = ""
    mime_type: str = ""


class Part(msgspec.Struct, rename="camel"):
    """A piece of the model's turn; thoughts are not for the ear."""

    inline_data: Blob | None = None
    thought: bool = False


class Turn(msgspec.Struct, rename="camel"):
    """Pieces of the model's turn."""

    parts: list[Part] = []


class Transcription(msgspec.Struct, rename="camel"):
    """Words of what was heard or said; independent of everything else in order."""

    text: str = ""
    finished: bool = False


class Content(msgspec.Struct, rename="camel"):
    """More of the turn."""

    model_turn: Turn | None = None
    input_transcription: Transcription | None = None
    output_transcription: Transcription | None = None
    interrupted: bool = False
    generation_complete: bool = False
    turn_complete: bool = False


class Call(msgspec.Struct, rename="camel"):
    """A tool the model wants used."""

    id: str = ""
    name: str = ""
    args: dict[str, Any] = {}


class ToolCalls(msgspec.Struct, rename="camel"):
    """Tools the model wants used."""

    function_calls: list[Call] = []


class Count(msgspec.Struct, rename="camel"):
    """Tokens of one modality."""

    modality: str = ""
    token_count: int = 0


class Usage(msgspec.Struct, rename="camel"):
    """What a turn cost."""

    prompt_token_count: int = 0
    response_token_count: int = 0
    cached_content_token_count: int = 0
    thoughts_token_count: int = 0
    prompt_tokens_details: list[Count] = []
    response_tokens_details: list[Count] = []


class Resumption(msgspec.Struct, rename="camel"):
    """Where another connection could go on."""

    new_handle: str = ""
    resumable: bool = False


class Event(msgspec.Struct, rename="camel"):
    """Any message; what one does not have is empty."""

    setup_complete: dict[str, Any] | None = None
    server_content: Content | None = None
    tool_call: ToolCalls | None = None
    usage_metadata: Usage | None = None
    go_away: dict[str, Any] | None = None
    session_resumption_update: Resumption | None = None


def metered(usage: Usage) -> Metered:
    """What a turn cost. Tokens of no modality, and thoughts, count as text."""
    sent, written = _audio(usage.prompt_tokens_details), _audio(usage.response_tokens_details)
    return Metered(
        max(0, usage.prompt_token_count - sent), sent, usage.cached_content_token_count, 0,
        max(0, usage.response_token_count - written) + usage.thoughts_token_count, written,
    )  # fmt: skip


def _audio(counts: list[Count]) -> int:
    return sum(count.token_count for count in counts if count.modality == "AUDIO")
