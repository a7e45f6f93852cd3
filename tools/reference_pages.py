"""Write the reference pages that come out of the code: commands, HTTP surface, call record, metrics.

    .venv/bin/python tools/reference_pages.py          (`make docs` runs it)

A test compares the pages with what this would write, so they cannot lie.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import tomllib
import typing
from pathlib import Path
from typing import Any, cast

import typer

from stella.app.cli import cli
from stella.domain.call import CallRecord, CallStatus, EndedBy
from stella.web.config import RELAY_PATH, STREAM_PATH, WebConfig
from stella.web.inside import Inside
from stella.web.metrics import PrometheusMetrics
from stella.web.operator_api import operator_api
from stella.web.refusals import Refusals
from stella.web.server import StellaServer

FOLDER = Path(__file__).resolve().parent.parent / "docs/reference"
WORDS = tomllib.loads((Path(__file__).parent / "reference_words.toml").read_text("utf-8"))
HEADS, ROUTES, RECORD = WORDS["heads"], WORDS["routes"], WORDS["record"]


def cell(text: str) -> str:
    """Text that fits into one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def commands_page() -> str:
    """Every command with its help, arguments and options."""
    root: Any = typer.main.get_command(cli)
    return _head("Commands", "commands", "src/stella/app/commands") + "".join(_commands(root, "stella"))


def _head(title: str, words: str, source: str) -> str:
    return f"# {title}\n\n{HEADS[words]}\n\nThis page is written by `make docs` from the code; change `{source}` instead.\n"


def _commands(group: Any, path: str) -> list[str]:
    parts: list[str] = []
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            parts += [f"\n## {path} {name}\n\n{_prose(command.help)}\n", *_commands(command, f"{path} {name}")]
        elif not command.hidden:
            parts.append(_command(command, f"{path} {name}"))
    return parts


def _prose(text: str | None) -> str:
    paragraphs = (" ".join(part.split()) for part in (text or "").replace("\b", "").split("\n\n"))
    return "\n\n".join(re.sub(r"<([^>]+)>", r"`<\1>`", part) for part in paragraphs if part)


def _command(command: Any, path: str) -> str:
    level = "###" if path.count(" ") > 1 else "##"
    rows = []
    for one in command.params:
        if getattr(one, "hidden", False) or one.name == "help":
            continue
        if one.param_type_name == "argument":
            name = f"`{one.metavar or one.name.upper()}`"
        else:
            name = ", ".join(f"`{option}`" for option in [*one.opts, *one.secondary_opts])
        rows.append(f"| {name} | {cell(str(one.help or ''))}{_default(one)} |\n")
    table = "\n| | |\n|---|---|\n" + "".join(rows) if rows else ""
    return f"\n{level} {path}\n\n{_prose(command.help)}\n{table}"


def _default(parameter: Any) -> str:
    value = parameter.default
    if (
        value is None
        or isinstance(value, bool)
        or callable(value)
        or value == ""
        or "default" in str(parameter.help).lower()
    ):
        return ""
    return "" if isinstance(value, list | tuple) or "UNSET" in repr(value).upper() else f" Default: {value}."


def http_page() -> str:
    """Every path of the server."""
    public, gated, operations = _surface()
    table = "\n\n| Method | Path | |\n|---|---|---|\n"
    parts = [_head("HTTP surface", "twilio", "src/stella/web"), "\n## Twilio's and the website's", table]
    parts += [_route(path, about) for path, about in public]
    parts += ["\n## The operator's\n\n", HEADS["operator"], table]
    parts += [_route(path, about) for path, about in gated]
    parts += [f"| {method} | `{path}` | {cell(about)} |\n" for method, path, about in operations]
    return "".join(parts)


def _route(path: str, about: str) -> str:
    method, words = ROUTES.get(path, ("", about))
    return f"| {method} | `{path}` | {cell(words)} |\n"


def _surface() -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Public paths, gated paths, and the operations of the operator API, from a server that is never started."""
    anything = cast("Any", object())
    server = StellaServer(Inside(anything, anything, PrometheusMetrics()), WebConfig(development=True, port=0))
    try:
        refusals = Refusals(PrometheusMetrics(), 1, lambda: 0.0)
        site = server._site(anything, refusals)  # noqa: SLF001  # the map is the site's own
    finally:
        server._socket.close()  # noqa: SLF001
    api = operator_api(anything, None, 1, lambda: False).openapi()["paths"]
    operations = [
        (method.upper(), path, str(one.get("summary", "")))
        for path, methods in api.items()
        for method, one in methods.items()
    ]
    known = {STREAM_PATH: "", RELAY_PATH: "", **{path: _doc(end) for path, end in site._public.items()}}  # noqa: SLF001
    return sorted(known.items()), sorted((path, _doc(end)) for path, end in site._gated.items()), operations  # noqa: SLF001


def _doc(endpoint: object) -> str:
    return (getattr(endpoint, "__doc__", "") or "").strip().split("\n")[0]


def record_page() -> str:
    """Every field of a call record."""
    parts = [_head("The call record", "record", "src/stella/domain/call.py"), "\n| Field | Kind | |\n|---|---|---|\n"]
    parts += [f"| `{path}` | {kind} | {RECORD.get(path, '')} |\n" for path, kind in record_fields()]
    for name, words in (("status", CallStatus), ("ended_by", EndedBy)):
        parts.append(f"\n`{name}` is one of {', '.join(f'`{one.value}`' for one in words)}.\n")
    return "".join(parts)


def record_fields() -> list[tuple[str, str]]:
    """Path and kind of every field of a record, in order."""
    return _fields(CallRecord, "")


def _fields(kind: Any, prefix: str) -> list[tuple[str, str]]:
    """Paths and kinds of a dataclass's fields, nested ones behind their owner."""
    found: list[tuple[str, str]] = []
    hints = typing.get_type_hints(kind)
    for one in dataclasses.fields(kind):
        path, hint = prefix + one.name.rstrip("_"), hints[one.name]
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        if type(None) in typing.get_args(hint) and len(options) == 1:
            hint = options[0]
        inner = typing.get_args(hint)[0] if typing.get_origin(hint) is list else hint
        found.append((path, _kind(hint)))
        if dataclasses.is_dataclass(inner) and inner.__name__ != "Percentiles":
            found += _fields(inner, f"{path}{'[]' if inner is not hint else ''}.")
    return found


def _kind(hint: Any) -> str:
    if typing.get_origin(hint) is list:
        return f"list of {_kind(typing.get_args(hint)[0])}"
    if typing.get_origin(hint) is dict or dataclasses.is_dataclass(hint):
        return "object"
    return {str: "text", int: "number", float: "number", bool: "true or false"}.get(hint, "text")


def metrics_page() -> str:
    """Every metric with its labels."""
    rows = []
    for one in vars(PrometheusMetrics()).values():
        if not hasattr(one, "_documentation"):
            continue
        kind = type(one).__name__.lower()
        name = one._name + ("_total" if kind == "counter" else "")  # noqa: SLF001
        labels = ", ".join(f"`{label}`" for label in one._labelnames)  # noqa: SLF001
        rows.append(f"| `{name}` | {kind} | {labels} | {one._documentation} |\n")  # noqa: SLF001
    head = _head("Metrics", "metrics", "src/stella/web/metrics.py")
    return f"{head}\n| Name | Kind | Labels | |\n|---|---|---|---|\n{''.join(sorted(rows))}\n{HEADS['alarms']}\n"


PAGES = {"commands.md": commands_page, "http.md": http_page, "record.md": record_page, "metrics.md": metrics_page}


def main() -> int:
    """Write what changed, and say so."""
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"{path.name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
