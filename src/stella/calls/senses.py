"""Whose ears and voice a stream gets: those of the agent's engines, or a model's own with the engines behind them."""

from __future__ import annotations

from collections.abc import Callable

from stella.calls.engines import Engines
from stella.calls.live_call import LiveCall
from stella.calls.realtime_brain import RealtimeSession
from stella.ports.speech import SpeechToText, TextToSpeech


def understands(call: LiveCall, engines: Engines) -> bool:
    """Whether anybody here understands the language of the call; else the carrier must listen."""
    own = call.brain
    if isinstance(own, RealtimeSession) and own.hears(call.language.code):
        return True
    return engines.ears(call.agent, call.language.code) is not None


def ears_of(call: LiveCall, engines: Engines, language: str, unheard: Callable[[], None]) -> SpeechToText | None:
    """Ears for one stream in `language`; None where nobody understands it. `unheard`: the model's ears are gone, and
    there are no others."""
    ears, own = engines.ears(call.agent, language), call.brain
    if isinstance(own, RealtimeSession) and own.hears(language):
        return own.listen(ears, lambda: may_hear(call), unheard)
    return ears


def voice_of(call: LiveCall, engines: Engines) -> tuple[TextToSpeech, str, str]:
    """The voice of one stream, with the language and the engine's name of a voice. Raises Unavailable."""
    setup, own = call.language, call.brain
    voice = engines.voice(call.agent, setup.code)
    return own.speak_with(voice) if isinstance(own, RealtimeSession) else voice, setup.code, setup.voice


def path_of(call: LiveCall) -> str:
    """How a stream of this call is called in its record."""
    return "realtime" if isinstance(call.brain, RealtimeSession) else "stream"


def may_hear(call: LiveCall) -> bool:
    """Whether the caller's voice may go to a model: before a question is answered it may not, whatever the answer will be;
    where all processing was asked for, only a yes allows it."""
    preset, consent = call.agent.preset, call.record.consent
    return not preset.asks or (consent is not None and preset.keeps_transcript(consent))
