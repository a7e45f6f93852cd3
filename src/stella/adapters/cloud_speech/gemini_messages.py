"""What Gemini Live is told: https://ai.google.dev/api/live."""

from __future__ import annotations

from typing import Any

import msgspec

from stella.ports.language import FromAgent, FromTool, Message
from stella.ports.realtime import Briefing


def setup(model: str, briefing: Briefing, handle: str) -> dict[str, Any]:
    """The first message of a connection; with a `handle` it goes on where another one ended."""
    speech: dict[str, Any] = {"languageCode": {"de": "de-DE", "en": "en-US"}.get(briefing.language, briefing.language)}
    if briefing.voice:
        speech["voiceConfig"] = {"prebuiltVoiceConfig": {"voiceName": briefing.voice}}
    tools = [
        {
            "name": one.name,
            "description": one.description,
            "parametersJsonSchema": one.parameters,
            "behavior": "BLOCKING",
        }
        for one in briefing.tools
    ]
    return {
        "model": f"models/{model}",
        "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": speech},
        "systemInstruction": {"parts": [{"text": briefing.system}]},
        "tools": [{"functionDeclarations": tools}] if tools else [],
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        "sessionResumption": {"handle": handle} if handle else {},
        "contextWindowCompression": {"slidingWindow": {}},
    }


def content(role: str, text: str) -> dict[str, Any]:
    """A turn of the `user` or the `model` in words."""
    return {"role": role, "parts": [{"text": text}]}


def turn(message: Message) -> dict[str, Any]:
    """A message as a turn."""
    if isinstance(message, FromAgent):
        return content("model", message.text)
    return content("user", message.text)


def result_of(result: FromTool) -> dict[str, Any]:
    """What a tool answered."""
    return {
        "id": result.call.id,
        "name": result.call.name,
        "response": {"error" if result.failed else "result": result.text},
    }


def text_of(**message: object) -> str:
    """A message on the wire."""
    return msgspec.json.encode(message).decode()
