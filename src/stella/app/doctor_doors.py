"""What the running server's doors turned away lately that was probably meant well: signed, and signed for something else."""

from __future__ import annotations

from typing import Any

import aiohttp

from stella.app.doctor_examination import Examination

CHECK = "refusals"
MEANT_WELL = frozenset(
    {"wrong-signature", "foreign-account", "several-signatures", "unreadable-signature", "expired-token"}
)
"""Scanners of the internet bring no signature at all; whoever brings one is Twilio, or a proxy behind it."""
_PATIENCE_S = 5.0
_MOST = 5


async def check_refusals(look: Examination) -> None:
    """Ask the server that runs here what it refused since its start, and repeat its reasons."""
    if not look.running:
        return
    token = look.settings.operator_token.get_secret_value() or _kept_token(look)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(f"{look.running}/api/stella/v1/refusals", allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                look.note(CHECK, f"the running server answers {answer.status}: it has another token", "skipped")
                return
            refusals: list[dict[str, Any]] = (await answer.json())["refusals"]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        look.note(CHECK, f"the running server could not be asked ({type(error).__name__})", "skipped")
        return
    meant = [refusal for refusal in refusals if refusal["cause"] in MEANT_WELL]
    for refusal in meant[:_MOST]:
        seen = f"{refusal['cause']} at {refusal['where']}, {refusal['times']} times, last {refusal['last_at']}"
        look.find("requests-refused", CHECK, seen, refusal["mend"])
    if not meant:
        look.note(CHECK, "nothing that was signed has been refused since the server started")


def _kept_token(look: Examination) -> str:
    """The token made at the first start; empty where this user may not read it."""
    try:
        return (look.data_dir / "operator-token").read_text("utf-8").strip()
    except OSError:
        return ""
