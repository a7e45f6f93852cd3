"""A call that nobody has seen before."""

from __future__ import annotations

from stella.calls.engines import Engines
from stella.calls.language import first_language
from stella.calls.legs import Legs
from stella.calls.live_call import Clock, LiveCall
from stella.domain.agent import Agent
from stella.domain.call import CallRecord, ToolUse
from stella.domain.consent import Disclosure
from stella.domain.request import CallRequest
from stella.ports.brain import CallFacts
from stella.ports.store import CallStore


def new_call(request: CallRequest, agent: Agent, engines: Engines, store: CallStore, clock: Clock) -> LiveCall:
    """The call as it rings: its language is chosen, its record begun, its brain open. Nothing is written yet.

    Where a cap in money is used up, it is answered by engines that cost nothing.
    """
    named, frugal = agent.engines, engines.budget.spent(agent, request.to, request.from_)
    if frugal:
        agent = engines.frugal(agent)
    setup, certain = first_language(agent, request.from_, request.country)
    engines.expect(agent, setup.code)
    record = CallRecord(
        request.call_sid,
        account_sid=request.account_sid,
        direction="inbound",
        from_=request.from_,
        to=request.to,
        agent=agent.name,
        language=setup.code,
        created_at=clock.stamp(),
        disclosure=Disclosure(setup.phrases.disclosure),
    )
    if frugal:
        told = {
            "kind": "brain",
            "from": "".join(named.brain[:1]),
            "to": "".join(agent.engines.brain[:1]),
            "mid_reply": False,
        }
        record.tools.append(ToolUse("engine_switch", told, "budget", ended_s=0.0))
    meter = engines.budget.meter(record, agent)
    facts = CallFacts(
        request.call_sid, agent, request.from_, setup.code, "stream", clock.wall(), meter.spend, meter.may
    )  # fmt: skip
    return LiveCall(
        record,
        agent,
        setup,
        engines.brain(agent).open(facts),
        Legs(request.call_sid, request.account_sid),
        clock,
        store,
        language_certain=certain,
        meter=meter,
        frugal=frugal,
        plan_at=clock.monotonic(),
    )
