"""The addresses as a table, as data and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stella.app.webhook_addresses import CONSOLE, Place

BIN_HINT = "Fallback that needs no server: make a TwiML Bin of this (Twilio console, TwiML Bins), use its address"


def console_fields(place: Place) -> list[tuple[str, str]]:
    """Field and value as Twilio's console has them, top to bottom."""
    return [
        ("A CALL COMES IN", "Webhook"), ("URL", place.voice), ("HTTP Method", "POST"),
        ("PRIMARY HANDLER FAILS", "Webhook"), ("URL", place.fallback), ("HTTP Method", "POST"),
        ("Status Callback URL", place.status), ("HTTP Method", "POST"),
    ]  # fmt: skip


def as_data(found: Sequence[Place], twiml: str) -> dict[str, Any]:
    """Everything, for scripts."""
    fields = [{"field": field, "value": value} for field, value in console_fields(found[-1])]
    return {
        "environments": [place.public() for place in found],
        "console": {"address": CONSOLE, "section": "Voice Configuration", "fields": fields},
        "fallback_twiml": twiml,
    }


def as_markdown(found: Sequence[Place], twiml: str) -> str:
    """Two tables and a block, for a page of a team's own."""
    lines = ["| Environment | Twilio's field | Value (HTTP POST) |", "|---|---|---|"]
    for place in found:
        remark = f" ({place.note})" if place.note else ""
        lines.append(f"| {place.environment} | Voice webhook | `{place.voice}`{remark} |")
        lines.append(f"| {place.environment} | Status callback | `{place.status}` |")
    lines += ["", f"<{CONSOLE}>, your number, Voice Configuration:", "", "| Field | Value |", "|---|---|"]
    lines += [f"| **{field}** | {f'`{v}`' if '://' in v else v} |" for field, v in console_fields(found[-1])]
    lines += ["", f"{BIN_HINT} under PRIMARY HANDLER FAILS:", "", "```xml", twiml, "```"]
    return "\n".join(lines)


def show(found: Sequence[Place], twiml: str) -> None:
    """For a person in a terminal; every address on one line, so that it can be copied."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    for place in found:
        title = place.environment.capitalize() + (f"  {place.pattern}" if place.pattern else "")
        table.add_row(Text(title, style="bold"), Text(place.note, style="yellow"))
        table.add_row("  Voice webhook (HTTP POST)", Text(place.voice, no_wrap=True))
        table.add_row("  Status callback (HTTP POST)", Text(place.status, no_wrap=True))
    wide = Console(highlight=False, width=max(console.width, 200))
    wide.print(table, crop=False, no_wrap=True)
    console.print(f"\nIn the console: {CONSOLE}\nyour number, Voice Configuration:", markup=False)
    fields = Table.grid(padding=(0, 2))
    for field, value in console_fields(found[-1]):
        fields.add_row(Text(f"  {field}", style="bold"), Text(value, no_wrap=True))
    wide.print(fields, crop=False, no_wrap=True)
    console.print(f"\n{BIN_HINT} there:\n{twiml}", markup=False)
    console.print("\n`stella numbers connect` sets all of it for you.", markup=False)
