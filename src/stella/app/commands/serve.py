"""`stella serve`: the production server."""

from __future__ import annotations

from stella.domain.errors import ConfigError


def command() -> None:
    """Answer calls. Needs TWILIO_AUTH_TOKEN and STELLA_PUBLIC_URL; see docs/reference/settings.md."""
    from stella.app.run import run_server
    from stella.app.settings import load_settings

    settings = load_settings()
    if not settings.auth_tokens:
        raise ConfigError(
            "TWILIO_AUTH_TOKEN is not set, so nobody could be told from Twilio. Set it (Twilio console, Account, "
            "API keys & tokens), or use `stella dev` to try STELLA on this machine only."
        )
    if not settings.public_url:
        raise ConfigError(
            "STELLA_PUBLIC_URL is not set: Twilio signs its requests over the address it calls. "
            "Set it to that address, for example https://stella.example.com"
        )
    run_server(settings, development=False)
