"""`stella contract`: the suites of the ports, run against the living vendors whose keys are set."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from stella.app.contract import Trial, run
from stella.domain.errors import ConfigError
from stella.ports.contract.judge import Outcome, Verdict

_SIGNS = {Outcome.KEPT: "[green]✓[/]", Outcome.BROKEN: "[red]✗[/]", Outcome.SKIPPED: "[yellow]–[/]"}


def command(
    engines: Annotated[
        list[str] | None, typer.Argument(help="Which: `deepgram`, `tts:azure`, `stt` (default: all with a key).")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print data for scripts.")] = False,
) -> None:
    """Run the promises of every port against the vendors whose keys are set, as the tests run them against local ones.

    It speaks to the vendors and costs some cents an engine. Exit code 0: all that was asked was kept; 1: a promise was
    broken, or nothing could be asked; 2: there is no such engine.
    """
    from stella.app.settings import load_settings

    screen = Console(stderr=as_json, highlight=False)
    settings = load_settings(dotenv=Path(".env"))
    screen.print("This speaks to the vendors for real: some cents an engine, on your accounts.")
    try:
        done = asyncio.run(
            run(settings, engines or [], lambda trial: _begin(screen, trial), lambda _, one: _tell(screen, one))
        )
    except ConfigError as unknown:
        typer.echo(f"stella: {unknown}", err=True)
        raise typer.Exit(2) from None
    verdicts = [verdict for _, every in done for verdict in every]
    broken = sum(verdict.outcome is Outcome.BROKEN for verdict in verdicts)
    unasked = bool(engines) and any(trial.missing for trial, _ in done)
    ok = bool(verdicts) and not broken and not unasked
    if as_json:
        typer.echo(json.dumps({"ok": ok, "engines": [_data(*one) for one in done]}, indent=2))
    screen.print(_sum(done, broken))
    raise typer.Exit(0 if ok else 1)


def _begin(screen: Console, trial: Trial) -> None:
    screen.print(f"\n[bold]{trial.name}[/]  " + (f"not asked: {trial.missing}" if trial.missing else trial.costs))


def _tell(screen: Console, verdict: Verdict) -> None:
    cause = f": {verdict.cause}" if verdict.cause else ""
    screen.print(f"  {_SIGNS[verdict.outcome]} {verdict.promise}{cause}  [dim]{verdict.took_s:.1f} s[/]")
    if verdict.outcome is Outcome.BROKEN:
        screen.print(f"      [dim]why it matters: {verdict.reason}[/]")


def _sum(done: list[tuple[Trial, list[Verdict]]], broken: int) -> str:
    asked = [(trial, every) for trial, every in done if every]
    if not asked:
        return "\nNobody was asked: set a vendor's key (docs/reference/engines.md names them) and run this again."
    kept = sum(verdict.outcome is Outcome.KEPT for _, every in asked for verdict in every)
    return f"\n{len(asked)} engines asked: {kept} promises kept, {broken} broken."


def _data(trial: Trial, verdicts: list[Verdict]) -> dict[str, object]:
    return {
        "kind": trial.kind,
        "engine": trial.engine,
        "not_asked": trial.missing,
        "promises": [
            {
                "promise": one.promise, "outcome": str(one.outcome), "cause": one.cause, "took_s": one.took_s,
                "reason": one.reason,
            }
            for one in verdicts
        ],
    }  # fmt: skip
