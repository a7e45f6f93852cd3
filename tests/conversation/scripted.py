"""A floor with a little history, to try one machine on, and short ways of saying what happened on it."""

from __future__ import annotations

from typing import Any

from simulation import PHRASES

from stella.conversation import actions as do
from stella.conversation.caller import CallerTurn, Utterance
from stella.conversation.consent_gate import ConsentGate
from stella.conversation.floor import Floor
from stella.conversation.limits import Limits
from stella.conversation.playout import Segment
from stella.conversation.policy import Policy
from stella.conversation.speaking import AgentTurn, Kind
from stella.domain.consent import Preset
from stella.domain.ids import Mark, UtteranceId

NOW = 100.0


def stage(preset: Preset = Preset.DISCLOSE, *, answered: bool = True, **numbers: float) -> Floor:
    """The floor of a call that was answered 100 seconds ago. Nobody speaks."""
    policy = Policy().with_overrides(numbers)
    floor = Floor(policy, PHRASES, ConsentGate(policy, preset, asks=preset.asks))
    floor.now = NOW
    if answered:
        floor.answered = 0.0
        floor.limits = Limits(policy, 0.0)
    return floor


def taken(floor: Floor) -> list[do.Action]:
    """What was ordered since the last time this was asked."""
    orders, floor.orders = floor.orders, []
    return orders


def utterance(
    floor: Floor, text: str | None = "hello there", name: int = 50, *, guess: str = "", ended: float = 1.0
) -> Utterance:
    """Something the caller said and ended so many seconds ago; without a text its words are still to come."""
    part = Utterance(UtteranceId(name), floor.now - ended - 1.0, text, guess)
    floor.caller.parts.append(part)
    if floor.caller.began is None:
        floor.caller.began = part.began
    floor.caller.stopped = floor.now - ended
    return part


def speaks(floor: Floor) -> Utterance:
    """The caller has begun to speak just now, and goes on."""
    floor.speaking = True
    floor.begin_utterance(floor.now)
    taken(floor)
    assert floor.utterance is not None
    return floor.utterance


def asked(floor: Floor, text: str = "hello there", **more: Any) -> AgentTurn:
    """The brain was asked for an answer to these words; nothing came of it yet."""
    parts = [Utterance(UtteranceId(40), floor.now - 3.0, text)]
    caller = CallerTurn(parts, began=floor.now - 3.0, stopped=floor.now - 2.0)
    floor.ask(caller, (text, ""), **more)
    taken(floor)
    assert floor.mine is not None
    return floor.mine


def fixed(
    floor: Floor, *texts: str, kind: Kind = Kind.PHRASE, then: Any = None, interruptible: bool = True
) -> AgentTurn:
    """A turn of ours with fixed words, none of them said yet."""
    floor.speak(kind, texts, then, interruptible=interruptible)
    assert floor.mine is not None
    return floor.mine


def sounds(
    floor: Floor, text: str = "One two three.", seconds: float = 2.0, *, upto: float | None = None, heard: float = 0.0
) -> Segment:
    """A sentence of the turn under way went out, up to a place, and was heard up to another."""
    mine = floor.mine
    assert mine is not None
    if text in mine.outbox:
        mine.outbox.remove(text)
    floor.say(mine, text)
    taken(floor)
    segment = mine.segments[-1]
    segment.duration = seconds
    mine.worded = mine.audible = True
    if mine.kind is Kind.REPLY:
        mine.replied = True
    mine.answers = None
    if heard:
        floor.playout.sent(segment, heard, heard, Mark(f"{segment.segment}.1"), floor.now - heard)
        floor.playout.returned(Mark(f"{segment.segment}.1"), floor.now)
    end = seconds if upto is None else upto
    if end > heard:
        floor.playout.sent(segment, end - heard, end, Mark(f"{segment.segment}.2"), floor.now)
    return segment


def hears_out(floor: Floor) -> None:
    """Everything that was sent is played, and its marks come back."""
    mine = floor.mine
    assert mine is not None
    floor.now = max(floor.now, floor.playout.ends_at)
    for segment in mine.segments:
        floor.playout.returned(Mark(f"{segment.segment}.2"), floor.now)
