"""`stella numbers`: which Twilio numbers there are, where their calls go, and pointing them at STELLA and back.

Exit codes: 0 as wished; 1 not done, and why; 2 an option is wrong or nobody confirmed; 3 there is a difference left.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from stella.domain.errors import ConfigError

numbers = typer.Typer(
    no_args_is_help=True, help="Your Twilio numbers: list, show, connect, restore. Buys nothing, ever."
)

_Number = Annotated[str, typer.Argument(help="The number, as +4315550100 (default: TWILIO_NUMBER), or its SID PN….")]
_Json = Annotated[bool, typer.Option("--json", help="Print data for scripts; asks nothing.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_Url = Annotated[str, typer.Option(help="Where STELLA is reached, https://… (default: STELLA_PUBLIC_URL).")]
_Fallback = Annotated[
    str, typer.Option(help="What Twilio asks when STELLA fails; best on another host, as a TwiML Bin.")
]


@contextmanager
def _plainly() -> Iterator[None]:
    """What Twilio or a setting says against it is a sentence on stderr and exit code 1."""
    from stella.ports.failure import ProviderError

    try:
        yield
    except ProviderError as fault:
        typer.echo(fault.detail or str(fault), err=True)
        raise typer.Exit(1) from None
    except ConfigError as wrong:
        typer.echo(str(wrong), err=True)
        raise typer.Exit(1) from None


@numbers.command("list")
def list_numbers(*, as_json: _Json = False) -> None:
    """List the account's numbers and who answers each."""
    from stella.app.number_tables import data, number_table
    from stella.app.numbers_desk import open_desk

    with _plainly():
        desk = open_desk(Path(".env"))
        found = sorted(desk.rest.numbers(), key=lambda number: number.phone_number)
    if as_json:
        typer.echo(data([number.public() for number in found]))
    elif found:
        number_table(found)
    else:
        typer.echo(
            f"The account {desk.rest.account.sid} has no numbers"
            + (f" in the region {desk.rest.account.region}" if desk.rest.account.region else "")
            + ". Numbers are bought in the Twilio console; STELLA never buys any."
        )


@numbers.command("show")
def show_number(number: _Number = "", *, as_json: _Json = False) -> None:
    """Show what a number is set to, and what is kept to put it back."""
    from stella.app.number_tables import data, settings_table
    from stella.app.numbers_desk import open_desk

    with _plainly():
        desk = open_desk(Path(".env"))
        found = desk.find(number)
        kept = desk.journal.read(found.sid)
    if as_json:
        typer.echo(data(found.public() | {"kept_changes": len(kept.entries) if kept else 0}))
        return
    settings_table(found)
    if kept and kept.entries:
        newest = kept.entries[-1]
        typer.echo(
            f"Changed by STELLA at {newest.at}. `stella numbers restore {found.phone_number}` puts back what was there."
        )


@numbers.command("connect")
def connect_number(
    number: _Number = "",
    *,
    url: _Url = "",
    fallback_url: _Fallback = "",
    yes: _Yes = False,
    as_json: _Json = False,
) -> None:
    """Point a number at STELLA: shows the difference first, keeps what was there, reads back and compares.

    With --json and without --yes nothing is changed: exit code 3 if there is a difference, else 0.
    """
    from stella.adapters.twilio import Wanted, changes
    from stella.adapters.twilio.connection import fallback_warning, ignored_because
    from stella.app.number_tables import data, difference, difference_table
    from stella.app.numbers_desk import open_desk

    with _plainly():
        desk = open_desk(Path(".env"))
        target = _address("--url", url or desk.settings.public_url)
        fallback = _address("--fallback-url", fallback_url) if fallback_url else ""
        found = desk.find(number)
        if not found.voice:
            raise ConfigError(f"{found.phone_number} cannot take calls: Twilio lists no voice capability for it.")
        wanted = Wanted(target, fallback).settings(found)
        planned = changes(found.settings, wanted)
    notes = [note for note in (ignored_because(found), fallback_warning(wanted)) if note]
    if not as_json:
        difference_table(found, planned, notes)
    if planned and not as_json:
        _confirm(yes, f"Set {len(planned)} settings of {found.phone_number}?")
    left = planned
    if planned and (yes or not as_json):
        with _plainly():
            done = desk.change.make(found, wanted, by="numbers")
        left, found = list(done.left), done.number
    if as_json:
        shown = [difference(each) for each in planned]
        typer.echo(data({"number": found.public(), "changes": shown, "applied": yes and not left, "notes": notes}))
    else:
        _tell_outcome(found.phone_number, planned, left)
    if left:
        raise typer.Exit(3)


