"""`stella calls replay`: a recorded call told to today's code, and where it would go otherwise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from stella.app import stories
from stella.app.commands.calls_show import as_text
from stella.conversation.opening import Opening
from stella.conversation.tape import Difference, Ordered, replay
from stella.conversation.tape_fields import plain_row
from stella.domain.consent import Preset
from stella.domain.errors import ConfigError
from stella.ports.tapes import LegTape

SHOWN_MOST = 40


async def tapes_of(url: str, call_sid: str) -> Sequence[LegTape]:
    """The recordings of a call, read beside a server or without one. Raises ConfigError where there is none."""
    from stella.adapters.sql.beside import read_beside
    from stella.adapters.sql.tapes import of_call

    async with read_beside(url) as connection:
        found = await of_call(connection, call_sid)
    if not found:
        raise ConfigError(f"there is no recording of a call {call_sid!r}: erased, too old, or never a media stream")
    return found


def pick(tapes: Sequence[LegTape], leg: int) -> list[LegTape]:
    """All legs (0), or one. Raises ConfigError."""
    found = [tape for tape in tapes if leg in (0, tape.leg)]
    if not found:
        raise ConfigError(f"there is no leg {leg}; recorded are {', '.join(str(tape.leg) for tape in tapes)}")
    return found


def numbers(pairs: Sequence[str]) -> dict[str, float]:
    """`name=value …` as numbers. Raises ConfigError."""
    chosen: dict[str, float] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            chosen[name.strip()] = float(value)
        except ValueError:
            raise ConfigError(f"--policy {pair}: say name=number, such as silence=9") from None
    return chosen


def other_opening(opening: Opening, agent: str, chosen: dict[str, float]) -> Opening | None:
    """The beginning to try instead, or None for the one of then. Raises ConfigError and AgentFileError."""
    if agent:
        from stella.app.agents.load import load_agent

        loaded = load_agent(agent, os.environ)
        limits = {"call_s": loaded.limits.call_s, "warn_before_s": loaded.limits.warn_before_s}
        opening = stories.with_agent(opening, dict(loaded.policy), limits)
    if chosen:
        opening = opening.with_policy(chosen)
    return opening if agent or chosen else None


def run(legs: Sequence[tuple[str, stories.Story]], agent: str, chosen: dict[str, float], *, as_json: bool) -> bool:
    """Replay, print, and say whether everything was as before."""
    told: list[dict[str, Any]] = []
    equal = True
    for name, story in legs:
        found = story.again(other_opening(story.opening, agent, chosen))
        equal = equal and not found
        told.append(
            {
                "leg": name, "build": story.head.get("build", ""), "facts": len(story.steps), "dropped": story.dropped,
                "orders": sum(len(orders) for _, _, orders in story.steps), "equal": not found,
                "differences": [{"at_s": one.at, "before": _data(one.before), "after": _data(one.after)} for one in found],
            }
        )  # fmt: skip
        if not as_json:
            _show(told[-1], story.opening.preset, found)
    if as_json:
        typer.echo(as_text(told, indent=2))
    return equal


def _data(one: Ordered | None) -> Any:
    return None if one is None else {"at_s": one[0], "order": plain_row(one[1], None)[1:]}


def _show(told: dict[str, Any], preset: Preset, found: Sequence[Difference]) -> None:
    dropped = f", {told['dropped']} more not recorded" if told["dropped"] else ""
    typer.echo(
        f"{told['leg']}: {told['facts']} facts, {told['orders']} orders, preset {preset}, recorded by {told['build']}{dropped}"
    )
    if not found:
        typer.echo("  the same orders at the same times")
        return
    typer.echo(f"  {len(found)} orders differ (- recorded, + now):")
    for one in found[:SHOWN_MOST]:
        typer.echo(_line(one))
    if len(found) > SHOWN_MOST:
        typer.echo(f"  … and {len(found) - SHOWN_MOST} more (--json shows all)")


def _line(one: Difference) -> str:
    if one.before is not None and one.after is not None:
        moved = one.after[0] - one.before[0]
        way = "later" if moved > 0 else "earlier"
        return f"  ~ {one.before[0]:8.3f}  {_order(one.before)}   {abs(moved) * 1000:.0f} ms {way}"
    known = one.before or one.after
    return "" if known is None else f"  {'-' if one.before else '+'} {known[0]:8.3f}  {_order(known)}"


def _order(one: Ordered) -> str:
    kind, *rest = plain_row(one[1], None)[1:]
    text = f"{kind} {' '.join(repr(part) if isinstance(part, str) else str(part) for part in rest)}"
    return "".join(sign if sign.isprintable() else "·" for sign in text)[:110]


def load_legs(url: str, call: str, leg: int) -> list[tuple[str, stories.Story]]:
    """The stories of a call's legs, or of a `.call` file. Raises ConfigError."""
    import asyncio

    if call.endswith(".call"):
        return [(Path(call).name, stories.load(Path(call)))]
    tapes = pick(asyncio.run(tapes_of(url, call)), leg)
    return [(f"{call} leg {tape.leg}", stories.of_tape(tape)) for tape in tapes]


def keep_as_is(path: Path) -> None:
    """Write a story file anew with what is ordered today. Raises ConfigError."""
    story = stories.load(path)
    stories.save(replace(story, steps=replay(story.steps, story.opening.begin)), path)
