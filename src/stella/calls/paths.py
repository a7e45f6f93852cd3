"""Which way a call is carried, and the plan that opens a socket for it."""

from __future__ import annotations

from typing import TypeAlias

from stella.calls.engines import Engines
from stella.calls.live_call import LiveCall
from stella.calls.pronounce import respelling
from stella.calls.senses import path_of, understands
from stella.conversation.policy import Policy
from stella.domain.agent import Agent, LanguageSetup
from stella.domain.call import EndedBy
from stella.domain.plan import OpenRelay, OpenStream, RelayLanguage, Spoken
from stella.domain.request import CallRequest

Opened: TypeAlias = OpenStream | OpenRelay
"""A plan that opens a socket."""


def way_of(call: LiveCall, engines: Engines) -> str:
    """The path of a call in its language: the agent's, or, where ours would have to listen and nobody of ours
    understands the language, the one that listens without us. Where no money is left, not what the carrier charges for."""
    if call.agent.voice_path == "gather" or (call.agent.voice_path == "relay" and not call.frugal):
        return call.agent.voice_path
    if understands(call, engines):
        return path_of(call)
    return "gather" if call.frugal else call.agent.path_without_ears


def open_leg(call: LiveCall, path: str, token: str, now: float, *, first: bool = False, why: str = "") -> Opened:
    """The next leg of a call, minted with `token`. Raises Refused while the one before it is alive."""
    setup = call.language
    says = (_disclosure(call.agent, setup),) if first else ()
    call.resume_why = why
    call.path = call.record.voice_path = path
    call.leg_over.clear()
    leg = call.legs.mint(token, sum(len(say.text) for say in says), now)
    return _plan(call.agent, setup, path, says, leg.token, call.vocabulary)


def note_session_end(call: LiveCall, request: CallRequest) -> None:
    """What the action of a ConversationRelay tells of its end: a failure is the record's, and who hung up needs no
    other session. Its HandoffData is never read: what follows is known here."""
    status, code = request.fields.get("SessionStatus", ""), request.fields.get("ErrorCode", "")
    if status == "failed" and code.isdecimal():
        call.record.error = call.record.error or f"relay session failed {code[:8]}"
    if status == "completed" and call.after == "resume":
        call.after, call.record.ended_by = "goodbye", EndedBy.CALLER


def sample(agent: Agent, engines: Engines, token: str) -> Opened:
    """What a bare request in development is shown: the plan of a call, with a token that opens nothing."""
    setup = next((s for s in agent.languages if engines.ears(agent, s.code)), agent.languages[0])
    path = "relay" if agent.voice_path == "relay" else "stream"
    return _plan(agent, setup, path, (_disclosure(agent, setup),), token, ())


def _disclosure(agent: Agent, setup: LanguageSetup) -> Spoken:
    said, _ = respelling(agent.pronunciation, setup.code).of(setup.phrases.disclosure)
    return Spoken(said, setup.locale, setup.say_voice)


def _plan(
    agent: Agent, setup: LanguageSetup, path: str, says: tuple[Spoken, ...], token: str, hints: tuple[str, ...]
) -> Opened:
    if path != "relay":
        return OpenStream(says, token)
    others = (other for other in agent.languages if other.code != setup.code)
    languages = tuple(RelayLanguage(each.locale, each.say_voice) for each in (setup, *others))
    return OpenRelay(says, token, languages, hints, silence_of(agent))


def silence_of(agent: Agent) -> float:
    """The silence that ends an utterance where the carrier waits for it; what the words ask for beyond it, we add."""
    return min(5.0, max(0.6, Policy().with_overrides(agent.policy).endpointing_usual))
