"""The command line: one line per command here, its work in `commands/`."""

from __future__ import annotations

import sys

import typer

import stella
from stella.app.commands import backup, bench, call, calls, contract, dev, doctor, models, numbers, serve, urls, verify
from stella.domain.errors import StellaError

cli = typer.Typer(
    name="stella",
    help="Answers your company's telephone with an AI voice agent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cli.command("serve")(serve.command)
cli.command("dev")(dev.command)
cli.command("call")(call.command)
cli.command("bench")(bench.command)
cli.command("verify")(verify.command)
cli.command("doctor")(doctor.command)
cli.command("contract")(contract.command)
cli.command("backup")(backup.backup_command)
cli.command("restore")(backup.restore_command)
cli.command("upgrade")(backup.upgrade_command)
cli.command("urls")(urls.command)
cli.add_typer(calls.calls, name="calls")
cli.add_typer(models.models, name="models")
cli.add_typer(numbers.numbers, name="numbers")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(stella.__version__)
        raise typer.Exit


@cli.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    """Every command explains itself with --help."""


def main() -> None:
    """Run a command; what is wrong with settings or files is one paragraph, not a stack trace. Exit code 1 then."""
    try:
        cli()
    except StellaError as error:
        typer.echo(f"stella: {error}", err=True)
        sys.exit(1)
