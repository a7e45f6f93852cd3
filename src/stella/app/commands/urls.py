"""`stella urls`: what to write into Twilio's console, for this machine, staging and production."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from stella.app.settings import Settings
from stella.domain.errors import ConfigError

_Host = Annotated[str, typer.Option(help="The production host, as vintaro.ai (default: STELLA_PUBLIC_URL).")]
_Format = Annotated[str, typer.Option("--format", help="table, json or markdown.")]
_Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
_Branch = Annotated[str, typer.Option(help="Instead of the branch git is on.")]
_Project = Annotated[str, typer.Option(help="Vercel's project (default: its own file, else the repository's name).")]
_Team = Annotated[str, typer.Option(help="Vercel's team.")]
_Site = Annotated[str, typer.Option(help="Netlify's site.")]


def command(
    host: _Host = "",
    form: _Format = "table",
    as_json: _Json = False,
    branch: _Branch = "",
    project: _Project = "",
    team: _Team = "",
    site: _Site = "",
) -> None:
    """Print the webhook addresses, the console's fields, and the TwiML for a fallback that needs no server."""
    from stella.app.commands.urls_show import as_data, as_markdown, show
    from stella.app.settings import load_settings
    from stella.app.webhook_addresses import names_here, places

    form = "json" if as_json else form
    if form not in ("table", "json", "markdown"):
        raise typer.BadParameter(f"--format is table, json or markdown, not {form!r}")
    settings = load_settings(dotenv=Path(".env"))
    names = names_here(Path(), team=team, site=site, branch=branch, project=project)
    try:
        found = places(host or settings.public_url, names, settings.server_port)
    except ConfigError as wrong:
        raise typer.BadParameter(f"--host: {wrong}") from None
    twiml = fallback_twiml(_person(settings))
    if form == "json":
        typer.echo(json.dumps(as_data(found, twiml), indent=2, ensure_ascii=False))
    elif form == "markdown":
        typer.echo(as_markdown(found, twiml))
    else:
        show(found, twiml)


def fallback_twiml(person: str = "") -> str:
    """What callers hear when STELLA cannot be reached, in both languages and with the server's own words.

    For a TwiML Bin, so on Twilio's own machines. `person` is dialled after the words.
    """
    from stella.calls.last_words import BROKEN, spoken
    from stella.domain.plan import TakeMessage
    from stella.wire.twiml import render

    return render(TakeMessage(spoken(BROKEN, ("de", "en")), person), "https://unused.invalid")


def _person(settings: Settings) -> str:
    """The number of the agent's first person, as the server's fallback dials it; empty where there is none."""
    from stella.app.house import read_agents

    try:
        agents = read_agents(settings).agents
    except ConfigError:
        return ""
    people = agents[0].people if agents else ()
    return people[0].number if people else ""