@numbers.command("restore")
def restore_number(number: _Number = "", *, yes: _Yes = False, as_json: _Json = False) -> None:
    """Put back what a number was set to before STELLA's newest change of it; again for the one before that."""
    from stella.adapters.twilio import changes
    from stella.app.number_tables import data, difference, difference_table
    from stella.app.numbers_desk import open_desk

    with _plainly():
        desk = open_desk(Path(".env"))
        found = desk.find(number)
        kept = desk.journal.read(found.sid)
        if kept is None or not kept.entries:
            raise ConfigError(
                f"Nothing is kept of {found.phone_number}: STELLA has not changed it from this data folder."
            )
    newest = kept.entries[-1]
    planned = changes(found.settings, newest.before)
    drift = changes(newest.after, found.settings)
    notes = [f"Since STELLA's change somebody else set: {', '.join(each.label for each in drift)}."] if drift else []
    if not as_json:
        difference_table(found, planned, notes)
    if planned or as_json:
        _confirm(yes, f"Put back what {found.phone_number} was set to before {newest.at}?")
    with _plainly():
        done = desk.change.put_back(kept, found)
    if as_json:
        shown = [difference(each) for each in planned]
        typer.echo(data({"number": done.number.public(), "changes": shown, "applied": not done.left, "notes": notes}))
    else:
        _tell_outcome(found.phone_number, planned, list(done.left))
    if done.left:
        raise typer.Exit(3)


def somebody_there() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()


def _confirm(yes: bool, question: str) -> None:
    if yes:
        return
    if not somebody_there():
        typer.echo("Nothing was changed: nobody is there to be asked. Add --yes to do it.", err=True)
        raise typer.Exit(2)
    typer.confirm(question, abort=True)


def _tell_outcome(phone_number: str, planned: Sequence[object], left: Sequence[object]) -> None:
    if not planned:
        typer.echo(f"{phone_number} is set so already.")
    elif not left:
        typer.echo(f"Done, and read back: {phone_number} is set as shown.")
    else:
        typer.echo(
            f"Twilio took the change of {phone_number}, but shows {len(left)} of {len(planned)} settings otherwise. "
            "Somebody else may be changing it; look with `stella numbers show`.",
            err=True,
        )


def _address(option: str, text: str) -> str:
    """An address Twilio can call. Raises typer.BadParameter with what is wrong."""
    if not text:
        raise typer.BadParameter(f"{option}: where is STELLA? Give https://your-host, or set STELLA_PUBLIC_URL")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise typer.BadParameter(f"{option}: {text!r} is no address") from None
    if parts.scheme != "https" or not host or parts.query or (parts.fragment and option == "--url"):
        raise typer.BadParameter(f"{option} {text}: write https://your-host (Twilio's webhooks and sound need TLS)")
    if "_" in host:
        raise typer.BadParameter(f"{option} {text}: Twilio takes no host name with an underscore")
    if host == "localhost" or host.startswith(("127.", "10.", "192.168.")) or host.endswith((".local", ".internal")):
        raise typer.BadParameter(
            f"{option} {text}: Twilio cannot reach that; `stella dev --tunnel auto` gives this machine a public address"
        )
    return text.rstrip("/")
