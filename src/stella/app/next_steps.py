"""What a person who has just started STELLA on their own machine can do next, in words they can copy."""

from __future__ import annotations

from collections.abc import Collection

from stella.app.webhook_addresses import Place

USUAL_PORT = 3001
QUESTION, FRAGE = "What are your opening hours?", "Wann haben Sie geöffnet?"


def next_steps(
    port: int, public_url: str = "", languages: Collection[str] = ("en", "de"), *, tunnelled: bool = False
) -> str:
    """Lines for the terminal. `public_url` is what Twilio calls, empty on this machine only.

    `tunnelled`: somebody else says the addresses, and the call must go there: of the tunnel's address `stella call` in
    another terminal knows nothing, and what it signs for localhost would be refused.
    """
    where = f" {public_url}" if tunnelled else "" if port == USUAL_PORT else f" http://localhost:{port}"
    ring = f".venv/bin/stella call{where}"
    rows = []
    if "en" in languages:
        rows.append((f'{ring} --say "{QUESTION}"', "ring it and talk"))
    if "de" in languages:
        rows.append((f'{ring} --lang de --say "{FRAGE}"', "the same in German" if rows else "ring it and talk"))
    rows.append((".venv/bin/stella calls list", "read what was said"))
    if not public_url:
        rows.append((".venv/bin/stella dev --tunnel auto --connect", "let a Twilio number ring it"))
    wide = max(len(command) for command, _ in rows)
    lines = [
        "",
        "What to do next, in another terminal:",
        *(f"  {command:{wide}}  {what}" for command, what in rows),
        "",
    ]
    if not public_url:
        lines += ["Twilio cannot reach this machine yet: docs/how-to/connect-twilio.md says what that takes.", ""]
    elif not tunnelled:
        place = Place("", public_url)
        lines += [
            "What your number must be told (docs/how-to/connect-twilio.md; `stella numbers connect` does it):",
            f"  A CALL COMES IN        {place.voice}  (HTTP POST)",
            f"  PRIMARY HANDLER FAILS  {place.fallback}  (HTTP POST)",
            f"  Status callback        {place.status}  (HTTP POST)",
            "",
        ]
    return "\n".join(lines)
