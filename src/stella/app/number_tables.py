"""Numbers and their settings as tables for people and as data for scripts. Passwords inside URLs are left out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stella.adapters.twilio import Change, NumberSettings
from stella.adapters.twilio.number import LABELS

_PASSWORD = re.compile(r"(?<=://)([^/@:\s]*):[^/@\s]*@")


def data(value: Any) -> str:
    """JSON, with passwords in URLs replaced."""
    return veiled(json.dumps(value, indent=2, ensure_ascii=False))


def veiled(text: str) -> str:
    """`https://user:password@host` without the password."""
    return _PASSWORD.sub(r"\1:…@", text)


def difference(change: Change) -> dict[str, str]:
    """One change as data."""
    return {"setting": change.name, "label": change.label, "before": change.before, "after": change.after}


def number_table(found: Sequence[NumberSettings]) -> None:
    """A line per number."""
    table = Table("number", "name", "answered by", box=None, pad_edge=False)
    for number in found:
        who = number.answered_by if number.voice else "takes no calls"
        table.add_row(Text(number.phone_number), Text(number.friendly_name), Text(veiled(who), overflow="fold"))
    _console().print(table)


def settings_table(number: NumberSettings) -> None:
    """Everything that decides who answers."""
    table = Table("setting", "value", box=None, pad_edge=False)
    for name, label in LABELS.items():
        table.add_row(label, Text(veiled(number.settings[name]) or "–", overflow="fold"))
    _console().print(Text(f"{number.phone_number}  {number.friendly_name}  {number.sid}", style="bold"))
    _console().print(table)


def difference_table(number: NumberSettings, planned: Sequence[Change], notes: Sequence[str]) -> None:
    """What will change, and what to know about it."""
    console = _console()
    console.print(Text(f"{number.phone_number}  {number.friendly_name}  {number.sid}", style="bold"))
    if planned:
        table = Table("setting", "now", "then", box=None, pad_edge=False)
        for each in planned:
            before, after = (veiled(cell) or "–" for cell in (each.before, each.after))
            table.add_row(each.label, Text(before, "red", overflow="fold"), Text(after, "green", overflow="fold"))
        console.print(table)
    for note in notes:
        console.print(Text(f"Note: {note}", style="yellow"))


def _console() -> Console:
    """As wide as the terminal; wide enough for two addresses where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=240)
