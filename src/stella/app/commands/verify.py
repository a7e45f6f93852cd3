"""`stella verify`: proves from the outside that a deployment answers a call."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from stella.domain.errors import ConfigError

_Url = Annotated[str, typer.Argument(help="The deployment (its address, or its voice webhook).")]
_TokenEnv = Annotated[
    str, typer.Option("--auth-token-env", help="Sign with the token in this variable (default: TWILIO_AUTH_TOKEN).")
]
_AccountSid = Annotated[str, typer.Option("--account-sid", help="The account (default: TWILIO_ACCOUNT_SID).")]
_To = Annotated[str, typer.Option("--to", help="The number that is called (default: TWILIO_NUMBER).")]
_From = Annotated[str, typer.Option("--from", help="The caller's number: its country chooses the language.")]
_Public = Annotated[
    str, typer.Option("--public-url", help="The server's STELLA_PUBLIC_URL, if it is dialled by another address.")
]
_Timeout = Annotated[float, typer.Option("--timeout", help="The whole check ends after so many seconds.", min=5)]
_Json = Annotated[bool, typer.Option("--json", help="Print data for scripts.")]


def command(
    url: _Url,
    auth_token_env: _TokenEnv = "",
    account_sid: _AccountSid = "",
    to: _To = "",
    from_: _From = "",
    public_url: _Public = "",
    timeout: _Timeout = 120.0,
    as_json: _Json = False,
) -> None:
    """Check a deployment as Twilio would call it: name, certificate, route, locks, TwiML, time, stream, first sound.

    One short call is made; it leaves a finished record there. Each failure names its cause and its mend.
    Exit code 0: nothing failed; 1: something did; 2: an option is wrong.
    """
    from stella.app.findings_show import Show
    from stella.app.settings import load_settings
    from stella.phone.verify import Deadlines, Order, verify
    from stella.phone.verify_order import BRITON

    settings = load_settings(dotenv=Path(".env"))
    token = _token_of(auth_token_env) if auth_token_env else "".join(settings.auth_tokens[:1])
    own = auth_token_env == ""
    order = Order(
        checked_url(url),
        token,
        public_url or (settings.public_url if own else ""),
        account_sid or settings.twilio_account_sid or "AC" + "0" * 32,
        from_ or BRITON,
        to or settings.twilio_number or "+4312345678",
        deadlines=Deadlines(whole_s=timeout),
    )
    show = Show(as_json=as_json)
    lines = asyncio.run(verify(order, show.line))
    sys.exit(show.end(lines, order.url, "it answers a call"))


def checked_url(url: str) -> str:
    """The address with a scheme: https unless it is this machine. Raises typer.BadParameter."""
    local = url.startswith(("localhost", "127.", "[::1]"))
    whole = url if "://" in url else f"{'http' if local else 'https'}://{url}"
    try:
        parts = urlsplit(whole)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits:
        raise typer.BadParameter(f"{url!r} is no address to verify; write https://host or http://localhost:3001")
    return whole


def _token_of(name: str) -> str:
    token = os.environ.get(name, "").partition(",")[0].strip()
    if not token:
        raise ConfigError(
            f"{name}: --auth-token-env names it, but it is empty; export the deployment's auth token there"
        )
    return token
