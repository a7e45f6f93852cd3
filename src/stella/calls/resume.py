"""A call goes on in a process that did not begin it: what was kept is enough."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from datetime import datetime

import structlog

from stella.calls.engines import Engines
from stella.calls.legs import Legs
from stella.calls.live_call import Clock, LiveCall
from stella.domain.agent import Agent
from stella.domain.request import CallRequest
from stella.ports.brain import CallFacts
from stella.ports.failure import ProviderError
from stella.ports.store import CallStore

_log = structlog.get_logger("stella.resume")

STORE_DEADLINE_S = 2.0


async def revive(
    request: CallRequest, agent: Agent, engines: Engines, store: CallStore, clock: Clock
) -> LiveCall | None:
    """The call as the store has it, ready for its next leg; None if it is unknown, over, or cannot be read."""
    try:
        async with asyncio.timeout(STORE_DEADLINE_S):
            record = await store.get(request.call_sid)
            kept = await store.state(request.call_sid)
    except (ProviderError, TimeoutError):
        return None
    if record is None or record.status.terminal or record.account_sid != request.account_sid:
        return None
    try:
        state = json.loads(kept or b"{}")
        brain_state = b64decode(state.get("brain", ""))
    except (ValueError, AttributeError, TypeError):
        _log.warning("state-unreadable", call=request.call_sid)
        brain_state = b""
    frugal = engines.budget.spent(agent, record.to, record.from_)
    if frugal:
        agent = engines.frugal(agent)
    setup, meter = agent.language(record.language), engines.budget.meter(record, agent)
    facts = CallFacts(
        request.call_sid, agent, record.from_, setup.code, record.voice_path, clock.wall(), meter.spend, meter.may
    )
    call = LiveCall(
        record, agent, setup, engines.brain(agent).open(facts, brain_state),
        Legs(record.call_sid, record.account_sid), clock, store, meter=meter, frugal=frugal,
    )  # fmt: skip
    call.turns = list(record.turns)
    call.plan_at = clock.monotonic()
    if record.answered_at is not None:
        since = (clock.wall() - datetime.fromisoformat(record.answered_at)).total_seconds()
        call.answered_at = clock.monotonic() - max(0.0, since)
        meter.resume(call.seconds())
    call.stream_failures = 1
    return call
